//! Who judges, and how long it takes.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use cutover_geometry::{Ewkb, Validator};
use geo::Validation as _;

/// Who judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Judge {
    /// `cutover-geometry`, from EWKB to the verdict.
    Cutover,
    /// GEOS, from its own geometries to the verdict.
    #[cfg(feature = "geos")]
    Geos,
    /// GEOS reading EWKB: what comes before it can judge.
    #[cfg(feature = "geos")]
    GeosReading,
    /// `geo`, from its own geometries to the verdict; only where that ends.
    Geo,
}

impl Judge {
    pub(crate) const ALL: &[Self] = &[
        Self::Cutover,
        #[cfg(feature = "geos")]
        Self::Geos,
        #[cfg(feature = "geos")]
        Self::GeosReading,
        Self::Geo,
    ];

    /// Judges all values, which have to be valid, on this thread. `None` where it is not asked.
    pub(crate) fn time(self, values: &[Vec<u8>], geo_steps: u64) -> Result<Option<Duration>> {
        Ok(match self {
            Self::Cutover => {
                let started = Instant::now();
                let mut validator = Validator::new();
                for value in values {
                    validator.check(&Ewkb::parse(value)?)?;
                }
                Some(started.elapsed())
            }
            #[cfg(feature = "geos")]
            Self::Geos => {
                use geos::Geom as _;
                let geometries = read_by_geos(values)?;
                let started = Instant::now();
                for geometry in &geometries {
                    ensure!(geometry.is_valid()?, "GEOS finds it invalid");
                }
                Some(started.elapsed())
            }
            #[cfg(feature = "geos")]
            Self::GeosReading => {
                let started = Instant::now();
                drop(read_by_geos(values)?);
                Some(started.elapsed())
            }
            Self::Geo if steps(values)? > geo_steps => None,
            Self::Geo => {
                let geometries = values
                    .iter()
                    .map(|value| Ok(Ewkb::parse(value)?.to_geo()?))
                    .collect::<Result<Vec<geo::Geometry>>>()?;
                let started = Instant::now();
                for geometry in &geometries {
                    ensure!(geometry.is_valid(), "geo finds it invalid");
                }
                Some(started.elapsed())
            }
        })
    }
}

#[cfg(feature = "geos")]
fn read_by_geos(values: &[Vec<u8>]) -> Result<Vec<geos::Geometry>> {
    let read = |value: &Vec<u8>| Ok(geos::Geometry::new_from_wkb(value)?);
    values.iter().map(read).collect()
}

/// What who compares every edge of a value with every other has to do.
fn steps(values: &[Vec<u8>]) -> Result<u64> {
    let mut steps = 0;
    for value in values {
        let vertices = Ewkb::parse(value)?.facts().vertices as u64;
        steps += vertices.saturating_mul(vertices);
    }
    Ok(steps)
}

impl fmt::Display for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Cutover => "cutover",
            #[cfg(feature = "geos")]
            Self::Geos => "GEOS",
            #[cfg(feature = "geos")]
            Self::GeosReading => "GEOS reading",
            Self::Geo => "geo",
        })
    }
}
