//! Dropping staging: only what was recorded, and never with `CASCADE`.

use std::collections::BTreeMap;

use cutover_core::catalog::{CatalogSnapshot, Relation, RelationKind, in_reading_order};
use cutover_core::{
    EventKind, Events, Ident, LockMode, ObjectKind, ObjectName, QualifiedName, Sql, StatementError, Step,
};
use tokio_postgres::{Client, Transaction};

use crate::retry::LockPatience;
use crate::{StagedSet, StagingError, build};

/// Drops the twins of a set, whole or what is left of them.
///
/// A twin is known by its recorded oid **and** name. One that is gone already is left out; one whose oid or name has
/// become something else's is refused before anything is dropped, so what a swap has put live is never touched.
///
/// What of one twin may name another (foreign keys, policies, rules, defaults) goes first; then the twins, readers before what
/// they read. Each step has a transaction of its own, and looks again, under the lock on the twin, whether the name is
/// still that of the recorded oid.
///
/// # Locks
/// `ACCESS EXCLUSIVE` on the twins, and for a moment on tables outside the set that their foreign keys refer to, with
/// the patience given.
/// # Cancel safety
/// Dropped at any time, some twins are gone and some are not; run it again.
/// # Errors
/// [`StagingError::InUse`] before anything is dropped; [`StagingError::NotStaging`] before anything is dropped, or later
/// when a name was given to another relation meanwhile, which is then left as it is.
pub async fn drop_staging(
    client: &mut Client,
    set: &StagedSet,
    patience: &LockPatience,
    events: &Events,
) -> Result<(), StagingError> {
    let present = present_members(client, set).await?;
    if present.is_empty() {
        return Ok(());
    }
    let object = ObjectName::global(ObjectKind::Schema, &set.schema);
    let tx = client
        .transaction()
        .await
        .map_err(|error| StatementError::new("read the staging relations of", object, error))?;
    let snapshot = CatalogSnapshot::read_beside(&tx, &set.schema, set.staging_schema(), &present).await?;
    drop(tx);
    refuse_dependents(&snapshot)?;
    refuse_strange_partitions(&snapshot, set)?;
    let settings = build::settings(&set.schema, snapshot.server.version_num, patience.lock_timeout);
    for (done, drop) in drops(&snapshot).iter().enumerate() {
        let started = std::time::Instant::now();
        let mut tries = patience.tries();
        while let Err(error) = drop.run(client, &settings, done).await {
            tries.pause_after(error, events).await?;
        }
        let step = &drop.step;
        events.emit(EventKind::StepDone {
            purpose: step.purpose,
            object: step.object.clone(),
            took_ms: cutover_core::millis(started.elapsed()),
        });
    }
    Ok(())
}

/// The recorded twins that are still there, by name.
async fn present_members(client: &Client, set: &StagedSet) -> Result<Vec<Ident>, StagingError> {
    let object = ObjectName::global(ObjectKind::Schema, set.staging_schema());
    let names: Vec<&str> = set
        .members
        .iter()
        .map(|member| member.staging.name.as_str())
        .collect();
    let rows = client
        .query(
            "SELECT c.oid, n.nspname::text = $1, c.relname::text \
               FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
              WHERE c.oid = ANY ($2) OR (n.nspname = $1 AND c.relname = ANY ($3))",
            &[&set.staging_schema().as_str(), &set.oids(), &names],
        )
        .await
        .map_err(|error| StatementError::new("look for the staging relations of", object, error))?;
    let found: Vec<(u32, bool, &str)> = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect();
    let mut present = Vec::new();
    for member in &set.members {
        let name = member.staging.name.as_str();
        for &(oid, in_schema, found_name) in &found {
            let same_name = in_schema && found_name == name;
            match (oid == member.oid, same_name) {
                (true, true) => present.push(member.staging.name.clone()),
                (false, false) => {}
                (true, false) | (false, true) => {
                    return Err(StagingError::NotStaging {
                        object: member.object(),
                    });
                }
            }
        }
    }
    Ok(present)
}

fn refuse_dependents(snapshot: &CatalogSnapshot) -> Result<(), StagingError> {
    let dependents: Vec<String> = snapshot.dependents().collect();
    if dependents.is_empty() {
        Ok(())
    } else {
        Err(StagingError::InUse { dependents })
    }
}

/// A table that somebody attached to a twin would go with it.
fn refuse_strange_partitions(snapshot: &CatalogSnapshot, set: &StagedSet) -> Result<(), StagingError> {
    let recorded = set.oids();
    let strange: Vec<String> = snapshot
        .relations
        .iter()
        .filter(|relation| !recorded.contains(&relation.oid))
        .map(|relation| format!("{} is a partition of one of them", relation.object()))
        .collect();
    if strange.is_empty() {
        Ok(())
    } else {
        Err(StagingError::InUse { dependents: strange })
    }
}

/// A step, and the twin that it is done to.
struct Drop<'a> {
    step: Step,
    twin: &'a Relation,
}

