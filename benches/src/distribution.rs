//! What is told of many measurements of one thing.

use serde::Serialize;

/// The middle of some numbers, and their upper end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Distribution {
    /// How many there were.
    pub count: usize,
    /// Half of them are not larger.
    pub p50: f64,
    /// 99 of 100 are not larger; of fewer than 100 numbers, the largest.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

impl Distribution {
    /// `None` of no numbers.
    #[must_use]
    pub fn of(numbers: &[f64]) -> Option<Self> {
        let mut sorted = numbers.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).checked_sub(1)?);
        Some(Self {
            count: sorted.len(),
            p50: *at(50)?,
            p99: *at(99)?,
            max: *at(100)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_numbers_that_were_measured() {
        let numbers: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        let expected = Distribution {
            count: 200,
            p50: 100.0,
            p99: 198.0,
            max: 200.0,
        };
        assert_eq!(Distribution::of(&numbers), Some(expected));
        let one = Distribution::of(&[7.0]).unwrap();
        assert_eq!((one.p50, one.p99, one.max), (7.0, 7.0, 7.0));
        assert_eq!(Distribution::of(&[]), None);
    }
}
