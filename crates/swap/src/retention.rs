//! Which backup sets go, and dropping them: never with `CASCADE`, never what something outside still depends on.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::{Client, Transaction};

use cutover_core::catalog::{CatalogError, CatalogSnapshot, Relation};
use cutover_core::records::{BackupObject, BackupSet, Records};
use cutover_core::{
    DoneWhen, Ident, LockMode, ObjectKind, ObjectName, QualifiedName, Sql, Stamp, StatementError, Step,
};

use crate::reading;
use crate::ties;

/// Which backup sets are to be dropped, and which are not although their time has come.
///
/// `Display` prints it as a commented SQL script.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RetentionPlan {
    /// The sets to drop, oldest first.
    pub drops: Vec<SetDrop>,
    /// Sets that stay because something outside still depends on them.
    pub kept: Vec<KeptSet>,
}

/// A backup set to drop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SetDrop {
    /// Its stamp.
    pub stamp: Stamp,
    /// What dropping it frees, in bytes.
    pub bytes: u64,
    /// One relation a step, each in a transaction of its own, dependents first.
    pub steps: Vec<Step>,
    /// Recorded relations that are left alone: they bear another name now, or another relation bears theirs.
    pub left_alone: Vec<QualifiedName>,
}

/// A backup set that stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptSet {
    /// Its stamp.
    pub stamp: Stamp,
    /// What depends on it.
    pub because: Vec<KeptReason>,
}

/// What outside a backup set depends on it, as the server describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct KeptReason(pub String);

/// Which backup sets are kept: so many of the newest, and all that are not old enough to go.
///
/// ```
/// use std::time::Duration;
/// use cutover_swap::Retention;
///
/// // Two ways back at least, and whatever was live within the last 60 days.
/// let retention = Retention::newest(2).for_at_least(Duration::from_hours(60 * 24));
/// # let _ = retention;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Retention {
    newest: usize,
    for_at_least: Duration,
}

impl Retention {
    /// Keeps this many of the newest sets, whatever their age.
    pub fn newest(sets: usize) -> Self {
        Self {
            newest: sets,
            for_at_least: Duration::ZERO,
        }
    }

    /// Keeps every set besides until this long after it was made, which is when another release took its place.
    pub fn for_at_least(mut self, age: Duration) -> Self {
        self.for_at_least = age;
        self
    }

    /// Those of `sets`, newest first, that are neither among the newest nor young.
    fn beyond(self, mut sets: Vec<BackupSet>, now: Timestamp) -> Vec<BackupSet> {
        let mut old = sets.split_off(self.newest.min(sets.len()));
        old.retain(|set| {
            // A set that was made after `now` by the same clock cannot be: it would be young.
            let age = Duration::try_from(now.duration_since(set.created_at)).unwrap_or_default();
            age >= self.for_at_least
        });
        old
    }
}

/// Plans dropping the backup sets that `retention` does not keep, by the server's clock. Reads only.
///
/// # Errors
/// When the records or the catalog cannot be read.
pub async fn retention_plan(
    client: &mut Client,
    records: &Records,
    retention: Retention,
) -> Result<RetentionPlan, CatalogError> {
    plan_sets(client, records, |sets, now| retention.beyond(sets, now)).await
}

/// Plans dropping the backup sets of these stamps; a stamp that no set bears is left out. Reads only.
///
/// # Errors
/// When the records or the catalog cannot be read.
pub async fn drop_plan(
    client: &mut Client,
    records: &Records,
    stamps: &[Stamp],
) -> Result<RetentionPlan, CatalogError> {
    plan_sets(client, records, |mut sets, _| {
        sets.retain(|set| stamps.contains(&set.stamp));
        sets
    })
    .await
}

/// Plans dropping those that `choose` takes from all sets, newest first, given the server's time.
async fn plan_sets(
    client: &mut Client,
    records: &Records,
    choose: impl FnOnce(Vec<BackupSet>, Timestamp) -> Vec<BackupSet> + Send,
) -> Result<RetentionPlan, CatalogError> {
    let tx = reading::begin(client, records, "plan the retention of").await?;
    let sets = newest_first(records.backup_sets(&tx).await?);
    let mut plan = RetentionPlan {
        drops: Vec::new(),
        kept: Vec::new(),
    };
    let now = now(&tx, records).await?;
    for set in choose(sets, now).iter().rev() {
        let objects = records.backup_objects(&tx, &set.stamp).await?;
        match plan_set(&tx, records, set, &objects).await? {
            Ok(drop) => plan.drops.push(drop),
            Err(kept) => plan.kept.push(kept),
        }
    }
    Ok(plan)
}

