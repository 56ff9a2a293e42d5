//! Why an import cannot be committed chunk by chunk.

use cutover_core::{QualifiedName, Sql};
use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::Import;

const KEY_TYPES: &str = include_str!("sql/key_types.sql");

/// What can be said without asking anybody.
pub(crate) fn known(import: &Import) -> Option<String> {
    if import.is_one_transaction() {
        return Some("checkpoints are switched off".to_owned());
    }
    if import.key_columns().is_empty() {
        return Some("it has no key to go on from".to_owned());
    }
    if import.sample_rows().is_some() {
        return Some("a sample is one".to_owned());
    }
    None
}

/// Something in the table that only the end of the import can tell.
pub(crate) async fn of_target(
    target: &impl GenericClient,
    table: &QualifiedName,
) -> Result<Option<String>, tokio_postgres::Error> {
    let deferred = target
        .query_opt(
            "SELECT g.tgname::pg_catalog.text, k.conname::pg_catalog.text \
               FROM pg_catalog.pg_trigger g \
               JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid \
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               LEFT JOIN pg_catalog.pg_constraint k ON k.oid = g.tgconstraint \
              WHERE n.nspname = $1 AND c.relname = $2 AND g.tginitdeferred AND g.tgenabled <> 'D' \
              ORDER BY 2, 1 LIMIT 1",
            &[&table.schema.as_str(), &table.name.as_str()],
        )
        .await?;
    Ok(deferred.map(|row| {
        let name: Option<String> = row.get(1);
        let name = name.unwrap_or_else(|| row.get(0));
        format!("{name:?} is checked when all rows are in (INITIALLY DEFERRED)")
    }))
}

/// A key whose equal values may be spelt differently: behind one of them, rows would be left out.
///
/// `columns` are what the source sends for the key.
pub(crate) async fn of_key(
    source: &impl GenericClient,
    from: &Sql,
    columns: &[Sql],
) -> Result<Option<String>, tokio_postgres::Error> {
    let select = Sql::text("SELECT ")
        .append(&Sql::join(columns.iter().cloned(), ", "))
        .then(" FROM ")
        .append(from)
        .then(" AS s");
    let described = source.prepare(select.as_str()).await?;
    let types: Vec<u32> = described
        .columns()
        .iter()
        .map(|column| Type::oid(column.type_()))
        .collect();
    let facts = source.query(KEY_TYPES, &[&types]).await?;
    for (column, row) in columns.iter().zip(&facts) {
        let (name, collatable, equal_is_alike): (String, bool, bool) = (row.get(0), row.get(1), row.get(2));
        if !equal_is_alike {
            return Ok(Some(format!(
                "values of its key may be equal and spelt differently, or have no order ({name}); cast it in a query"
            )));
        }
        if collatable && !is_deterministic(source, from, column).await? {
            return Ok(Some(
                "its key has a nondeterministic collation; give it another in a query".to_owned(),
            ));
        }
    }
    Ok(None)
}

async fn is_deterministic(
    source: &impl GenericClient,
    from: &Sql,
    column: &Sql,
) -> Result<bool, tokio_postgres::Error> {
    // Reads no row. The protocol describes a column's type, and not its collation.
    let ask = Sql::text(
        "SELECT c.collisdeterministic FROM pg_catalog.pg_collation c \
          WHERE c.oid = pg_catalog.to_regcollation(pg_catalog.pg_collation_for((SELECT ",
    )
    .append(column)
    .then(" FROM ")
    .append(from)
    .then(" AS s LIMIT 0)))");
    let row = source.query_opt(ask.as_str(), &[]).await?;
    Ok(row.is_none_or(|row| row.get(0)))
}
