//! Which live relation changes places with which, part by part.

use serde::{Deserialize, Serialize};

use cutover_core::catalog::{CatalogSnapshot, Relation};
use cutover_core::records::BackupObject;
use cutover_core::{Ident, NamingPolicy, ObjectKind, QualifiedName};

/// A live member and the relation that takes its place, with the pairs of what hangs on them under names of its own.
///
/// Names of indexes, sequences and extended statistics are schema-wide, so each needs a partner to hand its name to;
/// constraints, triggers, policies and rules are named within their table and need none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// The member's name.
    pub live: Ident,
    /// The name of the relation that takes its place.
    pub incoming: Ident,
    /// Their indexes, sequences and extended statistics.
    pub parts: Vec<PartPair>,
}

/// An index, sequence or extended statistics of a live member, and its partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartPair {
    /// [`ObjectKind::Index`], [`ObjectKind::Sequence`] or [`ObjectKind::ExtendedStatistics`].
    pub kind: ObjectKind,
    /// Its name while live.
    pub live: Ident,
    /// Its partner's name.
    pub incoming: Ident,
}

impl Pair {
    /// Pairs each live member with the staging relation that `policy` names for it.
    ///
    /// Names are only ever computed forward, from live to staging, and looked up in `incoming`; what is not found
    /// there stays without a partner, which [`SwapPlan::compute`](crate::SwapPlan::compute) refuses by name.
    #[must_use]
    pub fn by_policy(live: &CatalogSnapshot, incoming: &CatalogSnapshot, policy: &NamingPolicy) -> Vec<Self> {
        live.relations
            .iter()
            .map(|relation| {
                let staging = policy.staging(&relation.name).name;
                let theirs = incoming.relation(&staging).map(parts).unwrap_or_default();
                let pairs = parts(relation).into_iter().filter_map(|(kind, name)| {
                    let partner = policy.staging(&name);
                    let found = theirs.contains(&(kind, partner.clone()));
                    found.then_some(PartPair {
                        kind,
                        live: name.name,
                        incoming: partner.name,
                    })
                });
                Self {
                    live: relation.name.name.clone(),
                    parts: pairs.collect(),
                    incoming: staging,
                }
            })
            .collect()
    }

    /// Pairs the live members with the objects of a backup set as it was recorded.
    #[must_use]
    pub fn from_backup(objects: &[BackupObject]) -> Vec<Self> {
        objects
            .iter()
            .filter(|object| object.of_relation.is_none())
            .map(|member| Self {
                live: member.live.name.clone(),
                incoming: member.backup.name.clone(),
                parts: objects
                    .iter()
                    .filter(|object| object.of_relation.as_ref() == Some(&member.live.name))
                    .map(|part| PartPair {
                        kind: part.kind,
                        live: part.live.name.clone(),
                        incoming: part.backup.name.clone(),
                    })
                    .collect(),
            })
            .collect()
    }
}

/// What of a relation bears a schema-wide name.
pub(crate) fn parts(relation: &Relation) -> Vec<(ObjectKind, QualifiedName)> {
    let indexes = relation
        .indexes
        .iter()
        .map(|index| (ObjectKind::Index, &index.name));
    let sequences = relation
        .sequences
        .iter()
        .map(|sequence| (ObjectKind::Sequence, &sequence.name));
    let statistics = relation
        .statistics
        .iter()
        .map(|s| (ObjectKind::ExtendedStatistics, &s.name));
    indexes
        .chain(sequences)
        .chain(statistics)
        .map(|(kind, name)| (kind, name.clone()))
        .collect()
}

/// The full name of a part.
pub(crate) fn part_name(relation: &Relation, kind: ObjectKind, name: &Ident) -> Option<QualifiedName> {
    let mut parts = parts(relation).into_iter();
    let found = parts.find(|(of, part)| *of == kind && part.name == *name);
    found.map(|(_, part)| part)
}

/// The oid of a part.
pub(crate) fn part_oid(relation: &Relation, kind: ObjectKind, name: &Ident) -> Option<u32> {
    match kind {
        ObjectKind::Index => relation
            .indexes
            .iter()
            .find(|i| i.name.name == *name)
            .map(|i| i.oid),
        ObjectKind::Sequence => relation
            .sequences
            .iter()
            .find(|s| s.name.name == *name)
            .map(|s| s.oid),
        ObjectKind::ExtendedStatistics => relation
            .statistics
            .iter()
            .find(|s| s.name.name == *name)
            .map(|s| s.oid),
        _ => None,
    }
}
