//! A rule on a view that names the set, in SQL.

use cutover_core::catalog::DependentRule;
use cutover_core::{LockMode, ObjectName, Sql, Step};

use crate::lock_order;

pub(super) fn lock(rule: &DependentRule) -> Step {
    let view = ObjectName::qualified(rule.relation_kind.object_kind(), &rule.relation);
    lock_order::owned("ALTER VIEW ", view, &rule.relation, &rule.relation_owner)
}

/// `CREATE OR REPLACE RULE`: its comment stays.
pub(super) fn replace(rule: &DependentRule) -> Step {
    let sql = Sql::text("CREATE OR REPLACE RULE ")
        .ident(&rule.name)
        .deparsed(&rule.tail);
    Step::new("re-point", rule.object(), sql).locking(LockMode::AccessExclusive, &rule.relation)
}

/// The same rule that does nothing and refers to nothing.
pub(super) fn stub(rule: &DependentRule) -> Step {
    let event = match rule.event.as_str() {
        "2" => "UPDATE",
        "3" => "INSERT",
        _ => "DELETE",
    };
    let sql = Sql::text("CREATE OR REPLACE RULE ")
        .ident(&rule.name)
        .then(" AS ON ")
        .then(event)
        .then(" TO ")
        .name(&rule.relation)
        .then(" DO INSTEAD NOTHING");
    Step::new("detach for the moment", rule.object(), sql).locking(LockMode::AccessExclusive, &rule.relation)
}
