//! One COPY command that takes rows, in messages of a size that is cheap to send.

use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use cutover_core::Sql;
use futures_util::SinkExt;
use tokio_postgres::{CopyInSink, Error, Transaction};

/// What is handed over at once, bytes. The source sends a message for every row, and each that is passed on alone costs a
/// system call and two switches between the task that reads and the one that writes to the socket.
const HANDED_OVER: usize = 64 << 10;

/// A COPY into a table. Dropped before it is finished, it fails, and the transaction with it.
pub(crate) struct CopySink {
    sink: Pin<Box<CopyInSink<Bytes>>>,
    /// Not handed to the sink yet.
    gathered: BytesMut,
}

impl CopySink {
    /// Starts it; `header` is what its format begins with.
    pub(crate) async fn begin(
        transaction: &Transaction<'_>,
        statement: &Sql,
        header: &'static [u8],
    ) -> Result<Self, Error> {
        Ok(Self {
            sink: Box::pin(transaction.copy_in(statement.as_str()).await?),
            gathered: BytesMut::from(header),
        })
    }

    /// Sends data, some of it with the next; waits while the server is slower than the source.
    pub(crate) async fn send(&mut self, data: Bytes) -> Result<(), Error> {
        if self.gathered.is_empty() && data.len() >= HANDED_OVER {
            return self.sink.feed(data).await;
        }
        self.gathered.extend_from_slice(&data);
        if self.gathered.len() < HANDED_OVER {
            return Ok(());
        }
        self.sink.feed(self.gathered.split().freeze()).await
    }

    /// Ends it with what its format ends with; the rows that the server took.
    pub(crate) async fn finish(mut self, trailer: &'static [u8]) -> Result<u64, Error> {
        self.gathered.extend_from_slice(trailer);
        if !self.gathered.is_empty() {
            self.sink.feed(self.gathered.freeze()).await?;
        }
        self.sink.as_mut().finish().await
    }
}
