//! Dropping staging: only what was recorded, and never with `CASCADE`.

use std::collections::BTreeMap;

use cutover_core::catalog::{CatalogSnapshot, RelationKind};
use cutover_core::{
    EventKind, Events, Ident, LockMode, ObjectKind, ObjectName, QualifiedName, Sql, StatementError, Step,
};
use tokio_postgres::Client;

use crate::retry::LockPatience;
use crate::{StagedSet, StagingError, build};

/// Drops the twins of a set, whole or what is left of them.
///
/// A twin is known by its recorded oid **and** name. One that is gone already is left out; one whose oid or name has
/// become something else's is refused before anything is dropped, so what a swap has put live is never touched.
///
/// Foreign keys go first, each in a transaction of its own; then the twins, readers before what they read.
///
/// # Locks
/// `ACCESS EXCLUSIVE` on the twins, and for a moment on tables outside the set that their foreign keys refer to, with
/// the patience given.
/// # Cancel safety
/// Dropped at any time, some twins are gone and some are not; run it again.
/// # Errors
/// [`StagingError::NotStaging`] and [`StagingError::InUse`] before anything is dropped.
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
    let snapshot = CatalogSnapshot::read(&tx, &set.schema, &present).await?;
    drop(tx);
    refuse_dependents(&snapshot)?;
    let settings = build::settings(&set.schema, snapshot.server.version_num, patience.lock_timeout);
    for (done, step) in steps(&snapshot).iter().enumerate() {
        let started = std::time::Instant::now();
        let mut tries = patience.tries();
        while let Err(error) = run_once(client, &settings, step, done).await {
            tries.pause_after(error, events).await?;
        }
        events.emit(EventKind::StepDone {
            purpose: step.purpose,
            object: step.object.clone(),
            took_ms: cutover_core::millis(started.elapsed()),
        });
    }
    Ok(())
}

/// One step in one transaction.
async fn run_once(
    client: &mut Client,
    settings: &Step,
    step: &Step,
    done: usize,
) -> Result<(), StagingError> {
    let failed = |error| StatementError::new(step.purpose, step.object.clone(), error).after(done);
    let tx = client.transaction().await.map_err(failed)?;
    settings.run(&tx, done).await?;
    step.run(&tx, done).await?;
    Ok(tx.commit().await.map_err(failed)?)
}

/// The recorded twins that are still there, by name.
async fn present_members(client: &Client, set: &StagedSet) -> Result<Vec<Ident>, StagingError> {
    let object = ObjectName::global(ObjectKind::Schema, &set.schema);
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
            &[&set.schema.as_str(), &set.oids(), &names],
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
    let views = snapshot.views.iter().map(|view| view.object().to_string());
    let keys = snapshot
        .inbound_foreign_keys
        .iter()
        .map(|key| ObjectName::part(ObjectKind::Constraint, &key.name, &key.table).to_string());
    let others = snapshot
        .other_dependents
        .iter()
        .map(|other| format!("{} (on {})", other.description, other.member));
    let dependents: Vec<String> = views.chain(keys).chain(others).collect();
    if dependents.is_empty() {
        Ok(())
    } else {
        Err(StagingError::InUse { dependents })
    }
}

fn steps(snapshot: &CatalogSnapshot) -> Vec<Step> {
    let mut steps = Vec::new();
    let names: BTreeMap<u32, &QualifiedName> = snapshot.relations.iter().map(|r| (r.oid, &r.name)).collect();
    for relation in &snapshot.relations {
        for constraint in &relation.constraints {
            let Some(target) = constraint
                .references
                .as_ref()
                .filter(|target| target.oid != relation.oid)
            else {
                continue;
            };
            let sql = Sql::text("ALTER TABLE ")
                .name(&relation.name)
                .then(" DROP CONSTRAINT IF EXISTS ")
                .ident(&constraint.name);
            let object = ObjectName::part(ObjectKind::Constraint, &constraint.name, &relation.name);
            let target = names.get(&target.oid).copied().unwrap_or(&target.table);
            steps.push(
                Step::new("drop", object, sql)
                    .locking(LockMode::AccessExclusive, &relation.name)
                    .locking(LockMode::AccessExclusive, target),
            );
        }
    }
    let matviews: Vec<_> = snapshot
        .relations
        .iter()
        .filter(|relation| relation.kind == RelationKind::MaterializedView)
        .collect();
    let matviews = build::in_dependency_order(&matviews).into_iter().rev();
    let tables = snapshot
        .relations
        .iter()
        .filter(|relation| relation.kind == RelationKind::Table);
    for relation in matviews.chain(tables) {
        let drop = if relation.kind == RelationKind::MaterializedView {
            "DROP MATERIALIZED VIEW IF EXISTS "
        } else {
            "DROP TABLE IF EXISTS "
        };
        let sql = Sql::text(drop).name(&relation.name);
        steps.push(
            Step::new("drop", relation.object(), sql).locking(LockMode::AccessExclusive, &relation.name),
        );
    }
    steps
}
