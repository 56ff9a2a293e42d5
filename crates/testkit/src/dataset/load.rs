//! Fills the live tables straight from a release file's imports: what a release must arrive at, by the shortest way.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use tokio_postgres::Client;

use super::transaction::in_transaction;
use super::{RELEASE_MATVIEWS, RELEASE_TABLES};

/// The part of a release file that says where rows come from.
#[derive(Debug, Deserialize)]
struct ReleaseFile {
    import: Vec<Import>,
}

#[derive(Debug, Deserialize)]
struct Import {
    name: String,
    into: String,
    from: Option<String>,
    #[serde(default)]
    columns: toml::Table,
    query: Option<String>,
    csv: Option<String>,
}

/// Refreshes the materialized views and replaces the rows of all live tables of the set by those that the release file's
/// imports give, in the file's order, ids from 1; one transaction, no staging. For a first month, and as the fresh build
/// that a swapped month is compared with.
///
/// # Errors
/// With the import's name. Live is as it was then.
pub async fn load_live(client: &Client, release_file: &Path, month: &str) -> Result<()> {
    let text = std::fs::read_to_string(release_file)
        .with_context(|| format!("could not read {}", release_file.display()))?;
    let file: ReleaseFile =
        toml::from_str(&text).with_context(|| format!("could not understand {}", release_file.display()))?;
    let directory = release_file.parent().unwrap_or(Path::new("."));
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
        for import in &file.import {
            import
                .run(client, directory, month)
                .await
                .with_context(|| format!("import {} failed", import.name))?;
        }
        Ok(())
    })
    .await?;
    client
        .batch_execute(&format!("VACUUM ANALYZE {}", RELEASE_TABLES.join(", ")))
        .await?;
    Ok(())
}

impl Import {
    async fn run(&self, client: &Client, directory: &Path, month: &str) -> Result<()> {
        if let Some(csv) = &self.csv {
            let path = directory.join(csv.replace("{{ month }}", month));
            return self.load_csv(client, &path).await;
        }
        let query = match (&self.query, &self.from) {
            (Some(query), _) => in_place(query),
            (None, Some(from)) => {
                let columns = self.columns.iter().map(|(target, source)| {
                    let source = source
                        .as_str()
                        .with_context(|| format!("{target} has no column for a source"))?;
                    Ok(format!("{source} AS {target}"))
                });
                format!(
                    "SELECT {} FROM {from}",
                    columns.collect::<Result<Vec<_>>>()?.join(", ")
                )
            }
            (None, None) => anyhow::bail!("it has no source"),
        };
        let statement = client.prepare(&query).await?;
        let columns: Vec<&str> = statement
            .columns()
            .iter()
            .map(tokio_postgres::Column::name)
            .collect();
        let sql = format!("INSERT INTO {} ({}) {query}", self.into, columns.join(", "));
        client.batch_execute(&sql).await?;
        // Later imports join what this one has loaded.
        client.batch_execute(&format!("ANALYZE {}", self.into)).await?;
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
            let found = client.query_opt(sql, &[&self.into, heading]).await?;
            let column_type: String = found
                .with_context(|| format!("{} has no column {heading}", self.into))?
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
            self.into,
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

/// The query with each `{{ staging('name') }}` replaced by the live name.
fn in_place(query: &str) -> String {
    let mut result = String::with_capacity(query.len());
    let mut rest = query;
    while let Some((before, reference)) = rest.split_once("{{ staging('") {
        result.push_str(before);
        let Some((name, after)) = reference.split_once("') }}") else {
            break;
        };
        result.push_str(name);
        rest = after;
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staging_references_become_live_names() {
        let query = "SELECT 1 FROM {{ staging('a') }} JOIN b ON true JOIN {{ staging('c') }} c ON true";
        assert_eq!(in_place(query), "SELECT 1 FROM a JOIN b ON true JOIN c c ON true");
    }
}
