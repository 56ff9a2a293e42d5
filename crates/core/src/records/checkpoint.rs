//! Checkpoints: chunks of an import that are committed, each together with its rows.

use serde::Serialize;
use tokio_postgres::GenericClient;

use super::Records;
use crate::StatementError;

/// A committed chunk of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checkpoint {
    /// The importer.
    pub importer: String,
    /// The chunk, counted from 0.
    pub chunk: i64,
    /// Rows in it.
    pub rows: i64,
    /// Bytes that passed through the client; 0 when the server moved the rows itself.
    pub bytes: i64,
}

impl Records {
    /// Writes a checkpoint. To be called in the transaction that holds the chunk's rows.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be written.
    pub async fn add_checkpoint(
        &self,
        client: &impl GenericClient,
        release: i64,
        checkpoint: &Checkpoint,
    ) -> Result<(), StatementError> {
        client
            .execute(
                "INSERT INTO cutover.checkpoint (release, importer, chunk, rows, bytes) VALUES ($1, $2, $3, $4, $5)",
                &[&release, &checkpoint.importer, &checkpoint.chunk, &checkpoint.rows, &checkpoint.bytes],
            )
            .await
            .map_err(self.failed("write a checkpoint of"))?;
        Ok(())
    }

    /// The checkpoints of a release.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be read.
    pub async fn checkpoints(
        &self,
        client: &impl GenericClient,
        release: i64,
    ) -> Result<Vec<Checkpoint>, StatementError> {
        let rows = client
            .query(
                "SELECT importer, chunk, rows, bytes FROM cutover.checkpoint WHERE release = $1 ORDER BY importer, chunk",
                &[&release],
            )
            .await
            .map_err(self.failed("read the checkpoints of"))?;
        Ok(rows
            .iter()
            .map(|row| Checkpoint {
                importer: row.get(0),
                chunk: row.get(1),
                rows: row.get(2),
                bytes: row.get(3),
            })
            .collect())
    }

    /// Forgets the checkpoints of a release whose staging was rebuilt.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be written.
    pub async fn clear_checkpoints(
        &self,
        client: &impl GenericClient,
        release: i64,
    ) -> Result<(), StatementError> {
        client
            .execute("DELETE FROM cutover.checkpoint WHERE release = $1", &[&release])
            .await
            .map_err(self.failed("forget the checkpoints of"))?;
        Ok(())
    }
}
