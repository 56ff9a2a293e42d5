//! Running a plan: one transaction on the session that holds the release lock.

use std::time::{Duration, Instant};

use serde::Serialize;
use tokio_postgres::{Client, IsolationLevel, Transaction};

use cutover_core::catalog::{WriteCounts, read_fingerprint};
use cutover_core::records::{Records, SwapRecord};
use cutover_core::release_file::OldSnapshots;
use cutover_core::{
    Blocker, DatabaseError, EventKind, Events, ObjectKind, ObjectName, ReleaseLock, Sql, Stamp,
    StatementError, millis,
};

use crate::behind::{Lookout, WaitedBehind};
use crate::error::SwapError;
use crate::message::{Limits, Stage, StageError};
use crate::plan::SwapPlan;
use crate::policy::LockPolicy;
use crate::read_ahead::read_ahead;
use crate::snapshots::{self, WaitError};
use crate::standbys;
use crate::tries::Tries;
use crate::unchanged::{Ended, Unchanged};
use crate::victim::DeadlockRule;
use crate::window::{LockWindow, OpenWindow};
use crate::wraparound;

/// How long one transaction may go on trying for its locks: longer, and its open transaction would hold back vacuum.
const TRANSACTION_PATIENCE: Duration = Duration::from_secs(10);

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

    fn if_held(&self, held: bool) -> Result<(), SwapError> {
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
    /// From the call to the commit, in milliseconds.
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

/// How the transaction ends that did everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Commit,
    /// It was a rehearsal.
    RollBack,
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

/// A try that took longer than its budget under the locks, or met somebody's lock there: with that statement's error.
struct Late(Option<StatementError>);

/// All locks, held.
struct Locked {
    /// Open since they were asked for.
    window: OpenWindow,
    /// Until when the catalog is known to be unchanged.
    looked: Ended,
}

/// One transaction that tries to get the swap through.
struct Attempt<'a, 'p> {
    plan: &'a SwapPlan,
    context: &'a SwapContext<'p>,
    policy: &'p LockPolicy,
    tries: &'a mut Tries<'p>,
    lookout: Option<&'a mut Lookout<'p>>,
    ending: Ending,
}

impl Attempt<'_, '_> {
    /// `None` when another transaction should try again. Otherwise how long readers may have been held up.
    async fn run(&mut self, client: &mut Client) -> Result<Option<Duration>, SwapError> {
        let tx = client
            .build_transaction()
            .isolation_level(IsolationLevel::ReadCommitted)
            .read_only(false)
            .start()
            .await
            .map_err(|error| self.failed("begin the swap of", error))?;
        self.prepare(&tx).await?;
        // Before anybody waits for us: to look through all locks of the server takes the longer, the more of them we hold.
        let kept = self.context.lock.keep_until_commit(&tx).await?;
        self.context.if_held(kept)?;
        let unchanged = match self.verify_unchanged(&tx).await {
            Ok(unchanged) => unchanged,
            Err(SwapError::Statement(error)) => match StageError::while_patient(error) {
                StageError::Busy(error) => {
                    self.roll_back(tx).await?;
                    self.tries.pause_after(client, error).await?;
                    return Ok(None);
                }
                StageError::Failed(error) => return Err(error.into()),
            },
            Err(error) => return Err(error),
        };
        // Nobody but the release writes to what is not live yet, so it can be read before the locks.
        let writes = WriteCounts::read(&tx, &self.plan.incoming_tables).await?;
        self.context
            .records
            .add_backup(&tx, &self.plan.backup, &self.plan.backup_objects)
            .await?;
        let patient = Limits {
            lock: self.patient_wait(),
            stage: Duration::from_secs(10),
            after: Duration::ZERO,
            silence: TRANSACTION_PATIENCE,
        };
        let rename_indexes = Stage::send(&tx, "rename_indexes", &self.plan.rename_indexes.steps).await?;
        let renamed = match rename_indexes.run(&tx, &patient).await {
            Ok(()) => read_ahead(&tx, &self.plan.schema, &self.plan.locked_oids)
                .await
                .map_err(StageError::while_patient),
            Err(error) => Err(error),
        };
        match renamed {
            Ok(()) => {}
            Err(StageError::Busy(error)) => {
                self.roll_back(tx).await?;
                self.tries.pause_after(client, error).await?;
                return Ok(None);
            }
            Err(StageError::Failed(error)) => return Err(error.into()),
        }
        let switch = Stage::send(&tx, "switch", &self.plan.switch.steps).await?;
        let Some(Locked { window, looked }) = self.take_locks(&tx, &unchanged, writes).await? else {
            self.roll_back(tx).await?;
            return Ok(None);
        };
        let granted = Instant::now();
        if let Some(late) = self.switch(&tx, &switch, &unchanged, &looked, granted).await? {
            self.roll_back(tx).await?;
            self.tries.held_up(window.close());
            self.tries
                .pause_after_overrun(client, granted.elapsed(), &self.object(), late.0)
                .await?;
            return Ok(None);
        }
        match self.ending {
            Ending::Commit => self.commit(tx).await?,
            Ending::RollBack => self.roll_back(tx).await?,
        }
        let window = window.close();
        let exclusive = window.lasted;
        self.tries.held_up(window);
        Ok(Some(exclusive))
    }

    /// What happens under the locks; `Some` when it met somebody's lock, or took longer than its budget.
    async fn switch(
        &self,
        tx: &Transaction<'_>,
        switch: &Stage<'_>,
        unchanged: &Unchanged,
        looked: &Ended,
        granted: Instant,
    ) -> Result<Option<Late>, SwapError> {
        let budget = self.policy.exclusive_budget;
        match self.verify_under_lock(tx, unchanged, looked).await {
            Ok(()) => {}
            Err(SwapError::Statement(error)) => {
                return match StageError::of(error, granted.elapsed(), budget) {
                    StageError::Busy(error) => Ok(Some(Late(Some(error)))),
                    StageError::Failed(error) => Err(error.into()),
                };
            }
            Err(error) => return Err(error),
        }
        let limits = Limits {
            lock: self.tries.rule().bound(self.policy.stall_budget),
            stage: budget.saturating_sub(granted.elapsed()),
            after: Duration::ZERO,
            silence: self.silence(),
        };
        match switch.run(tx, &limits).await {
            Ok(()) => {}
            Err(StageError::Busy(error)) => return Ok(Some(Late(Some(error)))),
            Err(StageError::Failed(error)) => return Err(error.into()),
        }
        // As late as can be: a writer that we waited for has let go of its locks before it reports what it wrote.
        self.plan.refuse_lost_writes(tx).await?;
        Ok((granted.elapsed() > budget).then_some(Late(None)))
    }

    /// Settings of the transaction, so that none of the role's or the session's interferes.
    async fn prepare(&self, tx: &Transaction<'_>) -> Result<(), SwapError> {
        let mut settings = Sql::text("SET LOCAL search_path = ")
            .ident(&self.plan.schema)
            // Last, or a temporary table could stand for a member.
            // What is read under the locks are catalogs: compiling such a query, or starting helpers, takes longer than it.
            .then(", pg_temp; SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 0")
            // So does planning it: once for all readings, whatever relations they are of.
            .then("; SET LOCAL plan_cache_mode = force_generic_plan")
            .then("; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = ")
            .number(i64::try_from((TRANSACTION_PATIENCE * 2).as_millis()).unwrap_or(i64::MAX));
        if self.plan.server_version >= 170_000 {
            settings = settings.then("; SET LOCAL transaction_timeout = 0");
        }
        // The catalog is read with views' definitions, which waits for locks on what the views read.
        settings = settings
            .then("; SET LOCAL lock_timeout = ")
            .number(i64::try_from(self.patient_wait().as_millis()).unwrap_or(i64::MAX))
            .append(&self.tries.rule().setting());
        tx.batch_execute(settings.as_str())
            .await
            .map_err(|error| self.failed("prepare the swap of", error))?;
        Ok(())
    }

    /// Compares the catalog with what the plan was computed from, and returns what must still hold under lock.
    async fn verify_unchanged(&self, tx: &Transaction<'_>) -> Result<Unchanged, SwapError> {
        // What must hold under lock is read first: what changes between the readings is then seen here or there.
        let unchanged = Unchanged::since_now(tx, &self.plan.schema, self.oids()).await?;
        for facts in [&self.plan.live, &self.plan.incoming] {
            if read_fingerprint(tx, &facts.oids).await? != facts.fingerprint {
                return Err(self.changed());
            }
        }
        Ok(unchanged)
    }

    /// By now the indexes are renamed, by ourselves; nothing else may differ. Locked as they are, names of indexes can
    /// have been changed by nobody else.
    async fn verify_under_lock(
        &self,
        tx: &Transaction<'_>,
        unchanged: &Unchanged,
        looked: &Ended,
    ) -> Result<(), SwapError> {
        if unchanged.holds_since(tx, looked).await? {
            Ok(())
        } else {
            Err(self.changed())
        }
    }

    fn changed(&self) -> SwapError {
        SwapError::CatalogChanged {
            schema: self.plan.schema.clone(),
        }
    }

    /// Tries for all locks until they are held; `None` when this transaction has been open for long enough.
    ///
    /// Each try is a savepoint: rolling back to it gives the locks back and keeps the renamed indexes.
    async fn take_locks(
        &mut self,
        tx: &Transaction<'_>,
        unchanged: &Unchanged,
        writes: WriteCounts,
    ) -> Result<Option<Locked>, SwapError> {
        let opened = Instant::now();
        let locks = Stage::send(tx, "take_locks", &self.plan.take_locks.steps).await?;
        let swap = SwapRecord {
            release: self.context.release,
            backup: self.plan.backup.clone(),
            restored: self.plan.restores.clone(),
            writes,
        };
        loop {
            tx.batch_execute("SAVEPOINT cutover_locks")
                .await
                .map_err(|error| self.failed("try for the locks of", error))?;
            // Before the locks, so that they are held for less; inside the savepoint, so that the row of the release
            // is locked for no longer than a try and an abort can still be written there.
            self.context.records.record_swap(tx, &swap).await?;
            let wait = self.tries.next_wait(tx, &self.object()).await?;
            let looked = unchanged.look(tx).await?.ok_or_else(|| self.changed())?;
            let limits = Limits {
                lock: wait,
                // The first try waits for no lock, yet asking for all of them takes its time.
                stage: self.policy.stall_budget,
                // What is verified under the locks reads views' definitions, which waits for locks on what they read.
                after: self.policy.exclusive_budget,
                silence: self.silence(),
            };
            let window = OpenWindow::open();
            let trying = locks.run(tx, &limits);
            let tried = match &mut self.lookout {
                // The first try does not wait, so nobody waits behind it.
                Some(lookout) if self.tries.count() > 1 => lookout.watch(trying).await,
                _ => trying.await,
            };
            let error = match tried {
                Ok(()) => return Ok(Some(Locked { window, looked })),
                Err(StageError::Busy(error)) => error,
                Err(StageError::Failed(error)) => return Err(error.into()),
            };
            tx.batch_execute("ROLLBACK TO SAVEPOINT cutover_locks")
                .await
                .map_err(|error| self.failed("give back the locks of", error))?;
            self.tries.held_up(window.close());
            let knotted = is_deadlock(&error) && self.holds_up_somebody(tx).await?;
            self.tries.pause_after(tx, error).await?;
            if knotted || opened.elapsed() >= TRANSACTION_PATIENCE {
                return Ok(None);
            }
        }
    }

    /// Whether anybody waits for what the savepoint did not give back: the deadlock would be there again in every further try.
    /// A vacuum or an `ANALYZE` does, when it comes to count an index that this transaction has renamed.
    async fn holds_up_somebody(&self, tx: &Transaction<'_>) -> Result<bool, SwapError> {
        let waiting = "SELECT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a \
            WHERE pg_catalog.pg_backend_pid() = ANY (pg_catalog.pg_blocking_pids(a.pid)))";
        let rows = tx
            .query_typed(waiting, &[])
            .await
            .map_err(|error| self.failed("look who waits for the swap of", error))?;
        Ok(rows.first().is_some_and(|row| row.get(0)))
    }

    async fn commit(&self, tx: Transaction<'_>) -> Result<(), SwapError> {
        let Err(error) = tx.commit().await else {
            return Ok(());
        };
        let error = DatabaseError::from(error);
        if error.is_connection_lost() {
            return Err(SwapError::OutcomeUnknown {
                release: self.context.release,
                source: error,
            });
        }
        Err(StatementError::new("commit the swap of", self.object(), error).into())
    }

    async fn roll_back(&self, tx: Transaction<'_>) -> Result<(), SwapError> {
        tx.rollback()
            .await
            .map_err(|error| self.failed("roll back the swap of", error))
    }

    /// How long the server lets us be silent with locks held: the budget and some time for the network.
    fn silence(&self) -> Duration {
        self.policy.exclusive_budget + Duration::from_secs(1)
    }

    /// How long to wait for a lock while no reader waits for us.
    fn patient_wait(&self) -> Duration {
        self.tries.rule().bound(Duration::from_secs(1))
    }

    fn oids(&self) -> Vec<u32> {
        [self.plan.live.oids.as_slice(), self.plan.incoming.oids.as_slice()].concat()
    }

    fn object(&self) -> ObjectName {
        ObjectName::global(ObjectKind::Release, self.context.records.release_set())
    }

    fn failed(&self, purpose: &'static str, error: tokio_postgres::Error) -> SwapError {
        StatementError::new(purpose, self.object(), error).into()
    }
}

fn is_deadlock(error: &StatementError) -> bool {
    error.sqlstate() == Some(&tokio_postgres::error::SqlState::T_R_DEADLOCK_DETECTED)
}
