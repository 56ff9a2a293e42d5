//! What a step or an error is about: an object of the database, by kind and name.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Ident, QualifiedName};

/// The kinds of object that Cutover handles, in PostgreSQL's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "each variant is the PostgreSQL term it is named after"
)]
pub enum ObjectKind {
    Database,
    Schema,
    Table,
    PartitionedTable,
    View,
    MaterializedView,
    ForeignTable,
    Sequence,
    Index,
    Column,
    Constraint,
    Trigger,
    Rule,
    Policy,
    ExtendedStatistics,
    Function,
    Procedure,
    Type,
    Publication,
    Subscription,
    ForeignServer,
    EventTrigger,
    Extension,
    Role,
    /// The release as a whole: its records and its lock.
    Release,
}

impl ObjectKind {
    /// The kind in lower-case English, as error texts use it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Schema => "schema",
            Self::Table => "table",
            Self::PartitionedTable => "partitioned table",
            Self::View => "view",
            Self::MaterializedView => "materialized view",
            Self::ForeignTable => "foreign table",
            Self::Sequence => "sequence",
            Self::Index => "index",
            Self::Column => "column",
            Self::Constraint => "constraint",
            Self::Trigger => "trigger",
            Self::Rule => "rule",
            Self::Policy => "policy",
            Self::ExtendedStatistics => "extended statistics",
            Self::Function => "function",
            Self::Procedure => "procedure",
            Self::Type => "type",
            Self::Publication => "publication",
            Self::Subscription => "subscription",
            Self::ForeignServer => "foreign server",
            Self::EventTrigger => "event trigger",
            Self::Extension => "extension",
            Self::Role => "role",
            Self::Release => "release",
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An object by kind and name; `Display` reads `constraint "fk" of "public"."protected_areas"`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectName {
    /// What kind of object.
    pub kind: ObjectKind,
    /// Its schema, for kinds that live in one directly.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub schema: Option<Ident>,
    /// Its own name.
    pub name: Ident,
    /// The relation it belongs to, for columns, constraints, triggers, rules and policies.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub of: Option<QualifiedName>,
}

impl ObjectName {
    /// An object that lives in a schema.
    #[must_use]
    pub fn qualified(kind: ObjectKind, name: &QualifiedName) -> Self {
        Self {
            kind,
            schema: Some(name.schema.clone()),
            name: name.name.clone(),
            of: None,
        }
    }

    /// An object that belongs to a relation.
    #[must_use]
    pub fn part(kind: ObjectKind, name: &Ident, of: &QualifiedName) -> Self {
        Self {
            kind,
            schema: None,
            name: name.clone(),
            of: Some(of.clone()),
        }
    }

    /// An object outside any schema, like a role or a release.
    #[must_use]
    pub fn global(kind: ObjectKind, name: &Ident) -> Self {
        Self {
            kind,
            schema: None,
            name: name.clone(),
            of: None,
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.kind)?;
        if let Some(schema) = &self.schema {
            write!(f, "{schema}.")?;
        }
        write!(f, "{}", self.name)?;
        match &self.of {
            Some(of) => write!(f, " of {of}"),
            None => Ok(()),
        }
    }
}
