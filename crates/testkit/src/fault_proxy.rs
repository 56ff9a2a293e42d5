//! A proxy between client and server that loses connections on demand.

mod messages;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use messages::MessageBoundaries;

/// A TCP proxy in front of a server, so that a test can lose its connections at any message of the protocol.
///
/// When a connection is cut its client loses it at once. The server still gets everything that was passed on before, and
/// then the end of input: it does what it was told, and nobody hears the answer.
/// Counts run over all connections together, from the moment a cut is armed. Messages are counted by their framing, so the
/// connections must not be encrypted, and to count the server's they must not ask whether they can be (`sslmode=disable`).
/// Dropping the proxy closes everything.
pub struct FaultProxy {
    port: u16,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

type BeforeCut = Box<dyn Fn() + Send>;

/// What is to happen to the bytes that arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Never,
    AfterServerBytes(u64),
    /// This many messages still reach the client; then all is cut.
    AfterServerMessages(u64),
    /// This many messages still reach the server; then all is cut.
    AfterClientMessages(u64),
    /// This many messages still reach the server; the next one cuts all instead of reaching it.
    BeforeClientMessage(u64),
}

struct State {
    server: (String, u16),
    before_cut: Mutex<Option<BeforeCut>>,
    refuse: AtomicBool,
    tripped: AtomicBool,
    client_messages: AtomicU64,
    server_messages: AtomicU64,
    cut: Mutex<Cut>,
    /// Counts the cuts; a connection ends when it changes.
    epoch: watch::Sender<u64>,
}

impl FaultProxy {
    /// Listens on a free port of 127.0.0.1 for connections to `host:port`.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn start(host: &str, port: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("could not listen for the proxy")?;
        let address: SocketAddr = listener.local_addr()?;
        let state = Arc::new(State {
            server: (host.to_owned(), port),
            before_cut: Mutex::new(None),
            refuse: AtomicBool::new(false),
            tripped: AtomicBool::new(false),
            client_messages: AtomicU64::new(0),
            server_messages: AtomicU64::new(0),
            cut: Mutex::new(Cut::Never),
            epoch: watch::Sender::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&state)));
        Ok(Self {
            port: address.port(),
            state,
            accepting,
        })
    }

    /// The port to connect to, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts every open connection now. New ones are accepted.
    pub fn cut(&self) {
        self.state.trip();
    }

    /// Passes on `bytes` more from the server, then cuts.
    pub fn cut_after_server_bytes(&self, bytes: u64) {
        self.arm(Cut::AfterServerBytes(bytes));
    }

    /// Passes on `messages` more from the server, then cuts: what they answer is done, and so is what was sent by then.
    pub fn cut_after_server_messages(&self, messages: u64) {
        self.arm(Cut::AfterServerMessages(messages));
    }

    /// Passes on `messages` more to the server, then cuts: the last one is carried out, its answer lost.
    pub fn cut_after_client_messages(&self, messages: u64) {
        self.arm(Cut::AfterClientMessages(messages));
    }

    /// Passes on `messages` more to the server and the answers back; the next message is lost, and the connections with it.
    pub fn cut_before_client_message(&self, messages: u64) {
        self.arm(Cut::BeforeClientMessage(messages));
    }

    /// Calls `act` when a cut is due, before any client notices it: one that is killed there never hears of the cut.
    pub fn before_cut(&self, act: impl Fn() + Send + 'static) {
        *self
            .state
            .before_cut
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(Box::new(act));
    }

    /// Forgets an armed cut, and that one has happened.
    pub fn disarm(&self) {
        self.arm(Cut::Never);
    }

    /// Whether connections have been cut since the last arming.
    #[must_use]
    pub fn tripped(&self) -> bool {
        self.state.tripped.load(Ordering::SeqCst)
    }

    /// How many messages clients have sent through, start-up messages included.
    #[must_use]
    pub fn client_messages(&self) -> u64 {
        self.state.client_messages.load(Ordering::SeqCst)
    }

    /// How many messages servers have sent through.
    #[must_use]
    pub fn server_messages(&self) -> u64 {
        self.state.server_messages.load(Ordering::SeqCst)
    }

    /// Whether new connections are closed as soon as they come.
    pub fn refuse(&self, refuse: bool) {
        self.state.refuse.store(refuse, Ordering::SeqCst);
    }

    fn arm(&self, cut: Cut) {
        let mut armed = self.state.cut.lock().unwrap_or_else(PoisonError::into_inner);
        *armed = cut;
        self.state.tripped.store(false, Ordering::SeqCst);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        // Takes the JoinSet of the connections with it.
        self.accepting.abort();
    }
}