async fn now(tx: &Transaction<'_>, records: &Records) -> Result<Timestamp, StatementError> {
    let row = tx
        .query_one("SELECT pg_catalog.clock_timestamp()", &[])
        .await
        .map_err(|error| {
            let object = ObjectName::global(ObjectKind::Release, records.release_set());
            StatementError::new("ask for the time to judge the backup sets of", object, error)
        })?;
    Ok(row.get(0))
}

/// By the server's clock in the swap itself. Not by stamp: where minutes were taken, or the clock of the machine that
/// chose it was slow, a younger set may bear an earlier one.
pub(crate) fn newest_first(mut sets: Vec<BackupSet>) -> Vec<BackupSet> {
    sets.sort_by(|a, b| (b.created_at, &b.stamp).cmp(&(a.created_at, &a.stamp)));
    sets
}

async fn plan_set(
    tx: &Transaction<'_>,
    records: &Records,
    set: &BackupSet,
    objects: &[BackupObject],
) -> Result<Result<SetDrop, KeptSet>, CatalogError> {
    let members: Vec<&BackupObject> = objects
        .iter()
        .filter(|object| object.of_relation.is_none())
        .collect();
    let (present, left_alone) = present(tx, records, &members).await?;
    let mut drop = SetDrop {
        stamp: set.stamp.clone(),
        bytes: 0,
        steps: Vec::new(),
        left_alone,
    };
    let Some(schema) = present.first().map(|member| member.backup.schema.clone()) else {
        return Ok(Ok(drop));
    };
    let names: Vec<Ident> = present.iter().map(|member| member.backup.name.clone()).collect();
    let snapshot = CatalogSnapshot::read(tx, &schema, &names).await?;
    let because = dependents(&snapshot);
    if !because.is_empty() {
        return Ok(Err(KeptSet {
            stamp: set.stamp.clone(),
            because,
        }));
    }
    drop.bytes = snapshot
        .relations
        .iter()
        .map(|r| u64::try_from(r.bytes).unwrap_or(0))
        .sum();
    let oids: Vec<u32> = snapshot.relations.iter().map(|relation| relation.oid).collect();
    drop.steps = drop_steps(&snapshot, edges(tx, records, &oids).await?);
    Ok(Ok(drop))
}

/// Members that are still what was recorded, by oid and name both; and those that are not.
async fn present<'a>(
    tx: &Transaction<'_>,
    records: &Records,
    members: &[&'a BackupObject],
) -> Result<(Vec<&'a BackupObject>, Vec<QualifiedName>), StatementError> {
    let oids: Vec<u32> = members.iter().map(|member| member.oid).collect();
    let schemas: Vec<&str> = members
        .iter()
        .map(|member| member.backup.schema.as_str())
        .collect();
    let names: Vec<&str> = members.iter().map(|member| member.backup.name.as_str()).collect();
    let rows = tx
        .query(
            "SELECT m.n, c.oid IS NOT NULL AND c.oid = m.oid, \
                    c.oid IS NOT NULL OR EXISTS (SELECT FROM pg_catalog.pg_class o WHERE o.oid = m.oid) \
               FROM unnest($1::oid[], $2::text[], $3::text[]) WITH ORDINALITY m (oid, schema, name, n) \
               LEFT JOIN pg_catalog.pg_namespace s ON s.nspname = m.schema \
               LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = s.oid AND c.relname = m.name ORDER BY m.n",
            &[&oids, &schemas, &names],
        )
        .await
        .map_err(|error| {
            let object = ObjectName::global(ObjectKind::Release, records.release_set());
            StatementError::new("look for the backed-up relations of", object, error)
        })?;
    let (mut present, mut left_alone) = (Vec::new(), Vec::new());
    for (member, row) in members.iter().zip(&rows) {
        if row.get(1) {
            present.push(*member);
        } else if row.get(2) {
            left_alone.push(member.backup.clone());
        }
    }
    Ok((present, left_alone))
}

