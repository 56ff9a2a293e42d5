//! A rehearsal: everything a swap does, rolled back instead of committed.

use std::time::Instant;

use serde::Serialize;
use tokio_postgres::Client;

use cutover_core::{Blocker, millis};

use crate::attempt::Ending;
use crate::behind::WaitedBehind;
use crate::error::SwapError;
use crate::plan::SwapPlan;
use crate::policy::LockPolicy;
use crate::run::SwapContext;
use crate::snapshots;
use crate::standbys::StandbyReport;

/// How a rehearsal went.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Rehearsal {
    /// How many relations changed places, and back.
    pub relations: usize,
    /// How many times the locks were tried for.
    pub attempts: u32,
    /// From the first exclusive lock being asked for, in the try that got them, to the rollback: how long a reader may
    /// have been held up, in milliseconds. A swap takes a commit longer.
    pub exclusive_ms: u64,
    /// From the call to the rollback, in milliseconds.
    pub took_ms: u64,
    /// Who was in the way of the tries that failed, each session once, as it was seen first.
    pub blockers: Vec<Blocker>,
    /// Transactions that hold a snapshot now. A swap would wait for those of them that are older than the load.
    pub snapshots: Vec<Blocker>,
    /// The standbys, where the locks of the rehearsal were replayed, too.
    pub standbys: StandbyReport,
    /// Who waited behind the tries for the locks; `None` without [`SwapContext::observer`].
    pub waited_behind: Option<WaitedBehind>,
}

impl SwapPlan {
    /// Does the whole swap on the real catalog, within the same bounds, and rolls it back: views, foreign keys, grants,
    /// event triggers and locks are met as a swap would meet them. Nothing changes, and nobody sees any of it.
    ///
    /// It waits for no old snapshots; it tells them.
    ///
    /// # Locks
    /// As [`SwapPlan::run`]: readers wait for at most as long as they would for the swap. Standbys replay them as those of
    /// a swap.
    ///
    /// # Cancel safety
    /// Rolled back whenever it is dropped.
    ///
    /// # Errors
    /// [`SwapError`], as the swap would end with; the database is as before.
    pub async fn rehearse(
        &self,
        client: &mut Client,
        context: &SwapContext<'_>,
        policy: &LockPolicy,
    ) -> Result<Rehearsal, SwapError> {
        let started = Instant::now();
        context.check_lock(client).await?;
        let snapshots = snapshots::holders(client, &self.schema).await?;
        let standbys = StandbyReport::read(client, &self.schema).await?;
        let through = self
            .get_through(client, context, policy, Ending::RollBack)
            .await?;
        tracing::info!(
            attempts = through.attempts,
            exclusive_ms = millis(through.exclusive),
            "rehearsed"
        );
        Ok(Rehearsal {
            relations: self.relations,
            attempts: through.attempts,
            exclusive_ms: millis(through.exclusive),
            took_ms: millis(started.elapsed()),
            blockers: through.met,
            snapshots,
            standbys,
            waited_behind: through.waited_behind,
        })
    }
}
