//! How far a standby may be behind: an amount of the write-ahead log, or a length of time.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use super::duration::{Friendly, to_friendly};
use super::memory::Memory;

/// How far a standby may be behind.
///
/// ```
/// use std::time::Duration;
/// use cutover_core::release_file::StandbyLag;
///
/// let lag = |text: &str| StandbyLag::try_from(text.to_owned());
/// assert_eq!(lag("5s"), Ok(StandbyLag::Time(Duration::from_secs(5))));
/// assert_eq!(lag("16MB")?.to_string(), "16MB");
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum StandbyLag {
    /// So much of the log is not replayed there.
    Bytes(Memory),
    /// What was written that long ago is replayed there.
    Time(Duration),
}

impl TryFrom<String> for StandbyLag {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // The parsers' own words are each about one of the two; examples of both help more.
        let bytes = Memory::try_from(text.clone()).ok().map(Self::Bytes);
        let time = || {
            Friendly::try_from(text.clone())
                .ok()
                .map(|read| Self::Time(read.0))
        };
        bytes.or_else(time).ok_or_else(|| {
            format!("{text:?} is neither an amount of log nor a length of time; write it like `16MB` or `5s`")
        })
    }
}

/// The way it is read.
impl fmt::Display for StandbyLag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => bytes.fmt(f),
            Self::Time(time) => f.write_str(&to_friendly(time)),
        }
    }
}

impl Serialize for StandbyLag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<StandbyLag>) {
        let read = StandbyLag::try_from(text.to_owned());
        assert_eq!(read.clone().ok(), expected, "{text:?}: {read:?}");
        if let Some(lag) = expected {
            assert_eq!(StandbyLag::try_from(lag.to_string()), Ok(lag), "reads back");
        }
    }

    #[test]
    fn reads_amounts_and_times() {
        let megabytes = Memory::try_from("16MB".to_owned()).unwrap();
        check("16MB", Some(StandbyLag::Bytes(megabytes)));
        check("5s", Some(StandbyLag::Time(Duration::from_secs(5))));
        check("1m 30s", Some(StandbyLag::Time(Duration::from_secs(90))));
        for text in ["", "16", "soon", "16mb", "-5s"] {
            check(text, None);
        }
    }
}
