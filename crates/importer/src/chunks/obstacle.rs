//! Why an import cannot be committed chunk by chunk, or not by ranges at once.

use cutover_core::{Ident, QualifiedName, Sql};
use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::{Import, Source};

const KEY_TYPES: &str = include_str!("sql/key_types.sql");
const RANGE_OBSTACLE: &str = include_str!("sql/range_obstacle.sql");

/// What can be said without asking anybody.
pub(crate) fn known(import: &Import) -> Option<String> {
    let is_file = matches!(import.source(), Source::Csv(_));
    if import.is_one_transaction() {
        return Some("checkpoints are switched off".to_owned());
    }
    // In a file, places take the place of keys.
    if import.key_columns().is_empty() && !is_file {
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

/// What of the table stands against ranges that are loaded by sessions of their own, whose rows neither see each other nor may
/// wait for each other.
///
/// No two sessions wait for each other then, in whatever order rows come. They all hold `ROW EXCLUSIVE` on the table, and share
/// row locks on what foreign keys refer to, which do not conflict; a writer waits for another's transaction only over a key that
/// both brought to one unique index or exclusion constraint. Rows of different ranges differ in the first column of the key, so
/// where that is in the index there is no such key. What a trigger locks, and in which order, nobody knows. Triggers and foreign
/// keys to the table itself would find other rows there than with one stream, and of two rows that another unique index does not
/// let in together it would be chance which stays.
///
/// A column that rounds what it is given (`timestamp(0)`) may still bring one key twice, from either side of a bound. Then one waits
/// for the other; two such pairs at once, crosswise, PostgreSQL finds after `deadlock_timeout`, and the import fails with `40P01`.
pub(crate) async fn of_ranges(
    target: &impl GenericClient,
    table: &QualifiedName,
    first: &Ident,
) -> Result<Option<String>, tokio_postgres::Error> {
    let found = target
        .query_opt(
            RANGE_OBSTACLE,
            &[&table.schema.as_str(), &table.name.as_str(), &first.as_str()],
        )
        .await?;
    Ok(found.map(|row| row.get(0)))
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
