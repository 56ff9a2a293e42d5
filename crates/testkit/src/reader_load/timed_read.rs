//! A read, and when it was.

use std::time::Duration;

use jiff::Timestamp;

/// A statement that a reader asked, with rows or an error for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimedRead {
    /// How the reader talks to the server: `simple`, `prepared`, `pooled`, `repeatable read`, `extended`, `cursor`, `report`.
    pub way: &'static str,
    /// Which statement.
    pub statement: &'static str,
    /// When it was asked, by the clock of this machine.
    pub asked: Timestamp,
    /// How long until the answer was there.
    pub lasted: Duration,
    /// The same, less what a report was made to last.
    pub took: Duration,
}
