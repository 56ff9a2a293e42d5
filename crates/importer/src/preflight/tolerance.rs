//! How many violations a check puts up with.

use std::fmt;

use serde::Serialize;

/// How many rows may offend without stopping a release; none unless set. Where both limits are set, both hold.
///
/// ```
/// use cutover_importer::preflight::Tolerance;
///
/// let tolerance = Tolerance::none().at_most(100).share(0.001);
/// assert_eq!(tolerance.to_string(), "at most 100 and at most 0.1 % of the rows");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[must_use]
pub struct Tolerance {
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_share: Option<f64>,
}

impl Tolerance {
    /// No row may offend.
    pub fn none() -> Self {
        Self::default()
    }

    /// Tolerates this many rows (for `unique`: keys).
    pub fn at_most(mut self, rows: u64) -> Self {
        self.max = Some(rows);
        self
    }

    /// Tolerates this share of all rows, from 0 to 1.
    pub fn share(mut self, share: f64) -> Self {
        self.max_share = Some(share);
        self
    }

    /// Whether neither limit is set.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.max.is_none() && self.max_share.is_none()
    }

    pub(super) fn needs_rows(&self) -> bool {
        self.max_share.is_some()
    }

    /// Whether so many offending rows are too many, however many rows come after them.
    pub(super) fn is_exceeded_whatever_comes(&self, offending: u64) -> bool {
        match (self.max, self.max_share) {
            (Some(max), _) if offending > max => true,
            (_, Some(share)) => share == 0.0 && offending > 0,
            (None, None) => offending > 0,
            (Some(_), None) => false,
        }
    }

    /// How many of so many rows may offend. Where they were not counted no share of them is tolerated.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share need not be exact to a row in 2^52, and what is out of range saturates"
    )]
    pub fn of_rows(&self, rows: Option<u64>) -> u64 {
        let share = self
            .max_share
            .map(|share| (share * rows.unwrap_or(0) as f64).floor() as u64);
        match (self.max, share) {
            (Some(max), Some(share)) => max.min(share),
            (max, share) => max.or(share).unwrap_or(0),
        }
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.max, self.max_share.map(|share| share * 100.0)) {
            (None, None) => f.write_str("none"),
            (Some(max), None) => write!(f, "at most {max}"),
            (None, Some(percent)) => write!(f, "at most {percent} % of the rows"),
            (Some(max), Some(percent)) => write!(f, "at most {max} and at most {percent} % of the rows"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_together() {
        let most = Tolerance::none().at_most(5);
        let share = Tolerance::none().share(0.01);
        assert_eq!(Tolerance::none().of_rows(Some(1000)), 0);
        assert_eq!((most.of_rows(None), most.of_rows(Some(1))), (5, 5));
        assert_eq!((share.of_rows(Some(1000)), share.of_rows(Some(99))), (10, 0));
        assert_eq!(share.of_rows(None), 0, "nobody knows of how many");
        let both = most.share(0.01);
        assert_eq!((both.of_rows(Some(1000)), both.of_rows(Some(300))), (5, 3));
    }

    #[test]
    fn only_the_end_tells_a_share() {
        let lost = |tolerance: Tolerance, offending| tolerance.is_exceeded_whatever_comes(offending);
        let (most, share) = (Tolerance::none().at_most(5), Tolerance::none().share(0.01));
        assert!(!lost(Tolerance::none(), 0) && lost(Tolerance::none(), 1));
        assert!(!lost(most, 5) && lost(most, 6) && lost(most.share(0.5), 6));
        assert!(!lost(share, 1000) && !lost(most.share(0.01), 5));
        assert!(lost(Tolerance::none().share(0.0), 1));
    }
}
