//! Moments as people write them, with or without a time zone.

use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// A moment that somebody wrote: exact, or a date and time on some wall clock.
///
/// ```
/// use cutover_core::release_file::Moment;
/// use jiff::tz::TimeZone;
///
/// let here = TimeZone::get("Europe/Berlin")?;
/// for text in ["2026-11-21T21:00:00Z", "2026-11-21T22:00+01:00", "2026-11-21 22:00", "2026-11-21T22:00[Europe/Paris]"] {
///     let moment: Moment = text.parse()?;
///     assert_eq!(moment.on_the_clock_of(&here)?.to_string(), "2026-11-21T21:00:00Z");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Written with an offset from UTC (RFC 3339) or with the name of a time zone.
    Exact(Timestamp),
    /// Written without either: it means what the clock on the wall shows, wherever that hangs.
    WallClock(DateTime),
}

/// A text that is no moment, or a wall-clock time that no moment or two moments have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MomentError {
    /// It cannot be read.
    #[error(
        "{text:?} is no point in time; write it like `2026-11-21T22:00:00Z`, `2026-11-21T22:00+01:00` or `2026-11-21 22:00`"
    )]
    Unreadable {
        /// The text.
        text: String,
    },
    /// Clocks are put forward or back then.
    #[error(
        "{time} is skipped or comes twice in time zone {zone}, because clocks change then; write it with its offset from UTC"
    )]
    Ambiguous {
        /// The date and time.
        time: DateTime,
        /// The time zone.
        zone: String,
    },
    /// It lies beyond the years that can be counted.
    #[error("{time} is too far away")]
    OutOfRange {
        /// The date and time.
        time: DateTime,
    },
}

impl Moment {
    /// The exact moment; `zone` is where the clock hangs that a time without a zone is read from.
    ///
    /// # Errors
    /// [`MomentError::Ambiguous`] for an hour that is skipped or comes twice when clocks change: rather than choose, ask.
    pub fn on_the_clock_of(self, zone: &TimeZone) -> Result<Timestamp, MomentError> {
        match self {
            Self::Exact(moment) => Ok(moment),
            Self::WallClock(time) => {
                let read = zone.to_ambiguous_timestamp(time);
                if read.is_ambiguous() {
                    return Err(MomentError::Ambiguous {
                        time,
                        zone: zone.iana_name().unwrap_or("of this machine").to_owned(),
                    });
                }
                read.unambiguous()
                    .map_err(|_out_of_range| MomentError::OutOfRange { time })
            }
        }
    }
}

impl FromStr for Moment {
    type Err = MomentError;

    fn from_str(text: &str) -> Result<Self, MomentError> {
        let exact = || {
            let zoned = || text.parse::<Zoned>().map(|zoned| zoned.timestamp());
            text.parse::<Timestamp>().or_else(|_none| zoned()).ok()
        };
        // Asked last: it would read a time with an offset, and leave the offset out.
        let wall_clock = || {
            let has_time = text.contains(':');
            text.parse::<DateTime>().ok().filter(|_time| has_time)
        };
        exact()
            .map(Self::Exact)
            .or_else(|| wall_clock().map(Self::WallClock))
            .ok_or_else(|| MomentError::Unreadable {
                text: text.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_moment_is_refused_with_examples() {
        for text in [
            "",
            "22:00",
            "tomorrow",
            "2026-11-21",
            "2026-13-01 00:00",
            "2026-11-21T22:00+99:00",
        ] {
            let error = text.parse::<Moment>().unwrap_err();
            assert!(error.to_string().contains("2026-11-21 22:00"), "{text}: {error}");
        }
    }

    #[test]
    fn an_hour_that_is_skipped_or_comes_twice_is_refused() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        for text in ["2026-03-29 02:30", "2026-10-25 02:30"] {
            let error = text
                .parse::<Moment>()
                .unwrap()
                .on_the_clock_of(&berlin)
                .unwrap_err();
            assert!(error.to_string().contains("Europe/Berlin"), "{error}");
        }
        let exact: Moment = "2026-10-25T02:30+02:00".parse().unwrap();
        assert_eq!(
            exact.on_the_clock_of(&berlin).unwrap().to_string(),
            "2026-10-25T00:30:00Z"
        );
    }
}
