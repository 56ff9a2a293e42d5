//! The renames: live names to backup names, then incoming names to live names; and the moves, where staging or backups have
//! schemas of their own.
//!
//! What comes from another schema arrives in live's under the name it has there, and what goes to one departs under its
//! backup name. In between all is as where nothing moves: names with prefixes are the only ones that are borne in two
//! schemas, so whatever else is called like live there is never met.

use cutover_core::{Ident, LockMode, ObjectKind, ObjectName, QualifiedName, Sql, Step};

use crate::members::{Member, Part};

type BackupName<'a> = &'a dyn Fn(&QualifiedName) -> QualifiedName;

/// Indexes. Renaming one renames the constraint it backs, takes `SHARE UPDATE EXCLUSIVE` on the index alone, and stops
/// neither readers nor writers; so this comes before the exclusive locks. Those of tables that are still to arrive come
/// with these, and are renamed then.
pub(crate) fn before_locks(members: &[Member<'_>], backup: BackupName<'_>) -> Vec<Step> {
    let index = |part: &&Part| part.kind == ObjectKind::Index;
    let parts: Vec<&Part> = parts(members).filter(index).collect();
    let away = away(parts.iter().copied(), backup);
    let there = parts.iter().copied().filter(|part| !part.arrives());
    away.chain(in_place(there)).collect()
}

/// Sequences, statistics, tables, views and materialized views.
pub(crate) fn under_lock(members: &[Member<'_>], backup: BackupName<'_>) -> Vec<Step> {
    let relations = || members.iter();
    let mut steps = arrivals(members);
    steps.extend(
        relations()
            .map(|Member { live, .. }| rename(live.kind.object_kind(), &live.name, &backup(&live.name))),
    );
    steps.extend(relations().map(|Member { live, incoming, .. }| {
        let arrived = live.name.with_name(incoming.name.name.clone());
        rename(incoming.kind.object_kind(), &arrived, &live.name)
    }));
    // All names are freed before any is taken: an incoming name may be some other part's live one.
    let not_index = |part: &&Part| part.kind != ObjectKind::Index;
    steps.extend(away(parts(members).filter(not_index), backup));
    steps.extend(in_place(
        parts(members).filter(|part| not_index(part) || part.arrives()),
    ));
    steps.extend(departures(members, backup));
    steps
}

fn parts<'a>(members: &'a [Member<'_>]) -> impl Iterator<Item = &'a Part> {
    members.iter().flat_map(|member| &member.parts)
}

fn away<'a>(parts: impl Iterator<Item = &'a Part>, backup: BackupName<'a>) -> impl Iterator<Item = Step> {
    parts.filter_map(move |part| {
        let (name, _) = part.live.as_ref()?;
        Some(rename(part.kind, name, &backup(name)))
    })
}

/// By now everything is where it belongs.
fn in_place<'a>(parts: impl Iterator<Item = &'a Part>) -> impl Iterator<Item = Step> {
    parts.filter_map(|part| {
        let (from, to) = (part.incoming.as_ref()?, part.takes.as_ref()?);
        let arrived = to.with_name(from.name.clone());
        (arrived != *to).then(|| rename(part.kind, &arrived, to))
    })
}

/// Into live's schema. Indexes, sequences and types come along with their table, statistics do not.
fn arrivals(members: &[Member<'_>]) -> Vec<Step> {
    let relations = members.iter().filter_map(|Member { live, incoming, .. }| {
        move_to(incoming.kind.object_kind(), &incoming.name, &live.name.schema)
    });
    let statistics = parts(members).filter(|part| part.kind == ObjectKind::ExtendedStatistics);
    let statistics = statistics.filter_map(|part| {
        let (from, to) = (part.incoming.as_ref()?, part.takes.as_ref()?);
        move_to(part.kind, from, &to.schema)
    });
    relations.chain(statistics).collect()
}

/// Out of live's schema, under the backup names.
fn departures(members: &[Member<'_>], backup: BackupName<'_>) -> Vec<Step> {
    let depart = |kind, live: &QualifiedName| {
        let backup = backup(live);
        move_to(kind, &live.with_name(backup.name), &backup.schema)
    };
    let relations = members
        .iter()
        .filter_map(|Member { live, .. }| depart(live.kind.object_kind(), &live.name));
    let statistics = parts(members).filter(|part| part.kind == ObjectKind::ExtendedStatistics);
    let statistics = statistics.filter_map(|part| depart(part.kind, &part.live.as_ref()?.0));
    relations.chain(statistics).collect()
}

impl Part {
    /// Whether it comes from another schema.
    fn arrives(&self) -> bool {
        match (&self.incoming, &self.takes) {
            (Some(from), Some(to)) => from.schema != to.schema,
            _ => false,
        }
    }
}

fn alter(kind: ObjectKind) -> (Sql, Option<LockMode>) {
    let (verb, lock) = match kind {
        ObjectKind::Index => ("ALTER INDEX ", Some(LockMode::ShareUpdateExclusive)),
        ObjectKind::Sequence => ("ALTER SEQUENCE ", Some(LockMode::AccessExclusive)),
        // An object lock of its own, which only other DDL on it would notice.
        ObjectKind::ExtendedStatistics => ("ALTER STATISTICS ", None),
        ObjectKind::View => ("ALTER VIEW ", Some(LockMode::AccessExclusive)),
        ObjectKind::MaterializedView => ("ALTER MATERIALIZED VIEW ", Some(LockMode::AccessExclusive)),
        _ => ("ALTER TABLE ", Some(LockMode::AccessExclusive)),
    };
    (Sql::text(verb), lock)
}

fn step(purpose: &'static str, kind: ObjectKind, name: &QualifiedName, clause: &Sql) -> Step {
    let (alter, lock) = alter(kind);
    let sql = alter.name(name).append(clause);
    let step = Step::new(purpose, ObjectName::qualified(kind, name), sql);
    match lock {
        Some(mode) => step.locking(mode, name),
        None => step,
    }
}

/// Within the schema that it is in.
fn rename(kind: ObjectKind, from: &QualifiedName, to: &QualifiedName) -> Step {
    step("rename", kind, from, &Sql::text(" RENAME TO ").ident(&to.name))
}

/// `None` where it is there already. A parent goes without its partitions, each of which is moved by itself.
fn move_to(kind: ObjectKind, name: &QualifiedName, schema: &Ident) -> Option<Step> {
    let clause = || Sql::text(" SET SCHEMA ").ident(schema);
    (name.schema != *schema).then(|| step("move", kind, name, &clause()))
}
