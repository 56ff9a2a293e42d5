//! The catalog snapshot: everything a plan is computed from, read in a number of queries that does not grow with the
//! number of relations.

mod acl;
mod attached;
mod column;
mod companions;
mod constraint;
mod deparsing;
mod dependent;
mod dependent_part;
mod existing;
mod fingerprint;
mod function;
mod lock_table;
mod policy;
mod publication;
mod read;
mod read_dependents;
mod reading_order;
mod relation;
mod role;
mod rule;
mod schema;
mod security_label;
mod write_counts;

pub use acl::{Acl, AclItem};
pub use attached::{ExtendedStatistics, Index, Trigger};
pub use column::{Column, OwnedSequence, SequenceUse, SystemColumn};
pub use companions::{Companion, StaysBehind};
pub use constraint::{Constraint, ConstraintKind, ForeignKeyTarget};
pub use dependent::{
    ColumnRead, DependentRule, DependentView, InboundForeignKey, KeyComparison, OtherDependent, Referent,
    UpperDependent,
};
pub use dependent_part::{DependentPart, PartDefinition};
pub use existing::existing;
pub use fingerprint::{FingerprintWithoutPartNames, read_fingerprint};
pub use function::{DependentFunction, FunctionKind};
pub use lock_table::LockTableFit;
pub use policy::{Policy, PolicyCommand};
pub use publication::PublicationMembership;
pub use read::CatalogError;
pub use reading_order::in_reading_order;
pub use relation::{Kin, Partition, Persistence, Relation, RelationKind, RowTypeCall};
pub use role::RoleFacts;
pub use rule::Rule;
pub use schema::{RoleInSchema, SchemaFacts, SchemaObstacle};
pub use security_label::SecurityLabel;
pub use write_counts::{WriteCounts, Writes};

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Digest, Ident, ObjectKind, ObjectName};

/// Facts of the server and of the session that reads the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
#[non_exhaustive]
pub struct ServerFacts {
    /// `server_version_num`, e.g. 150018.
    pub version_num: u32,
    /// Whether this is a standby.
    pub in_recovery: bool,
    /// The database.
    pub database: Ident,
    /// The current role.
    pub role: Ident,
    /// Whether the current role is a superuser.
    pub superuser: bool,
    /// Whether the role may create schemas in this database.
    pub may_create_schemas: bool,
    /// Whether the role may create relations in the set's schema.
    pub may_create_in_schema: bool,
    /// What `ALTER DEFAULT PRIVILEGES` gives to every new table of the role, in any schema; `None` where nothing is said.
    pub default_table_acl: Acl,
    /// The same for sequences.
    pub default_sequence_acl: Acl,
    /// Enabled event triggers: they fire on our DDL and may veto it.
    pub event_triggers: Vec<Ident>,
    /// Where other sessions have, or had, their temporary relations and functions: nobody else can replace these.
    pub other_temporary_schemas: Vec<Ident>,
    /// Publications `FOR ALL TABLES`: staging would be published as it is loaded.
    pub all_tables_publications: Vec<Ident>,
    /// How many lock entries the server's lock table has room for, about.
    pub max_lock_entries: i64,
}

