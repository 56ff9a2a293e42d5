//! Row-level security policies, put together from typed parts and the server's expressions.

use cutover_core::catalog::{Policy, Relation};
use cutover_core::{ObjectKind, ObjectName, Sql, Step};

use super::twin::Twin;
use crate::deferred::{DeferredAction, DeferredStep};

/// A policy, made where the names of members, and the table's own name within sub-selects, mean the twins.
///
/// It binds nobody yet: row-level security is turned on last.
pub(super) fn create(twin: &Twin<'_>, live: &Policy) -> Vec<Step> {
    let object = || ObjectName::part(ObjectKind::Policy, &live.name, &twin.staging);
    let roles = live.roles.iter().map(|role| match role {
        Some(role) => Sql::text("").ident(role),
        None => Sql::text("PUBLIC"),
    });
    let mut sql = Sql::text("CREATE POLICY ")
        .ident(&live.name)
        .then(" ON ")
        .name(&twin.scratch)
        .then(if live.permissive {
            " AS PERMISSIVE FOR "
        } else {
            " AS RESTRICTIVE FOR "
        })
        .then(live.command.keyword())
        .then(" TO ")
        .append(&Sql::join(roles, ", "));
    if let Some(using) = &live.using {
        sql = sql.then(" USING (").deparsed(using).then(")");
    }
    if let Some(with_check) = &live.with_check {
        sql = sql.then(" WITH CHECK (").deparsed(with_check).then(")");
    }
    let mut steps = vec![Step::new("create", object(), sql)];
    if let Some(comment) = &live.comment {
        let sql = Sql::text("COMMENT ON POLICY ")
            .ident(&live.name)
            .then(" ON ")
            .name(&twin.scratch)
            .then(" IS ")
            .literal(comment);
        steps.push(Step::new("comment on", object(), sql));
    }
    steps
}

/// Turns row-level security on as it is on live, after everything that reads or writes the rows.
pub(super) fn turn_on(twin: &Twin<'_>, live: &Relation) -> Option<DeferredStep> {
    (live.row_security || live.force_row_security).then(|| {
        let action = DeferredAction::TurnOnRowSecurity {
            enable: live.row_security,
            force: live.force_row_security,
        };
        DeferredStep::new(&twin.staging, action)
    })
}
