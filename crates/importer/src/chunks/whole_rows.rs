//! Whole rows out of a stream of COPY data.

use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio_postgres::CopyOutStream;

use super::row_format::RowFormat;
use crate::frames::Frames;

/// Gives the rows of a COPY one by one. Holds one message of the source, which is a row, but for what it has to put
/// together.
pub(crate) struct WholeRows {
    stream: Pin<Box<CopyOutStream>>,
    frames: Frames,
    format: RowFormat,
    /// Whole rows that were not given yet.
    ready: Bytes,
    /// The start of a row whose end is still to come.
    begun: BytesMut,
    returned: Option<Bytes>,
}

impl WholeRows {
    pub(crate) fn new(stream: CopyOutStream, format: RowFormat) -> Self {
        Self {
            stream: Box::pin(stream),
            frames: match format {
                RowFormat::Binary => Frames::binary(),
                RowFormat::Text => Frames::text(),
            },
            format,
            ready: Bytes::new(),
            begun: BytesMut::new(),
            returned: None,
        }
    }

    pub(crate) fn frames(&self) -> &Frames {
        &self.frames
    }

    /// The next row; `None` after the last. Cancel safe between rows only.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, tokio_postgres::Error> {
        if let Some(row) = self.returned.take() {
            return Ok(Some(row));
        }
        while self.ready.is_empty() {
            let Some(message) = self.stream.next().await else {
                return Ok(None);
            };
            let mut piece = self.frames.feed(message?);
            if piece.rows > 0 {
                let rest = piece.data.split_off(piece.whole);
                if self.begun.is_empty() {
                    self.ready = piece.data;
                } else {
                    self.begun.extend_from_slice(&piece.data);
                    self.ready = self.begun.split().freeze();
                }
                piece.data = rest;
            }
            self.begun.extend_from_slice(&piece.data);
        }
        let end = self.format.row_end(&self.ready);
        Ok(Some(self.ready.split_to(end)))
    }

    /// Gives this row again next time.
    pub(crate) fn put_back(&mut self, row: Bytes) {
        self.returned = Some(row);
    }
}
