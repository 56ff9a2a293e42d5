//! Schemas of their own for staging and backups: whether they are there, and who may do what in them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::CatalogSnapshot;
use crate::{Ident, ObjectKind, ObjectName, Sql, Step};

/// A schema that is not the set's own, as the catalog describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SchemaFacts {
    /// Its name.
    pub name: Ident,
    /// Whose it is; `None` where it does not exist.
    pub owner: Option<Ident>,
    /// Whether the current role may look up names in it.
    pub may_use: bool,
    /// Whether the current role may create relations in it, and move them there.
    pub may_create: bool,
    /// The same of the set's roles.
    pub roles: Vec<RoleInSchema>,
    /// Who else may look up names in it, as SQL names them: `PUBLIC`, or roles. Whatever publishes all that it may see can
    /// see relations there.
    pub granted_to: Vec<String>,
    /// To whom `ALTER DEFAULT PRIVILEGES … ON SCHEMAS` gives something on every schema that the current role makes; `None` is
    /// `PUBLIC`.
    pub given_to: Vec<Option<Ident>>,
    /// Publications `FOR TABLES IN SCHEMA` of it.
    pub publications: Vec<Ident>,
}

/// What a role that owns relations of the set, or granted privileges on them, may do in a schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RoleInSchema {
    /// The role.
    pub name: Ident,
    /// Whether it may look up names.
    pub may_use: bool,
    /// Whether it may create relations.
    pub may_create: bool,
}

/// Why relations of the set cannot be in a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaObstacle {
    /// A phrase that follows the schema's name.
    pub why: String,
    /// What the operator can do about it.
    pub remedy: &'static str,
}

impl SchemaObstacle {
    fn new(why: impl Into<String>, remedy: &'static str) -> Self {
        Self {
            why: why.into(),
            remedy,
        }
    }
}

/// What the roles of a set need in a schema of its own.
#[derive(Debug, Default)]
struct Needs<'a> {
    usage: BTreeSet<&'a Ident>,
    create: BTreeSet<&'a Ident>,
}

impl<'a> Needs<'a> {
    /// Staging: who granted something on live grants it there again, by name; and who is given a relation must be able to
    /// create one where it is, unless a superuser gives it.
    fn of_staging(set: &'a CatalogSnapshot) -> Self {
        let server = &set.server;
        let roles = || set.relations.iter().flat_map(super::Relation::roles);
        let owners = set.relations.iter().flat_map(|relation| {
            std::iter::once(&relation.owner).chain(relation.statistics.iter().map(|s| &s.owner))
        });
        Self {
            usage: roles().filter(|role| **role != server.role).collect(),
            create: owners
                .filter(|owner| **owner != server.role && !server.superuser)
                .collect(),
        }
    }

    /// Backups: a foreign key is checked by a query that names both tables, with the rights of the owner of the one that
    /// is looked into. Where a backup refers to a table outside the set, deleting there would fail.
    fn of_backups(set: &'a CatalogSnapshot) -> Self {
        let owners = set.relations.iter().map(|relation| &relation.owner);
        Self {
            usage: owners.filter(|owner| **owner != set.server.role).collect(),
            create: BTreeSet::new(),
        }
    }
}

impl SchemaFacts {
    /// Whether it is there.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.owner.is_some()
    }

    /// What stands against staging of the live relations of `set` in this schema. Pure.
    #[must_use]
    pub fn against_staging(&self, set: &CatalogSnapshot) -> Vec<SchemaObstacle> {
        self.against(set, &Needs::of_staging(set), "staging")
    }

    /// What stands against backups of the live relations of `set` in this schema. Pure.
    #[must_use]
    pub fn against_backups(&self, set: &CatalogSnapshot) -> Vec<SchemaObstacle> {
        self.against(set, &Needs::of_backups(set), "every backup")
    }

    fn against(&self, set: &CatalogSnapshot, needs: &Needs<'_>, rows_of: &str) -> Vec<SchemaObstacle> {
        let role = &set.server.role;
        let mut found: Vec<SchemaObstacle> = Vec::new();
        if !self.exists() {
            if !set.server.may_create_schemas {
                found.push(SchemaObstacle::new(
                    format!("does not exist, and role {role} may not create it"),
                    "GRANT CREATE ON DATABASE to the role, or CREATE SCHEMA it and GRANT USAGE, CREATE ON it to the role",
                ));
            }
            return found;
        }
        if !(self.may_use && self.may_create) {
            found.push(SchemaObstacle::new(
                format!("does not let role {role} create relations and find them"),
                "GRANT USAGE, CREATE ON SCHEMA to the role",
            ));
        }
        for of_role in &self.roles {
            let name = &of_role.name;
            if needs.usage.contains(name) && !of_role.may_use {
                found.push(SchemaObstacle::new(
                    format!(
                        "does not let role {name}, which owns relations of the set or granted privileges on them, find \
                         relations: their foreign keys could not be checked there, nor the privileges be granted again"
                    ),
                    "GRANT USAGE ON SCHEMA to that role",
                ));
            }
            if needs.create.contains(name) && !of_role.may_create {
                found.push(SchemaObstacle::new(
                    format!("does not let role {name} create relations, to which some are to be given there"),
                    "GRANT CREATE ON SCHEMA to that role",
                ));
            }
        }
        for publication in &self.publications {
            found.push(SchemaObstacle::new(
                format!("is published as a whole by {publication}: every row of {rows_of} would go to its subscribers"),
                "ALTER PUBLICATION … DROP TABLES IN SCHEMA, or choose another schema",
            ));
        }
        found
    }

    /// Makes the schema for staging of `set`, where it is not there: the current role's own, for nobody else but the roles
    /// of the set that cannot do without. Pure.
    #[must_use]
    pub fn make_for_staging(&self, set: &CatalogSnapshot) -> Vec<Step> {
        self.make(set, &Needs::of_staging(set))
    }

    /// The same for backups.
    #[must_use]
    pub fn make_for_backups(&self, set: &CatalogSnapshot) -> Vec<Step> {
        self.make(set, &Needs::of_backups(set))
    }

    fn make(&self, set: &CatalogSnapshot, needs: &Needs<'_>) -> Vec<Step> {
        if self.exists() {
            return Vec::new();
        }
        let object = || ObjectName::global(ObjectKind::Schema, &self.name);
        let mut statements = vec![Sql::text("CREATE SCHEMA IF NOT EXISTS ").ident(&self.name)];
        if !self.given_to.is_empty() {
            let roles = self.given_to.iter().map(|role| match role {
                Some(role) => Sql::text("").ident(role),
                None => Sql::text("PUBLIC"),
            });
            let revoke = Sql::text("REVOKE ALL ON SCHEMA ").ident(&self.name);
            statements.push(revoke.then(" FROM ").append(&Sql::join(roles, ", ")));
        }
        let superuser = |role: &Ident| set.role(role).is_some_and(|facts| facts.superuser);
        for (privilege, roles) in [("USAGE", &needs.usage), ("CREATE", &needs.create)] {
            let roles: Vec<&Ident> = roles.iter().copied().filter(|role| !superuser(role)).collect();
            if !roles.is_empty() {
                let grant = Sql::text("GRANT ")
                    .then(privilege)
                    .then(" ON SCHEMA ")
                    .ident(&self.name);
                statements.push(grant.then(" TO ").idents(roles));
            }
        }
        let steps = statements.into_iter().enumerate();
        steps
            .map(|(n, sql)| {
                let purpose = if n == 0 { "create" } else { "set the privileges of" };
                Step::new(purpose, object(), sql)
            })
            .collect()
    }
}
