//! Abort: makes a running release stop, waits for it, and removes its staging.

use std::time::{Duration, Instant};

use cutover_core::records::{Records, ReleaseState};
use cutover_core::{EventKind, Events, LockHolder};
use tokio_postgres::Client;

use crate::boxed::BoxFuture;
use crate::busy::busy;
use crate::staged::Staged;
use crate::status::activity;
use crate::{AbortReport, Activity, Cutover, ReleaseError};

/// How long a release may take to stop after it was asked to.
const PATIENCE: Duration = Duration::from_mins(1);
/// After this long without an answer its statements are cancelled from here as well.
const NUDGE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(200);

impl Cutover {
    /// Stops a running release from any machine, waits until its lock is free, and removes staging; after a release
    /// that failed, was stopped or died, removes what it left. Live and backup sets are never touched.
    ///
    /// # Locks
    /// The release lock, while staging is removed; `ACCESS EXCLUSIVE` on staging relations, which nobody else uses.
    ///
    /// # Cancel safety
    /// The request to stop stays; calling it again goes on where it was.
    ///
    /// # Errors
    /// [`ReleaseError::DoesNotStop`] when the release still holds its lock after a minute.
    pub async fn abort(&self, events: &Events) -> Result<AbortReport, ReleaseError> {
        let run: BoxFuture<'_, _> = Box::pin(self.run_abort(events));
        run.await
    }

    async fn run_abort(&self, events: &Events) -> Result<AbortReport, ReleaseError> {
        let mut session = self.connect_safely("abort").await?;
        let (lock, records) = (self.lock()?, self.records()?);
        if Records::version(&*session).await?.is_none() {
            return Ok(AbortReport {
                release: None,
                was_running: false,
                state: None,
                removed: 0,
            });
        }
        Records::migrate(&mut session).await?;
        let mut stopped = None;
        if !lock.try_acquire(&*session).await? {
            stopped = Some(self.stop_running(&session, events).await?);
        }
        let (removed, mut cleaned) = self.remove_staging(&mut session, &records, events).await?;
        // A process that died before it built anything, or after it went live, has left only its record.
        for record in records.latest(&*session, 1).await? {
            if record.state == ReleaseState::Running {
                let state = if record.current {
                    ReleaseState::Completed
                } else {
                    ReleaseState::Aborted
                };
                records
                    .close(&*session, record.id, state, record.error.as_deref())
                    .await?;
                cleaned = cleaned.or(Some(record.id));
            }
        }
        let release = stopped.or(cleaned);
        let state = match release {
            Some(release) => records
                .release(&*session, release)
                .await?
                .map(|record| record.state),
            None => None,
        };
        session.close().await;
        Ok(AbortReport {
            release,
            was_running: stopped.is_some(),
            state,
            removed,
        })
    }

    /// Removes what releases left in staging; whoever calls this holds the release lock. Returns how many relations that
    /// were, and the last release that had some.
    pub(crate) async fn remove_staging(
        &self,
        session: &mut Client,
        records: &Records,
        events: &Events,
    ) -> Result<(usize, Option<i64>), ReleaseError> {
        let mut removed = 0;
        let mut cleaned = None;
        for record in records.with_staging(session).await? {
            let Some(staged) = Staged::of(&record)? else {
                continue;
            };
            removed += self.drop_staged(session, &staged, events).await?;
            records.set_staged(session, record.id, None).await?;
            // One that stopped, failed or died is aborted from now on; what is live stays what it was.
            if !record.current && record.state != ReleaseState::Completed {
                records
                    .close(session, record.id, ReleaseState::Aborted, record.error.as_deref())
                    .await?;
            }
            cleaned = Some(record.id);
        }
        Ok((removed, cleaned))
    }

    /// Asks the running release to stop and waits until the lock is ours.
    async fn stop_running(&self, client: &Client, events: &Events) -> Result<i64, ReleaseError> {
        let (lock, records) = (self.lock()?, self.records()?);
        let started = Instant::now();
        // The newest record may be of a release that died: then whoever holds the lock now has not been asked to stop, and
        // must not be taken for it.
        let holder = lock.holder(client).await?;
        let latest = records.latest(client, 1).await?;
        let asked = match activity(holder, &latest) {
            Activity::Running { .. } | Activity::Dead { .. } => latest.first(),
            Activity::Locked { .. } | Activity::Idle => None,
        };
        let Some(record) = asked else {
            return Err(busy(client, &lock, &records).await?);
        };
        records.request_abort(client, record.id).await?;
        events.emit(EventKind::Warning {
            message: format!(
                "asked release {} of {} to stop; waiting for it",
                record.id, record.label
            ),
        });
        let mut nudged = false;
        while !lock.try_acquire(client).await? {
            let waited = started.elapsed();
            if waited > PATIENCE {
                let pid = lock.holder(client).await?.map_or(0, |holder| holder.pid);
                return Err(ReleaseError::DoesNotStop {
                    release: record.id,
                    pid,
                    seconds: PATIENCE.as_secs(),
                });
            }
            if waited > NUDGE && !nudged {
                nudged = true;
                if let Activity::Running { holder, .. } = activity(lock.holder(client).await?, &latest) {
                    cancel_statements_of(client, &holder).await?;
                }
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(record.id)
    }
}

/// Cancels what a release's own sessions are running: the one that holds the lock and those of the same name.
async fn cancel_statements_of(client: &Client, holder: &LockHolder) -> Result<(), ReleaseError> {
    client
        .execute(
            "SELECT pg_catalog.pg_cancel_backend(a.pid) FROM pg_catalog.pg_stat_activity a \
               JOIN pg_catalog.pg_stat_activity l ON l.pid = $1 AND l.application_name = a.application_name \
              WHERE a.datname = pg_catalog.current_database() AND a.usename = l.usename AND a.state = 'active' \
                AND a.application_name = $2",
            &[&holder.pid, &holder.application],
        )
        .await
        .map_err(|error| crate::run::session_error("cancel the statements of", error))?;
    Ok(())
}
