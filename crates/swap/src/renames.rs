//! The renames: live names to backup names, then incoming names to live names; and the moves, where staging or backups have
//! schemas of their own.
//!
//! What comes from another schema arrives in live's under the name it has there, and what goes to one departs under its
//! backup name. In between all is as where nothing moves: names with prefixes are the only ones that are borne in two
//! schemas, so whatever else is called like live there is never met.

use cutover_core::{Ident, LockMode, ObjectKind, ObjectName, QualifiedName, Sql, Step};

use crate::members::{Member, Part};

type BackupName<'a> = &'a dyn Fn(&QualifiedName) -> QualifiedName;

/// Indexes and statistics. Renaming an index renames the constraint it backs, takes `SHARE UPDATE EXCLUSIVE` on the index
/// alone, and stops neither readers nor writers; statistics are locked as objects of their own, which only other DDL on them
/// notices. So these come before the exclusive locks. Indexes of tables that are still to arrive come with these, and are
/// renamed then; statistics are in whichever schema they are put.
pub(crate) fn before_locks(members: &[Member<'_>], backup: BackupName<'_>) -> Vec<Step> {
    let ahead = || parts(members).filter(|part| part.is_renamed_ahead());
    let statistics = || parts(members).filter(|part| part.kind == ObjectKind::ExtendedStatistics);
    let mut steps: Vec<Step> = statistics().filter_map(arrive).collect();
    steps.extend(away(parts(members).filter(|part| part.stops_nobody()), backup));
    steps.extend(in_place(ahead()));
    steps.extend(statistics().filter_map(|part| depart(part.kind, &part.live.as_ref()?.0, backup)));
    steps
}

/// Tables, views, materialized views and sequences, and indexes that arrive.
pub(crate) fn under_lock(members: &[Member<'_>], backup: BackupName<'_>) -> Vec<Step> {
    let relations = || members.iter();
    // Into live's schema. Indexes, sequences and types come along with their table.
    let mut steps: Vec<Step> = relations()
        .filter_map(|Member { live, incoming, .. }| {
            move_to(incoming.kind.object_kind(), &incoming.name, &live.name.schema)
        })
        .collect();
    steps.extend(
        relations()
            .map(|Member { live, .. }| rename(live.kind.object_kind(), &live.name, &backup(&live.name))),
    );
    steps.extend(relations().map(|Member { live, incoming, .. }| {
        let arrived = live.name.with_name(incoming.name.name.clone());
        rename(incoming.kind.object_kind(), &arrived, &live.name)
    }));
    // All names are freed before any is taken: an incoming name may be some other part's live one.
    steps.extend(away(parts(members).filter(|part| !part.stops_nobody()), backup));
    steps.extend(in_place(parts(members).filter(|part| !part.is_renamed_ahead())));
    // Out of live's schema, under the backup names.
    steps.extend(
        relations().filter_map(|Member { live, .. }| depart(live.kind.object_kind(), &live.name, backup)),
    );
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

/// Into live's schema.
fn arrive(part: &Part) -> Option<Step> {
    let (from, to) = (part.incoming.as_ref()?, part.takes.as_ref()?);
    move_to(part.kind, from, &to.schema)
}

/// Out of live's schema, under its backup name.
fn depart(kind: ObjectKind, live: &QualifiedName, backup: BackupName<'_>) -> Option<Step> {
    let backup = backup(live);
    move_to(kind, &live.with_name(backup.name), &backup.schema)
}

impl Part {
    /// Whether neither readers nor writers notice its rename.
    fn stops_nobody(&self) -> bool {
        matches!(self.kind, ObjectKind::Index | ObjectKind::ExtendedStatistics)
    }

    /// Whether what arrives takes its name before the locks: an index has to wait for its table.
    fn is_renamed_ahead(&self) -> bool {
        let comes_later = self.kind == ObjectKind::Index
            && self.incoming.as_ref().map(|from| &from.schema) != self.takes.as_ref().map(|to| &to.schema);
        self.stops_nobody() && !comes_later
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
