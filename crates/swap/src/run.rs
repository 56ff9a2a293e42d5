//! Running a plan on the session that holds the release lock: tries, until a transaction has done everything.

use std::time::{Duration, Instant};

use serde::Serialize;
use tokio_postgres::Client;

use cutover_core::records::Records;
use cutover_core::release_file::OldSnapshots;
use cutover_core::{Blocker, EventKind, Events, ObjectKind, ObjectName, ReleaseLock, Stamp, millis};

use crate::attempt::{Attempt, Ending};
use crate::behind::{Lookout, WaitedBehind};
use crate::error::SwapError;
use crate::plan::SwapPlan;
use crate::policy::LockPolicy;
use crate::snapshots::{self, WaitError};
use crate::standbys;
use crate::tries::Tries;
use crate::victim::DeadlockRule;
use crate::window::LockWindow;
use crate::wraparound;

/// For whom a plan is run.
#[derive(Debug, Clone, Copy)]
pub struct SwapContext<'a> {
    /// The release lock; the client that runs the plan must hold it.
    pub lock: &'a ReleaseLock,
    /// Where the swap is recorded, in its own transaction.
    pub records: &'a Records,
    /// The record of the release or rollback that goes live.
    pub release: i64,
    /// Who wants to hear of it.
    pub events: &'a Events,
    /// Another connection to the same database, from which is seen who waits behind the swap while its own is waiting
    /// for locks. Without it that is not told. To see whose sessions they are and what they run takes `pg_read_all_stats`.
    pub observer: Option<&'a Client>,
}

impl SwapContext<'_> {
    pub(crate) async fn check_lock(&self, client: &Client) -> Result<(), SwapError> {
        self.if_held(self.lock.is_held(client).await?)
    }

    pub(crate) fn if_held(&self, held: bool) -> Result<(), SwapError> {
        let not_held = || SwapError::LockNotHeld {
            release_set: self.records.release_set().clone(),
        };
        held.then_some(()).ok_or_else(not_held)
    }
}

/// How a swap went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SwapReport {
    /// The backup set that holds what was live.
    pub backup: Stamp,
    /// How many relations changed places.
    pub relations: usize,
    /// How many times the locks were tried for.
    pub attempts: u32,
    /// From the first exclusive lock being asked for, in the try that got them, to the commit: how long a reader may
    /// have been held up, in milliseconds.
    pub exclusive_ms: u64,
    /// From the call until the commit was durable, in milliseconds.
    pub took_ms: u64,
    /// Each time that readers may have been held up, and for how long: one window a try, the last that of the try that
    /// got through.
    #[serde(skip)]
    pub windows: Vec<LockWindow>,
    /// Who waited behind the swap's tries for its locks; `None` without [`SwapContext::observer`].
    pub waited_behind: Option<WaitedBehind>,
}

impl SwapPlan {
    /// Puts the incoming relations live and keeps what was live as a backup set, in one transaction.
    ///
    /// # Locks
    /// `ACCESS EXCLUSIVE` on the members, on the views over them and on tables that refer to them. It is asked
    /// for in short tries, the first without waiting; no reader waits longer than [`LockPolicy::stall_budget`] for a
    /// try that fails, or [`LockPolicy::exclusive_budget`] more for the one that gets through. Nobody is
    /// cancelled, unless [`LockPolicy::cancel_blockers_after`] says so.
    /// In a deadlock it is the swap that gives way, so a stall budget near the server's `deadlock_timeout` is cut.
    ///
    /// # Cancel safety
    /// Dropped before `COMMIT` is sent, everything is rolled back. Dropped while `COMMIT` runs the outcome is open:
    /// [`settle`](crate::settle) reads it from the records. Either way no transaction and no lock of it stays behind;
    /// the release lock stays with the session.
    ///
    /// # Errors
    /// [`SwapError`]; the database is as before, except after [`SwapError::OutcomeUnknown`].
    pub async fn run(
        &self,
        client: &mut Client,
        context: &SwapContext<'_>,
        policy: &LockPolicy,
    ) -> Result<SwapReport, SwapError> {
        let started = Instant::now();
        context.check_lock(client).await?;
        // Before anybody waits for us; and once more under the locks.
        self.refuse_lost_writes(client).await?;
        self.wait_for_standbys(client, context, policy).await?;
        self.wait_for_old_snapshots(client, context, policy).await?;
        let object = ObjectName::global(ObjectKind::Release, context.records.release_set());
        wraparound::wait(
            client,
            &self.locked_oids,
            &object,
            policy.deadline,
            context.events,
        )
        .await?;
        let through = self.get_through(client, context, policy, Ending::Commit).await?;
        make_durable(client, context).await?;
        let report = SwapReport {
            backup: self.backup.clone(),
            relations: self.relations,
            attempts: through.attempts,
            exclusive_ms: millis(through.exclusive),
            took_ms: millis(started.elapsed()),
            windows: through.windows,
            waited_behind: through.waited_behind,
        };
        tracing::info!(backup = %report.backup, attempts = report.attempts,
                       exclusive_ms = report.exclusive_ms, "swapped");
        context.events.emit(EventKind::Swapped {
            backup: report.backup.clone(),
            relations: report.relations,
            attempts: report.attempts,
            exclusive_ms: report.exclusive_ms,
        });
        Ok(report)
    }

