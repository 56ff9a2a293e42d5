//! Values that lookups added to tables outside the set. They stay, whatever becomes of the release.

use serde::Serialize;
use tokio_postgres::GenericClient;

use super::Records;
use crate::{Ident, QualifiedName, StatementError};

/// How many values the importers of a release added to a column of a table outside the set, all its runs together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AddedValues {
    /// The importer.
    pub importer: String,
    /// The table's schema.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The column that they are looked up by.
    pub column: String,
    /// How many.
    pub values: i64,
}

impl Records {
    /// Writes down what was added, the values as PostgreSQL prints them. To be called in the transaction that adds them.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be written.
    pub async fn add_values(
        &self,
        client: &impl GenericClient,
        release: i64,
        importer: &str,
        (table, column): (&QualifiedName, &Ident),
        values: &[String],
    ) -> Result<(), StatementError> {
        client
            .execute(
                "INSERT INTO cutover.added_value (release, importer, lookup_schema, lookup_table, lookup_column, value) \
                 SELECT $1, $2, $3, $4, $5, value FROM pg_catalog.unnest($6::pg_catalog.text[]) AS value",
                &[
                    &release,
                    &importer,
                    &table.schema.as_str(),
                    &table.name.as_str(),
                    &column.as_str(),
                    &values,
                ],
            )
            .await
            .map_err(self.failed("keep what was looked up in vain in the records of"))?;
        Ok(())
    }

    /// What the importers of a release added, by importer and table.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be read.
    pub async fn added_values(
        &self,
        client: &impl GenericClient,
        release: i64,
    ) -> Result<Vec<AddedValues>, StatementError> {
        let rows = client
            .query(
                "SELECT importer, lookup_schema, lookup_table, lookup_column, count(*) FROM cutover.added_value \
                  WHERE release = $1 GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
                &[&release],
            )
            .await
            .map_err(self.failed("read what was added by"))?;
        let added = rows.iter().map(|row| AddedValues {
            importer: row.get(0),
            schema: row.get(1),
            table: row.get(2),
            column: row.get(3),
            values: row.get(4),
        });
        Ok(added.collect())
    }
}
