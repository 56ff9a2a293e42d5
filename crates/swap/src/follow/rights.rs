//! Whether the session's role may do what following takes: be the owner of what it touches, create where that is, give
//! away what it makes anew and grant what was granted on it.

use std::collections::BTreeSet;

use cutover_core::catalog::{Acl, CatalogSnapshot};
use cutover_core::{Ident, ObjectKind, ObjectName, in_grant_order};

use super::Followers;
use super::graph::Follower;
use crate::refused::{Refusal, RefusalKind};

const OWNER: &str = "connect as the owner, or GRANT the owning role";

pub(super) fn check(followers: &Followers<'_>, refusals: &mut Vec<Refusal>) {
    let mut check = RightsCheck {
        live: followers.live,
        refusals,
    };
    for follower in followers.touched() {
        check.owner_and_schema(&follower);
    }
    for rule in followers.rules.iter().filter(|rule| !rule.may_act_as_owner) {
        let reason = format!(
            "belongs to {}, whose rights the session's role does not have",
            rule.relation_owner
        );
        check.refuse(rule.object(), reason, OWNER);
    }
    for follower in &followers.anew {
        check.giving_away(follower);
        check.triggers(follower);
        check.granting(follower);
    }
}

struct RightsCheck<'a> {
    live: &'a CatalogSnapshot,
    refusals: &'a mut Vec<Refusal>,
}

impl RightsCheck<'_> {
    fn refuse(&mut self, object: ObjectName, reason: impl Into<String>, remedy: &'static str) {
        self.refusals
            .push(Refusal::new(RefusalKind::Rights, object, reason, remedy));
    }

    fn owner_and_schema(&mut self, follower: &Follower<'_>) {
        let (owner, may_act, schema, may_create) = match follower {
            Follower::View(view) => (
                &view.owner,
                view.may_act_as_owner,
                &view.name.schema,
                view.may_create_in_schema,
            ),
            Follower::Function(function) => (
                &function.owner,
                function.may_act_as_owner,
                &function.name.schema,
                function.may_create_in_schema,
            ),
        };
        if !may_act {
            let reason = format!("belongs to {owner}, whose rights the session's role does not have");
            self.refuse(follower.object(), reason, OWNER);
        }
        if !may_create {
            let role = &self.live.server.role;
            let reason = format!("is in schema {schema}, where role {role} may not create anything");
            let remedy = "GRANT CREATE ON that SCHEMA to the role: replacing takes it too";
            self.refuse(follower.object(), reason, remedy);
        }
        if let Follower::Function(function) = follower
            && function.superuser_only
            && !self.live.server.superuser
        {
            let reason = "is LEAKPROOF, has a SUPPORT function or an untrusted language";
            let remedy = "swap as a superuser, or drop the function before the swap";
            self.refuse(follower.object(), reason, remedy);
        }
    }

    /// Giving away takes the new owner's role, and the new owner's right to create there.
    fn giving_away(&mut self, follower: &Follower<'_>) {
        let (owner, owner_may_create) = match follower {
            Follower::View(view) => (&view.owner, view.owner_may_create_in_schema),
            Follower::Function(function) => (&function.owner, function.owner_may_create_in_schema),
        };
        let server = &self.live.server;
        if server.superuser || *owner == server.role {
            return;
        }
        if self.live.role(owner).is_some_and(|role| !role.may_be_given) {
            let reason = format!(
                "has to be made anew for {owner}, to whom role {} may not give anything",
                server.role
            );
            let remedy = "GRANT the owner's role to the role, from PostgreSQL 16 on WITH SET TRUE";
            self.refuse(follower.object(), reason, remedy);
        }
        if !owner_may_create {
            let reason =
                format!("has to be made anew for {owner}, who may not create anything in its schema");
            self.refuse(follower.object(), reason, "GRANT CREATE ON SCHEMA to the owner");
        }
    }

    /// A trigger is made by whoever may call its function.
    fn triggers(&mut self, follower: &Follower<'_>) {
        let Follower::View(view) = follower else { return };
        for trigger in view.triggers.iter().filter(|trigger| !trigger.may_execute) {
            let object = ObjectName::part(ObjectKind::Trigger, &trigger.name, &view.name);
            let reason = format!(
                "has to be made anew with its view, and role {} may not call its function",
                self.live.server.role
            );
            self.refuse(object, reason, "GRANT EXECUTE ON that FUNCTION to the role");
        }
    }

    /// Each grant is repeated in its grantor's name.
    fn granting(&mut self, follower: &Follower<'_>) {
        match follower {
            Follower::View(view) => {
                self.acl(follower, &view.acl, &view.owner, &None);
                for column in &view.columns {
                    self.acl(follower, &column.acl, &view.owner, &view.acl);
                }
            }
            Follower::Function(function) => self.acl(follower, &function.acl, &function.owner, &None),
        }
    }

    fn acl(&mut self, follower: &Follower<'_>, acl: &Acl, owner: &Ident, of_view: &Acl) {
        let items = acl.as_deref().unwrap_or_default();
        let grantors: BTreeSet<&Ident> = items.iter().map(|item| &item.grantor).collect();
        for grantor in grantors.into_iter().filter(|grantor| *grantor != owner) {
            let role = self.live.role(grantor);
            if role.is_none_or(|role| role.superuser || !role.may_become) {
                let reason = format!(
                    "has to be made anew with privileges that {grantor} granted, in whose name the session cannot grant them"
                );
                let remedy = "GRANT the grantor's role to the session's role, or REVOKE them and grant them as the owner";
                self.refuse(follower.object(), reason, remedy);
            }
        }
        let (_, unexplained) = in_grant_order(items, owner, of_view.as_deref().unwrap_or_default());
        for item in unexplained {
            let reason = format!(
                "has the privilege {} that {} granted without a grant option",
                item.privilege, item.grantor
            );
            self.refuse(follower.object(), reason, "REVOKE it and grant it as the owner");
        }
    }
}
