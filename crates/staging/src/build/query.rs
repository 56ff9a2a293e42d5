//! The twin of a view or materialized view.

use cutover_core::catalog::RelationKind;
use cutover_core::{Deparsed, Step};

use super::table::{self, storage_clauses};
use super::twin::Twin;

/// `CREATE MATERIALIZED VIEW … WITH NO DATA` or `CREATE VIEW`, the query read where the names of members mean their twins;
/// and a view's column defaults, which may draw from the members' sequences.
pub(super) fn create(twin: &Twin<'_>, definition: &Deparsed) -> Vec<Step> {
    let mut sql = twin.verb("CREATE ").name(&twin.scratch);
    if !twin.live.columns.is_empty() {
        let columns = twin.live.columns.iter().map(|column| &column.name);
        sql = sql.then(" (").idents(columns).then(")");
    }
    // The server ends a view's query with a semicolon.
    let query = definition.as_str().trim_end().trim_end_matches(';');
    sql = storage_clauses(sql, twin.live)
        .then(" AS\n")
        .deparsed(&Deparsed::from_server(query.to_owned()));
    if twin.live.kind == RelationKind::MaterializedView {
        sql = sql.then("\nWITH NO DATA");
    }
    let create = Step::new("create", twin.object(), sql);
    let columns = twin.live.columns.iter();
    let defaults = columns.filter_map(|column| table::set_default(twin, column));
    std::iter::once(create).chain(defaults).collect()
}
