//! A release set that is swapped to and fro.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use cutover_core::catalog::{CatalogSnapshot, WriteCounts};
use cutover_core::records::{Records, ReleaseKind, ReleaseState};
use cutover_core::{Events, Ident, NamingPolicy, ObjectKind, QualifiedName, ReleaseLock, Sql, Stamp};
use cutover_swap::{LockPolicy, Pair, PlanOptions, SwapContext, SwapPlan, SwapReport, rollback_plan};
use jiff::Timestamp;
use tokio_postgres::Client;

/// How long the validation of a foreign key waits for its locks.
const PATIENCE: Duration = Duration::from_secs(10);

/// A set that is live with its twins in staging, and the session that swaps it. Swap and rollback take turns; after both,
/// what was staged is staged again.
pub struct SwappedSet {
    client: Client,
    lock: ReleaseLock,
    records: Records,
    naming: NamingPolicy,
    schema: Ident,
    members: Vec<Ident>,
}

/// A swap or a rollback that is done.
#[derive(Debug)]
pub struct Swapped {
    /// How it went.
    pub report: SwapReport,
    /// How many statements ran under the locks, those that took them included.
    pub statements: usize,
}

impl SwappedSet {
    /// The session must be of a role that owns the set and may create a schema in the database.
    ///
    /// # Errors
    /// The server's.
    pub async fn new(mut client: Client, members: &[impl AsRef<str>]) -> Result<Self> {
        let name = Ident::new("bench")?;
        Records::migrate(&mut client).await?;
        let lock = ReleaseLock::of(&name);
        ensure!(lock.try_acquire(&client).await?, "another bench is at work here");
        Ok(Self {
            client,
            lock,
            records: Records::of(&name),
            naming: NamingPolicy::default(),
            schema: Ident::new("public")?,
            members: members
                .iter()
                .map(|member| Ok(Ident::new(member.as_ref())?))
                .collect::<Result<_>>()?,
        })
    }

    /// Puts what is staged live, and validates the foreign keys from outside afterwards. Refuses writes since the plan.
    ///
    /// # Errors
    /// Those of the swap.
    pub async fn swap(&mut self, policy: &LockPolicy) -> Result<Swapped> {
        let plan = self.plan_swap().await?;
        self.run(&plan, ReleaseKind::Release, policy).await
    }

    /// How long the renames of a swap take by themselves, sent as one message and rolled back: without the locks before
    /// them, without what follows the set, and without a commit. Less than that no swap by renaming can take. For nobody
    /// else at work: it waits for locks as long as it must.
    ///
    /// # Errors
    /// The server's.
    pub async fn bare_renames(&mut self) -> Result<Duration> {
        let plan = self.plan_swap().await?;
        let steps = plan.switch.steps.iter();
        let renames = steps.filter(|step| step.purpose == "rename");
        let renames = Sql::join(renames.map(|step| step.sql.clone()), "; ");
        let tx = self.client.transaction().await?;
        let started = Instant::now();
        tx.batch_execute(renames.as_str()).await?;
        let lasted = started.elapsed();
        tx.rollback().await?;
        Ok(lasted)
    }

    async fn plan_swap(&mut self) -> Result<SwapPlan> {
        let staging = |member: &Ident| self.naming.staging(&self.name(member)).name;
        let staging: Vec<Ident> = self.members.iter().map(staging).collect();
        let tx = self.client.transaction().await?;
        let live = CatalogSnapshot::read(&tx, &self.schema, &self.members).await?;
        let incoming = CatalogSnapshot::read(&tx, &self.schema, &staging).await?;
        let sets = self.records.backup_sets(&tx).await?;
        let oids: Vec<u32> = live.relations.iter().map(|relation| relation.oid).collect();
        let counts = WriteCounts::read(&tx, &oids).await?;
        tx.commit().await?;
        let taken: Vec<Stamp> = sets.into_iter().map(|set| set.stamp).collect();
        let stamp = Stamp::first_free(Timestamp::now(), &taken);
        let pairing = Pair::by_policy(&live, &incoming, &self.naming);
        let options = PlanOptions::default();
        let plan = SwapPlan::compute(&live, &incoming, &pairing, &stamp, &self.naming, &options)?;
        Ok(plan.refuse_writes_since(counts))
    }

    /// Takes the last swap back; what it had put live is then a backup set, until [`restage`](Self::restage).
    ///
    /// # Errors
    /// Those of the rollback.
    pub async fn roll_back(&mut self, policy: &LockPolicy) -> Result<Swapped> {
        let stamp = self.newest_backup().await?;
        let plan = rollback_plan(&mut self.client, &self.records, &stamp, &self.naming).await?;
        self.run(&plan, ReleaseKind::Rollback, policy).await
    }

    /// Gives what the rollback put aside its staging names again.
    ///
    /// # Errors
    /// The server's.
    pub async fn restage(&mut self) -> Result<()> {
        let stamp = self.newest_backup().await?;
        let objects = self.records.backup_objects(&self.client, &stamp).await?;
        let renames = objects.iter().map(|object| {
            Sql::text(verb(object.kind))
                .name(&object.backup)
                .then(" RENAME TO ")
                .ident(&self.naming.staging(&object.live).name)
        });
        let renames: Vec<Sql> = renames.collect();
        let tx = self.client.transaction().await?;
        tx.batch_execute(Sql::join(renames, "; ").as_str()).await?;
        self.records.forget_backup(&tx, &stamp).await?;
        Ok(tx.commit().await?)
    }

    async fn run(&mut self, plan: &SwapPlan, kind: ReleaseKind, policy: &LockPolicy) -> Result<Swapped> {
        let (label, host, pid) = ("bench", "bench", std::process::id());
        let release = self
            .records
            .open(&self.client, kind, label, None, host, pid)
            .await?;
        let context = SwapContext {
            lock: &self.lock,
            records: &self.records,
            release,
            events: &Events::none(),
            observer: None,
        };
        let report = plan.run(&mut self.client, &context, policy).await?;
        let failures = plan.run_post_swap(&mut self.client, PATIENCE).await;
        if let Some((key, error)) = failures.into_iter().next() {
            return Err(error).with_context(|| format!("could not validate {key}"));
        }
        self.records
            .close(&self.client, release, ReleaseState::Completed, None)
            .await?;
        Ok(Swapped {
            report,
            statements: plan.take_locks.steps.len() + plan.switch.steps.len(),
        })
    }

    async fn newest_backup(&self) -> Result<Stamp> {
        let sets = self.records.backup_sets(&self.client).await?;
        let newest = sets.into_iter().max_by_key(|set| set.created_at);
        Ok(newest.context("there is no backup set")?.stamp)
    }

    fn name(&self, relation: &Ident) -> QualifiedName {
        QualifiedName::new(self.schema.clone(), relation.clone())
    }
}

fn verb(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::MaterializedView => "ALTER MATERIALIZED VIEW ",
        ObjectKind::Index => "ALTER INDEX ",
        ObjectKind::Sequence => "ALTER SEQUENCE ",
        ObjectKind::ExtendedStatistics => "ALTER STATISTICS ",
        _ => "ALTER TABLE ",
    }
}
