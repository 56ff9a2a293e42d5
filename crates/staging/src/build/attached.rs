//! What is attached to a table and may wait until its rows are there: indexes, keys, foreign keys, trigger states.

use cutover_core::catalog::{CatalogSnapshot, Constraint, ConstraintKind, Index, Kin, RelationKind, Trigger};
use cutover_core::{Ident, NamingPolicy, ObjectKind, ObjectName, Sql, Step};

use super::extension;
use super::partition;
use super::twin::Twin;
use crate::deferred::{
    Deferral, DeferredAction, DeferredStep, ForeignKey, PartitionedKey, TriggerState, comment_on_constraint,
};

/// The name that an index bears in staging.
pub(super) fn staging_name(naming: &NamingPolicy, index: &Index) -> Ident {
    naming.staging(&index.name).name
}

/// Everything about one index: itself, the key it backs, its marks, targets and comments.
pub(super) fn index(twin: &Twin<'_>, live: &Index, naming: &NamingPolicy) -> Vec<DeferredStep> {
    let name = || staging_name(naming, live);
    let mut actions = Vec::new();
    let key = key_of(twin, live);
    if let Some(key) = key {
        if !builds_its_index(key) && !twin.is_partitioned() {
            actions.push(DeferredAction::AttachKey {
                index: name(),
                primary: key.kind == ConstraintKind::PrimaryKey,
                deferral: Deferral::of(key),
            });
        }
        actions.extend(
            key.comment
                .as_ref()
                .map(|comment| DeferredAction::CommentOnConstraint {
                    name: name(),
                    comment: comment.clone(),
                }),
        );
    }
    for (column, target) in &live.statistics_targets {
        // The catalog numbers them; a key that is no number cannot come from it.
        if let Ok(column) = column.parse() {
            actions.push(DeferredAction::IndexStatistics {
                index: name(),
                column,
                target: *target,
            });
        }
    }
    actions.extend(
        live.comment
            .as_ref()
            .map(|comment| DeferredAction::CommentOnIndex {
                index: name(),
                comment: comment.clone(),
            }),
    );
    for extension in &live.depends_on_extensions {
        actions.push(DeferredAction::IndexDependsOnExtension {
            index: name(),
            extension: extension.clone(),
        });
    }
    if live.clustered {
        actions.push(DeferredAction::ClusterOn {
            index: name(),
            materialized_view: twin.is_materialized_view(),
        });
    }
    if live.replica_identity {
        actions.push(DeferredAction::ReplicaIdentity { index: name() });
    }
    let made = match key {
        Some(key) if twin.is_partitioned() => partitioned_key(live, key, naming),
        _ => build(twin, live, naming),
    };
    let mut steps = vec![DeferredStep::new(&twin.staging, made).making(live.bytes)];
    steps.extend(on(twin, actions));
    steps
}

/// The constraint that an index backs.
fn key_of<'a>(twin: &Twin<'a>, live: &Index) -> Option<&'a Constraint> {
    let name = live.constraint.as_ref()?;
    twin.live
        .constraints
        .iter()
        .find(|constraint| constraint.name == *name)
}

/// Whether a constraint can only be made together with its index: exclusion constraints and temporal keys.
fn builds_its_index(key: &Constraint) -> bool {
    key.kind == ConstraintKind::Exclusion || key.temporal
}

fn build(twin: &Twin<'_>, live: &Index, naming: &NamingPolicy) -> DeferredAction {
    if let Some(key) = key_of(twin, live).filter(|key| builds_its_index(key)) {
        return DeferredAction::BuildConstraint {
            name: staging_name(naming, live),
            kind: key.kind,
            definition: key.definition.clone(),
            tablespace: live.tablespace.clone(),
        };
    }
    let (index, unique) = (staging_name(naming, live), live.unique);
    let (tail, tablespace) = (live.tail.clone(), live.tablespace.clone());
    if twin.is_partitioned() {
        DeferredAction::CreatePartitionedIndex {
            index,
            unique,
            tail,
            tablespace,
        }
    } else {
        DeferredAction::BuildIndex {
            index,
            unique,
            tail,
            tablespace,
        }
    }
}

/// A key of a partitioned table, which cannot be made of an index that is there.
fn partitioned_key(live: &Index, key: &Constraint, naming: &NamingPolicy) -> DeferredAction {
    DeferredAction::AddPartitionedKey(PartitionedKey {
        index: staging_name(naming, live),
        primary: key.kind == ConstraintKind::PrimaryKey,
        nulls_not_distinct: live.nulls_not_distinct,
        columns: key.columns.clone(),
        included: live.included.clone(),
        options: live.options.clone(),
        tablespace: live.tablespace.clone(),
        deferral: Deferral::of(key),
    })
}

/// An index that holds whole rows: made before the rows come, where the table's live name means the twin.
pub(super) fn index_of_rows(twin: &Twin<'_>, live: &Index, naming: &NamingPolicy) -> Step {
    let mut step = DeferredStep::new(&twin.scratch, build(twin, live, naming)).step();
    step.object = ObjectName::qualified(ObjectKind::Index, &naming.staging(&live.name));
    step.done_when = cutover_core::DoneWhen::WithItsTransaction;
    step.locks.clear();
    step
}

/// Attaches the twin of a partition's index to the twin of its parent's, as on live.
pub(super) fn attach_index(
    twin: &Twin<'_>,
    parent: &Kin,
    live: &Index,
    snapshot: &CatalogSnapshot,
    naming: &NamingPolicy,
) -> Option<DeferredStep> {
    let mut above = partition::above(snapshot, twin.live).map(|table| naming.staging(&table.name));
    let parent_table = above.next()?;
    let action = DeferredAction::AttachIndex {
        index: naming.staging(&parent.name).name,
        partition: twin.staging.clone(),
        partition_index: staging_name(naming, live),
        above: above.collect(),
    };
    Some(DeferredStep::new(&parent_table, action))
}

