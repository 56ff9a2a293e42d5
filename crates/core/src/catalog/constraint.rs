//! Constraints of a member.

use serde::{Deserialize, Serialize};

use crate::{Deparsed, Ident, QualifiedName};

/// `pg_constraint.contype`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "each variant is the PostgreSQL term it is named after"
)]
pub enum ConstraintKind {
    #[serde(rename = "p")]
    PrimaryKey,
    #[serde(rename = "u")]
    Unique,
    #[serde(rename = "x")]
    Exclusion,
    #[serde(rename = "c")]
    Check,
    #[serde(rename = "f")]
    ForeignKey,
    /// A constraint of its own, with a name, from PostgreSQL 18 on.
    #[serde(rename = "n")]
    NotNull,
}

/// A constraint of a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they mirror independent columns of pg_constraint"
)]
#[non_exhaustive]
pub struct Constraint {
    /// Its name.
    pub name: Ident,
    /// What it is.
    pub kind: ConstraintKind,
    /// What `pg_get_constraintdef` prints.
    pub definition: Deparsed,
    /// The columns it covers, in its order; empty where it covers expressions only.
    pub columns: Vec<Ident>,
    /// Whether it is `DEFERRABLE`.
    pub deferrable: bool,
    /// Whether it is `INITIALLY DEFERRED`.
    pub deferred: bool,
    /// `false` for `NOT VALID`.
    pub validated: bool,
    /// Whether it is `NO INHERIT`.
    pub no_inherit: bool,
    /// Whether a check holds the table's whole row: `t IS NOT NULL`.
    pub whole_row: bool,
    /// The relations whose row types its expression names.
    pub row_types: Vec<u32>,
    /// Functions in a check that take the row of a member, as the server prints them.
    pub functions_of_rows: Vec<String>,
    /// Whether it is `WITHOUT OVERLAPS` or has a `PERIOD`.
    pub temporal: bool,
    /// `false` for `NOT ENFORCED`.
    pub enforced: bool,
    /// Whether it is defined here, though perhaps inherited too.
    pub local: bool,
    /// How many parents it is inherited from.
    pub inherit_count: i32,
    /// The index that backs it.
    pub index: Option<Ident>,
    /// Where a foreign key points.
    pub references: Option<ForeignKeyTarget>,
    /// Its comment.
    pub comment: Option<String>,
}

/// Where a foreign key points and what it does there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ForeignKeyTarget {
    /// The referenced table's oid.
    pub oid: u32,
    /// The referenced table.
    pub table: QualifiedName,
    /// The referenced columns, in the key's order.
    pub columns: Vec<Ident>,
    /// Whether the session's role may make foreign keys to these columns.
    pub may_reference: bool,
    /// `s` (simple), `f` (full) or `p` (partial).
    #[serde(rename = "match")]
    pub match_type: String,
    /// `a`, `r`, `c`, `n` or `d`.
    pub on_update: String,
    /// `a`, `r`, `c`, `n` or `d`.
    pub on_delete: String,
    /// The columns that `ON DELETE SET NULL (…)` or `SET DEFAULT (…)` names.
    pub on_delete_columns: Vec<Ident>,
}
