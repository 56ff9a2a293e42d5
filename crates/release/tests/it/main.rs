//! Releases of the whole reference dataset, on two databases of throwaway clusters.

mod end_to_end;
mod world;
