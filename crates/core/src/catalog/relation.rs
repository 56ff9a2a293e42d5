//! A member of a release set, with everything that hangs on it.

use serde::{Deserialize, Serialize};

use super::{Acl, AclItem, Policy, Rule, SecurityLabel};
use crate::{Deparsed, Ident, ObjectKind, ObjectName, QualifiedName};

/// `pg_class.relkind`, of what can be named as a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "each variant is the PostgreSQL term it is named after"
)]
pub enum RelationKind {
    #[serde(rename = "r")]
    Table,
    #[serde(rename = "p")]
    PartitionedTable,
    #[serde(rename = "v")]
    View,
    #[serde(rename = "m")]
    MaterializedView,
    #[serde(rename = "f")]
    ForeignTable,
}

impl RelationKind {
    /// The kind as an object kind.
    #[must_use]
    pub fn object_kind(self) -> ObjectKind {
        match self {
            Self::Table => ObjectKind::Table,
            Self::PartitionedTable => ObjectKind::PartitionedTable,
            Self::View => ObjectKind::View,
            Self::MaterializedView => ObjectKind::MaterializedView,
            Self::ForeignTable => ObjectKind::ForeignTable,
        }
    }
}

/// `pg_class.relpersistence`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Persistence {
    /// Logged.
    #[serde(rename = "p")]
    Permanent,
    /// `UNLOGGED`: empty after a crash and on standbys.
    #[serde(rename = "u")]
    Unlogged,
    /// Temporary.
    #[serde(rename = "t")]
    Temporary,
}

impl Persistence {
    /// In lower-case English, as texts use it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Permanent => "permanent",
            Self::Unlogged => "unlogged",
            Self::Temporary => "temporary",
        }
    }
}

/// A member of the set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they mirror independent columns of pg_class"
)]
#[non_exhaustive]
pub struct Relation {
    /// Its oid.
    pub oid: u32,
    /// Its name.
    pub name: QualifiedName,
    /// Its name as the server prints it with the set's schema on the search path: quoted only where it must be.
    pub printed_name: String,
    /// Whether its bare name means it with the set's schema on the search path: not where it is called like a relation
    /// of `pg_catalog`.
    pub visible: bool,
    /// What it is.
    pub kind: RelationKind,
    /// Its owner.
    pub owner: Ident,
    /// Whether the session's role has the rights of the owner.
    pub may_act_as_owner: bool,
    /// Whether the session's role may read it: an owner may have taken that right from itself.
    pub may_select: bool,
    /// Logged, unlogged or temporary.
    pub persistence: Persistence,
    /// Its table access method; `heap` nearly always.
    pub access_method: Option<Ident>,
    /// Its tablespace, where it is not the database's own.
    pub tablespace: Option<Ident>,
    /// Whether the session's role may create in that tablespace.
    pub may_use_tablespace: bool,
    /// Storage parameters, `name=value`.
    pub options: Vec<String>,
    /// Storage parameters of its TOAST table.
    pub toast_options: Vec<String>,
    /// Access privileges.
    pub acl: Acl,
    /// What its owner has where `acl` is `None`: it grew over PostgreSQL's versions.
    pub built_in_acl: Vec<AclItem>,
    /// System columns that somebody has privileges on.
    pub system_columns: Vec<SystemColumn>,
    /// Its comment.
    pub comment: Option<String>,
    /// Whether row-level security is on.
    pub row_security: bool,
    /// Whether row-level security binds the owner too.
    pub force_row_security: bool,
    /// Whether row-level security binds the session's role here.
    pub bound_by_row_security: bool,
    /// `d`, `n`, `f` or `i`.
    pub replica_identity: String,
    /// The composite type of a typed table (`OF type`).
    pub of_type: Option<QualifiedName>,
    /// Whether Citus has distributed it over other servers.
    pub distributed: bool,
    /// What a partitioned table is partitioned by: `RANGE (year)`.
    pub partition_key: Option<Deparsed>,
    /// Of which table it is a partition, and for which rows.
    pub partition: Option<Partition>,
    /// Tables it inherits from, in order, or the one it is a partition of.
    pub inherits_from: Vec<Kin>,
    /// Tables that inherit from it, or are its partitions, by name.
    pub inherited_by: Vec<Kin>,
    /// The extension it belongs to.
    pub extension: Option<Ident>,
    /// Its own security labels.
    pub security_labels: Vec<SecurityLabel>,
    /// Publications that list it.
    pub publications: Vec<Ident>,
    /// Publications of its whole schema.
    pub schema_publications: Vec<Ident>,
    /// Extensions that a materialized view is dropped with (`ALTER … DEPENDS ON EXTENSION`), in
    /// the order of the statements.
    pub depends_on_extensions: Vec<Ident>,
    /// What of it calls functions over a relation's row type.
    pub row_type_calls: Vec<RowTypeCall>,
    /// Oids of the relations that the query of a view or materialized view names.
    pub reads: Vec<u32>,
    /// The query of a view or materialized view.
    pub definition: Option<Deparsed>,
    /// Whether a materialized view holds data; always true for tables.
    pub populated: bool,
    /// Columns in order.
    #[serde(default)]
    pub columns: Vec<Column>,
    /// Primary key, unique, check, exclusion and foreign key constraints, by name.
    #[serde(default)]
    pub constraints: Vec<Constraint>,
    /// Indexes by name, those of constraints included.
    #[serde(default)]
    pub indexes: Vec<Index>,
    /// User triggers by name.
    #[serde(default)]
    pub triggers: Vec<Trigger>,
    /// Row-level security policies by name.
    #[serde(default)]
    pub policies: Vec<Policy>,
    /// Rewrite rules by name, a view's own query left out.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Sequences that belong to its columns.
    #[serde(default)]
    pub sequences: Vec<OwnedSequence>,
    /// Extended statistics by name.
    #[serde(default)]
    pub statistics: Vec<ExtendedStatistics>,
    /// Size with indexes and TOAST, in bytes.
    pub bytes: i64,
    /// `reltuples`: -1 where it was never analysed.
    pub estimated_rows: i64,
}

