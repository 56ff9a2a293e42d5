//! Whether the session may make the twins all that live is: what it may give away, grant, use and refer to.

use std::collections::BTreeSet;

use cutover_core::catalog::{Acl, CatalogSnapshot, Relation};
use cutover_core::{Ident, ObjectKind, ObjectName, in_grant_order};

use crate::Refusal;

/// Collects what the session's role may not do for a twin of `relation`. Where staging is `apart` from live, what its owners
/// and grantors may do in that schema has been looked at with the schema.
pub(crate) fn check(
    snapshot: &CatalogSnapshot,
    relation: &Relation,
    apart: bool,
    refusals: &mut Vec<Refusal>,
) {
    let mut check = RightsCheck {
        snapshot,
        relation,
        apart,
        refusals,
    };
    check.owners();
    check.privileges();
    check.tablespaces();
    check.what_is_referred_to();
}

struct RightsCheck<'a> {
    snapshot: &'a CatalogSnapshot,
    relation: &'a Relation,
    apart: bool,
    refusals: &'a mut Vec<Refusal>,
}

impl RightsCheck<'_> {
    fn refuse(&mut self, object: ObjectName, why: impl Into<String>, remedy: &'static str) {
        self.refusals.push(Refusal::new(object, why, remedy));
    }

    /// Giving away takes the new owner's role, and the new owner's right to create where the relation is.
    fn owners(&mut self) {
        let server = &self.snapshot.server;
        if server.superuser {
            return;
        }
        if self.relation.owner != server.role && self.relation.may_act_as_owner {
            let owner = &self.relation.owner;
            self.owner_may_be_given(&self.relation.object(), owner);
            let may_create = self.snapshot.role(owner).is_none_or(|r| r.may_create_in_schema);
            if !may_create && !self.apart {
                self.refuse(
                    self.relation.object(),
                    format!("belongs to role {owner}, which may not create relations in its schema"),
                    "GRANT CREATE ON SCHEMA to the owner",
                );
            }
        }
        for statistics in &self.relation.statistics {
            let object = || ObjectName::qualified(ObjectKind::ExtendedStatistics, &statistics.name);
            let schema = &statistics.name.schema;
            if !statistics.may_create_in_schema && *schema != self.snapshot.schema {
                self.refuse(
                    object(),
                    format!(
                        "are in schema {schema}, where role {} may not create any",
                        server.role
                    ),
                    "GRANT CREATE ON that SCHEMA to the role",
                );
            }
            if statistics.owner == server.role {
                continue;
            }
            self.owner_may_be_given(&object(), &statistics.owner);
            if !statistics.owner_may_create_in_schema && !self.apart {
                self.refuse(
                    object(),
                    format!(
                        "belong to role {}, which may not create any in schema {schema}",
                        statistics.owner
                    ),
                    "GRANT CREATE ON SCHEMA to the owner",
                );
            }
        }
    }

    fn owner_may_be_given(&mut self, object: &ObjectName, owner: &Ident) {
        let may_be_given = self.snapshot.role(owner).is_none_or(|role| role.may_be_given);
        if !may_be_given {
            let role = &self.snapshot.server.role;
            self.refuse(
                object.clone(),
                format!("belongs to role {owner}, to which role {role} may not give anything"),
                "GRANT the owner's role to the role, from PostgreSQL 16 on WITH SET TRUE",
            );
        }
    }

    fn privileges(&mut self) {
        let relation = self.relation;
        let owner = &relation.owner;
        self.acl(&relation.object(), &relation.acl, owner, &None);
        let columns = relation.columns.iter().map(|column| (&column.name, &column.acl));
        let system = relation
            .system_columns
            .iter()
            .map(|column| (&column.name, &column.acl));
        for (name, acl) in columns.chain(system) {
            let object = ObjectName::part(ObjectKind::Column, name, &relation.name);
            self.acl(&object, acl, owner, &relation.acl);
        }
        for sequence in &relation.sequences {
            let object = ObjectName::qualified(ObjectKind::Sequence, &sequence.name);
            self.acl(&object, &sequence.acl, &sequence.owner, &None);
        }
    }

    /// Each grant is repeated in its grantor's name.
    fn acl(&mut self, object: &ObjectName, acl: &Acl, owner: &Ident, of_table: &Acl) {
        let items = acl.as_deref().unwrap_or_default();
        for item in items.iter().filter(|item| item.keyword().is_none()) {
            self.refuse(
                object.clone(),
                format!("has the unknown privilege {:?}", item.privilege),
                "use a version of Cutover that knows it",
            );
        }
        let grantors: BTreeSet<&Ident> = items
            .iter()
            .map(|item| &item.grantor)
            .filter(|grantor| *grantor != owner)
            .collect();
        for grantor in grantors {
            self.grantor(object, grantor);
        }
        let (_, unexplained) = in_grant_order(items, owner, of_table.as_deref().unwrap_or_default());
        for item in unexplained {
            self.refuse(
                object.clone(),
                format!(
                    "has the privilege {} that role {} granted without a grant option",
                    item.privilege, item.grantor
                ),
                "REVOKE it and grant it as the owner",
            );
        }
    }

    fn grantor(&mut self, object: &ObjectName, grantor: &Ident) {
        let snapshot = self.snapshot;
        let told = |what: &str| format!("has privileges that role {grantor} granted, {what}");
        let Some(role) = snapshot.role(grantor) else {
            self.refuse(
                object.clone(),
                told("which does not exist"),
                "REVOKE them and grant them as the owner",
            );
            return;
        };
        if role.superuser {
            self.refuse(
                object.clone(),
                told("which is a superuser now: what one grants counts as granted by the owner"),
                "REVOKE them and grant them as the owner",
            );
        } else if !role.may_become {
            self.refuse(
                object.clone(),
                told("in whose name the session may not grant them"),
                "GRANT the grantor's role to the session's role (from PostgreSQL 16 on WITH SET TRUE), or REVOKE them \
                 and grant them as the owner",
            );
        } else if !role.may_use_schema && !self.apart {
            self.refuse(
                object.clone(),
                told("which may no longer use the schema"),
                "GRANT USAGE ON SCHEMA to the grantor, or REVOKE them and grant them as the owner",
            );
        }
    }

    fn tablespaces(&mut self) {
        let relation = self.relation;
        let of_indexes = relation.indexes.iter().map(|index| {
            let object = ObjectName::qualified(ObjectKind::Index, &index.name);
            (object, index.may_use_tablespace, &index.tablespace)
        });
        let of_relation = (
            relation.object(),
            relation.may_use_tablespace,
            &relation.tablespace,
        );
        for (object, may_use, tablespace) in std::iter::once(of_relation).chain(of_indexes) {
            if let Some(tablespace) = tablespace.as_ref().filter(|_| !may_use) {
                self.refuse(
                    object,
                    format!(
                        "is in tablespace {tablespace}, which role {} may not use",
                        self.snapshot.server.role
                    ),
                    "GRANT CREATE ON TABLESPACE to the role",
                );
            }
        }
    }

    fn what_is_referred_to(&mut self) {
        let relation = self.relation;
        let role = &self.snapshot.server.role;
        for trigger in relation.triggers.iter().filter(|trigger| !trigger.may_execute) {
            self.refuse(
                ObjectName::part(ObjectKind::Trigger, &trigger.name, &relation.name),
                format!("executes a function that role {role} may not execute"),
                "GRANT EXECUTE ON FUNCTION to the role",
            );
        }
        for constraint in &relation.constraints {
            let Some(target) = constraint.references.as_ref().filter(|t| !t.may_reference) else {
                continue;
            };
            self.refuse(
                ObjectName::part(ObjectKind::Constraint, &constraint.name, &relation.name),
                format!("refers to {}, which role {role} may not refer to", target.table),
                "GRANT REFERENCES ON the referenced table, and USAGE ON its schema, to the role",
            );
        }
    }
}
