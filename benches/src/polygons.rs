//! Polygons as a world database of protected areas has them.

use cutover_geometry::{EncodeError, encode_geo};
use geo::{Coord, LineString, Polygon};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Median and mean of the number of vertices are then 100 and 300.
const MEDIAN_VERTICES: f64 = 100.0;
const SIGMA: f64 = 1.482;
const VERTICES: std::ops::RangeInclusive<f64> = 4.0..=30_000.0;

/// Endless polygons in EWKB, SRID 4326, of log-normal size: a few large ones hold most of the bytes. Coordinates have
/// full double precision and hardly compress. The same seed gives the same polygons.
#[derive(Debug, Clone)]
pub struct Polygons(ChaCha8Rng);

impl Polygons {
    /// The polygons of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 4..=30,000"
    )]
    fn vertices(&mut self) -> usize {
        // The sum of twelve uniform numbers is about normal.
        let normal = (0..12).map(|_| self.0.random::<f64>()).sum::<f64>() - 6.0;
        let vertices = MEDIAN_VERTICES * (SIGMA * normal).exp();
        vertices.clamp(*VERTICES.start(), *VERTICES.end()) as usize
    }
}

impl Iterator for Polygons {
    type Item = Result<Vec<u8>, EncodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let vertices = self.vertices();
        Some(polygon(&mut self.0, vertices))
    }
}

/// A valid polygon in EWKB: a ragged star without a hole, of so many vertices besides the one that closes it.
///
/// # Errors
/// Those of [`encode_geo`].
pub fn polygon(rng: &mut impl rand::Rng, vertices: usize) -> Result<Vec<u8>, EncodeError> {
    #[expect(clippy::cast_precision_loss, reason = "there are no 2^52 vertices")]
    let step = std::f64::consts::TAU / vertices as f64;
    let centre = Coord {
        x: rng.random_range(-170.0..170.0),
        y: rng.random_range(-80.0..80.0),
    };
    let mut angle = 0.0_f64;
    // Angles grow by less than half a turn each, so no two edges cross.
    let shell: Vec<Coord<f64>> = (0..vertices)
        .map(|_| {
            angle += step;
            let (sin, cos) = (angle - step * rng.random_range(0.0..0.5)).sin_cos();
            let radius = rng.random_range(0.9..1.0);
            Coord {
                x: centre.x + radius * cos,
                y: centre.y + radius * sin,
            }
        })
        .collect();
    encode_geo(&Polygon::new(LineString(shell), Vec::new()).into(), Some(4326))
}

#[cfg(test)]
mod tests {
    use cutover_geometry::{Ewkb, Extent};

    use super::*;

    #[test]
    fn sizes_are_log_normal_and_places_on_the_globe() {
        let mut vertices: Vec<usize> = Polygons::new(1)
            .take(4000)
            .map(|bytes| {
                let bytes = bytes.unwrap();
                let facts = Ewkb::parse(&bytes).unwrap().facts_within(Extent::LON_LAT);
                assert_eq!((facts.srid, facts.outside.count), (Some(4326), 0));
                facts.vertices
            })
            .collect();
        vertices.sort_unstable();
        let mean = vertices.iter().sum::<usize>() / vertices.len();
        assert!((90..110).contains(&vertices[2000]), "median {}", vertices[2000]);
        assert!((250..350).contains(&mean), "mean {mean}");
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let bytes = |seed| Polygons::new(seed).nth(3).unwrap().unwrap();
        assert_eq!(bytes(7), bytes(7));
        assert_ne!(bytes(7), bytes(8));
    }
}