impl Relation {
    /// The relation as steps and errors name it.
    #[must_use]
    pub fn object(&self) -> ObjectName {
        ObjectName::qualified(self.kind.object_kind(), &self.name)
    }

    /// Every access privilege on the relation, its columns and its sequences.
    pub fn acls(&self) -> impl Iterator<Item = &Acl> {
        std::iter::once(&self.acl)
            .chain(self.columns.iter().map(|column| &column.acl))
            .chain(self.system_columns.iter().map(|column| &column.acl))
            .chain(self.sequences.iter().map(|sequence| &sequence.acl))
    }

    /// The roles that own it or a part of it, and those that granted privileges on it.
    pub(super) fn roles(&self) -> impl Iterator<Item = &Ident> {
        let owners = std::iter::once(&self.owner).chain(self.statistics.iter().map(|s| &s.owner));
        let grantors = self.acls().flatten().flatten().map(|item| &item.grantor);
        owners.chain(grantors)
    }

    /// Whether it is a partition of another table.
    #[must_use]
    pub fn is_partition(&self) -> bool {
        self.partition.is_some()
    }

    /// The column of this name.
    #[must_use]
    pub fn column(&self, name: &Ident) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == *name)
    }
}

/// What makes a table a partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Partition {
    /// The oid of the table that it is a partition of.
    #[serde(rename = "parent_oid")]
    pub parent: u32,
    /// Its bound: `FOR VALUES FROM (2024) TO (2025)`, or `DEFAULT`.
    pub bound: Deparsed,
    /// Whether a `DETACH … CONCURRENTLY` has begun and not ended.
    pub detaching: bool,
}

/// A parent or a child, member of the set or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Kin {
    /// Its oid.
    pub oid: u32,
    /// Its name.
    pub name: QualifiedName,
}

