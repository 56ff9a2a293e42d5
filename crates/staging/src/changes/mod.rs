//! Declared changes: how a month's structure is meant to differ from live's.

mod apply;
mod declaration;
mod pair;
mod partitions;
mod verdict;

use std::fmt;

use cutover_core::{Ident, ObjectKind, ObjectName, QualifiedName, Sql};
use serde::{Deserialize, Serialize};

pub use verdict::StructureRefused;

/// How the structure of a set is meant to change from live to staging. Exactly this is allowed, and has to happen.
///
/// A clone leaves out what is declared as dropped, and, but for columns and sequences, what is declared as altered. What
/// is added or altered is made by [statements](Self::statement) on the empty twins, or by hand after the clone.
///
/// ```
/// use cutover_core::{Ident, ObjectKind, QualifiedName, Sql};
/// use cutover_staging::{CloneOptions, DeclaredChanges};
///
/// let sites = QualifiedName::new(Ident::new("public")?, Ident::new("sites")?);
/// let changes = DeclaredChanges::default()
///     .added(&sites, ObjectKind::Column, &Ident::new("remarks")?)
///     .dropped(&sites, ObjectKind::Index, &Ident::new("sites_name")?)
///     .statement(&sites, Sql::text("ALTER TABLE public.staging_sites ADD COLUMN remarks text"));
/// let options = CloneOptions::default().changes(changes);
/// # drop(options);
/// # Ok::<(), cutover_core::IdentError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct DeclaredChanges {
    changes: Vec<DeclaredChange>,
    statements: Vec<ChangeStatement>,
    search_path: Vec<Ident>,
}

/// One declared change of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeclaredChange {
    /// The object, by the name that it bears while live; parts are named with the relation that they belong to.
    pub object: ObjectName,
    /// What becomes of it.
    #[serde(flatten)]
    pub expected: Expected,
    /// Whether a partition has it from a partitioned table's declaration.
    #[serde(skip)]
    pub(crate) passed_down: bool,
}

/// What a declared change makes of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Expected {
    /// Staging has it, live has not.
    Added,
    /// Live has it, staging has not.
    Dropped,
    /// A property of it is not the same.
    Altered {
        /// The property, as [`Change::Different`](crate::Change::Different) names it.
        property: String,
    },
}

/// Statements that make declared changes on a twin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangeStatement {
    pub(crate) relation: QualifiedName,
    pub(crate) sql: Sql,
}

impl DeclaredChanges {
    /// A part of the live relation `of` that comes with this release.
    pub fn added(self, of: &QualifiedName, kind: ObjectKind, name: &Ident) -> Self {
        self.declare(ObjectName::part(kind, name, of), Expected::Added)
    }

    /// A part of the live relation `of` that goes with this release.
    pub fn dropped(self, of: &QualifiedName, kind: ObjectKind, name: &Ident) -> Self {
        self.declare(ObjectName::part(kind, name, of), Expected::Dropped)
    }

    /// A property of a part of the live relation `of` that changes with this release.
    pub fn altered(
        self,
        of: &QualifiedName,
        kind: ObjectKind,
        name: &Ident,
        property: impl Into<String>,
    ) -> Self {
        let property = property.into();
        self.declare(ObjectName::part(kind, name, of), Expected::Altered { property })
    }

    /// A property of a live relation that changes with this release.
    pub fn altered_relation(self, live: &QualifiedName, property: impl Into<String>) -> Self {
        let property = property.into();
        // Table or materialized view: a declaration need not say which.
        let object = ObjectName::qualified(ObjectKind::Table, live);
        self.declare(object, Expected::Altered { property })
    }

    /// Statements that make changes of the live relation `of`, run by the clone on its empty twin, in order. They may
    /// not end the transaction nor touch live.
    pub fn statement(mut self, of: &QualifiedName, sql: Sql) -> Self {
        self.statements.push(ChangeStatement {
            relation: of.clone(),
            sql,
        });
        self
    }

    /// Where statements look unqualified names up; the set's schema alone unless set.
    pub fn search_path(mut self, schemas: Vec<Ident>) -> Self {
        self.search_path = schemas;
        self
    }

    /// Whether nothing is declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.statements.is_empty()
    }

    /// What is declared, in the order it was.
    pub fn iter(&self) -> impl Iterator<Item = &DeclaredChange> {
        self.changes.iter()
    }

    fn declare(mut self, object: ObjectName, expected: Expected) -> Self {
        self.changes.push(DeclaredChange {
            object,
            expected,
            passed_down: false,
        });
        self
    }

    /// The changes of a live relation.
    fn of<'a>(&'a self, live: &QualifiedName) -> impl Iterator<Item = &'a DeclaredChange> {
        let live = live.clone();
        self.changes.iter().filter(move |change| change.is_of(&live))
    }

    /// Whether this very change of a part of a live relation is declared.
    #[must_use]
    pub fn declares(
        &self,
        live: &QualifiedName,
        kind: ObjectKind,
        name: &Ident,
        expected: &Expected,
    ) -> bool {
        self.of(live)
            .any(|change| change.is_part(kind, name) && change.expected == *expected)
    }
}

impl DeclaredChange {
    /// The live name of the relation that changes.
    #[must_use]
    pub fn relation(&self) -> Option<QualifiedName> {
        self.object.of.clone().or_else(|| {
            let schema = self.object.schema.clone()?;
            Some(QualifiedName::new(schema, self.object.name.clone()))
        })
    }

    fn is_of(&self, live: &QualifiedName) -> bool {
        match &self.object.of {
            Some(of) => of == live,
            None => self.object.schema.as_ref() == Some(&live.schema) && self.object.name == live.name,
        }
    }

    fn is_part(&self, kind: ObjectKind, name: &Ident) -> bool {
        self.object.of.is_some() && self.object.kind == kind && self.object.name == *name
    }
}

impl fmt::Display for DeclaredChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.expected {
            Expected::Added => write!(f, "{} is added", self.object),
            Expected::Dropped => write!(f, "{} is dropped", self.object),
            Expected::Altered { property } => write!(f, "{}: {property} is altered", self.object),
        }
    }
}
