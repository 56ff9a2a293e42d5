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
    table: Vec<Table>,
}

#[derive(Debug, Deserialize)]
struct Table {
    name: String,
    query: Option<String>,
    /// A file of the data directory.
    csv: Option<String>,
}

/// Refreshes the materialized views and replaces the rows of all live tables of the set by those that the portal and the CSV files
/// of `month` in the directory `data` give, ids from 1; one transaction, no staging. For a first month, and as the fresh build
/// that a swapped month is compared with: it takes nothing from the release file.
///
/// # Errors
/// With the table's name. Live is as it was then.
pub async fn load_live(client: &Client, data: &Path, month: &str) -> Result<()> {
    let rows: LiveRows = toml::from_str(LIVE_ROWS).context("could not understand live_rows.toml")?;
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
        for table in &rows.table {
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

impl Table {
    async fn fill(&self, client: &Client, data: &Path, month: &str) -> Result<()> {
        if let Some(csv) = &self.csv {
            return self
                .load_csv(client, &data.join(csv.replace("{month}", month)))
                .await;
        }
        let query = self.query.as_deref().context("it has no source")?;
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
