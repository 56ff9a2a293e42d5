//! Temporary views, functions and tables of other sessions that refer to the set: nobody else can replace them, and left alone
//! they would show their sessions the backup set beside what is live.

use std::fmt;

use cutover_core::Ident;
use cutover_core::catalog::CatalogSnapshot;

use crate::refused::{Refusal, RefusalKind};

/// Collects them.
pub(crate) fn check(live: &CatalogSnapshot, refusals: &mut Vec<Refusal>) {
    let mut check = |schema: &Ident, object: &dyn fmt::Display| {
        if live.server.other_temporary_schemas.contains(schema) {
            refusals.push(Refusal::new(
                RefusalKind::Dependent,
                object,
                "is another session's, temporary, and would go on with the backup set",
                "let that session drop it, or end the session; or swap once it has ended",
            ));
        }
    };
    for view in &live.views {
        check(&view.name.schema, &view.object());
    }
    for function in &live.functions {
        check(&function.name.schema, &function.object());
    }
    for rule in &live.rules {
        check(&rule.relation.schema, &rule.object());
    }
    for part in &live.parts {
        check(&part.table.schema, &part.object());
    }
}