impl Drop<'_> {
    /// Takes the lock on whatever bears the name, and goes on only if that is the twin.
    async fn run(&self, client: &mut Client, settings: &Step, done: usize) -> Result<(), StagingError> {
        let step = &self.step;
        let failed = |error| StatementError::new(step.purpose, step.object.clone(), error).after(done);
        let tx = client.transaction().await.map_err(failed)?;
        settings.run(&tx, done).await?;
        match self.bears_the_name(&tx).await.map_err(failed)? {
            Some(true) => {}
            // Somebody dropped it.
            None => return Ok(()),
            Some(false) => return Err(self.not_staging()),
        }
        // `LOCK TABLE` knows no materialized views, and needs privileges that an owner may have taken from itself; this
        // changes nothing and takes the same lock.
        let lock = relation_verb("ALTER", self.twin)
            .name(&self.twin.name)
            .then(" OWNER TO ")
            .ident(&self.twin.owner);
        tx.batch_execute(lock.as_str()).await.map_err(failed)?;
        if self.bears_the_name(&tx).await.map_err(failed)? != Some(true) {
            return Err(self.not_staging());
        }
        step.run(&tx, done).await?;
        tx.commit().await.map_err(failed)?;
        Ok(())
    }

    /// Whether the twin's name is the twin's; `None` where nothing bears it.
    async fn bears_the_name(&self, tx: &Transaction<'_>) -> Result<Option<bool>, tokio_postgres::Error> {
        let row = tx
            .query_one(
                "SELECT pg_catalog.to_regclass($1)::pg_catalog.oid = $2",
                &[&self.twin.name.to_string(), &self.twin.oid],
            )
            .await?;
        Ok(row.get(0))
    }

    fn not_staging(&self) -> StagingError {
        StagingError::NotStaging {
            object: self.twin.object(),
        }
    }
}

fn relation_verb(verb: &'static str, relation: &Relation) -> Sql {
    Sql::text(verb).then(" ").then(relation.kind.keywords()).then(" ")
}

fn drops(snapshot: &CatalogSnapshot) -> Vec<Drop<'_>> {
    let mut drops = Vec::new();
    let names: BTreeMap<u32, &QualifiedName> = snapshot.relations.iter().map(|r| (r.oid, &r.name)).collect();
    let sequences = snapshot
        .relations
        .iter()
        .flat_map(|owner| owner.sequences.iter().map(|sequence| (sequence.oid, owner.oid)));
    let owner_of: BTreeMap<u32, u32> = sequences.collect();
    for twin in &snapshot.relations {
        for constraint in &twin.constraints {
            // A partition is referred to by its own parent's key to itself, so that has to go first.
            let target = constraint.references.as_ref().filter(|_| constraint.local);
            let within = |oid: u32| oid == twin.oid && twin.kind != RelationKind::PartitionedTable;
            let Some(target) = target.filter(|target| !within(target.oid)) else {
                continue;
            };
            let sql = Sql::text("ALTER TABLE ")
                .name(&twin.name)
                .then(" DROP CONSTRAINT IF EXISTS ")
                .ident(&constraint.name);
            let object = ObjectName::part(ObjectKind::Constraint, &constraint.name, &twin.name);
            let target = names.get(&target.oid).copied().unwrap_or(&target.table);
            let step = Step::new("drop", object, sql)
                .locking(LockMode::AccessExclusive, &twin.name)
                .locking(LockMode::AccessExclusive, target);
            drops.push(Drop { step, twin });
        }
        let drawn = twin.columns.iter().filter(|column| {
            let sequences = column.default_sequences.iter();
            let mut owners = sequences.filter_map(|used| owner_of.get(&used.oid));
            owners.any(|owner| *owner != twin.oid)
        });
        for column in drawn {
            let sql = Sql::text("ALTER TABLE ")
                .name(&twin.name)
                .then(" ALTER COLUMN ")
                .ident(&column.name)
                .then(" DROP DEFAULT");
            let object = ObjectName::part(ObjectKind::Column, &column.name, &twin.name);
            let step =
                Step::new("drop the default of", object, sql).locking(LockMode::AccessExclusive, &twin.name);
            drops.push(Drop { step, twin });
        }
        let policies = twin.policies.iter().map(|p| (ObjectKind::Policy, &p.name));
        let rules = twin.rules.iter().map(|r| (ObjectKind::Rule, &r.name));
        for (kind, name) in policies.chain(rules) {
            let sql = Sql::text(match kind {
                ObjectKind::Policy => "DROP POLICY IF EXISTS ",
                _ => "DROP RULE IF EXISTS ",
            })
            .ident(name)
            .then(" ON ")
            .name(&twin.name);
            let step = Step::new("drop", ObjectName::part(kind, name, &twin.name), sql)
                .locking(LockMode::AccessExclusive, &twin.name);
            drops.push(Drop { step, twin });
        }
    }
    let (queries, tables): (Vec<_>, Vec<_>) = snapshot
        .relations
        .iter()
        .partition(|relation| relation.kind.has_query());
    let queries = in_reading_order(&queries).into_iter().rev();
    // Partitions and children before their parents: nothing goes with a parent that is not known here.
    let tables = build::inheritance::parents_first(&tables).into_iter().rev();
    for twin in queries.chain(tables) {
        let sql = relation_verb("DROP", twin).name(&twin.name);
        let step = Step::new("drop", twin.object(), sql).locking(LockMode::AccessExclusive, &twin.name);
        drops.push(Drop { step, twin });
    }
    drops
}
