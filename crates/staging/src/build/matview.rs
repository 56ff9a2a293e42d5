//! The twin of a materialized view.

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
