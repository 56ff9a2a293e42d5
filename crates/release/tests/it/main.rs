//! Releases of the whole reference dataset, on databases of a throwaway cluster.

mod busy;
mod child;
mod end_to_end;
mod killed;
mod stopping;
mod world;
