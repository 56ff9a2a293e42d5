//! A rule on a view that names the set, in SQL.

use cutover_core::catalog::DependentRule;
use cutover_core::{LockMode, ObjectName, Sql, Step};

use crate::lock_order;

pub(super) fn lock(rule: &DependentRule) -> Step {
    let view = ObjectName::qualified(rule.relation_kind.object_kind(), &rule.relation);
    lock_order::owned("ALTER VIEW ", view, &rule.relation, &rule.relation_owner)
}

/// `CREATE OR REPLACE RULE`: its comment stays, and whether it is enabled.
pub(super) fn replace(rule: &DependentRule) -> Step {
    let sql = Sql::text("CREATE OR REPLACE RULE ")
        .ident(&rule.name)
        .deparsed(&rule.tail);
    Step::new("re-point", rule.object(), sql).locking(LockMode::AccessExclusive, &rule.relation)
}
