//! What became of a swap whose connection was lost while it was being committed.

use std::time::{Duration, Instant};

use serde::Serialize;
use tokio_postgres::GenericClient;

use cutover_core::records::Records;
use cutover_core::{LockHolder, ReleaseLock, StatementError};

const POLL: Duration = Duration::from_millis(50);

/// What the records say of a swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was committed.
    Swapped,
    /// It was rolled back: everything is as before.
    NotSwapped,
}

/// The outcome could not be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettleError {
    /// The records could not be read.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// There is no such record.
    #[error("there is no record of release {release}")]
    NoRecord {
        /// The number asked for.
        release: i64,
    },
    /// The server still works for the lost connection, so the outcome is not decided yet.
    #[error("the server process {} of the lost connection is still at work", holder.pid)]
    StillAtWork {
        /// The session.
        holder: LockHolder,
    },
}

impl SettleError {
    /// What the operator can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Statement(error) => error.remedy(),
            Self::NoRecord { .. } => "see `cutover status` for the releases there are",
            Self::StillAtWork { .. } => "wait until it ends, or end it with pg_terminate_backend",
        }
    }
}

/// Reads from the records whether the swap of `release` was committed.
///
/// Swap and record are one transaction, so they cannot disagree. A commit that is still being carried out for a lost
/// connection would show as not swapped; so this first waits, at most `patience`, until the session that began the
/// release has let go of the release lock, which it does only when it ends. Of a swap that was committed it returns once that is
/// durable.
///
/// # Errors
/// [`SettleError::StillAtWork`] when that session is still there after `patience`.
pub async fn settle(
    client: &impl GenericClient,
    lock: &ReleaseLock,
    records: &Records,
    release: i64,
    patience: Duration,
) -> Result<Outcome, SettleError> {
    let started = Instant::now();
    loop {
        let holder = lock.holder(client).await?;
        // Read after the lock was looked at: what that session committed is visible now if it is gone.
        let record = records
            .release(client, release)
            .await?
            .ok_or(SettleError::NoRecord { release })?;
        if record.swapped_at.is_some() {
            // What it was committed by did not wait for the disk, and was lost before it did.
            records.make_swap_durable(client, release).await?;
            return Ok(Outcome::Swapped);
        }
        match holder.filter(|holder| Some(holder.pid) == record.backend_pid) {
            None => return Ok(Outcome::NotSwapped),
            Some(holder) if started.elapsed() >= patience => return Err(SettleError::StillAtWork { holder }),
            Some(_) => tokio::time::sleep(POLL).await,
        }
    }
}
