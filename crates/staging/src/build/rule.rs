//! Rewrite rules.

use cutover_core::catalog::Rule;
use cutover_core::{ObjectKind, ObjectName, Sql, Step};

use super::twin::Twin;
use crate::deferred::{DeferredAction, DeferredStep, TriggerState};

/// A rule, made where the names of members mean their twins, and turned off at once: `DO INSTEAD` would send the rows of
/// the load elsewhere.
pub(super) fn create(twin: &Twin<'_>, live: &Rule) -> Vec<Step> {
    let object = || ObjectName::part(ObjectKind::Rule, &live.name, &twin.staging);
    let create = Sql::text("").deparsed(&live.definition);
    let mut steps = vec![Step::new("create", object(), create)];
    // Nobody loads rows through a view, whose rules cannot be disabled either.
    if !twin.has_query() {
        let disable = twin.alter_in_scratch().then(" DISABLE RULE ").ident(&live.name);
        steps.push(Step::new("keep from acting", object(), disable));
    }
    if let Some(comment) = &live.comment {
        let sql = Sql::text("COMMENT ON RULE ")
            .ident(&live.name)
            .then(" ON ")
            .name(&twin.scratch)
            .then(" IS ")
            .literal(comment);
        steps.push(Step::new("comment on", object(), sql));
    }
    steps
}

/// Lets a rule act as on live.
pub(super) fn state(twin: &Twin<'_>, live: &Rule) -> Option<DeferredStep> {
    let state = TriggerState::of(&live.enabled).filter(|_| !twin.has_query())?;
    let rule = live.name.clone();
    Some(DeferredStep::new(
        &twin.staging,
        DeferredAction::SetRule { rule, state },
    ))
}
