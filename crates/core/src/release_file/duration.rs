//! Lengths of time as people write them: `100ms`, `10min`, `1h 30m`, `60d`.

use std::time::Duration;

use jiff::SpanRelativeTo;
use jiff::fmt::friendly::{SpanParser, SpanPrinter};
use serde::{Deserialize, Serializer};

static PARSER: SpanParser = SpanParser::new();
static PRINTER: SpanPrinter = SpanPrinter::new();

/// A length of time read from jiff's friendly format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Friendly(pub(super) Duration);

impl TryFrom<String> for Friendly {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // The parser's own words are about its grammar; examples help more.
        read(&text).map(Self).ok_or_else(|| {
            format!("{text:?} is no length of time; write it like `100ms`, `30s`, `10min`, `1h` or `60d`")
        })
    }
}

/// A day has 24 hours here, a week 7 days; months and years have no length that would not depend on the calendar.
fn read(text: &str) -> Option<Duration> {
    let span = PARSER.parse_span(text).ok()?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(length).ok()
}

/// A length of time as release files and flags write it: `100ms`, `30s`, `1h 30m`.
///
/// # Errors
/// A phrase that names the text and shows what one looks like.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    Friendly::try_from(text.to_owned()).map(|read| read.0)
}

/// Prints a length of time the way it is read.
pub(super) fn to_friendly(duration: &Duration) -> String {
    PRINTER.unsigned_duration_to_string(duration)
}

/// For `#[serde(serialize_with)]`.
pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&to_friendly(duration))
}

/// For `#[serde(serialize_with)]` of one that need not be there, beside `skip_serializing_if`.
#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
pub(super) fn serialize_option<S: Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => serialize(duration, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Duration) {
        let read = Friendly::try_from(text.to_owned()).unwrap().0;
        assert_eq!(read, expected);
        assert_eq!(
            Friendly::try_from(to_friendly(&read)).unwrap().0,
            expected,
            "reads back"
        );
    }

    #[test]
    fn reads_what_people_write() {
        check("100ms", Duration::from_millis(100));
        check("10min", Duration::from_mins(10));
        check("10 minutes", Duration::from_mins(10));
        check("1h 30m", Duration::from_mins(90));
        check("60d", Duration::from_hours(60 * 24));
        check("2 weeks", Duration::from_hours(14 * 24));
    }

    #[test]
    fn refuses_what_is_no_length_of_time() {
        for text in ["", "10", "-1s", "soon", "1 month"] {
            assert!(Friendly::try_from(text.to_owned()).is_err(), "{text:?}");
        }
    }
}
