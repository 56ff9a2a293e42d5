//! Fills the live tables by queries of its own: what a release must arrive at, by the shortest way.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use tokio_postgres::Client;

use super::transaction::in_transaction;
use super::{RELEASE_MATVIEWS, RELEASE_TABLES};

/// Which rows each table has, in the order in which they can be made.
const LIVE_ROWS: &str = include_str!("live_rows.toml");

#[derive(Debug, Deserialize)]
struct LiveRows {
    table: Vec<TableRows>,
}

/// The rows of a live table.
#[derive(Debug, Deserialize)]
#[non_exhaustive]
pub struct TableRows {
    /// The table.
    pub name: String,
    /// Where they come from.
    #[serde(flatten)]
    pub from: RowsFrom,
}

/// Where rows of the reference dataset come from.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RowsFrom {
    /// A query, by bare names, of the portal's views and of tables that were filled before; its columns are the table's.
    Query(String),
    /// A file of the data directory with `{month}` in its name, headings as columns; an empty cell and `-` are NULL.
    Csv(String),
}

/// Which rows each live table has, in the order in which they can be made; ids count from 1 in the order of the rows.
///
/// # Errors
/// None that a test has not seen: the text is part of the program.
pub fn live_rows() -> Result<Vec<TableRows>> {
    let rows: LiveRows = toml::from_str(LIVE_ROWS).context("could not understand live_rows.toml")?;
    Ok(rows.table)
}

/// Refreshes the materialized views and replaces the rows of all live tables of the set by those that the portal and the CSV files
/// of `month` in the directory `data` give, ids from 1; one transaction, no staging. For a first month, and as the fresh build
/// that a swapped month is compared with: it takes nothing from the release file.
///
/// # Errors
/// With the table's name. Live is as it was then.
pub async fn load_live(client: &Client, data: &Path, month: &str) -> Result<()> {
    let rows = live_rows()?;
    in_transaction(client, async || {
        for view in RELEASE_MATVIEWS {
            let sql = format!("REFRESH MATERIALIZED VIEW {view}; ANALYZE {view}");
            client
                .batch_execute(&sql)
                .await
                .with_context(|| format!("could not refresh {view}"))?;
        }
        client
            .batch_execute(&format!(
                "TRUNCATE {} RESTART IDENTITY",
                RELEASE_TABLES.join(", ")
            ))
            .await?;
        for table in &rows {
            table
                .fill(client, data, month)
                .await
                .with_context(|| format!("could not fill {}", table.name))?;
        }
        Ok(())
    })
    .await?;
    client
        .batch_execute(&format!("VACUUM ANALYZE {}", RELEASE_TABLES.join(", ")))
        .await?;
    Ok(())
}

impl TableRows {
    async fn fill(&self, client: &Client, data: &Path, month: &str) -> Result<()> {
        let query = match &self.from {
            RowsFrom::Query(query) => query,
            RowsFrom::Csv(csv) => {
                return self
                    .load_csv(client, &data.join(csv.replace("{month}", month)))
                    .await;
            }
        };
        let statement = client.prepare(query).await?;
        let columns: Vec<&str> = statement
            .columns()
            .iter()
            .map(tokio_postgres::Column::name)
            .collect();
        let sql = format!("INSERT INTO {} ({}) {query}", self.name, columns.join(", "));
        client.batch_execute(&sql).await?;
        // Later tables join this one.
        client.batch_execute(&format!("ANALYZE {}", self.name)).await?;
        Ok(())
    }

    /// An empty cell and `-` are NULL.
    async fn load_csv(&self, client: &Client, path: &Path) -> Result<()> {
        let context = || format!("could not read {}", path.display());
        let mut reader = csv::Reader::from_path(path).with_context(context)?;
        let headings: Vec<String> = reader
            .headers()
            .with_context(context)?
            .iter()
            .map(str::to_owned)
            .collect();
        let mut columns = vec![Vec::new(); headings.len()];
        for record in reader.records() {
            for (column, cell) in columns.iter_mut().zip(record.with_context(context)?.iter()) {
                column.push((!matches!(cell, "" | "-")).then(|| cell.to_owned()));
            }
        }
        let mut values = Vec::new();
        for (number, heading) in (1..).zip(&headings) {
            let sql = "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = $1::text::regclass AND attname = $2";
            let found = client.query_opt(sql, &[&self.name, heading]).await?;
            let column_type: String = found
                .with_context(|| format!("{} has no column {heading}", self.name))?
                .get(0);
            values.push(format!("c{number}::{column_type}"));
        }
        let numbers = || (1..=headings.len()).map(|number| number.to_string());
        let arrays = numbers()
            .map(|number| format!("${number}::text[]"))
            .collect::<Vec<_>>()
            .join(", ");
        let names = numbers()
            .map(|number| format!("c{number}"))
            .collect::<Vec<_>>()
            .join(", ");
        let sql = format!(
            "INSERT INTO {} ({}) SELECT {} FROM unnest({arrays}) WITH ORDINALITY AS cells ({names}, n) ORDER BY n",
            self.name,
            headings.join(", "),
            values.join(", "),
        );
        let parameters: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> = columns
            .iter()
            .map(|column| -> &(dyn tokio_postgres::types::ToSql + Sync) { column })
            .collect();
        let rows = client.execute(&sql, &parameters).await?;
        ensure!(rows > 0, "{} has no rows", path.display());
        Ok(())
    }
}
