//! A web server of a few lines, for one that answers as somebody else's documentation says.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What was asked.
pub(super) struct Request {
    /// The method and the target, as in `GET /x?y`.
    pub(super) what: String,
    /// The headers, in lower case.
    pub(super) head: String,
    pub(super) body: String,
}

/// A server on this machine, until it is dropped.
pub(super) struct Wire {
    pub(super) port: u16,
    _accepting: JoinSet<()>,
}

impl Wire {
    /// Answers each request with a status line, a type and a body.
    pub(super) async fn start(
        answer: impl Fn(Request) -> (&'static str, &'static str, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answer = Arc::new(answer);
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let request = request(&mut socket).await;
                let (status, kind, body) = answer(request);
                let length = body.len();
                let text = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                );
                socket.write_all(text.as_bytes()).await.unwrap();
            }
        });
        Self {
            port,
            _accepting: accepting,
        }
    }
}

async fn request(socket: &mut TcpStream) -> Request {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let (what, head) = head.split_once("\r\n").unwrap();
            let head = head.to_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Request {
                    what: what.trim_end_matches(" HTTP/1.1").to_owned(),
                    body: body.to_owned(),
                    head,
                };
            }
        }
        assert!(
            socket.read_buf(&mut bytes).await.unwrap() > 0,
            "the request ended early"
        );
    }
}
