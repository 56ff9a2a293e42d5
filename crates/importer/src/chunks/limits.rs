//! How many refused rows an import puts up with.

use std::fmt;

use cutover_core::records::Reject;

/// How many rows the table may refuse; none unless set. Where both limits are set, both hold.
///
/// ```
/// use cutover_importer::RejectLimits;
///
/// let limits = RejectLimits::none().at_most(100).share(0.001);
/// assert_eq!(limits.to_string(), "at most 100 rows and at most 0.1 % of them");
/// assert_eq!(RejectLimits::none().to_string(), "none");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[must_use]
pub struct RejectLimits {
    rows: Option<u64>,
    share: Option<f64>,
}

impl RejectLimits {
    /// No row is tolerated.
    pub fn none() -> Self {
        Self::default()
    }

    /// Tolerates this many rows.
    pub fn at_most(mut self, rows: u64) -> Self {
        self.rows = Some(rows);
        self
    }

    /// Tolerates this share of all rows, from 0 to 1. Only the end tells: until then no row is one too many.
    pub fn share(mut self, share: f64) -> Self {
        self.share = Some(share);
        self
    }

    /// Whether any row may be refused.
    #[must_use]
    pub fn tolerate_any(&self) -> bool {
        self.rows != Some(0) && self.share != Some(0.0) && (self.rows.is_some() || self.share.is_some())
    }

    /// Whether this many are too many, however many rows come after them.
    pub(crate) fn are_exceeded_by(&self, rejected: u64) -> bool {
        rejected > 0 && (!self.tolerate_any() || self.rows.is_some_and(|most| rejected > most))
    }

    /// Whether this many of all rows are too many.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share need not be exact to a row in 2^52"
    )]
    pub(crate) fn are_exceeded_in_the_end(&self, rejected: u64, of: u64) -> bool {
        self.are_exceeded_by(rejected)
            || self
                .share
                .is_some_and(|share| rejected as f64 > share * of as f64)
    }
}

impl fmt::Display for RejectLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.rows, self.share.map(|share| share * 100.0)) {
            _ if !self.tolerate_any() => f.write_str("none"),
            (Some(rows), Some(percent)) => write!(f, "at most {rows} rows and at most {percent} % of them"),
            (Some(rows), None) => write!(f, "at most {rows} rows"),
            (None, Some(percent)) => write!(f, "at most {percent} % of the rows"),
            (None, None) => Ok(()),
        }
    }
}

/// Rows that a table refused, more than are tolerated.
#[derive(Debug, Clone, PartialEq)]
pub struct RefusedRows {
    /// How many, as far as the import came.
    pub rejected: u64,
    /// How many are tolerated.
    pub tolerated: RejectLimits,
    /// The first of this run, at most ten.
    pub first: Vec<Reject>,
}

impl fmt::Display for RefusedRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.rejected == 1 { "row" } else { "rows" };
        write!(f, "{} {noun}, tolerated: {}", self.rejected, self.tolerated)?;
        for reject in &self.first {
            f.write_str("\n  - ")?;
            let key = reject.key.iter().flatten();
            for (n, (name, value)) in key.enumerate() {
                let value = value.as_str().unwrap_or("NULL");
                write!(f, "{}{name} = {value}", if n == 0 { "" } else { ", " })?;
            }
            if reject.key.is_none() {
                f.write_str("a row")?;
            }
            write!(f, ": {}", reject.reason)?;
            if let Some(code) = &reject.sqlstate {
                write!(f, " (SQLSTATE {code})")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_together() {
        let none = RejectLimits::none();
        assert!(none.are_exceeded_by(1) && !none.are_exceeded_in_the_end(0, 0));
        let rows = RejectLimits::none().at_most(2);
        assert!(!rows.are_exceeded_by(2) && rows.are_exceeded_by(3));
        assert!(!rows.are_exceeded_in_the_end(2, 2));
        let share = RejectLimits::none().share(0.1);
        assert!(!share.are_exceeded_by(1000));
        assert!(!share.are_exceeded_in_the_end(1, 10) && share.are_exceeded_in_the_end(2, 10));
        let both = rows.share(0.1);
        assert!(both.are_exceeded_by(3) && both.are_exceeded_in_the_end(2, 10));
        assert!(!RejectLimits::none().at_most(0).tolerate_any());
        assert!(RejectLimits::none().share(0.0).are_exceeded_by(1));
    }
}
