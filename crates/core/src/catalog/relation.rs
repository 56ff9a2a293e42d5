//! A member of a release set, with everything that hangs on it.

use serde::{Deserialize, Serialize};

use super::{
    Acl, AclItem, Column, Constraint, ExtendedStatistics, Index, OwnedSequence, Policy,
    PublicationMembership, Rule, SecurityLabel, SystemColumn, Trigger,
};
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

    /// The words that `ALTER`, `DROP` and `COMMENT ON` know it by.
    #[must_use]
    pub fn keywords(self) -> &'static str {
        match self {
            Self::Table | Self::PartitionedTable => "TABLE",
            Self::View => "VIEW",
            Self::MaterializedView => "MATERIALIZED VIEW",
            Self::ForeignTable => "FOREIGN TABLE",
        }
    }

    /// Whether it is what a query makes of other relations, rather than rows that somebody writes.
    #[must_use]
    pub fn has_query(self) -> bool {
        matches!(self, Self::View | Self::MaterializedView)
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
    /// Publications of its whole schema.
    pub schema_publications: Vec<Ident>,
    /// Logical-replication subscriptions that write to it, by name.
    pub subscriptions: Vec<Ident>,
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
    /// Publications that list it, by name.
    #[serde(default)]
    pub publications: Vec<PublicationMembership>,
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
