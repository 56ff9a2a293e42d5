//! Carrying out what was put off until the rows were there: by several workers, in an order that uses them well.

mod options; // what the caller may choose
mod run; // tasks by workers, one loop
mod schedule; // which task may begin
mod task; // steps as transactions
mod watch; // how far the builds are, and ending them
mod workers; // the sessions

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;

use cutover_core::{Events, ObjectKind, ObjectName, Plan, QualifiedName, StatementError, Step};
use tokio_postgres::Client;

pub use options::PostDataOptions;
pub use workers::Workers;

use crate::references::refuse_references_to_live;
use crate::{DeferredStep, StagedSet, StagingError, build};
use run::{Site, Worker};
use watch::Watch;
use workers::SessionFacts;

impl StagedSet {
    /// The steps of [`StagedSet::run_post_data`] as a plan to print, in the order in which one worker would do them but
    /// for the longest first.
    #[must_use]
    pub fn post_data_plan(&self) -> Plan {
        let mut plan = Plan::new("after the rows are there", self.live_fingerprint.clone());
        plan.steps = self.post_data.iter().map(DeferredStep::step).collect();
        plan
    }

    /// Builds indexes, attaches keys, adds and validates foreign keys, lets triggers fire: with one session
    /// (`&mut client`) or several at the same time ([`Workers`]).
    ///
    /// What reads all rows of a large table (an index, the validation of a key) is a transaction of its own, the longest
    /// first; cheap steps of one table share one. What was done before, by this or an earlier run, is recognised and left
    /// out, so it may be run again after anything. Where a session watches, it tells the progress of each index as
    /// [`IndexProgress`](cutover_core::EventKind::IndexProgress).
    ///
    /// # Locks
    /// On staging, which nobody else uses; and on tables outside the set `SHARE ROW EXCLUSIVE` while a foreign key to
    /// them is added, which stops their writers for that moment, then `ROW SHARE` while it is validated. A lock that is not
    /// there within [`LockPatience::lock_timeout`](crate::LockPatience::lock_timeout) is asked for again until
    /// [`LockPatience::deadline`](crate::LockPatience::deadline). Workers never wait for each other's locks.
    /// # Cancel safety
    /// Dropped at any time, whole transactions have happened or have not; run it again. The statements of the moment go on
    /// in the server until they end, and are then rolled back; what is sent next over a worker's session waits for
    /// that. To end them at once, cancel them.
    /// # Errors
    /// [`StagingError::Statement`] names the object of the first failure and how many steps were done, e.g. when rows
    /// violate a key. Nothing new is begun after it. What the other workers run is cancelled through the watching session
    /// and, where none watches, waited for. [`StagingError::RefersToLive`] when an index was bound to live.
    pub async fn run_post_data<'c>(
        &self,
        workers: impl Into<Workers<'c>>,
        options: &PostDataOptions,
        events: &Events,
    ) -> Result<(), StagingError> {
        let (clients, observer) = workers.into().into_parts();
        let schema = ObjectName::global(ObjectKind::Schema, &self.schema);
        let mut workers = Vec::with_capacity(clients.len());
        let mut backends = Vec::with_capacity(clients.len());
        let mut facts = None;
        for client in clients {
            let of_session = SessionFacts::read(client, &schema).await?;
            let pid = of_session.backend.pid;
            workers.push(Worker { client, pid });
            backends.push(of_session.backend.clone());
            facts = Some(of_session);
        }
        let (Some(facts), Some(first)) = (facts, workers.first()) else {
            return Ok(());
        };
        let bytes_of = self.sizes(first.client, &schema).await?;
        let twins: BTreeSet<&QualifiedName> = self.members.iter().map(|member| &member.staging).collect();
        let tasks = task::tasks(&self.post_data, &twins, &bytes_of);
        let watch = Watch::new(observer, backends, options.interval());
        let site = Site {
            settings: &self.settings(options, workers.len(), &facts),
            patience: options.patience,
            events,
            stopping: AtomicBool::new(false),
        };
        let mut workers = run::run(&tasks, workers, &watch, &site).await?;
        let Some(worker) = workers.first_mut() else {
            return Ok(());
        };
        let live: Vec<u32> = self.members.iter().map(|member| member.live_oid).collect();
        let tx = worker
            .client
            .transaction()
            .await
            .map_err(|error| StatementError::new("begin to look at the references of", schema, error))?;
        site.settings.run(&tx, 0).await?;
        refuse_references_to_live(&tx, &self.schema, &self.oids(), &live).await
    }

    /// The settings of each transaction.
    fn settings(&self, options: &PostDataOptions, workers: usize, facts: &SessionFacts) -> Step {
        let mut settings = build::settings(&self.schema, facts.version_num, options.patience.lock_timeout);
        let kilobytes = options.memory_per_worker(workers, facts.maintenance_memory) / 1024;
        let kilobytes = i64::try_from(kilobytes)
            .unwrap_or(i64::MAX)
            .min(i64::from(i32::MAX));
        settings.sql = settings
            .sql
            .then(";\nSET LOCAL maintenance_work_mem = ")
            .number(kilobytes);
        if let Some(processes) = options.parallel_maintenance_workers {
            // More than the server ever has is the same as that many.
            let processes = processes.min(1024);
            settings.sql = settings
                .sql
                .then(";\nSET LOCAL max_parallel_maintenance_workers = ")
                .number(i64::from(processes));
        }
        settings
    }

    /// How large the relations are that the steps touch, without their indexes, in bytes.
    async fn sizes(
        &self,
        client: &Client,
        schema: &ObjectName,
    ) -> Result<BTreeMap<QualifiedName, u64>, StagingError> {
        let touched: BTreeSet<QualifiedName> = self
            .post_data
            .iter()
            .flat_map(|deferred| {
                let locks = deferred.step().locks;
                std::iter::once(deferred.table.clone()).chain(locks.into_iter().map(|lock| lock.relation))
            })
            .collect();
        let names: Vec<String> = touched.iter().map(ToString::to_string).collect();
        let rows = client
            .query(
                "SELECT coalesce(pg_catalog.pg_table_size(pg_catalog.to_regclass(t.name)), 0) \
                   FROM pg_catalog.unnest($1::pg_catalog.text[]) WITH ORDINALITY t (name, n) ORDER BY t.n",
                &[&names],
            )
            .await
            .map_err(|error| StatementError::new("measure the tables of", schema.clone(), error))?;
        let sizes = rows.iter().map(|row| row.get::<_, i64>(0));
        Ok(touched
            .into_iter()
            .zip(sizes.map(|bytes| u64::try_from(bytes).unwrap_or(0)))
            .collect())
    }
}