fn dependents(snapshot: &CatalogSnapshot) -> Vec<KeptReason> {
    snapshot.dependents().map(KeptReason).collect()
}

/// The first depends on the second: by a foreign key, by reading it, or by drawing from its sequence.
type Edge = (u32, u32);

async fn edges(
    tx: &Transaction<'_>,
    records: &Records,
    oids: &[u32],
) -> Result<BTreeSet<Edge>, CatalogError> {
    let rows = tx
        .query(include_str!("sql/backup_edges.sql"), &[&oids])
        .await
        .map_err(|error| {
            let object = ObjectName::global(ObjectKind::Release, records.release_set());
            StatementError::new("read the dependencies between backups of", object, error)
        })?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Dependents before what they depend on; what goes in circles is undone first.
fn drop_steps(snapshot: &CatalogSnapshot, mut edges: BTreeSet<Edge>) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut left: Vec<&Relation> = snapshot.relations.iter().collect();
    while !left.is_empty() {
        let free = left
            .iter()
            .position(|relation| !edges.iter().any(|(_, on)| *on == relation.oid));
        if let Some(free) = free {
            let relation = left.remove(free);
            edges.retain(|(dependent, _)| *dependent != relation.oid);
            steps.push(drop_relation(relation));
        } else {
            // What lasts cannot go in circles: reading, inheriting, a column of rows. Whatever else does can be undone by itself.
            steps.extend(ties::undo(&left));
            let lasting: BTreeSet<Edge> = edges
                .iter()
                .filter(|edge| lasts(snapshot, **edge))
                .copied()
                .collect();
            edges = if lasting.len() < edges.len() {
                lasting
            } else {
                BTreeSet::new()
            };
        }
    }
    steps
}

/// Whether the first cannot be freed of the second without being changed itself.
fn lasts(snapshot: &CatalogSnapshot, (dependent, on): Edge) -> bool {
    let mut relations = snapshot.relations.iter();
    let dependent = relations.find(|relation| relation.oid == dependent);
    dependent.is_some_and(|relation| {
        relation.reads.contains(&on)
            || relation.inherits_from.iter().any(|parent| parent.oid == on)
            || relation
                .columns
                .iter()
                .any(|column| column.row_type_of == Some(on))
    })
}

fn drop_relation(relation: &Relation) -> Step {
    let drop = Sql::text("DROP ").then(relation.kind.keywords()).then(" ");
    let step = Step::new("drop", relation.object(), drop.name(&relation.name));
    // Dropping a table drops its keys' triggers on the tables it refers to, which locks those as well; a partition or
    // child leaves its parent.
    let referenced: BTreeSet<&QualifiedName> = relation
        .constraints
        .iter()
        .filter_map(|constraint| constraint.references.as_ref())
        .map(|target| &target.table)
        .chain(relation.inherits_from.iter().map(|parent| &parent.name))
        .filter(|table| **table != relation.name)
        .collect();
    referenced
        .into_iter()
        .fold(
            step.locking(LockMode::AccessExclusive, &relation.name),
            |step, table| step.locking(LockMode::AccessExclusive, table),
        )
        .done_when(DoneWhen::Query(gone(relation.oid)))
}

/// By oid: whatever bears the name.
fn gone(oid: u32) -> Sql {
    Sql::text("SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = ")
        .number(oid.into())
        .then(")")
}

impl fmt::Display for RetentionPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for drop in &self.drops {
            writeln!(f, "-- Drop backup set {}, {} bytes", drop.stamp, drop.bytes)?;
            for name in &drop.left_alone {
                writeln!(f, "-- left alone, no longer what was recorded: {name}")?;
            }
            for step in &drop.steps {
                writeln!(f, "{step}")?;
            }
        }
        for kept in &self.kept {
            writeln!(f, "-- Keep backup set {}, on which depend:", kept.stamp)?;
            for KeptReason(because) in &kept.because {
                writeln!(f, "--   {because}")?;
            }
        }
        Ok(())
    }
}
