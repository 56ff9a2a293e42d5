//! What outside the release set refers to it.

use serde::{Deserialize, Serialize};

use super::{ForeignKeyTarget, RelationKind};
use crate::{Deparsed, Ident, ObjectName, QualifiedName};

/// A view or materialized view outside the set that reads it, directly or through other views.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DependentView {
    /// Its oid.
    pub oid: u32,
    /// Its name.
    pub name: QualifiedName,
    /// View or materialized view.
    pub kind: RelationKind,
    /// 1 where it reads only the set, else one more than the deepest view it reads.
    pub depth: i32,
    /// Its owner.
    pub owner: Ident,
    /// `security_barrier=…`, `security_invoker=…`, `check_option=…`.
    pub options: Vec<String>,
    /// Its query, members of the set unqualified.
    pub definition: Deparsed,
    /// Whether it reads a member itself; one that does not follows the views it reads.
    pub direct: bool,
    /// The columns of members that it reads itself.
    pub reads: Vec<ColumnRead>,
    /// Rewrite rules on it, its own query left out.
    pub rules: Vec<Ident>,
    /// The extension it belongs to.
    pub extension: Option<Ident>,
}

/// A column of a member that a view reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ColumnRead {
    /// The member's oid.
    pub relation: u32,
    /// The column.
    pub column: Ident,
}

impl DependentView {
    /// The view as steps and errors name it.
    #[must_use]
    pub fn object(&self) -> ObjectName {
        ObjectName::qualified(self.kind.object_kind(), &self.name)
    }
}

/// A foreign key of a table outside the set that points into it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they mirror independent columns of pg_constraint"
)]
#[non_exhaustive]
pub struct InboundForeignKey {
    /// The referencing table.
    pub table: QualifiedName,
    /// Its oid.
    pub table_oid: u32,
    /// Whether the referencing table is partitioned; a key of a partition's own is like any other table's.
    pub partitioned: bool,
    /// Whether row-level security of the referencing table hides rows from the session's role.
    pub bound_by_row_security: bool,
    /// The constraint's name.
    pub name: Ident,
    /// The referencing columns, in the key's order.
    pub columns: Vec<Ident>,
    /// Whether it is `DEFERRABLE`.
    pub deferrable: bool,
    /// Whether it is `INITIALLY DEFERRED`.
    pub deferred: bool,
    /// `false` for `NOT VALID`.
    pub validated: bool,
    /// `false` for `NOT ENFORCED`.
    pub enforced: bool,
    /// Whether it has a `PERIOD`.
    pub temporal: bool,
    /// How each referenced column is compared with its referencing one, in the key's order.
    pub comparisons: Vec<KeyComparison>,
    /// Where it points.
    pub references: ForeignKeyTarget,
    /// Its comment.
    pub comment: Option<String>,
}

/// How a foreign key compares a referenced column (on the left) with a referencing one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeyComparison {
    /// `OPERATOR(schema.=)`: the one of the key, whatever the search path.
    pub operator: Deparsed,
    /// The collation to compare by, where the two columns have different ones.
    pub collation: Option<QualifiedName>,
}

/// Anything else that depends on a member or on its row type, as the server describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OtherDependent {
    /// The kind of object, as `pg_identify_object` calls it.
    pub kind: String,
    /// What `pg_describe_object` prints.
    pub description: String,
    /// The member, or its type, that it depends on.
    pub member: String,
}
