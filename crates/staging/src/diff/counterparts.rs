//! Which object of the one side stands for which of the other.

use std::collections::{HashMap, HashSet};

use cutover_core::catalog::{ExtendedStatistics, Index, OwnedSequence, Relation};
use cutover_core::{Ident, ObjectKind, QualifiedName};

use crate::StagedSet;
use crate::staged::{Reprinted, StagedMember};

/// The pairing of two sides, made once for all relations that are compared.
#[derive(Debug, Default)]
pub(crate) struct Counterparts<'a> {
    relations: HashMap<u32, &'a QualifiedName>,
    parts: HashMap<(ObjectKind, &'a QualifiedName), &'a QualifiedName>,
    members: HashMap<&'a QualifiedName, &'a StagedMember>,
    /// The two sides' own schemas, where they are not one: names within them are compared without them.
    schemas: Option<(&'a Ident, &'a Ident)>,
}

impl<'a> Counterparts<'a> {
    /// As the clone recorded it.
    pub(crate) fn of_set(set: &'a StagedSet) -> Self {
        let mut pairing = Self::default();
        for member in &set.members {
            pairing.relations.insert(member.live_oid, &member.staging);
            pairing.members.insert(&member.live, member);
            let pairs = member.parts.iter();
            pairing
                .parts
                .extend(pairs.map(|part| ((part.kind, &part.live), &part.staging)));
        }
        pairing
    }

    /// By name; what is left over, by what it is.
    pub(crate) fn of_two(live: &'a Relation, staging: &'a Relation) -> Self {
        let schemas = (&live.name.schema, &staging.name.schema);
        let mut pairing = Self {
            relations: HashMap::from([(live.oid, &staging.name)]),
            schemas: (schemas.0 != schemas.1).then_some(schemas),
            ..Self::default()
        };
        pairing.pair(
            ObjectKind::Index,
            (&live.indexes, &staging.indexes),
            |index| &index.name,
            |a: &Index, b| (a.primary, a.unique, &a.tail) == (b.primary, b.unique, &b.tail),
        );
        pairing.pair(
            ObjectKind::Sequence,
            (&live.sequences, &staging.sequences),
            |sequence| &sequence.name,
            |a: &OwnedSequence, b| a.column == b.column,
        );
        pairing.pair(
            ObjectKind::ExtendedStatistics,
            (&live.statistics, &staging.statistics),
            |statistics| &statistics.name,
            |a: &ExtendedStatistics, b| (&a.kinds, &a.columns) == (&b.kinds, &b.columns),
        );
        pairing
    }

    fn pair<T>(
        &mut self,
        kind: ObjectKind,
        (live, staging): (&'a [T], &'a [T]),
        name: impl Fn(&'a T) -> &'a QualifiedName,
        alike: impl Fn(&T, &T) -> bool,
    ) {
        let theirs: HashMap<&Ident, &'a QualifiedName> =
            staging.iter().map(|b| (&name(b).name, name(b))).collect();
        let by_name = live
            .iter()
            .filter_map(|a| Some((name(a), *theirs.get(&name(a).name)?)));
        let mut paired: HashMap<&QualifiedName, &QualifiedName> = by_name.collect();
        let mut taken: HashSet<&QualifiedName> = paired.values().copied().collect();
        for a in live {
            if paired.contains_key(name(a)) {
                continue;
            }
            let twin = staging.iter().find(|b| !taken.contains(name(b)) && alike(a, b));
            if let Some(twin) = twin {
                taken.insert(name(twin));
                paired.insert(name(a), name(twin));
            }
        }
        self.parts.extend(paired.into_iter().map(|(a, b)| ((kind, a), b)));
    }

    /// What stands for a live relation; `None` for one outside the two sides.
    pub(crate) fn relation(&self, live_oid: u32) -> Option<&'a QualifiedName> {
        self.relations.get(&live_oid).copied()
    }

    /// What stands for an index, sequence or statistics object of live.
    pub(crate) fn part(&self, kind: ObjectKind, live: &QualifiedName) -> Option<&'a QualifiedName> {
        self.parts.get(&(kind, live)).copied()
    }

    /// The name by which the other side must know a relation of this side's.
    pub(crate) fn expected(&self, live_oid: u32, live: &QualifiedName) -> QualifiedName {
        if let Some(twin) = self.relation(live_oid) {
            return twin.clone();
        }
        match self.schemas {
            Some((ours, theirs)) if live.schema == *ours => {
                QualifiedName::new(theirs.clone(), live.name.clone())
            }
            _ => live.clone(),
        }
    }

    /// The twin that was recorded for the live relation of this name, which may have been made anew since.
    pub(crate) fn twin(&self, live: &QualifiedName) -> Option<&'a QualifiedName> {
        self.members.get(live).map(|member| &member.staging)
    }

    /// The oid of the twin that was recorded for a live relation.
    pub(crate) fn twin_oid(&self, live_oid: u32) -> Option<u32> {
        let twin = self.members.values().find(|member| member.live_oid == live_oid);
        twin.map(|member| member.oid)
    }

    /// Definitions of a live relation that the server prints otherwise for its twin.
    pub(crate) fn reprinted(&self, live: &QualifiedName) -> &'a [Reprinted] {
        self.members.get(live).map_or(&[], |member| &member.reprinted)
    }
}
