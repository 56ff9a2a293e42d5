//! Every lock of the swap, in one fixed order.
//!
//! Readers lock a view before what it reads, and a writer a referring table before the one it refers to by a foreign key,
//! a policy, a rule or a default; so views come first, outermost first (functions before them, which only other DDL
//! notices), then referring tables, then the members. No order suits every reader: the rest is left to short attempts.
//!
//! What goes live is locked before all that: no reader of live waits for it, so live is locked for less.

use std::collections::{BTreeMap, BTreeSet};

use cutover_core::catalog::{CatalogSnapshot, Relation, RelationKind, in_reading_order};
use cutover_core::{Ident, LockMode, ObjectKind, ObjectName, QualifiedName, Sql, Step};

use crate::follow::Followers;
use crate::members::Member;

/// One step a lock of what nobody reads yet.
pub(crate) fn incoming(members: &[Member<'_>]) -> Vec<Step> {
    relations(members.iter().map(|member| member.incoming))
}

/// One step a lock of what is live, and of what reads it or refers to it.
pub(crate) fn live(live: &CatalogSnapshot, followers: &Followers<'_>, members: &[Member<'_>]) -> Vec<Step> {
    let referring = referring(live, followers);
    let followers = followers.locks().into_iter();
    followers
        .chain(referring.values().map(Referring::lock))
        .chain(relations(members.iter().map(|member| member.live)))
        .collect()
}

/// The oids of what [`live`] and [`incoming`] lock that readers may be using.
pub(crate) fn oids(live: &CatalogSnapshot, followers: &Followers<'_>, members: &[Member<'_>]) -> Vec<u32> {
    let referring: Vec<u32> = referring(live, followers)
        .values()
        .map(|referring| referring.oid)
        .collect();
    let members = members
        .iter()
        .flat_map(|member| [member.live, member.incoming])
        .flat_map(|relation| {
            std::iter::once(relation.oid).chain(relation.sequences.iter().map(|sequence| sequence.oid))
        });
    followers.locked_oids().chain(referring).chain(members).collect()
}

/// A relation outside the set whose foreign keys, policies, rules or column defaults refer to it.
struct Referring<'a> {
    oid: u32,
    name: &'a QualifiedName,
    /// A view or a foreign table with its owner; `None` for a table.
    owned: Option<(RelationKind, &'a Ident)>,
}

/// Each once, by name; those among the views are locked with them.
fn referring<'a>(
    live: &'a CatalogSnapshot,
    followers: &Followers<'_>,
) -> BTreeMap<&'a QualifiedName, Referring<'a>> {
    let locked: BTreeSet<u32> = followers.locked_oids().collect();
    let keys = live.inbound_foreign_keys.iter().map(|key| Referring {
        oid: key.table_oid,
        name: &key.table,
        owned: None,
    });
    let parts = live.parts.iter().map(|part| Referring {
        oid: part.table_oid,
        name: &part.table,
        owned: matches!(part.table_kind, RelationKind::View | RelationKind::ForeignTable)
            .then_some((part.table_kind, &part.owner)),
    });
    keys.chain(parts)
        .filter(|referring| !locked.contains(&referring.oid))
        .map(|referring| (referring.name, referring))
        .collect()
}

impl Referring<'_> {
    fn lock(&self) -> Step {
        let Some((kind, owner)) = self.owned else {
            return lock_table(self.name);
        };
        let object = ObjectName::qualified(kind.object_kind(), self.name);
        let verb = match kind {
            RelationKind::View => "ALTER VIEW ",
            _ => "ALTER FOREIGN TABLE ",
        };
        owned(verb, object, self.name, owner)
    }
}

/// What is made of queries, readers before what they read; then tables; then their sequences.
fn relations<'a>(relations: impl Iterator<Item = &'a Relation>) -> Vec<Step> {
    let (queries, tables): (Vec<_>, Vec<_>) = relations.partition(|relation| relation.kind.has_query());
    let queries = in_reading_order(&queries);
    let queries = queries.iter().rev().map(|relation| {
        let verb = match relation.kind {
            RelationKind::View => "ALTER VIEW ",
            _ => "ALTER MATERIALIZED VIEW ",
        };
        owned(verb, relation.object(), &relation.name, &relation.owner)
    });
    let sequences = tables
        .iter()
        .flat_map(|relation| &relation.sequences)
        .map(|sequence| {
            let object = ObjectName::qualified(ObjectKind::Sequence, &sequence.name);
            owned("ALTER SEQUENCE ", object, &sequence.name, &sequence.owner)
        });
    queries
        .chain(tables.iter().map(|relation| lock_table(&relation.name)))
        .chain(sequences)
        .collect()
}

fn lock_table(name: &QualifiedName) -> Step {
    let sql = Sql::text("LOCK TABLE ONLY ")
        .name(name)
        .then(" IN ACCESS EXCLUSIVE MODE");
    Step::new("lock", ObjectName::qualified(ObjectKind::Table, name), sql)
        .locking(LockMode::AccessExclusive, name)
}

/// `LOCK TABLE` takes no materialized view and no sequence, and of a view it locks everything below as well. Giving a
/// relation to the owner it has changes nothing and locks just that relation.
pub(crate) fn owned(verb: &'static str, object: ObjectName, name: &QualifiedName, owner: &Ident) -> Step {
    let sql = Sql::text(verb).name(name).then(" OWNER TO ").ident(owner);
    Step::new("lock", object, sql).locking(LockMode::AccessExclusive, name)
}
