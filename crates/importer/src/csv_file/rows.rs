//! Records of a CSV file one by one, for an import in chunks.

use bytes::Bytes;
use cutover_core::records::FilePlace;

use super::records::{BATCH_BYTES, Batch, Portion, Records};
use super::{CsvError, CsvSource};
use crate::plan::CsvField;

/// Gives the records of a file as rows of COPY text.
pub(crate) struct FileRows {
    records: Records,
    batch: Option<Batch>,
    /// How many rows of the batch were given.
    given: usize,
}

impl FileRows {
    /// Reads a file from a place on, or from its first record; no further than so many records.
    ///
    /// When this returns, the file has been found to be the same up to that place.
    ///
    /// # Errors
    /// [`CsvError::Changed`] when it is not; whatever is wrong with its first records.
    pub(crate) async fn open(
        csv: &CsvSource,
        fields: &[CsvField],
        from: Option<&FilePlace>,
        limit: u64,
        chunk_bytes: usize,
    ) -> Result<Self, CsvError> {
        let portion = Portion {
            from: from.cloned(),
            limit,
            batch_bytes: BATCH_BYTES.min(chunk_bytes),
        };
        let mut records = Records::read(csv, fields, portion);
        let batch = records.next().await?;
        Ok(Self {
            records,
            batch,
            given: 0,
        })
    }

    /// The next row; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, CsvError> {
        let is_exhausted = |batch: &Batch| batch.records.len() == self.given;
        if self.batch.as_ref().is_some_and(is_exhausted) {
            self.batch = self.records.next().await?;
            self.given = 0;
        }
        let Some(batch) = &self.batch else { return Ok(None) };
        let begin = match self.given.checked_sub(1) {
            Some(before) => batch.records[before].end,
            None => 0,
        };
        let row = batch.data.slice(begin..batch.records[self.given].end);
        self.given += 1;
        Ok(Some(row))
    }

    /// Gives the row that was given last again next time.
    pub(crate) fn put_back(&mut self) {
        self.given = self.given.saturating_sub(1);
    }

    /// In which line the row begins that was given last.
    pub(crate) fn line(&self) -> Option<u64> {
        let record = self.batch.as_ref()?.records.get(self.given.checked_sub(1)?)?;
        Some(record.line)
    }

    /// Where the row begins that was given last, put back or not, if an import can be taken up there: it is the first of its
    /// batch.
    pub(crate) fn place(&self) -> Option<&FilePlace> {
        let batch = self.batch.as_ref()?;
        (self.given <= 1).then_some(&batch.begins)
    }
}
