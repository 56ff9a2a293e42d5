//! The twin of a materialized view.

use cutover_core::catalog::Relation;
use cutover_core::{Deparsed, Sql, Step};

use super::table::storage_clauses;
use super::twin::Twin;

/// `CREATE MATERIALIZED VIEW … WITH NO DATA`, its query read where the names of members mean their twins.
pub(super) fn create(twin: &Twin<'_>, definition: &Deparsed) -> Step {
    let sql = Sql::text("CREATE MATERIALIZED VIEW ")
        .name(&twin.scratch)
        .then(" (")
        .idents(twin.live.columns.iter().map(|column| &column.name))
        .then(")");
    // The server ends a view's query with a semicolon.
    let query = definition.as_str().trim_end().trim_end_matches(';');
    let sql = storage_clauses(sql, twin.live)
        .then(" AS\n")
        .deparsed(&Deparsed::from_server(query.to_owned()))
        .then("\nWITH NO DATA");
    Step::new("create", twin.object(), sql)
}

/// The members so that each comes after those that it reads. Materialized views cannot read each other in a circle.
pub(crate) fn in_dependency_order<'a>(members: &[&'a Relation]) -> Vec<&'a Relation> {
    let mut ordered: Vec<&Relation> = Vec::with_capacity(members.len());
    while ordered.len() < members.len() {
        let before = ordered.len();
        for member in members {
            let placed = |oid: u32| ordered.iter().any(|done| done.oid == oid);
            let waits = member
                .reads
                .iter()
                .any(|source| members.iter().any(|other| other.oid == *source) && !placed(*source));
            if !placed(member.oid) && !waits {
                ordered.push(member);
            }
        }
        if ordered.len() == before {
            break;
        }
    }
    ordered
}
