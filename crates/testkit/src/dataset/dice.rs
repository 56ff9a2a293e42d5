//! Random numbers that depend on nothing but the seed: no platform's mathematics library, no order of use.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// What a number is for. Each purpose has its own stream, so that one may change without the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Fate = 1,
    Attributes = 2,
    Shape = 3,
    Source = 4,
    Evaluation = 5,
    Statistics = 6,
    CountryPlace = 7,
    GreenList = 8,
}

/// A stream of random numbers.
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream for one thing, by its index, in one of its versions.
    pub(super) fn new(seed: u64, purpose: Purpose, index: u64, version: u32) -> Self {
        let mut key = [0; 32];
        for (part, number) in key
            .chunks_exact_mut(8)
            .zip([seed, purpose as u64, index, u64::from(version)])
        {
            part.copy_from_slice(&number.to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A whole number below `bound`, which is not zero.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        let scaled = (u64::from(self.0.next_u32()) * u64::from(bound)) >> 32;
        u32::try_from(scaled).unwrap_or(bound - 1) // fits: it is below `bound`
    }

    /// The id of a catalogue's row, which count from 1.
    pub(super) fn id(&mut self, rows: i32) -> i32 {
        1 + i32::try_from(self.below(rows.unsigned_abs())).unwrap_or(0) // fits: it is below `rows`
    }

    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(u32::try_from(items.len()).unwrap_or(u32::MAX)) as usize]
    }

    /// From 0 inclusive to 1 exclusive, with all 53 bits of a double's precision.
    pub(super) fn unit(&mut self) -> f64 {
        let (high, low) = (self.0.next_u32() >> 5, self.0.next_u32() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// About normal, between -6 and 6: the sum of twelve uniform numbers.
    pub(super) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    pub(super) fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * exp(sigma * self.normal())
    }
}

/// `f64::exp` differs in its last bits between platforms; this does not. Good to five digits for |x| < 10.
fn exp(x: f64) -> f64 {
    let mut power = 1.0 + x / 16_777_216.0;
    for _ in 0..24 {
        power *= power;
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_reproducible_and_apart() {
        let draw = |purpose, index, version| {
            let mut dice = Dice::new(7, purpose, index, version);
            (dice.below(1000), dice.unit().to_bits())
        };
        assert_eq!(draw(Purpose::Shape, 3, 1), draw(Purpose::Shape, 3, 1));
        assert_ne!(draw(Purpose::Shape, 3, 1), draw(Purpose::Shape, 3, 2));
        assert_ne!(draw(Purpose::Shape, 3, 1), draw(Purpose::Shape, 4, 1));
        assert_ne!(draw(Purpose::Shape, 3, 1), draw(Purpose::Attributes, 3, 1));
    }

    #[test]
    fn the_exponential_is_close_enough() {
        for x in [-6.0, -1.0, 0.0, 0.5, 3.0, 8.0] {
            assert!((exp(x) / f64::exp(x) - 1.0).abs() < 1e-5, "{x}");
        }
    }
}