/// Makes an index that waits for the rows on the empty table, so that the server reads its expressions now; and the
/// step that takes it away again.
pub(super) fn try_out(twin: &Twin<'_>, live: &Index, naming: &NamingPolicy) -> (Step, Step) {
    let action = build(twin, live, naming);
    let name = naming.staging(&live.name);
    let drop = match action {
        DeferredAction::BuildConstraint { .. } => twin.alter().then(" DROP CONSTRAINT ").ident(&name.name),
        _ => Sql::text("DROP INDEX ").name(&name),
    };
    let mut built = DeferredStep::new(&twin.staging, action).step();
    built.purpose = "try out";
    built.done_when = cutover_core::DoneWhen::WithItsTransaction;
    built.locks.clear();
    let dropped = Step::new("put off", built.object.clone(), drop);
    (built, dropped)
}

/// The foreign keys of a table, pointing at the twins of members.
pub(super) fn foreign_keys<'a>(
    twin: &'a Twin<'_>,
    snapshot: &'a CatalogSnapshot,
    naming: &'a NamingPolicy,
) -> impl Iterator<Item = (ForeignKey, &'a Constraint)> {
    twin.live.constraints.iter().filter_map(move |constraint| {
        let target = constraint.references.as_ref()?;
        let member = snapshot
            .relations
            .iter()
            .find(|member| member.oid == target.oid && member.kind != RelationKind::MaterializedView);
        let key = ForeignKey {
            name: constraint.name.clone(),
            columns: constraint.columns.clone(),
            target: member.map_or_else(|| target.table.clone(), |member| naming.staging(&member.name)),
            outside: member.is_none(),
            target_columns: target.columns.clone(),
            match_full: target.match_type == "f",
            on_update: target.on_update.clone(),
            on_delete: target.on_delete.clone(),
            on_delete_columns: target.on_delete_columns.clone(),
            deferral: Deferral::of(constraint),
            period: constraint.temporal,
            enforced: constraint.enforced,
            checked_when_added: constraint.validated
                && constraint.enforced
                && (twin.is_partitioned()
                    || member.is_some_and(|m| m.kind == RelationKind::PartitionedTable)),
            level: partition::above(snapshot, twin.live).count(),
            partitions: [
                Some(twin.live),
                member.filter(|member| member.oid != twin.live.oid),
            ]
            .into_iter()
            .flatten()
            .flat_map(|table| snapshot.partitions_of(table.oid))
            .map(|partition| naming.staging(&partition.name))
            .collect(),
        };
        Some((key, constraint))
    })
}

/// A foreign key, its validation where live has it valid, and its comment.
pub(super) fn foreign_key(twin: &Twin<'_>, key: ForeignKey, live: &Constraint) -> Vec<DeferredStep> {
    let (name, target) = (key.name.clone(), key.target.clone());
    let checked = key.checked_when_added;
    let mut actions = vec![DeferredAction::AddForeignKey(key)];
    if live.validated && live.enforced && !checked {
        let name = name.clone();
        actions.push(DeferredAction::ValidateForeignKey { name, target });
    }
    actions.extend(
        live.comment
            .as_ref()
            .map(|comment| DeferredAction::CommentOnConstraint {
                name,
                comment: comment.clone(),
            }),
    );
    on(twin, actions)
}

/// A trigger, made where the table's live name means the twin, and kept from firing during the load.
///
/// A partition's clone of its parent's trigger came about with that; its state and comment are its own.
pub(super) fn trigger(twin: &Twin<'_>, live: &Trigger) -> Vec<Step> {
    let object = || ObjectName::part(ObjectKind::Trigger, &live.name, &twin.staging);
    let mut steps = Vec::new();
    if !live.inherited {
        let create = Sql::text("").deparsed(&live.definition);
        steps.push(Step::new("create", object(), create));
    }
    // Nobody loads rows through a view, whose triggers cannot be disabled either.
    if !twin.has_query() {
        let disable = Sql::text("ALTER TABLE ONLY ")
            .name(&twin.scratch)
            .then(" DISABLE TRIGGER ")
            .ident(&live.name);
        steps.push(Step::new("keep from firing", object(), disable));
    }
    if let Some(comment) = &live.comment {
        let sql = Sql::text("COMMENT ON TRIGGER ")
            .ident(&live.name)
            .then(" ON ")
            .name(&twin.scratch)
            .then(" IS ")
            .literal(comment);
        steps.push(Step::new("comment on", object(), sql));
    }
    if let Some(comment) = &live.constraint_comment {
        steps.push(Step::new(
            "comment on",
            ObjectName::part(ObjectKind::Constraint, &live.name, &twin.staging),
            comment_on_constraint(&twin.scratch, &live.name, comment),
        ));
    }
    steps.extend(extension::of_trigger(twin, live));
    steps
}

/// Lets a trigger fire as on live.
pub(super) fn trigger_state(twin: &Twin<'_>, live: &Trigger) -> Option<DeferredStep> {
    let state = TriggerState::of(&live.enabled).filter(|_| !twin.has_query())?;
    Some(DeferredStep::new(
        &twin.staging,
        DeferredAction::SetTrigger {
            trigger: live.name.clone(),
            state,
        },
    ))
}

fn on(twin: &Twin<'_>, actions: Vec<DeferredAction>) -> Vec<DeferredStep> {
    actions
        .into_iter()
        .map(|action| DeferredStep::new(&twin.staging, action))
        .collect()
}
