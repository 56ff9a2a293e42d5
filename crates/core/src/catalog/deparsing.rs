//! The settings under which the server's deparsers print, and that what they print is read back under.

use tokio_postgres::{Row, Transaction};

use super::CatalogError;
use super::read::reading;
use crate::Ident;

/// Settings that change what `pg_get_expr` and its like print. What is printed under these reads the same under any:
/// ISO dates are never ambiguous, and floats have all their digits.
const SETTINGS: [(&str, &str); 6] = [
    ("DateStyle", "ISO, YMD"),
    ("IntervalStyle", "postgres"),
    ("extra_float_digits", "1"),
    ("quote_all_identifiers", "off"),
    // Not about printing: the queries look dear enough for it, and compiling them takes longer than running them.
    ("jit", "off"),
    // The same: starting workers takes longer than they save.
    ("max_parallel_workers_per_gather", "0"),
];

/// What the transaction had before, to be put back.
pub(super) struct Before {
    values: Vec<String>,
}

/// Sets the transaction up for deparsing: the search path, and how values are printed.
pub(super) async fn begin(tx: &Transaction<'_>, schema: &Ident) -> Result<Before, CatalogError> {
    let (names, printed): (Vec<&str>, Vec<&str>) = SETTINGS.into_iter().unzip();
    // Temporary relations last, or one could hide a member, which would then print qualified.
    let path = format!("{schema}, pg_temp");
    let names = [&["search_path"], names.as_slice()].concat();
    let rows = tx
        .query(
            "SELECT pg_catalog.current_setting(s.name) FROM pg_catalog.unnest($1::pg_catalog.text[]) \
               WITH ORDINALITY s (name, n) ORDER BY s.n",
            &[&names],
        )
        .await
        .map_err(reading(schema))?;
    let before = Before {
        values: rows.iter().map(|row: &Row| row.get(0)).collect(),
    };
    set(
        tx,
        schema,
        &names,
        &[&[path.as_str()], printed.as_slice()].concat(),
    )
    .await?;
    Ok(before)
}

impl Before {
    /// Puts the transaction's own settings back.
    pub(super) async fn restore(self, tx: &Transaction<'_>, schema: &Ident) -> Result<(), CatalogError> {
        let names: Vec<&str> = std::iter::once("search_path")
            .chain(SETTINGS.map(|(name, _)| name))
            .collect();
        let values: Vec<&str> = self.values.iter().map(String::as_str).collect();
        set(tx, schema, &names, &values).await
    }
}

async fn set(
    tx: &Transaction<'_>,
    schema: &Ident,
    names: &[&str],
    values: &[&str],
) -> Result<(), CatalogError> {
    tx.execute(
        "SELECT pg_catalog.set_config(s.name, s.value, true) \
           FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), \
                           pg_catalog.unnest($2::pg_catalog.text[])) s (name, value)",
        &[&names, &values],
    )
    .await
    .map_err(reading(schema))?;
    Ok(())
}
