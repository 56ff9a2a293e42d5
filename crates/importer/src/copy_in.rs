//! Writes COPY data into a table in segments.
//!
//! The client library learns what the server makes of the data only at the end of a COPY: a row refused at the start
//! of 100 GB would be reported after 100 GB. So the data is sent as many COPY commands, all in one transaction.

use bytes::Bytes;
use cutover_core::Sql;
use tokio_postgres::Transaction;

use crate::copy_sink::CopySink;
use crate::frames::{Frames, Piece};

/// COPY data on its way into a table. Dropped after the first row and before [`CopyIn::finish`], it aborts the COPY
/// under way and with it the transaction: there is one under way from the first row on, also between two segments.
pub(crate) struct CopyIn<'a> {
    transaction: &'a Transaction<'a>,
    statement: &'a Sql,
    header: &'static [u8],
    trailer: &'static [u8],
    limit: usize,
    segment: Option<Segment>,
    /// Rows that the server took in finished segments.
    rows: u64,
    /// Rows and bytes sent.
    sent_rows: u64,
    sent_bytes: u64,
}

struct Segment {
    sink: CopySink,
    bytes: usize,
}

/// A COPY that failed, and the rows that had been taken before its segment began.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) error: tokio_postgres::Error,
    pub(crate) rows_before: u64,
}

impl<'a> CopyIn<'a> {
    pub(crate) fn new(
        transaction: &'a Transaction<'a>,
        statement: &'a Sql,
        frames: &Frames,
        limit: usize,
    ) -> Self {
        Self {
            transaction,
            statement,
            header: frames.header(),
            trailer: frames.trailer(),
            limit,
            segment: None,
            rows: 0,
            sent_rows: 0,
            sent_bytes: 0,
        }
    }

    pub(crate) fn sent_rows(&self) -> u64 {
        self.sent_rows
    }

    pub(crate) fn sent_bytes(&self) -> u64 {
        self.sent_bytes
    }

    /// Sends a piece; waits while the server is slower than the source. Returns whether a segment ended within it,
    /// right after its last whole row.
    pub(crate) async fn send(&mut self, mut piece: Piece) -> Result<bool, Refused> {
        let full = self.segment.as_ref().map_or(0, |segment| segment.bytes) + piece.data.len() >= self.limit;
        self.sent_rows += piece.rows;
        if !full || piece.rows == 0 {
            self.pass(piece.data).await?;
            return Ok(false);
        }
        let rest = piece.data.split_off(piece.whole);
        self.pass(piece.data).await?;
        self.finish_segment().await?;
        // At once, not with the next row: were the import to end in between, nothing would abort the transaction, and
        // who commits it all the same would keep some of the rows.
        self.begin_segment().await?;
        self.pass(rest).await?;
        Ok(true)
    }

    async fn pass(&mut self, data: Bytes) -> Result<(), Refused> {
        if data.is_empty() {
            return Ok(());
        }
        let rows_before = self.rows;
        let refused = |error| Refused { error, rows_before };
        let segment = self.begin_segment().await?;
        segment.bytes += data.len();
        let bytes = data.len() as u64;
        segment.sink.send(data).await.map_err(refused)?;
        self.sent_bytes += bytes;
        Ok(())
    }

    /// The segment under way; a new one where there is none.
    async fn begin_segment(&mut self) -> Result<&mut Segment, Refused> {
        let rows_before = self.rows;
        let refused = |error| Refused { error, rows_before };
        match &mut self.segment {
            Some(segment) => Ok(segment),
            none => {
                let sink = CopySink::begin(self.transaction, self.statement, self.header)
                    .await
                    .map_err(refused)?;
                Ok(none.insert(Segment { sink, bytes: 0 }))
            }
        }
    }

    async fn finish_segment(&mut self) -> Result<(), Refused> {
        let rows_before = self.rows;
        let refused = |error| Refused { error, rows_before };
        if let Some(segment) = self.segment.take() {
            self.rows += segment.sink.finish(self.trailer).await.map_err(refused)?;
        }
        Ok(())
    }

    /// Ends the last segment; the rows that the server took in all.
    pub(crate) async fn finish(mut self) -> Result<u64, Refused> {
        self.finish_segment().await?;
        Ok(self.rows)
    }
}
