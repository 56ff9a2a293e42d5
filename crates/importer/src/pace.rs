//! How fast rows come, and how long the rest will take at that.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A rate is that of this much time: long enough to be calm, short enough to follow a source that slows down.
const WINDOW: Duration = Duration::from_secs(30);

/// Rows and bytes at moments of the last half minute.
///
/// It begins with the first rows rather than with the import: a source that sorts for ten minutes is not slow.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    moments: VecDeque<Moment>,
}

#[derive(Debug, Clone, Copy)]
struct Moment {
    at: Instant,
    rows: u64,
    bytes: u64,
}

/// A rate, as far as one can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Rate {
    pub(crate) rows_per_s: Option<u64>,
    pub(crate) bytes_per_s: Option<u64>,
    /// Until the rows expected are there.
    pub(crate) left: Option<Duration>,
}

impl Pace {
    pub(crate) fn has_begun(&self) -> bool {
        !self.moments.is_empty()
    }

    /// Rows and bytes so far, whenever they began to be counted.
    pub(crate) fn note(&mut self, at: Instant, rows: u64, bytes: u64) {
        self.moments.push_back(Moment { at, rows, bytes });
        // The oldest one kept is as old as the window, or a little older.
        while self
            .moments
            .get(1)
            .is_some_and(|next| at.duration_since(next.at) >= WINDOW)
        {
            self.moments.pop_front();
        }
    }

    /// The rate of the window, and how long the rest takes at it. Where more rows have come than were expected nobody
    /// knows how many are still to come.
    pub(crate) fn rate(&self, expected_rows: Option<u64>) -> Rate {
        let (Some(first), Some(last)) = (self.moments.front(), self.moments.back()) else {
            return Rate::default();
        };
        let took = last.at.duration_since(first.at);
        let rows = last.rows.saturating_sub(first.rows);
        let left = expected_rows
            .and_then(|expected| expected.checked_sub(last.rows))
            .filter(|rows_left| *rows_left > 0)
            .and_then(|rows_left| scaled(took, rows_left, rows));
        Rate {
            rows_per_s: per_second(rows, took),
            bytes_per_s: per_second(last.bytes.saturating_sub(first.bytes), took),
            left,
        }
    }
}

fn per_second(count: u64, took: Duration) -> Option<u64> {
    let micros = took.as_micros();
    let rate = u128::from(count).checked_mul(1_000_000)?.checked_div(micros)?;
    u64::try_from(rate).ok()
}

/// `took` times `of` over `per`.
fn scaled(took: Duration, of: u64, per: u64) -> Option<Duration> {
    let micros = took.as_micros().checked_mul(u128::from(of))?;
    let micros = micros.checked_div(u128::from(per))?;
    u64::try_from(micros).ok().map(Duration::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(moments: &[(u64, u64)]) -> Pace {
        let begin = Instant::now();
        let mut pace = Pace::default();
        for (second, rows) in moments {
            pace.note(begin + Duration::from_secs(*second), *rows, rows * 1000);
        }
        pace
    }

    #[track_caller]
    fn check(moments: &[(u64, u64)], expected: Option<u64>, rows_per_s: Option<u64>, left_s: Option<u64>) {
        let rate = pace(moments).rate(expected);
        assert_eq!(rate.rows_per_s, rows_per_s);
        assert_eq!(rate.bytes_per_s, rows_per_s.map(|rows| rows * 1000));
        assert_eq!(rate.left, left_s.map(Duration::from_secs));
    }

    #[test]
    fn nothing_is_known_before_rows_come() {
        check(&[], Some(100), None, None);
        check(&[(0, 1)], Some(100), None, None);
    }

    #[test]
    fn what_was_in_before_is_not_fast() {
        check(
            &[(0, 1_000_000), (2, 1_000_100)],
            Some(1_000_600),
            Some(50),
            Some(10),
        );
    }

    #[test]
    fn without_an_expectation_that_holds_no_time_is_left() {
        check(&[(0, 0), (2, 100)], None, Some(50), None);
        check(&[(0, 0), (2, 100)], Some(100), Some(50), None);
        check(&[(0, 0), (2, 100)], Some(7), Some(50), None);
        check(&[(0, 5), (2, 5)], Some(100), Some(0), None);
    }

    #[test]
    fn a_source_that_slows_down_is_followed() {
        check(
            &[(0, 0), (10, 10_000), (20, 10_010), (40, 10_030), (50, 10_040)],
            Some(10_050),
            Some(1),
            Some(10),
        );
    }
}
