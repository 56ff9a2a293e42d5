//! When readers may have been held up.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// From a try's asking for its first exclusive lock until it had given all of them back, by the clock of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockWindow {
    /// When the first lock was asked for.
    pub began: Timestamp,
    /// How long until the answer to the commit, or to the rollback, was there.
    pub lasted: Duration,
}

/// A window whose end is not known yet. The time of day tells when it began, the monotonic clock how long it lasts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenWindow {
    began: Timestamp,
    since: Instant,
}

impl OpenWindow {
    pub(crate) fn open() -> Self {
        Self {
            began: Timestamp::now(),
            since: Instant::now(),
        }
    }

    pub(crate) fn close(self) -> LockWindow {
        LockWindow {
            began: self.began,
            lasted: self.since.elapsed(),
        }
    }
}
