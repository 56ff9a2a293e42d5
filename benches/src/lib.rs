#![doc = include_str!("../README.md")]

mod chunked_import;
mod distribution;
mod geometry_shape;
mod polygons;
mod spread;
mod swapped_set;
mod table_set;
mod wdpa_set;

pub use chunked_import::ChunkedImport;
pub use distribution::Distribution;
pub use geometry_shape::GeometryShape;
pub use polygons::{Polygons, polygon};
pub use spread::Spread;
pub use swapped_set::{Swapped, SwappedSet};
pub use table_set::{create_tables, table_name};
pub use wdpa_set::WdpaSet;
