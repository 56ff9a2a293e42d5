//! `[[change]]`: how the structure of a relation is meant to change with this release.

use std::collections::BTreeMap;

use serde::Serialize;

use super::QueryTemplate;
use super::table_reader::TableReader;
use crate::{Ident, ObjectKind};

/// What of a relation can be declared to come, to go or to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PartKind {
    /// `columns`; the sequence of a serial or identity column comes and goes with it.
    Columns,
    /// `constraints`; the index that backs one comes and goes with it.
    Constraints,
    /// `indexes`.
    Indexes,
    /// `triggers`.
    Triggers,
    /// `sequences` that belong to a column.
    Sequences,
    /// `statistics`: extended ones.
    Statistics,
    /// `policies`.
    Policies,
    /// `rules`.
    Rules,
}

impl PartKind {
    const ALL: [(&'static str, Self); 8] = [
        ("columns", Self::Columns),
        ("constraints", Self::Constraints),
        ("indexes", Self::Indexes),
        ("triggers", Self::Triggers),
        ("sequences", Self::Sequences),
        ("statistics", Self::Statistics),
        ("policies", Self::Policies),
        ("rules", Self::Rules),
    ];

    /// The kind of object.
    #[must_use]
    pub fn object_kind(self) -> ObjectKind {
        match self {
            Self::Columns => ObjectKind::Column,
            Self::Constraints => ObjectKind::Constraint,
            Self::Indexes => ObjectKind::Index,
            Self::Triggers => ObjectKind::Trigger,
            Self::Sequences => ObjectKind::Sequence,
            Self::Statistics => ObjectKind::ExtendedStatistics,
            Self::Policies => ObjectKind::Policy,
            Self::Rules => ObjectKind::Rule,
        }
    }

    /// The key under which the file lists it.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Columns => "columns",
            Self::Constraints => "constraints",
            Self::Indexes => "indexes",
            Self::Triggers => "triggers",
            Self::Sequences => "sequences",
            Self::Statistics => "statistics",
            Self::Policies => "policies",
            Self::Rules => "rules",
        }
    }

    /// The kind of part that an object is; `None` for what is no part of a relation.
    #[must_use]
    pub fn of(kind: ObjectKind) -> Option<Self> {
        Self::ALL
            .into_iter()
            .map(|(_, part)| part)
            .find(|part| part.object_kind() == kind)
    }
}

/// Parts by kind, by the names that they bear while live.
pub type PartNames = BTreeMap<PartKind, Vec<Ident>>;

/// How one relation of the set is meant to change with this release: exactly this is allowed, and has to happen.
///
/// What is dropped is left out of staging by Cutover. What is added or altered is made by `sql` on the empty staging
/// relation, or by hand before `validate_and_manifest`.
///
/// ```
/// use cutover_core::Ident;
/// use cutover_core::release_file::{PartKind, QueryTemplate, StructureChange};
///
/// let change = StructureChange::new(Ident::new("sites")?)
///     .add(PartKind::Columns, Ident::new("remarks")?)
///     .drop(PartKind::Indexes, Ident::new("sites_name")?)
///     .sql(QueryTemplate::parse("ALTER TABLE {{ staging('sites') }} ADD COLUMN remarks text")?);
/// # drop(change);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StructureChange {
    /// The member.
    pub table: Ident,
    /// Why, for those who read the plan and the manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Statements that make it so, run on the staging relation in the transaction that builds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sql: Option<QueryTemplate>,
    /// What staging has and live has not.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub add: PartNames,
    /// What live has and staging has not.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub drop: PartNames,
    /// What both have, and not the same.
    #[serde(skip_serializing_if = "Alterations::is_empty")]
    pub alter: Alterations,
}

/// Properties that change, as the structural comparison names them: `type`, `default`, `comment`, …
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Alterations {
    /// Of the relation itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub table: Vec<String>,
    /// Of its parts.
    #[serde(flatten)]
    pub parts: BTreeMap<PartKind, BTreeMap<Ident, Vec<String>>>,
}

impl Alterations {
    /// Whether nothing is altered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty() && self.parts.is_empty()
    }

    fn read(table: &mut TableReader<'_>) -> Self {
        let of_table = table.list("table");
        let parts = PartKind::ALL.into_iter().filter_map(|(key, kind)| {
            let altered = table.optional::<BTreeMap<Ident, Vec<String>>>(key)?;
            Some((kind, altered))
        });
        Self {
            parts: parts.collect(),
            table: of_table,
        }
    }
}

impl StructureChange {
    /// Declares nothing of `table` yet.
    #[must_use]
    pub fn new(table: Ident) -> Self {
        Self {
            table,
            why: None,
            sql: None,
            add: PartNames::new(),
            drop: PartNames::new(),
            alter: Alterations::default(),
        }
    }

    /// Why; nothing is said unless set.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// Statements that make it so; none unless set.
    #[must_use]
    pub fn sql(mut self, sql: QueryTemplate) -> Self {
        self.sql = Some(sql);
        self
    }

    /// A part that comes.
    #[must_use]
    pub fn add(mut self, kind: PartKind, name: Ident) -> Self {
        self.add.entry(kind).or_default().push(name);
        self
    }

    /// A part that goes.
    #[must_use]
    pub fn drop(mut self, kind: PartKind, name: Ident) -> Self {
        self.drop.entry(kind).or_default().push(name);
        self
    }

    /// A part's property that changes.
    #[must_use]
    pub fn alter(mut self, kind: PartKind, name: Ident, property: impl Into<String>) -> Self {
        let parts = self.alter.parts.entry(kind).or_default();
        parts.entry(name).or_default().push(property.into());
        self
    }

    /// The relation's own property that changes.
    #[must_use]
    pub fn alter_table(mut self, property: impl Into<String>) -> Self {
        self.alter.table.push(property.into());
        self
    }

    pub(super) fn read(table: &mut TableReader<'_>) -> Option<Self> {
        let relation = table.required("table");
        let why = table.optional("why");
        let sql = table.optional("sql");
        let add = table.table("add", read_names).unwrap_or_default();
        let drop = table.table("drop", read_names).unwrap_or_default();
        let alter = table.table("alter", Alterations::read).unwrap_or_default();
        Some(Self {
            table: relation?,
            why,
            sql,
            add,
            drop,
            alter,
        })
    }
}

fn read_names(table: &mut TableReader<'_>) -> PartNames {
    let parts = PartKind::ALL.into_iter().filter_map(|(key, kind)| {
        let names = table.optional_list(key)?;
        Some((kind, names))
    });
    parts.collect()
}
