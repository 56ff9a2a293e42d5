//! Where an import keeps how far it has come.

use cutover_core::records::{Checkpoint, ImportSoFar, Records, Reject};
use cutover_core::{Ident, QualifiedName, StatementError};
use tokio_postgres::{GenericClient, Transaction};

use super::key_ranges::KeyRanges;

/// Where an import writes its checkpoints, the rows it sets aside and what its lookups add: the record of a release.
#[derive(Debug)]
pub struct Journal<'a> {
    records: &'a Records,
    release: i64,
    checkpoints: bool,
}

impl<'a> Journal<'a> {
    /// The record of this release.
    #[must_use]
    pub fn of(records: &'a Records, release: i64) -> Self {
        Self {
            records,
            release,
            checkpoints: true,
        }
    }

    /// Writes no checkpoint, so nothing can be taken up: for an import that is
    /// [`in_one_transaction`](crate::Import::in_one_transaction).
    #[must_use]
    pub fn without_checkpoints(mut self) -> Self {
        self.checkpoints = false;
        self
    }

    /// How far an importer has come, all its ranges together.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be read.
    pub async fn so_far(
        &self,
        client: &impl GenericClient,
        importer: &str,
    ) -> Result<ImportSoFar, StatementError> {
        if self.checkpoints {
            self.records.import_so_far(client, self.release, importer).await
        } else {
            Ok(ImportSoFar::default())
        }
    }

    /// The ranges that an importer was cut into; `None` where it was not, or where nothing is kept.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be read.
    pub async fn kept_ranges(
        &self,
        client: &impl GenericClient,
        importer: &str,
    ) -> Result<Option<KeyRanges>, StatementError> {
        if !self.checkpoints {
            return Ok(None);
        }
        let kept = self.records.ranges(client, self.release, importer).await?;
        Ok(kept.map(KeyRanges::between))
    }

    /// Keeps the ranges of an importer for good; returns those that are kept.
    pub(super) async fn keep_ranges(
        &self,
        tx: &Transaction<'_>,
        importer: &str,
        ranges: &KeyRanges,
    ) -> Result<KeyRanges, StatementError> {
        let kept = self
            .records
            .keep_ranges(tx, self.release, importer, ranges.bounds())
            .await?;
        Ok(KeyRanges::between(kept))
    }

    /// How far one range of an importer has come.
    pub(super) async fn range_so_far(
        &self,
        client: &impl GenericClient,
        importer: &str,
        range: i32,
    ) -> Result<ImportSoFar, StatementError> {
        self.records
            .range_so_far(client, self.release, importer, range)
            .await
    }

    pub(super) async fn add_reject(
        &self,
        tx: &Transaction<'_>,
        reject: &Reject,
    ) -> Result<(), StatementError> {
        self.records.add_reject(tx, self.release, reject).await
    }

    /// Writes down what a lookup added to a column of its table.
    pub(crate) async fn add_values(
        &self,
        tx: &Transaction<'_>,
        importer: &str,
        place: (&QualifiedName, &Ident),
        values: &[String],
    ) -> Result<(), StatementError> {
        self.records
            .add_values(tx, self.release, importer, place, values)
            .await
    }

    pub(super) async fn add_checkpoint(
        &self,
        tx: &Transaction<'_>,
        checkpoint: &Checkpoint,
    ) -> Result<(), StatementError> {
        if self.checkpoints {
            self.records.add_checkpoint(tx, self.release, checkpoint).await
        } else {
            Ok(())
        }
    }
}
