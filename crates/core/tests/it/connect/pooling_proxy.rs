//! A proxy that pools as PgBouncer does, as far as simple queries go.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Accepts one client, gives it a made-up process id, and sends each of its queries to the next of some backends.
pub(crate) struct PoolingProxy {
    pub(crate) address: SocketAddr,
    task: JoinHandle<std::io::Result<()>>,
}

/// What the client is told its process id is.
pub(crate) const MADE_UP_PID: i32 = 1_234_567_890;

impl PoolingProxy {
    /// Pools over `backends` connections to `server`. The role must need no password (or one in clear text is not
    /// passed on): authentication is relayed for the first backend only.
    pub(crate) async fn start(server: SocketAddr, backends: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let (mut client, _) = listener.accept().await?;
            let startup = read_startup(&mut client).await?;
            let mut pool = Vec::new();
            for index in 0..backends {
                let mut backend = TcpStream::connect(server).await?;
                backend.write_all(&startup).await?;
                relay_until_ready(&mut backend, &mut client, index == 0).await?;
                pool.push(backend);
            }
            for query in 0.. {
                let (kind, message) = read_message(&mut client).await?;
                if kind == b'X' {
                    break;
                }
                let backend = &mut pool[query % backends];
                backend.write_all(&message).await?;
                relay_until_ready(backend, &mut client, true).await?;
            }
            Ok(())
        });
        Self { address, task }
    }
}

impl Drop for PoolingProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Passes messages on, up to and with ReadyForQuery.
async fn relay_until_ready(
    backend: &mut TcpStream,
    client: &mut TcpStream,
    answer: bool,
) -> std::io::Result<()> {
    loop {
        let (kind, mut message) = read_message(backend).await?;
        if kind == b'K' {
            message[5..9].copy_from_slice(&MADE_UP_PID.to_be_bytes());
        }
        if answer {
            client.write_all(&message).await?;
        }
        if kind == b'Z' {
            return Ok(());
        }
    }
}

/// The start-up message has no kind byte.
async fn read_startup(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let length = client.read_u32().await?;
    let mut message = length.to_be_bytes().to_vec();
    message.resize(length as usize, 0);
    client.read_exact(&mut message[4..]).await?;
    Ok(message)
}

async fn read_message(stream: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let kind = stream.read_u8().await?;
    let length = stream.read_u32().await?;
    let mut message = vec![kind];
    message.extend(length.to_be_bytes());
    message.resize(1 + length as usize, 0);
    stream.read_exact(&mut message[5..]).await?;
    Ok((kind, message))
}
