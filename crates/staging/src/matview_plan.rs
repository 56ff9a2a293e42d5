//! The staging twins of the materialized views of a release set.

use std::fmt;
use std::time::Instant;

use cutover_core::catalog::{CatalogSnapshot, Relation, RelationKind, in_reading_order};
use cutover_core::{
    EventKind, Events, NamingPolicy, ObjectKind, ObjectName, Plan, Sql, StatementError, Step, millis,
};
use tokio_postgres::{Client, IsolationLevel, Transaction};

use crate::build;
use crate::run::Construction;
use crate::{CloneError, CloneOptions, StagedMember, StagedSet, StagingError, check, late};

/// How the staging twins of a set's materialized views are made that read no table of it: empty, with their indexes, owner,
/// grants, comments and settings, and reading the twins of those members that they read.
///
/// They are made before the tables, because importers read them. Those that read tables of the set are made with these, by
/// [`ClonePlan`](crate::ClonePlan).
#[derive(Debug, Clone)]
pub struct MatviewPlan {
    construction: Construction,
}

impl MatviewPlan {
    /// Plans the twins of the snapshot's materialized views that read no table of it. Pure.
    ///
    /// # Errors
    /// [`CloneError`] with everything of them that would not be cloned exactly.
    pub fn compute(
        snapshot: &CatalogSnapshot,
        naming: &NamingPolicy,
        options: &CloneOptions,
    ) -> Result<Self, CloneError> {
        let late = late::members(snapshot);
        let is_ours = |relation: &Relation| relation.kind.has_query() && !late.contains(&relation.oid);
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
        let members: Vec<&Relation> = snapshot
            .relations
            .iter()
            .filter(|relation| is_ours(relation))
            .collect();
        let ordered = in_reading_order(&members);
        let title = format!(
            "clone {} materialized views of schema {}",
            ordered.len(),
            snapshot.schema
        );
        let mut build = build::plan(&title, snapshot, &ordered, &[], naming, options);
        build.changes = changes.steps(snapshot, &ordered, naming);
        Ok(Self {
            construction: Construction::new(snapshot, &ordered, build, options),
        })
    }

    /// Whether there is nothing to make: every materialized view of the set reads its tables.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.construction.build().members.is_empty()
    }

    /// The steps until the empty twins stand beside live.
    #[must_use]
    pub fn pre_data(&self) -> &Plan {
        &self.construction.build().steps
    }

    /// What the operator should know of the set, though it stops nothing; printed with the plan and told as
    /// [`EventKind::Warning`](cutover_core::EventKind::Warning) when it runs.
    #[must_use]
    pub fn notices(&self) -> &[String] {
        &self.construction.build().notices
    }

    /// How the declared changes are made on the twins, in the same transaction; empty where none are declared.
    #[must_use]
    pub fn changes(&self) -> &Plan {
        &self.construction.build().changes
    }

    /// Makes the empty twins in a transaction of its own.
    ///
    /// # Locks
    /// `ACCESS SHARE` on what the materialized views read.
    /// # Cancel safety
    /// As [`ClonePlan::run`](crate::ClonePlan::run).
    /// # Errors
    /// As [`ClonePlan::run`](crate::ClonePlan::run).
    pub async fn run(&self, client: &mut Client, events: &Events) -> Result<StagedSet, StagingError> {
        self.construction.run(client, events).await
    }

    /// Makes the empty twins in the caller's transaction; see [`ClonePlan::run_in`](crate::ClonePlan::run_in).
    ///
    /// # Errors
    /// As [`ClonePlan::run`](crate::ClonePlan::run).
    pub async fn run_in(&self, tx: &Transaction<'_>, events: &Events) -> Result<StagedSet, StagingError> {
        self.construction.run_in(tx, events).await
    }
}

impl fmt::Display for MatviewPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.construction.fmt(f)
    }
}

impl StagedSet {
    /// Fills the twins of materialized views, in dependency order, and analyses them: those that read tables of the set once
    /// the tables' rows, indexes and privileges are there.
    ///
    /// Each query runs as the materialized view's owner, as in any refresh: what row-level security hides from that role is
    /// not in it. One `REPEATABLE READ` transaction, so that all of them see one state of what they read; foreign tables of one
    /// server share one snapshot there too. Run again, it fills them anew. Values of columns that name no compression are stored with
    /// lz4 where the server has it.
    ///
    /// # Locks
    /// `ACCESS EXCLUSIVE` on the twins, which nobody else reads yet; `ACCESS SHARE` on what they read.
    /// # Cancel safety
    /// Dropped before the commit, all twins are as they were before.
    /// # Errors
    /// [`StagingError::Statement`] names the materialized view whose query failed.
    pub async fn fill_materialized_views(
        &self,
        client: &mut Client,
        events: &Events,
    ) -> Result<(), StagingError> {
        let schema = || ObjectName::global(ObjectKind::Schema, &self.schema);
        let tx = client
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead)
            .start()
            .await
            .map_err(|error| {
                StatementError::new("begin to fill the materialized views of", schema(), error)
            })?;
        let version: i32 = tx
            .query_one(
                "SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4",
                &[],
            )
            .await
            .map_err(|error| StatementError::new("ask for the version of the server of", schema(), error))?
            .get(0);
        // A refresh waits for nobody but the readers of its own twin.
        let patience = std::time::Duration::from_mins(1);
        let settings = build::settings(&self.schema, u32::try_from(version).unwrap_or_default(), patience);
        settings.run(&tx, 0).await?;
        // As on live, where nobody turns an owner's policies into an error.
        let filtered = Sql::text("SET LOCAL row_security = on");
        Step::new("let policies act in", schema(), filtered)
            .run(&tx, 0)
            .await?;
        let compressed = Sql::text(FAST_TOAST);
        Step::new("choose the compression of values in", schema(), compressed)
            .run(&tx, 0)
            .await?;
        let twins = self
            .members
            .iter()
            .filter(|member| member.kind == RelationKind::MaterializedView);
        for (done, twin) in twins.enumerate() {
            let started = Instant::now();
            let step = fill(twin);
            step.run(&tx, done).await?;
            events.emit(EventKind::StepDone {
                purpose: step.purpose,
                object: step.object,
                took_ms: millis(started.elapsed()),
            });
        }
        tx.commit()
            .await
            .map_err(|error| StatementError::new("commit the materialized views of", schema(), error))?;
        Ok(())
    }
}

/// As in imports: pglz dominates the cost of storing geometry, and lz4 is there where the server was built with it. Columns that
/// name a method keep theirs; no definition changes.
const FAST_TOAST: &str = "SELECT pg_catalog.set_config(name, 'lz4', true) FROM pg_catalog.pg_settings \
     WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)";

fn fill(twin: &StagedMember) -> Step {
    Step::new(
        "fill",
        twin.object(),
        Sql::text("REFRESH MATERIALIZED VIEW ")
            .name(&twin.staging)
            .then(";\nANALYZE ")
            .name(&twin.staging),
    )
}
