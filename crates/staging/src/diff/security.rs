//! The comparison of who may do and see what, and of what statements are turned into: policies, rules, system columns.

use cutover_core::catalog::{Policy, Rule};
use cutover_core::{Deparsed, Ident, ObjectKind, ObjectName};

use super::acl;
use super::compare::Comparison;

impl Comparison<'_> {
    pub(super) fn policies(&mut self) {
        let (live, staging) = (self.live, self.staging);
        let object = |name: &Ident| ObjectName::part(ObjectKind::Policy, name, &live.name);
        for a in &live.policies {
            match staging.policies.iter().find(|b| b.name == a.name) {
                Some(b) => self.policy(&object(&a.name), a, b),
                None => self.missing(object(&a.name)),
            }
        }
        for b in &staging.policies {
            if !live.policies.iter().any(|a| a.name == b.name) {
                self.extra(object(&b.name));
            }
        }
    }

    fn policy(&mut self, object: &ObjectName, a: &Policy, b: &Policy) {
        self.equal(object, "permissive", &a.permissive, &b.permissive);
        self.equal(object, "command", &a.command, &b.command);
        self.equal_list(object, "roles", &roles(a), &roles(b));
        self.expression(object, "USING", a, (&a.using, &b.using));
        self.expression(object, "WITH CHECK", a, (&a.with_check, &b.with_check));
        self.equal_option(object, "comment", a.comment.as_ref(), b.comment.as_ref());
    }

    fn expression(
        &mut self,
        object: &ObjectName,
        property: &str,
        policy: &Policy,
        texts: (&Option<Deparsed>, &Option<Deparsed>),
    ) {
        match texts {
            (Some(a), Some(b)) => self.equal_text(object, property, (ObjectKind::Policy, &policy.name), a, b),
            (a, b) => self.equal_option(object, property, a.as_ref(), b.as_ref()),
        }
    }

    pub(super) fn rules(&mut self) {
        let (live, staging) = (self.live, self.staging);
        let object = |name: &Ident| ObjectName::part(ObjectKind::Rule, name, &live.name);
        for a in &live.rules {
            match staging.rules.iter().find(|b| b.name == a.name) {
                Some(b) => self.rule(&object(&a.name), a, b),
                None => self.missing(object(&a.name)),
            }
        }
        for b in &staging.rules {
            if !live.rules.iter().any(|a| a.name == b.name) {
                self.extra(object(&b.name));
            }
        }
    }

    fn rule(&mut self, object: &ObjectName, a: &Rule, b: &Rule) {
        self.equal_text(
            object,
            "definition",
            (ObjectKind::Rule, &a.name),
            &a.definition,
            &b.definition,
        );
        self.equal(object, "state", &a.enabled, &b.enabled);
        self.equal_option(object, "comment", a.comment.as_ref(), b.comment.as_ref());
    }

    /// `ALTER … DEPENDS ON EXTENSION`, in any order.
    pub(super) fn extensions(&mut self, object: &ObjectName, a: &[Ident], b: &[Ident]) {
        let sorted = |extensions: &[Ident]| {
            let mut extensions = extensions.to_vec();
            extensions.sort();
            extensions
        };
        self.equal_list(object, "extensions that it depends on", &sorted(a), &sorted(b));
    }

    /// Privileges on `ctid` and its like.
    pub(super) fn system_columns(&mut self) {
        let (live, staging) = (self.live, self.staging);
        let names = live.system_columns.iter().chain(&staging.system_columns);
        let mut names: Vec<&Ident> = names.map(|column| &column.name).collect();
        names.sort();
        names.dedup();
        for name in names {
            let of = |columns: &[cutover_core::catalog::SystemColumn]| {
                let column = columns.iter().find(|column| column.name == *name);
                column.and_then(|column| column.acl.clone())
            };
            let (a, b) = (of(&live.system_columns), of(&staging.system_columns));
            if !acl::same(&a, &b, &[]) {
                let object = ObjectName::part(ObjectKind::Column, name, &live.name);
                self.differs(&object, "privileges", acl::print(&a), acl::print(&b));
            }
        }
    }
}

/// Roles in no order; `PUBLIC` stands for all.
fn roles(policy: &Policy) -> Vec<String> {
    let name = |role: &Option<Ident>| role.as_ref().map_or("PUBLIC".to_owned(), ToString::to_string);
    let mut roles: Vec<String> = policy.roles.iter().map(name).collect();
    roles.sort();
    roles
}
