//! What hangs on a member beside its columns and constraints: indexes, triggers, extended statistics.

use serde::{Deserialize, Serialize};

use super::Kin;
use crate::{Deparsed, Ident, QualifiedName};

/// An index of a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they mirror independent columns of pg_index"
)]
#[non_exhaustive]
pub struct Index {
    /// Its oid.
    pub oid: u32,
    /// Its name.
    pub name: QualifiedName,
    /// What `pg_get_indexdef` prints, the table unqualified.
    pub definition: Deparsed,
    /// The definition after the names of index and table: `USING btree (…)`. Equal for equal indexes.
    pub tail: Deparsed,
    /// Whether it has expressions or a predicate, rather than columns only.
    pub computed: bool,
    /// Whether an expression or its predicate holds the table's whole row, or names the row type of a member.
    pub of_rows: bool,
    /// Whether it is unique.
    pub unique: bool,
    /// Whether it is the primary key's.
    pub primary: bool,
    /// `false` for what a failed `CREATE INDEX CONCURRENTLY` left.
    pub valid: bool,
    /// Whether `CLUSTER` remembers it.
    pub clustered: bool,
    /// Whether it is the replica identity.
    pub replica_identity: bool,
    /// The constraint it backs; the two always bear one name.
    pub constraint: Option<Ident>,
    /// Its tablespace, where it is not the database's own.
    pub tablespace: Option<Ident>,
    /// Whether the session's role may create in that tablespace.
    pub may_use_tablespace: bool,
    /// Storage parameters, `name=value`.
    pub options: Vec<String>,
    /// Extensions that it is dropped with (`ALTER … DEPENDS ON EXTENSION`), in
    /// the order of the statements.
    pub depends_on_extensions: Vec<Ident>,
    /// The partitioned table's index that it is attached to.
    pub parent: Option<Kin>,
    /// Columns of `INCLUDE`.
    pub included: Vec<Ident>,
    /// Whether it is `NULLS NOT DISTINCT`.
    pub nulls_not_distinct: bool,
    /// Statistics targets of expression columns, by position.
    pub statistics_targets: std::collections::BTreeMap<String, i32>,
    /// Its comment.
    pub comment: Option<String>,
    /// Its size, in bytes.
    pub bytes: i64,
}

/// A trigger of a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Trigger {
    /// Its name.
    pub name: Ident,
    /// What `pg_get_triggerdef` prints, the table unqualified.
    pub definition: Deparsed,
    /// `O` (origin and local), `D` (disabled), `R` (replica) or `A` (always).
    pub enabled: String,
    /// Whether it is a constraint trigger.
    pub constraint: bool,
    /// Whether the session's role may execute its function, which who makes such a trigger must.
    pub may_execute: bool,
    /// The comment on the constraint of a constraint trigger.
    pub constraint_comment: Option<String>,
    /// Extensions that it is dropped with (`ALTER … DEPENDS ON EXTENSION`), in
    /// the order of the statements.
    pub depends_on_extensions: Vec<Ident>,
    /// Whether it was cloned from a partitioned parent's.
    pub inherited: bool,
    /// Its comment.
    pub comment: Option<String>,
}

/// Extended statistics of a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExtendedStatistics {
    /// Its oid.
    pub oid: u32,
    /// Its name; the schema need not be the table's.
    pub name: QualifiedName,
    /// Whether the session's role may create statistics in that schema.
    pub may_create_in_schema: bool,
    /// Whether the owner may, which who is to be given some must.
    pub owner_may_create_in_schema: bool,
    /// Its owner.
    pub owner: Ident,
    /// What `pg_get_statisticsobjdef` prints, the table unqualified.
    pub definition: Deparsed,
    /// The columns and expressions it covers, separated by commas.
    pub columns: Deparsed,
    /// `d`, `f` and `m` (`ndistinct`, `dependencies`, `mcv`); empty for a single expression.
    pub kinds: Vec<String>,
    /// Its statistics target, where it has one.
    pub target: Option<i32>,
    /// Its comment.
    pub comment: Option<String>,
}
