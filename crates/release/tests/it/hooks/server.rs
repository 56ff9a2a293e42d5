//! A web server of a few lines that answers as it is told.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What the server does with a connection.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    Status(&'static str),
    Close,
    Hang,
}

/// A server on this machine, until it is dropped.
pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<String>>>,
    _accepting: JoinSet<()>,
}

impl Server {
    /// Gives one answer a connection, the last one again and again.
    pub(crate) async fn answering(answers: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks/0123456789abcdef", listener.local_addr().unwrap());
        let (answers, last) = (answers.to_vec(), *answers.last().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&requests);
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut hanging = Vec::new();
            for answer in answers.into_iter().chain(std::iter::repeat(last)) {
                let (mut socket, _) = listener.accept().await.unwrap();
                let request = request(&mut socket).await;
                heard.lock().unwrap().push(request);
                match answer {
                    Answer::Status(status) => {
                        let text = format!(
                            "HTTP/1.1 {status}\r\nContent-Length: 4\r\nConnection: close\r\n\r\nso\r\n"
                        );
                        socket.write_all(text.as_bytes()).await.unwrap();
                    }
                    Answer::Close => {}
                    Answer::Hang => hanging.push(socket),
                }
            }
        });
        Self {
            url,
            requests,
            _accepting: accepting,
        }
    }

    /// What was sent so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn request(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase()
                    .strip_prefix("content-length: ")?
                    .parse()
                    .ok()
            });
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        assert!(
            socket.read_buf(&mut bytes).await.unwrap() > 0,
            "the request ended early"
        );
    }
}