/// A release set as the catalog describes it at one moment.
///
/// Definitions (index, view, trigger, …) are printed with the set's schema alone on the search path, so members stand
/// unqualified in them and everything outside the schema is qualified: executed where those same names mean other
/// relations, they mean those.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CatalogSnapshot {
    /// The server and the session.
    pub server: ServerFacts,
    /// The schema of the set.
    pub schema: Ident,
    /// The members, in the order they were asked for; each partitioned table is followed by its partitions.
    pub relations: Vec<Relation>,
    /// The roles that own the members, their statistics and the views and functions over them, and those that granted
    /// privileges on them.
    pub roles: Vec<RoleFacts>,
    /// Views and materialized views outside the set that read it, nearest first.
    pub views: Vec<DependentView>,
    /// Functions and procedures outside the set that refer to it, or to views and functions over it.
    pub functions: Vec<DependentFunction>,
    /// Rules on views outside the set that refer to it, or to views and functions over it.
    pub rules: Vec<DependentRule>,
    /// What depends on those views and functions and would not outlive their being dropped.
    pub upper_dependents: Vec<UpperDependent>,
    /// Foreign keys of tables outside the set that point into it.
    pub inbound_foreign_keys: Vec<InboundForeignKey>,
    /// Policies, rules of tables and column defaults outside the set that name it.
    pub parts: Vec<DependentPart>,
    /// Everything else outside the set that depends on it.
    pub other_dependents: Vec<OtherDependent>,
    /// The schemas of their own that staging and backups go to, where [`with_schemas`](Self::with_schemas) looked at them.
    #[serde(default)]
    pub schemas: Vec<SchemaFacts>,
    /// Over the catalog rows of the members and of what depends on them, see [`read_fingerprint`].
    pub fingerprint: Digest,
}

impl CatalogSnapshot {
    /// The member of this name.
    #[must_use]
    pub fn relation(&self, name: &Ident) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.name.name == *name)
    }

    /// What is known of another schema than the set's.
    #[must_use]
    pub fn schema_facts(&self, schema: &Ident) -> Option<&SchemaFacts> {
        self.schemas.iter().find(|facts| facts.name == *schema)
    }

    /// What the session may do in the name of an owner or grantor of this set.
    #[must_use]
    pub fn role(&self, name: &Ident) -> Option<&RoleFacts> {
        self.roles.iter().find(|role| role.name == *name)
    }

    /// The partitions of a member, all levels, parents before children.
    pub fn partitions_of(&self, table: u32) -> impl Iterator<Item = &Relation> {
        let mut above = BTreeSet::from([table]);
        self.relations.iter().filter(move |relation| {
            let parent = relation.partition.as_ref().map(|partition| partition.parent);
            parent.is_some_and(|parent| above.contains(&parent) && above.insert(relation.oid))
        })
    }

    /// Everything outside the set that depends on it, described.
    pub fn dependents(&self) -> impl Iterator<Item = String> {
        let views = self.views.iter().map(|view| view.object().to_string());
        let functions = self
            .functions
            .iter()
            .map(|function| function.object().to_string());
        let rules = self.rules.iter().map(|rule| rule.object().to_string());
        let keys = self.inbound_foreign_keys.iter();
        let keys =
            keys.map(|key| ObjectName::part(ObjectKind::Constraint, &key.name, &key.table).to_string());
        let parts = self.parts.iter().map(|part| part.object().to_string());
        let others = self
            .other_dependents
            .iter()
            .map(|other| other.description.clone());
        views
            .chain(functions)
            .chain(rules)
            .chain(keys)
            .chain(parts)
            .chain(others)
    }

    /// Forgets what outside the set depends on it: for what is made like the set and has no dependents.
    pub fn forget_dependents(&mut self) {
        self.views.clear();
        self.functions.clear();
        self.rules.clear();
        self.upper_dependents.clear();
        self.inbound_foreign_keys.clear();
        self.parts.clear();
        self.other_dependents.clear();
    }

    /// The oids that [`read_fingerprint`] covers: the members, the views that depend on them, and the relations that refer
    /// to them by foreign keys, policies, rules and column defaults.
    #[must_use]
    pub fn fingerprint_oids(&self) -> Vec<u32> {
        let members = self.relations.iter().map(|relation| relation.oid);
        let views: BTreeSet<u32> = self
            .views
            .iter()
            .map(|view| view.oid)
            .chain(self.rules.iter().map(|rule| rule.relation_oid))
            .chain(self.parts.iter().map(|part| part.table_oid))
            .chain(self.inbound_foreign_keys.iter().map(|key| key.table_oid))
            .collect();
        members.chain(views).collect()
    }
}