impl State {
    fn trip(&self) {
        if let Some(act) = &*self.before_cut.lock().unwrap_or_else(PoisonError::into_inner) {
            act();
        }
        self.tripped.store(true, Ordering::SeqCst);
        self.epoch.send_modify(|epoch| *epoch += 1);
    }

    /// How many of the bytes from the server go through, and whether all is cut then.
    fn admit_from_server(&self, boundaries: &mut MessageBoundaries, bytes: &[u8]) -> (usize, bool) {
        let mut cut = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pass = 0;
        while pass < bytes.len() {
            let (taken, complete) = boundaries.advance(&bytes[pass..]);
            pass += taken;
            if complete {
                self.server_messages.fetch_add(1, Ordering::SeqCst);
                if let Cut::AfterServerMessages(left) = &mut *cut {
                    *left = left.saturating_sub(1);
                    if *left == 0 {
                        *cut = Cut::Never;
                        return (pass, true);
                    }
                }
            }
        }
        let Cut::AfterServerBytes(left) = &mut *cut else {
            return (pass, false);
        };
        let pass = usize::try_from(*left).unwrap_or(usize::MAX).min(pass);
        *left -= pass as u64;
        let now = *left == 0;
        if now {
            *cut = Cut::Never;
        }
        (pass, now)
    }

    /// The same for bytes from a client, which count by the messages that begin and end in them.
    fn admit_from_client(&self, boundaries: &mut MessageBoundaries, bytes: &[u8]) -> (usize, bool) {
        let mut cut = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pass = 0;
        while pass < bytes.len() {
            if *cut == Cut::AfterClientMessages(0)
                || (*cut == Cut::BeforeClientMessage(0) && boundaries.at_start_of_message())
            {
                *cut = Cut::Never;
                return (pass, true);
            }
            let (taken, complete) = boundaries.advance(&bytes[pass..]);
            pass += taken;
            if complete {
                self.client_messages.fetch_add(1, Ordering::SeqCst);
                if let Cut::AfterClientMessages(left) | Cut::BeforeClientMessage(left) = &mut *cut {
                    *left = left.saturating_sub(1);
                }
            }
        }
        let now = *cut == Cut::AfterClientMessages(0);
        if now {
            *cut = Cut::Never;
        }
        (pass, now)
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A failed accept concerns one client, which notices.
                if let Ok((client, _)) = accepted && !state.refuse.load(Ordering::SeqCst) {
                    connections.spawn(relay(client, Arc::clone(&state)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Carries one connection until an end closes or it is cut.
async fn relay(client: TcpStream, state: Arc<State>) {
    let mut epoch = state.epoch.subscribe();
    let Ok(server) = TcpStream::connect((state.server.0.as_str(), state.server.1)).await else {
        return;
    };
    // Small messages at once, as the ends themselves send them.
    if client.set_nodelay(true).is_err() || server.set_nodelay(true).is_err() {
        return;
    }
    let (client_read, client_write) = client.into_split();
    let (mut server_read, mut server_write) = server.into_split();
    tokio::select! {
        biased;
        _ = epoch.changed() => {}
        () = to_server(client_read, &mut server_write, &state) => {}
        () = to_client(&mut server_read, client_write, &state) => {}
    }
    // The client's halves are gone with their futures. A server socket closed with unread answers would be reset, and the
    // server might lose what it has not read yet: end its input and let it finish.
    if server_write.shutdown().await.is_ok() {
        let mut discarded = [0; 4096];
        while matches!(server_read.read(&mut discarded).await, Ok(1..)) {}
    }
}

async fn to_server(mut client: OwnedReadHalf, server: &mut OwnedWriteHalf, state: &State) {
    let mut boundaries = MessageBoundaries::default();
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(arrived @ 1..) = client.read(&mut buffer).await {
        let (pass, cut) = state.admit_from_client(&mut boundaries, &buffer[..arrived]);
        let written = server.write_all(&buffer[..pass]).await;
        if cut {
            state.trip();
        }
        if cut || written.is_err() {
            return;
        }
    }
}

async fn to_client(server: &mut OwnedReadHalf, mut client: OwnedWriteHalf, state: &State) {
    let mut boundaries = MessageBoundaries::of_server();
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(arrived @ 1..) = server.read(&mut buffer).await {
        let (pass, cut) = state.admit_from_server(&mut boundaries, &buffer[..arrived]);
        let written = client.write_all(&buffer[..pass]).await;
        if cut {
            state.trip();
        }
        if cut || written.is_err() {
            return;
        }
    }
}
