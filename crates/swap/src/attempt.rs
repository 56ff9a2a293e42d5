//! One transaction that tries to get the swap through.

use std::time::{Duration, Instant};

use tokio_postgres::{Client, IsolationLevel, Transaction};

use cutover_core::catalog::{WriteCounts, read_fingerprint};
use cutover_core::records::SwapRecord;
use cutover_core::{DatabaseError, ObjectKind, ObjectName, Sql, StatementError};

use crate::behind::Lookout;
use crate::error::SwapError;
use crate::message::{Limits, Stage, StageError};
use crate::plan::SwapPlan;
use crate::policy::LockPolicy;
use crate::read_ahead::read_ahead;
use crate::run::SwapContext;
use crate::tries::Tries;
use crate::unchanged::{Ended, Unchanged};
use crate::window::OpenWindow;

/// How long one transaction may go on trying for its locks: longer, and its open transaction would hold back vacuum.
const TRANSACTION_PATIENCE: Duration = Duration::from_secs(10);

/// How the transaction ends that did everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Commit,
    /// It was a rehearsal.
    RollBack,
}

/// A try that took longer than its budget under the locks, or met somebody's lock there: with that statement's error.
struct Late(Option<StatementError>);

/// What is known once everything is done that can be before the locks.
struct Ready {
    /// What must still hold under them.
    unchanged: Unchanged,
    writes: WriteCounts,
}

/// Why the locks are not tried for yet.
enum NotReady {
    /// Somebody is in the way, who goes first; another transaction may get ready.
    Busy(StatementError),
    Failed(SwapError),
}

impl From<SwapError> for NotReady {
    fn from(error: SwapError) -> Self {
        match error {
            SwapError::Statement(error) => StageError::while_patient(error).into(),
            error => Self::Failed(error),
        }
    }
}

impl From<StageError> for NotReady {
    fn from(error: StageError) -> Self {
        match error {
            StageError::Busy(error) => Self::Busy(error),
            StageError::Failed(error) => Self::Failed(error.into()),
        }
    }
}

/// The statements that take the locks.
struct Locks<'a> {
    incoming: Stage<'a>,
    live: Stage<'a>,
}

/// All locks, held.
struct Locked {
    /// Open since they were asked for.
    window: OpenWindow,
    /// Until when the catalog is known to be unchanged.
    looked: Ended,
}

/// One transaction that tries to get the swap through.
pub(crate) struct Attempt<'a, 'p> {
    pub(crate) plan: &'a SwapPlan,
    pub(crate) context: &'a SwapContext<'p>,
    pub(crate) policy: &'p LockPolicy,
    pub(crate) tries: &'a mut Tries<'p>,
    pub(crate) lookout: Option<&'a mut Lookout<'p>>,
    pub(crate) ending: Ending,
}

impl Attempt<'_, '_> {
    /// `None` when another transaction should try again. Otherwise how long readers may have been held up.
    pub(crate) async fn run(&mut self, client: &mut Client) -> Result<Option<Duration>, SwapError> {
        let tx = client
            .build_transaction()
            .isolation_level(IsolationLevel::ReadCommitted)
            .read_only(false)
            .start()
            .await
            .map_err(|error| self.failed("begin the swap of", error))?;
        self.prepare(&tx).await?;
        let Ready { unchanged, writes } = match self.get_ready(&tx).await {
            Ok(ready) => ready,
            Err(NotReady::Busy(error)) => {
                self.roll_back(tx).await?;
                self.tries.pause_after(client, error).await?;
                return Ok(None);
            }
            Err(NotReady::Failed(error)) => return Err(error),
        };
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

    /// What need not be done under the locks, while nobody waits for us: to look through all locks of the server takes the
    /// longer, the more of them we hold.
    async fn get_ready(&self, tx: &Transaction<'_>) -> Result<Ready, NotReady> {
        let kept = self
            .context
            .lock
            .keep_until_commit(tx)
            .await
            .map_err(SwapError::from)?;
        self.context.if_held(kept)?;
        let unchanged = self.verify_unchanged(tx).await?;
        // Nobody but the release writes to what is not live yet, so it can be read before the locks.
        let writes = WriteCounts::read(tx, &self.plan.incoming_tables)
            .await
            .map_err(SwapError::from)?;
        self.context
            .records
            .add_backup(tx, &self.plan.backup, &self.plan.backup_objects)
            .await
            .map_err(SwapError::from)?;
        let patient = Limits {
            lock: self.patient_wait(),
            stage: Duration::from_secs(10),
            after: Duration::ZERO,
            silence: TRANSACTION_PATIENCE,
        };
        Stage::send(tx, "rename_indexes", &self.plan.rename_indexes.steps)
            .await
            .map_err(SwapError::from)?
            .run(tx, &patient)
            .await?;
        read_ahead(tx, &self.plan.schema, &self.plan.locked_oids)
            .await
            .map_err(SwapError::from)?;
        Ok(Ready { unchanged, writes })
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
            // Neither does the commit wait for the disk or for standbys while readers wait for it: see `make_durable`.
            .then("; SET LOCAL synchronous_commit = off")
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

    /// By now the indexes and statistics are renamed, by ourselves; nothing else may differ. Locked as they are, their names
    /// can have been changed by nobody else.
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
        let locks = Locks {
            incoming: Stage::send(tx, "lock_incoming", &self.plan.lock_incoming.steps).await?,
            live: Stage::send(tx, "take_locks", &self.plan.take_locks.steps).await?,
        };
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
            let mut window = None;
            let error = match self.try_locks(tx, &locks, &limits, &mut window).await {
                Ok(window) => return Ok(Some(Locked { window, looked })),
                Err(StageError::Busy(error)) => error,
                Err(StageError::Failed(error)) => return Err(error.into()),
            };
            tx.batch_execute("ROLLBACK TO SAVEPOINT cutover_locks")
                .await
                .map_err(|error| self.failed("give back the locks of", error))?;
            if let Some(window) = window {
                self.tries.held_up(window.close());
            }
            let knotted = is_deadlock(&error) && self.holds_up_somebody(tx).await?;
            self.tries.pause_after(tx, error).await?;
            if knotted || opened.elapsed() >= TRANSACTION_PATIENCE {
                return Ok(None);
            }
        }
    }

    /// One try. It holds up readers from `window` on, which opens behind the locks of what nobody reads yet.
    async fn try_locks(
        &mut self,
        tx: &Transaction<'_>,
        locks: &Locks<'_>,
        limits: &Limits,
        window: &mut Option<OpenWindow>,
    ) -> Result<OpenWindow, StageError> {
        locks.incoming.run(tx, limits).await?;
        let opened = *window.insert(OpenWindow::open());
        let trying = locks.live.run(tx, limits);
        match &mut self.lookout {
            // The first try does not wait, so nobody waits behind it.
            Some(lookout) if self.tries.count() > 1 => lookout.watch(trying).await?,
            _ => trying.await?,
        }
        Ok(opened)
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
