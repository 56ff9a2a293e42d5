//! The renames: live names to backup names, then incoming names to live names.

use cutover_core::{LockMode, ObjectKind, ObjectName, QualifiedName, Sql, Step};

use crate::members::{Member, Part};

type BackupName<'a> = &'a dyn Fn(&QualifiedName) -> QualifiedName;

/// Indexes. Renaming one renames the constraint it backs, takes `SHARE UPDATE EXCLUSIVE` on the index alone, and stops
/// neither readers nor writers; so this comes before the exclusive locks.
pub(crate) fn before_locks(members: &[Member<'_>], backup: BackupName<'_>) -> Vec<Step> {
    part_renames(members, backup, |kind| kind == ObjectKind::Index)
}

/// Sequences, statistics, tables, views and materialized views.
pub(crate) fn under_lock(members: &[Member<'_>], backup: BackupName<'_>) -> Vec<Step> {
    let mut steps: Vec<Step> = members
        .iter()
        .map(|Member { live, .. }| rename(live.kind.object_kind(), &live.name, &backup(&live.name)))
        .collect();
    steps.extend(members.iter().map(|Member { live, incoming, .. }| {
        rename(incoming.kind.object_kind(), &incoming.name, &live.name)
    }));
    steps.extend(part_renames(members, backup, |kind| kind != ObjectKind::Index));
    steps
}

/// All names are freed before any is taken: an incoming name may be some other part's live one.
fn part_renames(
    members: &[Member<'_>],
    backup: BackupName<'_>,
    wanted: impl Fn(ObjectKind) -> bool,
) -> Vec<Step> {
    let parts: Vec<&Part> = members
        .iter()
        .flat_map(|member| &member.parts)
        .filter(|part| wanted(part.kind))
        .collect();
    let away = parts.iter().filter_map(|part| {
        let (name, _) = part.live.as_ref()?;
        Some(rename(part.kind, name, &backup(name)))
    });
    let in_place = parts.iter().filter_map(|part| {
        let (from, to) = (part.incoming.as_ref()?, part.takes.as_ref()?);
        (from != to).then(|| rename(part.kind, from, to))
    });
    away.chain(in_place).collect()
}

fn rename(kind: ObjectKind, from: &QualifiedName, to: &QualifiedName) -> Step {
    let (verb, lock) = match kind {
        ObjectKind::Index => ("ALTER INDEX ", Some(LockMode::ShareUpdateExclusive)),
        ObjectKind::Sequence => ("ALTER SEQUENCE ", Some(LockMode::AccessExclusive)),
        // An object lock of its own, which only other DDL on it would notice.
        ObjectKind::ExtendedStatistics => ("ALTER STATISTICS ", None),
        ObjectKind::View => ("ALTER VIEW ", Some(LockMode::AccessExclusive)),
        ObjectKind::MaterializedView => ("ALTER MATERIALIZED VIEW ", Some(LockMode::AccessExclusive)),
        _ => ("ALTER TABLE ", Some(LockMode::AccessExclusive)),
    };
    let sql = Sql::text(verb).name(from).then(" RENAME TO ").ident(&to.name);
    let step = Step::new("rename", ObjectName::qualified(kind, from), sql);
    match lock {
        Some(mode) => step.locking(mode, from),
        None => step,
    }
}
