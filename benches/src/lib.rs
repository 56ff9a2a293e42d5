#![doc = include_str!("../README.md")]

mod polygons;

pub use polygons::{Polygons, polygon};
