//! The clone of the tables of a release set.

use std::fmt;

use cutover_core::catalog::{CatalogSnapshot, Relation, in_reading_order};
use cutover_core::{Events, NamingPolicy, Plan};
use tokio_postgres::{Client, Transaction};

use crate::build::{self, Build};
use crate::deferred::DeferredStep;
use crate::run::Construction;
use crate::{CloneError, CloneOptions, StagedSet, StagingError, check, late, lock_budget};

/// How the staging twins of a set's tables are made.
///
/// The steps run in one transaction: the twins are built in a scratch schema under live's own names, so that every
/// definition the server printed for live means the twins when it is read there; then they are renamed and moved
/// beside live, and the scratch schema is dropped.
#[derive(Debug, Clone)]
pub struct ClonePlan {
    construction: Construction,
}

impl ClonePlan {
    /// Plans the twins of the snapshot's tables, and of the materialized views that read them. The other materialized views
    /// are [`MatviewPlan`](crate::MatviewPlan)'s; where these read some of those, their twins have to be there. Pure.
    ///
    /// # Errors
    /// [`CloneError`] with everything of the set that would not be cloned exactly; or when the clone would take more than
    /// the server's lock table has room for, see `max_locks_per_transaction`.
    pub fn compute(
        snapshot: &CatalogSnapshot,
        naming: &NamingPolicy,
        options: &CloneOptions,
    ) -> Result<Self, CloneError> {
        let late = late::members(snapshot);
        let is_ours = |relation: &Relation| !relation.kind.has_query() || late.contains(&relation.oid);
        let changes = options.declared_changes();
        let kept = changes.left_out(snapshot);
        let mut refusals = changes.refusals(snapshot, is_ours);
        refusals.extend(
            check::check(&kept, naming, is_ours)
                .err()
                .into_iter()
                .flat_map(|e| e.refusals),
        );
        if !refusals.is_empty() {
            return Err(CloneError { refusals });
        }
        let snapshot = kept.as_ref();
        let ours = snapshot.relations.iter().filter(|relation| is_ours(relation));
        let (queries, tables): (Vec<&Relation>, Vec<_>) = ours.partition(|ours| ours.kind.has_query());
        let others = snapshot.relations.iter().filter(|relation| !is_ours(relation));
        let read = others.filter(|other| queries.iter().any(|query| query.reads.contains(&other.oid)));
        let guests: Vec<&Relation> = read.collect();
        let mut title = format!("clone {} tables of schema {}", tables.len(), snapshot.schema);
        if !queries.is_empty() {
            title = format!("{title} and {} materialized views of them", queries.len());
        }
        let ours = [tables, in_reading_order(&queries)].concat();
        let mut build = build::plan(&title, snapshot, &ours, &guests, naming, options);
        build.changes = changes.steps(snapshot, &ours, naming);
        let needed = lock_budget::needed(&build, &ours);
        build
            .notices
            .extend(lock_budget::check(needed, &snapshot.server)?);
        Ok(Self {
            construction: Construction::new(snapshot, &ours, build, options),
        })
    }

    /// The steps until the twins stand beside live.
    #[must_use]
    pub fn pre_data(&self) -> &Plan {
        &self.build().steps
    }

    /// How the declared changes are made on the twins, in the same transaction; empty where none are declared.
    #[must_use]
    pub fn changes(&self) -> &Plan {
        &self.build().changes
    }

    /// What is to be done after the load, as [`StagedSet::post_data`] will have it.
    #[must_use]
    pub fn post_data(&self) -> &[DeferredStep] {
        &self.build().post_data
    }

    /// What the operator should know of the set, though it stops nothing; printed with the plan and told as
    /// [`EventKind::Warning`](cutover_core::EventKind::Warning) when it runs.
    #[must_use]
    pub fn notices(&self) -> &[String] {
        &self.build().notices
    }

    fn build(&self) -> &Build {
        self.construction.build()
    }

    /// Makes the twins in a transaction of its own.
    ///
    /// # Locks
    /// `ACCESS SHARE` on live and its sequences until the end, some milliseconds a table; with
    /// [`CloneOptions::include_fks`], `SHARE ROW EXCLUSIVE` on tables outside the set that foreign keys refer to. No lock
    /// is waited for longer than [`CloneOptions::lock_timeout`].
    /// # Cancel safety
    /// Dropped before the commit, the transaction is rolled back and nothing is left. Dropped during it, the outcome is
    /// unknown; the twins exist all or none.
    /// # Errors
    /// [`StagingError::LiveChanged`] when live is no longer what the plan was computed from, [`StagingError::InTheWay`] when
    /// something has the twins' names already,
    /// [`StagingError::RefersToLive`] when something could not be re-pointed, [`StagingError::Statement`] when the
    /// server refuses a step. Nothing is left behind.
    pub async fn run(&self, client: &mut Client, events: &Events) -> Result<StagedSet, StagingError> {
        self.construction.run(client, events).await
    }

    /// Makes the twins in the caller's transaction, so that the caller's record of them commits with them.
    ///
    /// The transaction's `SET LOCAL` settings, its search path among them, stay as the plan set them.
    ///
    /// # Errors
    /// Those of [`ClonePlan::run`]; the transaction has then to be rolled back.
    pub async fn run_in(&self, tx: &Transaction<'_>, events: &Events) -> Result<StagedSet, StagingError> {
        self.construction.run_in(tx, events).await
    }
}

impl fmt::Display for ClonePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.construction.fmt(f)
    }
}
