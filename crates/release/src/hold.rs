//! The hold before the swap: everything is ready, and the release waits for a go, for a moment, or for both.
//!
//! It may last for days, so it holds nothing but the release lock: one session, no transaction, no snapshot. That session
//! looks into the records every second. Being told by `NOTIFY` instead would be no cheaper: the session must be used now
//! and then anyway, to notice that it is lost and to keep firewalls and `idle_session_timeout` from ending it.

use std::time::Duration;

use cutover_core::records::HoldLook;
use cutover_core::{EventKind, QualifiedName, Session, millis};
use jiff::Timestamp;
use tokio_postgres::Client;

use crate::phases::refuse_orphans;
use crate::run::{Run, session_error};
use crate::{ReleaseError, StopReason, StopSignal};

/// How often a release that holds looks whether it may go on.
const LOOK: Duration = Duration::from_secs(1);

/// What a release waits for before its swap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WaitFor {
    go: bool,
    not_before: Option<Timestamp>,
}

impl Run<'_> {
    /// What this release has to wait for before its swap; `None` where it need not, or cannot be swapped anyway.
    pub(crate) fn to_wait_for(&self) -> Option<WaitFor> {
        let wait = WaitFor {
            go: self.options.hold.unwrap_or(self.cutover.file.swap().hold),
            not_before: self.options.not_before,
        };
        (self.staged.validated && (wait.go || wait.not_before.is_some())).then_some(wait)
    }

    /// Waits. What would refuse the swap now is told now, not when somebody has said go; it is all looked at again then.
    ///
    /// Locks: none but the release lock. Killed here, live is as it was, and staging is ready for `--start-at finalise_swap`.
    pub(crate) async fn hold(&mut self, wait: WaitFor, stop: &mut StopSignal) -> Result<(), ReleaseError> {
        let plan = self.cutover.plan_swap(&mut self.session, &self.staged).await?;
        refuse_orphans(&self.session, &plan).await?;
        plan.refuse_lost_writes(&*self.session).await?;
        for message in &plan.warnings {
            self.warn(message.clone());
        }
        self.records
            .begin_hold(&*self.session, self.release, wait.go, wait.not_before)
            .await?;
        let first = self.records.look_at_hold(&*self.session, self.release).await?;
        if first.is_over() {
            self.warn(
                "the moment to wait for passed while the release was built: it goes live at once".to_owned(),
            );
            return Ok(self.records.end_hold(&*self.session, self.release).await?);
        }
        // Idle sessions are of no use meanwhile, and may be lost without a word.
        self.pool.retain(|_, _| false);
        let staging: Vec<QualifiedName> = self
            .staged
            .whole()
            .into_iter()
            .flat_map(|set| set.members)
            .map(|member| member.staging)
            .collect();
        let staging_bytes = size_of(&self.session, &staging).await?;
        self.events.emit(EventKind::Held {
            release: self.release,
            waits_for_go: wait.go,
            not_before: wait.not_before,
            staging_bytes,
        });
        self.write_events().await;
        let look = self.until_over(stop, staging_bytes).await?;
        let ended = self.records.end_hold(&*self.session, self.release).await;
        match look {
            Ok(look) => {
                ended?;
                self.events.emit(EventKind::Released {
                    release: self.release,
                    go: look.hold.go,
                    held_ms: millis(look.held_for),
                });
                Ok(())
            }
            Err(reason) => {
                if let Err(error) = ended {
                    tracing::warn!(release = self.release, %error, "could not note the end of the hold");
                }
                Err(ReleaseError::StoppedHolding { reason })
            }
        }
    }

    /// Whoever is to say go may have forgotten.
    async fn remind(&self, look: &HoldLook, staging_bytes: u64) {
        self.events.emit(EventKind::StillHeld {
            release: self.release,
            waits_for_go: look.hold.waits_for_go && look.hold.go.is_none(),
            not_before: look.hold.not_before.filter(|_| !look.left.is_zero()),
            staging_bytes,
            held_ms: millis(look.held_for),
        });
        self.write_events().await;
    }

    /// `Err` inside when the release was asked to stop.
    async fn until_over(
        &self,
        stop: &mut StopSignal,
        staging_bytes: u64,
    ) -> Result<Result<HoldLook, StopReason>, ReleaseError> {
        let interval = self.cutover.file.notify().remind_after;
        let mut reminder = interval;
        loop {
            if stop.is_asked() {
                return Ok(Err(StopReason::Interrupted));
            }
            let look = self.records.look_at_hold(&*self.session, self.release).await?;
            if look.abort_requested {
                return Ok(Err(StopReason::Aborted));
            }
            if look.is_over() {
                return Ok(Ok(look));
            }
            if !interval.is_zero() && look.held_for >= reminder {
                self.remind(&look, staging_bytes).await;
                reminder = look.held_for + interval;
            }
            let pause = if look.left.is_zero() {
                LOOK
            } else {
                LOOK.min(look.left)
            };
            tokio::select! {
                () = stop.asked() => {}
                // The next look says what happened.
                _ = self.session.closed() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}

/// What relations take on disk with their indexes, partitions and TOAST, in bytes; those that are not there count nothing.
pub(crate) async fn size_of(client: &Client, relations: &[QualifiedName]) -> Result<u64, ReleaseError> {
    let schemas: Vec<&str> = relations.iter().map(|name| name.schema.as_str()).collect();
    let names: Vec<&str> = relations.iter().map(|name| name.name.as_str()).collect();
    let row = client
        .query_one(
            "SELECT coalesce(pg_catalog.sum(pg_catalog.pg_total_relation_size(c.oid)), 0)::bigint \
               FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) m (schema, name) \
               JOIN pg_catalog.pg_namespace n ON n.nspname = m.schema \
               JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = m.name",
            &[&schemas, &names],
        )
        .await
        .map_err(|error| session_error("measure staging in", error))?;
    Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or(0))
}

/// How many locks a session holds or waits for beside the advisory ones. Every transaction holds at least that on its own
/// virtual id, so with none there is no transaction either, and no snapshot that would hold back vacuum.
pub(crate) async fn locks_of(session: &Session, pid: i32) -> Result<u32, ReleaseError> {
    let row = session
        .query_one(
            "SELECT pg_catalog.count(*) FROM pg_catalog.pg_locks WHERE pid = $1 AND locktype <> 'advisory'",
            &[&pid],
        )
        .await
        .map_err(|error| session_error("count the locks of a session in", error))?;
    Ok(u32::try_from(row.get::<_, i64>(0)).unwrap_or(u32::MAX))
}
