//! What outside the release set refers to it.

use serde::{Deserialize, Serialize};

use super::{Acl, Column, ForeignKeyTarget, RelationKind, Rule, SecurityLabel, Trigger};
use crate::{Deparsed, Ident, ObjectKind, ObjectName, QualifiedName};

/// A view or materialized view outside the set that reads it, directly or through other views and functions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
#[non_exhaustive]
pub struct DependentView {
    /// Its oid.
    pub oid: u32,
    /// Its name.
    pub name: QualifiedName,
    /// View or materialized view.
    pub kind: RelationKind,
    /// 1 where it reads only the set, else one more than the deepest view or function over the set that it reads.
    #[serde(default)]
    pub depth: u32,
    /// Its owner.
    pub owner: Ident,
    /// Whether the session's role has the rights of the owner.
    pub may_act_as_owner: bool,
    /// Whether the session's role may create relations in its schema, which replacing one takes too.
    pub may_create_in_schema: bool,
    /// Whether its owner may create there, which who is to own a view there must.
    pub owner_may_create_in_schema: bool,
    /// Access privileges.
    pub acl: Acl,
    /// What default privileges give to a view that the session's role makes in its schema.
    pub default_acl: Acl,
    /// Its comment.
    pub comment: Option<String>,
    /// Its security labels.
    pub security_labels: Vec<SecurityLabel>,
    /// `security_barrier=…`, `security_invoker=…`, `check_option=…`.
    pub options: Vec<String>,
    /// Its query, members of the set unqualified.
    pub definition: Deparsed,
    /// Whether it reads a member, a sequence or a row type of one itself; a view that does not follows what it reads.
    #[serde(default)]
    pub direct: bool,
    /// What of the set, and of the views and functions over it, it reads itself.
    #[serde(default)]
    pub refers_to: Vec<Referent>,
    /// Its columns in order.
    #[serde(default)]
    pub columns: Vec<Column>,
    /// Its triggers by name.
    #[serde(default)]
    pub triggers: Vec<Trigger>,
    /// Its rewrite rules by name, its own query left out.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// The columns of members that it reads itself.
    pub reads: Vec<ColumnRead>,
    /// The extension it belongs to.
    pub extension: Option<Ident>,
}

/// What a dependent refers to, by oid: a relation (also by its row type, or an array of it) or a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Referent {
    /// A relation of `pg_class`.
    Relation(u32),
    /// A function or procedure of `pg_proc`.
    Function(u32),
}

/// A column of a member that a view reads, or a function or rule names.
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

/// A rewrite rule of a view outside the set that names the set, or a view or function over it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DependentRule {
    /// The view it is on; it need not read the set itself.
    pub relation: QualifiedName,
    /// The view's oid.
    pub relation_oid: u32,
    /// View.
    pub relation_kind: RelationKind,
    /// The view's owner.
    pub relation_owner: Ident,
    /// Whether the session's role has the rights of the view's owner.
    pub may_act_as_owner: bool,
    /// Its name.
    pub name: Ident,
    /// `2` (update), `3` (insert) or `4` (delete): `pg_rewrite.ev_type`.
    pub event: String,
    /// What `pg_get_ruledef` prints after the name, members of the set unqualified.
    pub tail: Deparsed,
    /// Columns of members that it names.
    pub reads: Vec<ColumnRead>,
    /// What of the set, and of the views and functions over it, it refers to; its own view left out.
    pub refers_to: Vec<Referent>,
}

impl DependentRule {
    /// The rule as steps and errors name it.
    #[must_use]
    pub fn object(&self) -> ObjectName {
        ObjectName::part(ObjectKind::Rule, &self.name, &self.relation)
    }
}

/// What depends on a view or function over the set and is neither a view, nor a rule of one, nor a function: while the
/// view or function stays it needs nothing, but it stands against dropping it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UpperDependent {
    /// The view or function.
    pub on: Referent,
    /// What `pg_describe_object` prints.
    pub description: String,
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
    /// The owner of the referencing table.
    pub owner: Ident,
    /// Whether the session's role has the rights of that owner.
    pub may_act_as_owner: bool,
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
    /// `false` where `ALTER TABLE … DISABLE TRIGGER`, or one of its kin, has changed when the key is looked after.
    pub triggers_as_made: bool,
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
