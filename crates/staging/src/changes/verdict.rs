//! Whether staging differs from live as declared, and only so.

use std::fmt;

use cutover_core::catalog::{CatalogSnapshot, Relation};
use cutover_core::{ObjectKind, QualifiedName};
use serde::Serialize;

use super::{DeclaredChange, DeclaredChanges, Expected};
use crate::{Change, Difference, RelationDiff, StagedSet, StructuralDiff};

/// Staging is not what live is, nor what was declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[non_exhaustive]
pub struct StructureRefused {
    /// Differences that no declared change explains.
    pub undeclared: StructuralDiff,
    /// Declared changes that did not happen.
    pub not_made: Vec<DeclaredChange>,
}

impl DeclaredChanges {
    /// Compares a set with its twins, and the differences with what is declared. `set` pairs what was added: see
    /// [`StagedSet::with_added`].
    ///
    /// # Errors
    /// [`StructureRefused`] with every difference that is not declared and every declared change that did not happen.
    pub fn check(
        &self,
        live: &CatalogSnapshot,
        staging: &CatalogSnapshot,
        set: &StagedSet,
    ) -> Result<(), StructureRefused> {
        let diff = StructuralDiff::of_set(live, staging, set);
        let declared = self.passed_down(live);
        let mut made: Vec<bool> = declared.changes.iter().map(|change| change.passed_down).collect();
        let undeclared = diff.without(|relation, difference| {
            let explained = declared.changes.iter().position(|change| {
                change.is_of(&relation.live) && explains(change, relation, difference, set)
            });
            if let Some(change) = explained {
                made[change] = true;
                return true;
            }
            declared.implies(relation, difference, live, staging, set)
        });
        let not_made: Vec<DeclaredChange> = declared
            .changes
            .iter()
            .zip(made)
            .filter(|(_, made)| !made)
            .map(|(change, _)| change.clone())
            .collect();
        if undeclared.is_empty() && not_made.is_empty() {
            Ok(())
        } else {
            Err(StructureRefused { undeclared, not_made })
        }
    }

    /// The index of a key comes and goes with it, the sequence of a column with its column.
    fn implies(
        &self,
        relation: &RelationDiff,
        difference: &Difference,
        live: &CatalogSnapshot,
        staging: &CatalogSnapshot,
        set: &StagedSet,
    ) -> bool {
        let (of, expected) = match difference.change {
            Change::Extra => (staging.relation(&relation.staging.name), Expected::Added),
            Change::Missing => (live.relation(&relation.live.name), Expected::Dropped),
            Change::Different { .. } => return false,
        };
        let Some(of) = of else { return false };
        let declares = |kind, name: &cutover_core::Ident| {
            let name = live_name(set, &relation.live, kind, name);
            self.declares(&relation.live, kind, &name, &expected)
        };
        match difference.object.kind {
            ObjectKind::Index => {
                key_of(of, difference).is_some_and(|key| declares(ObjectKind::Constraint, key))
            }
            ObjectKind::Sequence => of
                .sequences
                .iter()
                .find(|sequence| sequence.name.name == difference.object.name)
                .is_some_and(|sequence| declares(ObjectKind::Column, &sequence.column)),
            _ => false,
        }
    }
}

fn key_of<'a>(of: &'a Relation, difference: &Difference) -> Option<&'a cutover_core::Ident> {
    let index = of
        .indexes
        .iter()
        .find(|index| index.name.name == difference.object.name)?;
    index.constraint.as_ref()
}

/// The name that a part of staging bears while live.
fn live_name(
    set: &StagedSet,
    live: &QualifiedName,
    kind: ObjectKind,
    name: &cutover_core::Ident,
) -> cutover_core::Ident {
    // A key bears its index's name.
    let kind = if kind == ObjectKind::Constraint {
        ObjectKind::Index
    } else {
        kind
    };
    let parts = set.member(&live.name).map(|member| &member.parts);
    let pair = parts
        .into_iter()
        .flatten()
        .find(|part| part.kind == kind && part.staging.name == *name);
    pair.map_or_else(|| name.clone(), |part| part.live.name.clone())
}

fn explains(
    change: &DeclaredChange,
    relation: &RelationDiff,
    difference: &Difference,
    set: &StagedSet,
) -> bool {
    let (object, found) = (&change.object, &difference.object);
    let same_part = || object.of.is_some() && object.kind == found.kind;
    match (&change.expected, &difference.change) {
        (Expected::Added, Change::Extra) => {
            same_part() && live_name(set, &relation.live, found.kind, &found.name) == object.name
        }
        (Expected::Dropped, Change::Missing) => same_part() && object.name == found.name,
        (
            Expected::Altered { property },
            Change::Different {
                property: differs, ..
            },
        ) => {
            let is_the_relation = object.of.is_none() && is_relation(found.kind);
            property == differs && (is_the_relation || (same_part() && object.name == found.name))
        }
        _ => false,
    }
}

fn is_relation(kind: ObjectKind) -> bool {
    matches!(
        kind,
        ObjectKind::Table | ObjectKind::PartitionedTable | ObjectKind::MaterializedView
    )
}

impl StructureRefused {
    /// What the operator can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        if self.undeclared.is_empty() {
            "make the declared changes with `sql` in their [[change]], or take them out of the release file"
        } else {
            "build staging again, in case live was changed meanwhile; where this is what the release should change, \
             declare it in the release file"
        }
    }

    /// The sections of a release file that would declare the undeclared differences, to be looked at and pasted.
    #[must_use]
    pub fn declaration(&self) -> String {
        super::declaration::print(&self.undeclared)
    }
}

impl fmt::Display for StructureRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.undeclared.is_empty() {
            write!(
                f,
                "staging differs from live otherwise than declared:\n{}",
                self.undeclared
            )?;
        }
        if !self.not_made.is_empty() {
            if !self.undeclared.is_empty() {
                f.write_str("\n")?;
            }
            f.write_str("changes are declared, and staging does not have them:")?;
            for change in &self.not_made {
                write!(f, "\n  {change}")?;
            }
        }
        Ok(())
    }
}
