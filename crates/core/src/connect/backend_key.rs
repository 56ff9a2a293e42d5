//! The process id that the server announced when the connection started.
//!
//! A pooling proxy makes up its own, because its clients' cancel requests must come to it first. So an announced
//! id that is not `pg_backend_pid()` gives the proxy away, even when it has only one server connection to hand
//! out. The driver keeps the id to itself, but writes it into a cancel request: we let it write one, to nowhere.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Client;
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

/// The id in the server's `BackendKeyData`; no message is sent to the server.
pub(super) async fn announced_pid(client: &Client) -> Option<i32> {
    let recorder = Recorder::default();
    client
        .cancel_token()
        .cancel_query_raw(recorder.clone(), Plain)
        .await
        .ok()?;
    let written = recorder.written.lock().unwrap_or_else(PoisonError::into_inner);
    // CancelRequest is the last message: length, code, process id, key, of 4 bytes each.
    let request = written.last_chunk::<16>()?;
    let [length, code, pid, _key] = [0, 4, 8, 12].map(|at| {
        request[at..]
            .first_chunk::<4>()
            .map_or(0, |bytes| i32::from_be_bytes(*bytes))
    });
    (length == 16 && code == CANCEL_REQUEST_CODE).then_some(pid)
}

/// 1234 in the upper half and 5678 in the lower, as the protocol writes it.
const CANCEL_REQUEST_CODE: i32 = 80_877_102;

/// A stream to nowhere. It answers `S` to a request for TLS, which [`Plain`] then leaves out.
#[derive(Clone, Default)]
struct Recorder {
    written: Arc<Mutex<Vec<u8>>>,
}

impl AsyncWrite for Recorder {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.written
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Recorder {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() > 0 {
            buffer.put_slice(b"S");
        }
        Poll::Ready(Ok(()))
    }
}

impl TlsStream for Recorder {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

/// Stands in for TLS and hands the stream through.
struct Plain;

impl TlsConnect<Recorder> for Plain {
    type Stream = Recorder;
    type Error = Infallible;
    type Future = Ready<Result<Recorder, Infallible>>;

    fn connect(self, stream: Recorder) -> Self::Future {
        ready(Ok(stream))
    }
}
