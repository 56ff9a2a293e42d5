//! The names that declared additions bear while live.

use cutover_core::catalog::{CatalogSnapshot, Relation};
use cutover_core::{Ident, NamingPolicy, ObjectKind, QualifiedName};

use super::{DeclaredChanges, Expected};
use crate::StagedSet;
use crate::staged::PartPair;

impl StagedSet {
    /// Pairs what declared changes have brought to the twins with the names that it will bear while live: the declared
    /// ones, whether staging has them already or under the name that `naming` gives; and for the sequence of an added
    /// serial or identity column, the name that the server would have chosen on live.
    ///
    /// Pairs that are there already stay.
    #[must_use]
    pub fn with_added(
        mut self,
        staging: &CatalogSnapshot,
        changes: &DeclaredChanges,
        naming: &NamingPolicy,
    ) -> Self {
        for member in &mut self.members {
            let Some(twin) = staging.relation(&member.staging.name) else {
                continue;
            };
            for (kind, live, staging) in added(&member.live, twin, changes, naming) {
                let known = |part: &PartPair| part.kind == kind && part.staging == staging;
                if !member.parts.iter().any(known) {
                    member.parts.push(PartPair { kind, live, staging });
                }
            }
        }
        self
    }
}

type Named = (ObjectKind, QualifiedName, QualifiedName);

fn added(
    live: &QualifiedName,
    twin: &Relation,
    changes: &DeclaredChanges,
    naming: &NamingPolicy,
) -> Vec<Named> {
    let mut found = Vec::new();
    for change in changes
        .of(live)
        .filter(|change| change.expected != Expected::Dropped)
    {
        let name = live.with_name(change.object.name.clone());
        let kind = match change.object.kind {
            // The index of a key bears the key's name.
            ObjectKind::Constraint => ObjectKind::Index,
            kind => kind,
        };
        if kind == ObjectKind::Column && change.expected == Expected::Added {
            found.extend(sequence_of(live, twin, &name.name));
        }
        // Live has an altered one under its name, so the twin's must have the staging name.
        let candidates = [naming.staging(&name), twin.name.with_name(name.name.clone())];
        let there = candidates
            .into_iter()
            .find(|candidate| bears(twin, kind, candidate));
        found.extend(there.map(|staging| (kind, name, staging)));
    }
    found
}

fn bears(twin: &Relation, kind: ObjectKind, name: &QualifiedName) -> bool {
    match kind {
        ObjectKind::Index => twin.indexes.iter().any(|index| index.name == *name),
        ObjectKind::Sequence => twin.sequences.iter().any(|sequence| sequence.name == *name),
        ObjectKind::ExtendedStatistics => twin.statistics.iter().any(|s| s.name == *name),
        _ => false,
    }
}

fn sequence_of(live: &QualifiedName, twin: &Relation, column: &Ident) -> Option<Named> {
    let sequence = twin
        .sequences
        .iter()
        .find(|sequence| sequence.column == *column)?;
    let chosen = Ident::new(format!("{}_{}_seq", live.name.as_str(), column.as_str())).ok()?;
    Some((
        ObjectKind::Sequence,
        live.with_name(chosen),
        sequence.name.clone(),
    ))
}
