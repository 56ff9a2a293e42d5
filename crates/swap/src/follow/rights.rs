//! Whether the session's role may do what following takes: be the owner of what is replaced, and create where it is.

use cutover_core::ObjectName;
use cutover_core::catalog::CatalogSnapshot;

use super::Followers;
use crate::refused::{Refusal, RefusalKind};

pub(super) fn check(followers: &Followers<'_>, live: &CatalogSnapshot, refusals: &mut Vec<Refusal>) {
    let role = &live.server.role;
    let mut refuse = |object: ObjectName, reason: String, remedy| {
        refusals.push(Refusal::new(RefusalKind::Rights, object, reason, remedy));
    };
    let no_owner = |owner| format!("belongs to {owner}, whose rights the session's role does not have");
    let no_schema = |schema| format!("is in schema {schema}, where role {role} may not create anything");
    const OWNER: &str = "connect as the owner, or GRANT the owning role";
    const SCHEMA: &str = "GRANT CREATE ON that SCHEMA to the role: replacing takes it too";
    for view in &followers.views {
        if !view.may_act_as_owner {
            refuse(view.object(), no_owner(&view.owner), OWNER);
        }
        if !view.may_create_in_schema {
            refuse(view.object(), no_schema(&view.name.schema), SCHEMA);
        }
    }
    for function in &followers.functions {
        if !function.may_act_as_owner {
            refuse(function.object(), no_owner(&function.owner), OWNER);
        }
        if !function.may_create_in_schema {
            refuse(function.object(), no_schema(&function.name.schema), SCHEMA);
        }
        if function.superuser_only && !live.server.superuser {
            let reason = "is LEAKPROOF, has a SUPPORT function or an untrusted language".to_owned();
            let remedy = "swap as a superuser, or drop the function before the swap";
            refuse(function.object(), reason, remedy);
        }
    }
    for rule in followers.rules.iter().filter(|rule| !rule.may_act_as_owner) {
        refuse(rule.object(), no_owner(&rule.relation_owner), OWNER);
    }
}
