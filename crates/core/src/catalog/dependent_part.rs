//! Parts of relations outside the set that name it: policies, rules, column defaults.

use serde::{Deserialize, Serialize};

use super::{ColumnRead, RelationKind};
use crate::{Deparsed, Ident, ObjectKind, ObjectName, QualifiedName};

/// A policy, a rule or a column default of a relation outside the set that names a member, its row type, or a sequence
/// of its columns.
///
/// Rules are those of tables; those of views are told with the views.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DependentPart {
    /// The relation it is a part of.
    pub table: QualifiedName,
    /// That relation's oid.
    pub table_oid: u32,
    /// A default may be of a view or a foreign table, too.
    pub table_kind: RelationKind,
    /// The relation's owner.
    pub owner: Ident,
    /// Whether the session's role has the rights of that owner.
    pub may_act_as_owner: bool,
    /// Its name; of a default, the column's.
    pub name: Ident,
    /// What it is, members of the set unqualified.
    pub definition: PartDefinition,
    /// The columns of members that it names.
    pub reads: Vec<ColumnRead>,
    /// The oids of the members' sequences that it names.
    pub draws_from: Vec<u32>,
}

/// What a [`DependentPart`] is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum PartDefinition {
    /// A row-level security policy.
    Policy {
        /// Which rows are seen.
        using: Option<Deparsed>,
        /// Which rows may be written.
        with_check: Option<Deparsed>,
    },
    /// A rewrite rule.
    Rule {
        /// What `pg_get_ruledef` prints after the name.
        tail: Deparsed,
    },
    /// The default of a column.
    Default {
        /// The expression.
        expression: Deparsed,
    },
    /// What a generated column is computed by.
    Generated {
        /// The expression.
        expression: Deparsed,
    },
}

impl DependentPart {
    /// The part as steps and errors name it.
    #[must_use]
    pub fn object(&self) -> ObjectName {
        let kind = match self.definition {
            PartDefinition::Policy { .. } => ObjectKind::Policy,
            PartDefinition::Rule { .. } => ObjectKind::Rule,
            PartDefinition::Default { .. } | PartDefinition::Generated { .. } => ObjectKind::Column,
        };
        ObjectName::part(kind, &self.name, &self.table)
    }
}
