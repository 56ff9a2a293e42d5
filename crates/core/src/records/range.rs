//! Ranges of an importer's key that are loaded side by side: where they begin and end is kept until staging is rebuilt.

use tokio_postgres::GenericClient;

use super::Records;
use crate::StatementError;

impl Records {
    /// Keeps where the ranges of an importer end, but for the last: for good, so that it is taken up by the same ranges. Returns
    /// what is kept, which is what was there before where something was.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be written.
    pub async fn keep_ranges(
        &self,
        client: &impl GenericClient,
        release: i64,
        importer: &str,
        bounds: &[String],
    ) -> Result<Vec<String>, StatementError> {
        client
            .execute(
                "INSERT INTO cutover.import_ranges (release, importer, bounds) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                &[&release, &importer, &bounds],
            )
            .await
            .map_err(self.failed("keep the ranges of an importer of"))?;
        // Nothing is there only where it was taken away meanwhile.
        let kept = self.ranges(client, release, importer).await?;
        Ok(kept.unwrap_or_default())
    }

    /// Where the ranges of an importer end, but for the last; `None` where none were kept.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be read.
    pub async fn ranges(
        &self,
        client: &impl GenericClient,
        release: i64,
        importer: &str,
    ) -> Result<Option<Vec<String>>, StatementError> {
        let row = client
            .query_opt(
                "SELECT bounds FROM cutover.import_ranges WHERE release = $1 AND importer = $2",
                &[&release, &importer],
            )
            .await
            .map_err(self.failed("read the ranges of an importer of"))?;
        Ok(row.map(|row| row.get(0)))
    }
}
