//! Rejects: rows that a table refused, set aside during an import.

use serde::Serialize;
use serde_json::{Map, Value};
use tokio_postgres::GenericClient;

use super::Records;
use crate::StatementError;

/// A row that a table refused. Values are PostgreSQL's own texts of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reject {
    /// The importer.
    pub importer: String,
    /// The columns that name the row; `None` where the importer has no key.
    pub key: Option<Map<String, Value>>,
    /// What the server said.
    pub reason: String,
    /// With which code.
    pub sqlstate: Option<String>,
    /// All columns of the row, as they would have been filled.
    pub row: Option<Map<String, Value>>,
}

impl Records {
    /// Writes down a row that was set aside. To be called in the transaction of its chunk.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be written.
    pub async fn add_reject(
        &self,
        client: &impl GenericClient,
        release: i64,
        reject: &Reject,
    ) -> Result<(), StatementError> {
        let json = |object: &Option<Map<String, Value>>| object.clone().map(Value::Object);
        client
            .execute(
                "INSERT INTO cutover.reject (release, importer, key, reason, sqlstate, \"row\") \
                 VALUES ($1, $2, $3, $4, $5, $6)",
                &[
                    &release,
                    &reject.importer,
                    &json(&reject.key),
                    &reject.reason,
                    &reject.sqlstate,
                    &json(&reject.row),
                ],
            )
            .await
            .map_err(self.failed("set a row aside in the records of"))?;
        Ok(())
    }

    /// The rows that a release set aside, the first `limit` of each importer in the order they were met.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be read.
    pub async fn rejects(
        &self,
        client: &impl GenericClient,
        release: i64,
        limit: i64,
    ) -> Result<Vec<Reject>, StatementError> {
        let rows = client
            .query(
                "SELECT importer, key, reason, sqlstate, \"row\" \
                   FROM (SELECT *, row_number() OVER (PARTITION BY importer ORDER BY at, ctid) AS n \
                           FROM cutover.reject WHERE release = $1) r \
                  WHERE n <= $2 ORDER BY importer, n",
                &[&release, &limit],
            )
            .await
            .map_err(self.failed("read the rows set aside by"))?;
        let object = |value: Option<Value>| match value {
            Some(Value::Object(object)) => Some(object),
            _ => None,
        };
        Ok(rows
            .iter()
            .map(|row| Reject {
                importer: row.get(0),
                key: object(row.get(1)),
                reason: row.get(2),
                sqlstate: row.get(3),
                row: object(row.get(4)),
            })
            .collect())
    }
}
