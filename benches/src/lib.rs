#![doc = include_str!("../README.md")]

mod polygons;
mod spread;

pub use polygons::{Polygons, polygon};
pub use spread::Spread;
