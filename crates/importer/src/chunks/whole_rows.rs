//! Whole rows out of a stream of COPY data.

use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, StreamExt};
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
    longest_silence: Option<Duration>,
}

/// Why there are no more rows although the source has not ended.
#[derive(Debug)]
pub(super) enum Broken {
    /// An error of the server or the connection.
    Off(tokio_postgres::Error),
    /// Nothing was sent for so long.
    Silent(Duration),
}

impl WholeRows {
    pub(crate) fn new(stream: CopyOutStream, format: RowFormat, longest_silence: Option<Duration>) -> Self {
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
            longest_silence,
        }
    }

    pub(crate) fn frames(&self) -> &Frames {
        &self.frames
    }

    /// The next row; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Broken> {
        if let Some(row) = self.returned.take() {
            return Ok(Some(row));
        }
        while self.ready.is_empty() {
            let Some(message) = self.message().await? else {
                return Ok(None);
            };
            let mut piece = self.frames.feed(message);
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

    async fn message(&mut self) -> Result<Option<Bytes>, Broken> {
        // Mostly there is one, and a timer for each would cost more than the row.
        let message = match (self.stream.next().now_or_never(), self.longest_silence) {
            (Some(message), _) => message,
            (None, None) => self.stream.next().await,
            (None, Some(longest)) => tokio::time::timeout(longest, self.stream.next())
                .await
                .map_err(|_elapsed| Broken::Silent(longest))?,
        };
        message.transpose().map_err(Broken::Off)
    }

    /// Gives this row again next time.
    pub(crate) fn put_back(&mut self, row: Bytes) {
        self.returned = Some(row);
    }
}
