//! The geometries that validators judge here: all of them valid, so that nobody stops early.

use std::f64::consts::TAU;
use std::fmt;

use anyhow::Result;
use cutover_geometry::encode_geo;
use geo::{Coord, Geometry, LineString, MultiPolygon, Polygon};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use crate::polygons::{Polygons, polygon};

/// A kind of geometry, which comes in any size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum GeometryShape {
    /// Polygons of log-normal size, as protected areas have them.
    Mix,
    /// One ragged polygon.
    Ragged,
    /// Holes in one shell.
    Holes,
    /// Parts of one multi-polygon, side by side.
    Parts,
    /// Polygons of five vertices, each a value.
    Tiny,
    /// One polygon with long teeth: every chain of edges is short, every box is tall.
    Comb,
    /// One band around itself: its boxes lie in each other.
    Spiral,
    /// One polygon of long rays.
    Star,
    /// One multi-polygon of thin triangles whose boxes all overlap.
    Slivers,
}

impl GeometryShape {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Mix,
        Self::Ragged,
        Self::Holes,
        Self::Parts,
        Self::Tiny,
        Self::Comb,
        Self::Spiral,
        Self::Star,
        Self::Slivers,
    ];

    /// How many polygons, vertices, holes, parts, teeth, turns, rays or slivers make the full size.
    #[must_use]
    pub fn full_size(self) -> u32 {
        match self {
            Self::Ragged | Self::Tiny => 1_000_000,
            Self::Holes => 10_000,
            Self::Parts => 50_000,
            Self::Comb | Self::Star => 100_000,
            Self::Spiral => 2_000,
            Self::Mix | Self::Slivers => 20_000,
        }
    }

    /// Values in EWKB.
    ///
    /// # Errors
    /// Those of [`encode_geo`].
    pub fn values(self, size: u32) -> Result<Vec<Vec<u8>>> {
        let count = size as usize;
        let encoded = |geometry: Geometry| Ok(vec![encode_geo(&geometry, Some(4326))?]);
        match self {
            Self::Mix => Ok(Polygons::new(1).take(count).collect::<Result<_, _>>()?),
            Self::Ragged => Ok(vec![polygon(&mut ChaCha8Rng::seed_from_u64(1), count)?]),
            Self::Holes => {
                let width = f64::from(size).sqrt().ceil();
                let shell = square(-1.0, -1.0, width + 1.0);
                let holes = grid(size).map(|(x, y)| square(x, y, 0.5)).collect();
                encoded(Polygon::new(shell, holes).into())
            }
            Self::Parts => {
                let parts = grid(size).map(|(x, y)| Polygon::new(square(x, y, 0.5), Vec::new()));
                encoded(MultiPolygon::new(parts.collect()).into())
            }
            Self::Tiny => {
                let values = grid(size).map(|(x, y)| {
                    encode_geo(&Polygon::new(square(x, y, 0.5), Vec::new()).into(), Some(4326))
                });
                Ok(values.collect::<Result<_, _>>()?)
            }
            Self::Comb => encoded(Polygon::new(comb(size), Vec::new()).into()),
            Self::Spiral => encoded(Polygon::new(spiral(size), Vec::new()).into()),
            Self::Star => encoded(Polygon::new(star(size), Vec::new()).into()),
            Self::Slivers => encoded(slivers(size).into()),
        }
    }
}

impl fmt::Display for GeometryShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Mix => "polygons, log-normal",
            Self::Ragged => "one ragged polygon",
            Self::Holes => "holes in one shell",
            Self::Parts => "parts of one multi-polygon",
            Self::Tiny => "tiny polygons",
            Self::Comb => "comb",
            Self::Spiral => "spiral",
            Self::Star => "star",
            Self::Slivers => "slivers",
        })
    }
}

/// So many places of a grid.
fn grid(count: u32) -> impl Iterator<Item = (f64, f64)> {
    let width = f64::from(count).sqrt().ceil();
    (0..count).map(move |n| (f64::from(n) % width, (f64::from(n) / width).floor()))
}

fn square(x: f64, y: f64, side: f64) -> LineString<f64> {
    let (right, top) = (x + side, y + side);
    vec![(x, y), (right, y), (right, top), (x, top), (x, y)].into()
}

fn comb(teeth: u32) -> LineString<f64> {
    let back = [(0.0, 0.0), (f64::from(teeth), 0.0)];
    let teeth = (0..teeth).rev().map(f64::from);
    let teeth = teeth.flat_map(|x| [(x + 0.75, 1000.0), (x + 0.25, 1.0)]);
    back.into_iter().chain(teeth).collect::<Vec<_>>().into()
}

/// Arms lie 2π apart and are 3 wide; all have their vertices on the same 64 rays, so none meet.
fn spiral(turns: u32) -> LineString<f64> {
    let at = |step: u32, width: f64| {
        let angle = f64::from(step) * TAU / 64.0;
        let (sin, cos) = (f64::from(step % 64) * TAU / 64.0).sin_cos();
        let radius = 1.0 + angle + width;
        Coord {
            x: radius * cos,
            y: radius * sin,
        }
    };
    let steps = turns * 64;
    let outwards = (0..=steps).map(|step| at(step, 0.0));
    let back = (0..=steps).rev().map(|step| at(step, 3.0));
    LineString(outwards.chain(back).collect())
}

fn star(rays: u32) -> LineString<f64> {
    let vertices = (0..2 * rays).map(|n| {
        let (sin, cos) = (TAU * f64::from(n) / f64::from(2 * rays)).sin_cos();
        let radius = if n % 2 == 0 { 1000.0 } else { 1.0 };
        Coord {
            x: radius * cos,
            y: radius * sin,
        }
    });
    LineString(vertices.collect())
}

/// Each rises by as much as all of them are high.
fn slivers(count: u32) -> MultiPolygon<f64> {
    let rise = f64::from(count);
    let sliver = |y: f64| {
        let ring = vec![(0.0, y), (1e6, y + rise), (1e6, y + rise + 0.5), (0.0, y)];
        Polygon::new(ring.into(), Vec::new())
    };
    MultiPolygon::new((0..count).map(|n| sliver(f64::from(n))).collect())
}