    /// Tries until a transaction has done everything, and ends that one as told.
    pub(crate) async fn get_through(
        &self,
        client: &mut Client,
        context: &SwapContext<'_>,
        policy: &LockPolicy,
        ending: Ending,
    ) -> Result<Through, SwapError> {
        let rule = DeadlockRule::read(client, context.records.release_set()).await?;
        let mut tries = Tries::new(policy, rule, context.events, &self.locked_oids);
        let mut lookout = Lookout::open(client, context, &self.locked_oids).await?;
        loop {
            let mut attempt = Attempt {
                plan: self,
                context,
                policy,
                tries: &mut tries,
                lookout: lookout.as_mut(),
                ending,
            };
            if let Some(exclusive) = attempt.run(client).await? {
                let attempts = tries.count();
                let (met, windows) = tries.into_seen();
                return Ok(Through {
                    attempts,
                    exclusive,
                    met,
                    windows,
                    waited_behind: lookout.map(Lookout::into_seen),
                });
            }
        }
    }

    /// Before the snapshots, of which those of standbys are told no sooner than they are replayed up to there.
    async fn wait_for_standbys(
        &self,
        client: &Client,
        context: &SwapContext<'_>,
        policy: &LockPolicy,
    ) -> Result<(), SwapError> {
        let Some(bound) = policy.max_standby_lag else {
            return Ok(());
        };
        standbys::wait_within(client, &self.schema, bound, policy.deadline, context.events).await
    }

    /// A backup set needs no wait: nobody's snapshot was older than its load when it went live.
    async fn wait_for_old_snapshots(
        &self,
        client: &Client,
        context: &SwapContext<'_>,
        policy: &LockPolicy,
    ) -> Result<(), SwapError> {
        if self.restores.is_some() {
            return Ok(());
        }
        if policy.old_snapshots == OldSnapshots::Ignore {
            // Which of them are older than the load is not told apart: none is waited for.
            for holder in snapshots::holders(client, &self.schema).await? {
                let message = format!("not waited for, may find the new tables empty: {holder}");
                context.events.emit(EventKind::Warning { message });
            }
            return Ok(());
        }
        match snapshots::wait(client, &self.schema, policy.snapshot_deadline, context.events).await {
            Ok(()) => Ok(()),
            Err(WaitError::Statement(error)) => Err(error.into()),
            Err(WaitError::StillThere(holders)) => Err(SwapError::OldSnapshots {
                waited: policy.snapshot_deadline,
                holders,
            }),
        }
    }
}

/// The swap's commit lets go of its locks without waiting for the disk, or for synchronous standbys, which may take as long as
/// they like. A crash of the server before this returns may take the swap back: whole, as what is behind it in the log went with
/// it. So it is told of, and anything built on it, only after this.
async fn make_durable(client: &Client, context: &SwapContext<'_>) -> Result<(), SwapError> {
    let SwapContext { records, release, .. } = context;
    let durable = records.make_swap_durable(client, *release).await;
    durable.map_err(|error| SwapError::OutcomeUnknown {
        release: *release,
        source: error.into_database_error(),
    })
}

/// How a swap got through.
pub(crate) struct Through {
    pub(crate) attempts: u32,
    /// How long readers may have been held up.
    pub(crate) exclusive: Duration,
    /// Who was in the way of the tries before, each once.
    pub(crate) met: Vec<Blocker>,
    /// When readers may have been held up.
    pub(crate) windows: Vec<LockWindow>,
    /// Who waited behind them.
    pub(crate) waited_behind: Option<WaitedBehind>,
}