/// An expression of a relation that calls a function over some relation's row type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RowTypeCall {
    /// The index, constraint, trigger, … as the server describes it.
    pub part: String,
    /// The function, with the types of its arguments.
    pub function: String,
    /// The oid of the relation whose row type, or an array of it, the function takes or returns.
    pub row_type_of: u32,
}

/// A column of a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Column {
    /// Its name.
    pub name: Ident,
    /// Its type with modifiers, as `format_type` prints it.
    pub data_type: Deparsed,
    /// Its collation, where it is not its type's own.
    pub collation: Option<QualifiedName>,
    /// Whether it refuses NULL.
    pub not_null: bool,
    /// Its default, or the expression of a generated column.
    pub default: Option<Deparsed>,
    /// The sequences its default names, by oid rather than by text.
    pub default_sequences: Vec<SequenceUse>,
    /// The relations whose row types its default or generation expression names.
    pub default_row_types: Vec<u32>,
    /// The relation whose row type it has, or an array of it.
    pub row_type_of: Option<u32>,
    /// Whether it is defined here, though perhaps inherited too; a partition's own columns never are.
    pub local: bool,
    /// How many parents it is inherited from.
    pub inherit_count: i32,
    /// `s` or `v` for generated columns, else empty.
    pub generated: String,
    /// `a` (always) or `d` (by default) for identity columns, else empty.
    pub identity: String,
    /// Its storage, where it is not its type's own: `p`, `e`, `m`, `x`.
    pub storage: Option<String>,
    /// Its compression, where it names one: `p` (pglz) or `l` (lz4).
    pub compression: Option<String>,
    /// Its statistics target, where it has one.
    pub statistics_target: Option<i32>,
    /// Attribute options, `n_distinct=…`.
    pub options: Vec<String>,
    /// Access privileges.
    pub acl: Acl,
    /// Its security labels.
    pub security_labels: Vec<SecurityLabel>,
    /// Its comment.
    pub comment: Option<String>,
}

/// Access privileges on a system column, such as `ctid`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SystemColumn {
    /// Its name.
    pub name: Ident,
    /// Access privileges.
    pub acl: Acl,
}

impl Column {
    /// Whether the server computes the column, so that it may not stand in `INSERT` or `COPY` lists.
    #[must_use]
    pub fn is_generated(&self) -> bool {
        !self.generated.is_empty()
    }

    /// Whether it is an identity column.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        !self.identity.is_empty()
    }
}

/// A sequence that a default names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SequenceUse {
    /// Its oid.
    pub oid: u32,
    /// Its name.
    pub name: QualifiedName,
    /// Its name as a string constant, the way it stands before `::regclass` in the default.
    pub printed: String,
}

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

/// A sequence that belongs to a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OwnedSequence {
    /// Its oid.
    pub oid: u32,
    /// Its name.
    pub name: QualifiedName,
    /// The column it belongs to.
    pub column: Ident,
    /// Whether it is the machinery of an identity column, rather than `OWNED BY`.
    pub identity: bool,
    /// Its owner.
    pub owner: Ident,
    /// Whether the session's role may read where it stands.
    pub may_select: bool,
    /// Logged, unlogged or temporary.
    pub persistence: Persistence,
    /// `smallint`, `integer` or `bigint`.
    pub data_type: Deparsed,
    /// `START`.
    pub start: i64,
    /// `INCREMENT`.
    pub increment: i64,
    /// `MINVALUE`.
    pub min: i64,
    /// `MAXVALUE`.
    pub max: i64,
    /// `CACHE`.
    pub cache: i64,
    /// Whether it wraps around.
    pub cycle: bool,
    /// Access privileges.
    pub acl: Acl,
    /// What its owner has where `acl` is `None`.
    pub built_in_acl: Vec<AclItem>,
    /// Its security labels.
    pub security_labels: Vec<SecurityLabel>,
    /// Its comment.
    pub comment: Option<String>,
    /// The last value handed out; `None` before the first, or where the role may not see it.
    pub last_value: Option<i64>,
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
