//! Releases of the whole reference dataset, on databases of a throwaway cluster.

mod end_to_end;
mod world;
