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

    /// Runs `attempt` until it does not fail for a lock, or the deadline has passed.
    pub(crate) async fn retry<T>(
        &self,
        events: &Events,
        mut attempt: impl AsyncFnMut() -> Result<T, StagingError>,
    ) -> Result<T, StagingError> {
        let started = Instant::now();
        let mut pause = Duration::from_millis(50);
        loop {
            let error = match attempt().await {
                Err(error) if is_lock_failure(&error) => error,
                result => return result,
            };
            if started.elapsed() + pause > self.deadline {
                return Err(error);
            }
            events.emit(EventKind::Warning {
                message: format!("{error}; trying again"),
            });
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
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
