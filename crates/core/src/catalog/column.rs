//! A column of a member, and what belongs to it: the sequence behind its values.

use serde::{Deserialize, Serialize};

use super::{Acl, AclItem, Persistence, SecurityLabel};
use crate::{Deparsed, Ident, QualifiedName};

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
