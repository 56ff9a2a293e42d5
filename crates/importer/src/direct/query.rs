//! The query for the foreign server.

use std::collections::{BTreeMap, BTreeSet};

use cutover_core::{Deparsed, Ident, Sql};
use tokio_postgres::Transaction;

use super::reads::{Reads, Relation};
use super::{NotDirect, ident};

/// A source as the foreign server can run it.
pub(super) struct RemoteQuery {
    pub(super) sql: Sql,
    /// Where it finds what extensions brought.
    pub(super) search_path: Vec<Ident>,
}

/// Puts the query together, once nothing in the views' queries stands against it.
pub(super) async fn remote(
    view: u32,
    reads: &Reads,
    target: &Transaction<'_>,
) -> Result<Result<RemoteQuery, NotDirect>, tokio_postgres::Error> {
    let views = reads.views();
    let all: Vec<u32> = reads.relations.iter().map(|relation| relation.oid).collect();
    let obstacle = target
        .query_opt(
            include_str!("sql/obstacles.sql"),
            &[&views, &reads.server.as_str(), &all],
        )
        .await?;
    if let Some(row) = obstacle {
        return Ok(Err(NotDirect::because(row.get::<_, String>(0))));
    }
    // With their schemas on the path, and nothing before them, relations print by their bare names.
    let schemas: BTreeSet<&Ident> = reads
        .relations
        .iter()
        .filter(|relation| relation.oid != view)
        .map(|relation| &relation.name.schema)
        .collect();
    let path = Sql::text("SET LOCAL search_path = ").idents(schemas);
    target.batch_execute(path.as_str()).await?;
    let rows = target.query(include_str!("sql/definitions.sql"), &[&all]).await?;
    let mut definitions: BTreeMap<u32, Deparsed> = BTreeMap::new();
    for row in &rows {
        let oid = row.get(0);
        if !row.get::<_, bool>(1) {
            let hidden = reads.relations.iter().find(|relation| relation.oid == oid);
            let name = hidden.map_or_else(String::new, |relation| relation.name.to_string());
            return Ok(Err(NotDirect::because(format!(
                "it reads {name} and another relation of that name"
            ))));
        }
        if let Some(definition) = row.get::<_, Option<String>>(2) {
            definitions.insert(oid, Deparsed::from_server(definition));
        }
    }
    let with = reads.relations.iter().map(|relation| {
        let what = match definitions.get(&relation.oid) {
            Some(definition) => Sql::text("").deparsed(definition),
            None => foreign_table(relation, reads),
        };
        // Seen through, as a view is.
        Sql::text("")
            .ident(&relation.name.name)
            .then(" AS NOT MATERIALIZED (")
            .append(&what)
            .then(")")
    });
    let sql = Sql::text("WITH ")
        .append(&Sql::join(with, ",\n"))
        .then("\nSELECT * FROM cutover_direct");
    let rows = target
        .query(include_str!("sql/extension_schemas.sql"), &[&views])
        .await?;
    let search_path = rows.iter().filter_map(|row| ident(row, 0)).collect();
    Ok(Ok(RemoteQuery { sql, search_path }))
}

/// All columns, in their order: a query may name them by position (`FROM sites AS s(a, b)`).
fn foreign_table(relation: &Relation, reads: &Reads) -> Sql {
    let columns = reads
        .columns
        .iter()
        .filter(|column| column.table == relation.oid)
        .map(|column| {
            Sql::text("")
                .ident(&column.remote_name)
                .then(" AS ")
                .ident(&column.name)
        });
    let remote = relation.remote.as_ref().unwrap_or(&relation.name);
    Sql::text("SELECT ")
        .append(&Sql::join(columns, ", "))
        .then(" FROM ")
        .name(remote)
}
