//! Trying again when a lock was not to be had.

use std::time::{Duration, Instant};

use cutover_core::{EventKind, Events};

use crate::StagingError;

/// How long to ask for locks that others may hold, and how long to queue for each.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct LockPatience {
    pub(crate) lock_timeout: Duration,
    pub(crate) deadline: Duration,
}

impl Default for LockPatience {
    fn default() -> Self {
        Self {
            lock_timeout: Duration::from_secs(2),
            deadline: Duration::from_mins(10),
        }
    }
}

impl LockPatience {
    /// The longest wait for one lock, so that nobody queues behind us for longer; 2 seconds unless set.
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// How long to try again when a lock was not to be had, for each step; 10 minutes unless set.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Begins to count the tries of one step.
    pub(crate) fn tries(self) -> Tries {
        Tries {
            deadline: self.deadline,
            started: Instant::now(),
            pause: Duration::from_millis(50),
        }
    }
}

/// The tries of one step so far.
///
/// Kept by the loop that tries, rather than given the step as a closure: of an async closure's future the compiler cannot
/// tell that it is `Send`, and callers spawn what they await.
pub(crate) struct Tries {
    deadline: Duration,
    started: Instant,
    pause: Duration,
}

impl Tries {
    /// Pauses before the next try; returns the error when there is to be none: it was not for a lock, or the deadline has
    /// passed.
    pub(crate) async fn pause_after(
        &mut self,
        error: StagingError,
        events: &Events,
    ) -> Result<(), StagingError> {
        if !is_lock_failure(&error) || self.started.elapsed() + self.pause > self.deadline {
            return Err(error);
        }
        events.emit(EventKind::Warning {
            message: format!("{error}; trying again"),
        });
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(Duration::from_secs(2));
        Ok(())
    }
}

/// `lock_not_available` and `deadlock_detected`: the statement did nothing and the session is sound.
fn is_lock_failure(error: &StagingError) -> bool {
    let StagingError::Statement(error) = error else {
        return false;
    };
    error
        .sqlstate()
        .is_some_and(|state| matches!(state.code(), "55P03" | "40P01"))
}
