use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode as DriverSslMode;
use tokio_postgres::{CancelToken, Client, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::settings::ConnectSettings;
use super::target::{Host, Target};
use super::{ConnectError, ConnectErrorKind, TargetSession};
use crate::DatabaseError;

/// One connection to the server, and the task that drives it.
///
/// Derefs to [`Client`]. Dropping it closes the socket at once: the server rolls back and releases its locks as
/// soon as it notices, which for a running statement may be when that ends; [`cancel_token`](Self::cancel_token)
/// makes that soon, and [`close`](Self::close) says good-bye properly.
pub struct Session {
    client: Client,
    task: AbortOnDrop,
    ended: watch::Receiver<bool>,
    reason: Arc<OnceLock<DatabaseError>>,
    backend_pid: i32,
    target: Target,
    ssl_mode: DriverSslMode,
    settings: ConnectSettings,
}

impl ConnectSettings {
    /// Opens a session, trying the hosts in turn.
    ///
    /// `purpose` is a few words for `application_name` and for errors, like `release lock`; it may be empty. The
    /// application name is `cutover: <purpose>` unless one was set. The session is as the server made it: no
    /// parameter is set.
    ///
    /// # Cancel safety
    /// Dropping the future closes the socket; no session is left behind.
    ///
    /// # Errors
    /// [`ConnectError`] of the last host tried. A refused login ends the search, as in libpq.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use cutover_core::{ConnectSettings, Environment};
    ///
    /// let settings = ConnectSettings::resolve("postgresql://ann@db.example.org/wdpa", &Environment::empty())?;
    /// let session = settings.connect("audit").await?;
    /// session.query("SELECT 1", &[]).await?;
    /// session.close().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(&self, purpose: &str) -> Result<Session, ConnectError> {
        let mut last = None;
        for wanted in self.target_session.rounds() {
            for target in &self.targets {
                match self.connect_to(target, purpose, *wanted).await {
                    Ok(session) => return Ok(session),
                    Err(error) if error.kind.allows_next_host() => last = Some(error),
                    Err(error) => return Err(error),
                }
            }
        }
        // There is at least one round and one target; were there none, nothing would have been reached.
        Err(last.unwrap_or_else(|| {
            let nowhere = Target {
                host: Host::Name(String::new()),
                address: None,
                port: 0,
                password: None,
            };
            ConnectError::new(self, &nowhere, purpose, ConnectErrorKind::Unreachable, None)
        }))
    }

    /// Tries one host in the ways that `sslmode` allows.
    async fn connect_to(
        &self,
        target: &Target,
        purpose: &str,
        wanted: TargetSession,
    ) -> Result<Session, ConnectError> {
        // There is no TLS on Unix-domain sockets; sslmode says nothing there.
        let attempts = match target.host {
            Host::Directory(_) => &[DriverSslMode::Disable],
            Host::Name(_) => self.ssl_mode.attempts(),
        };
        let mut first_error: Option<ConnectError> = None;
        for ssl_mode in attempts {
            let error = match self.attempt(target, *ssl_mode, purpose, wanted).await {
                Ok(session) => return Ok(session),
                Err(error) => error,
            };
            if !error.kind.allows_without_tls() {
                return Err(error);
            }
            // "not allowed" without TLS says less than what happened with it.
            first_error.get_or_insert(error);
        }
        Err(first_error
            .unwrap_or_else(|| ConnectError::new(self, target, purpose, ConnectErrorKind::Unreachable, None)))
    }

    async fn attempt(
        &self,
        target: &Target,
        ssl_mode: DriverSslMode,
        purpose: &str,
        wanted: TargetSession,
    ) -> Result<Session, ConnectError> {
        let opened = within(
            self.connect_timeout,
            Session::open(self, target, ssl_mode, purpose),
        )
        .await;
        let (session, state) = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => {
                let kind = ConnectErrorKind::of(&error, target);
                return Err(ConnectError::new(self, target, purpose, kind, Some(error)));
            }
            Err(TimedOut { after }) => {
                let kind = ConnectErrorKind::TimedOut { after };
                return Err(ConnectError::new(self, target, purpose, kind, None));
            }
        };
        if !wanted.accepts(state.in_recovery, state.read_only) {
            session.close().await;
            let kind = ConnectErrorKind::WrongServer { wanted };
            return Err(ConnectError::new(self, target, purpose, kind, None));
        }
        tracing::debug!(pid = session.backend_pid, place = %target, purpose, "session opened");
        Ok(session)
    }

    /// The means to cancel what `client` runs, when it was connected with these settings (as the pool's are).
    #[must_use]
    pub fn cancel_token(&self, client: &Client) -> CancelHandle {
        CancelHandle {
            token: client.cancel_token(),
            tls: self.tls.clone(),
            timeout: self.connect_timeout,
        }
    }
}

/// The server as the session finds it.
struct ServerState {
    backend_pid: i32,
    in_recovery: bool,
    read_only: bool,
}

const SERVER_STATE: &str = "SELECT pg_catalog.pg_backend_pid(), pg_catalog.pg_is_in_recovery(), \
                            pg_catalog.current_setting('transaction_read_only')";

impl ServerState {
    async fn read(client: &Client) -> Result<Self, tokio_postgres::Error> {
        let mut state = Self {
            backend_pid: 0,
            in_recovery: false,
            read_only: false,
        };
        for message in client.simple_query(SERVER_STATE).await? {
            if let SimpleQueryMessage::Row(row) = message {
                state.backend_pid = row.try_get(0)?.and_then(|pid| pid.parse().ok()).unwrap_or(0);
                state.in_recovery = row.try_get(1)? == Some("t");
                state.read_only = row.try_get(2)? == Some("on");
            }
        }
        Ok(state)
    }
}

impl Session {
    async fn open(
        settings: &ConnectSettings,
        target: &Target,
        ssl_mode: DriverSslMode,
        purpose: &str,
    ) -> Result<(Self, ServerState), tokio_postgres::Error> {
        let config = settings.driver_config(target, ssl_mode, purpose);
        let (client, connection) = config.connect(settings.tls.clone()).await?;
        let (sender, ended) = watch::channel(false);
        let reason = Arc::new(OnceLock::new());
        let task = AbortOnDrop(tokio::spawn({
            let reason = Arc::clone(&reason);
            async move {
                if let Err(error) = connection.await {
                    let error = reason.get_or_init(|| DatabaseError::from(error));
                    tracing::debug!(%error, "session ended");
                }
                sender.send_replace(true);
            }
        }));
        let mut session = Self {
            client,
            task,
            ended,
            reason,
            backend_pid: 0,
            target: target.clone(),
            ssl_mode,
            settings: settings.clone(),
        };
        let state = ServerState::read(&session.client).await?;
        session.backend_pid = state.backend_pid;
        Ok((session, state))
    }

    /// The server's process id for this session, as `pg_stat_activity` shows it.
    #[must_use]
    pub fn backend_pid(&self) -> i32 {
        self.backend_pid
    }

    /// The means to cancel what this session runs, over TLS where the session itself uses it.
    #[must_use]
    pub fn cancel_token(&self) -> CancelHandle {
        self.settings.cancel_token(&self.client)
    }

    /// Why the connection ended; `None` while it lives, and when it was closed on purpose.
    #[must_use]
    pub fn closed_reason(&self) -> Option<&DatabaseError> {
        self.reason.get()
    }

    /// Waits until the connection has ended, for whatever reason, and says why.
    ///
    /// # Cancel safety
    /// Changes nothing; may be dropped and called again.
    pub async fn closed(&self) -> Option<&DatabaseError> {
        // An error means that the sender is gone, and the task with it.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
        self.reason.get()
    }

    /// Ends the session with a proper good-bye and waits until the socket is closed.
    ///
    /// The server rolls back what is open and releases the locks right after.
    ///
    /// # Cancel safety
    /// Dropping the future is dropping the session.
    pub async fn close(self) {
        let Self {
            client,
            task,
            mut ended,
            settings,
            ..
        } = self;
        // The task says good-bye once the client that feeds it is gone.
        drop(client);
        // Neither an ended task nor a silent server is a problem for us here: the socket goes either way.
        let _ = within(settings.connect_timeout, ended.wait_for(|ended| *ended)).await;
        drop(task);
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    pub(super) fn ssl_mode(&self) -> DriverSslMode {
        self.ssl_mode
    }
}

impl Deref for Session {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("backend_pid", &self.backend_pid)
            .field("settings", &self.settings)
            .field("closed", &self.client.is_closed())
            .finish_non_exhaustive()
    }
}

/// The means to cancel what a session runs; can be kept and used by another task.
#[derive(Clone)]
pub struct CancelHandle {
    token: CancelToken,
    tls: MakeRustlsConnect,
    timeout: Option<Duration>,
}

impl CancelHandle {
    /// Asks the server to cancel the statement that runs now, if one does.
    ///
    /// The request is a connection of its own, and returning says only that it was sent: the statement itself
    /// then fails with `query_canceled` (57014), or ends before the request arrives. Waits no longer than the
    /// connect timeout.
    pub async fn cancel(&self) -> Result<(), CancelError> {
        within(self.timeout, self.token.cancel_query(self.tls.clone()))
            .await
            .map_err(|TimedOut { after }| CancelError::TimedOut { after })?
            .map_err(|error| CancelError::NotSent(error.into()))
    }
}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelHandle").finish_non_exhaustive()
    }
}

/// A cancel request that did not reach the server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CancelError {
    /// The request could not be sent.
    #[error("could not send the cancel request")]
    NotSent(#[source] DatabaseError),
    /// The server did not take it in time.
    #[error("could not send the cancel request within {} s", after.as_secs_f64())]
    TimedOut {
        /// The timeout.
        after: Duration,
    },
}

struct TimedOut {
    after: Duration,
}

/// Runs `future` for at most `timeout`, if there is one.
async fn within<F: Future>(timeout: Option<Duration>, future: F) -> Result<F::Output, TimedOut> {
    match timeout {
        None => Ok(future.await),
        Some(after) => tokio::time::timeout(after, future)
            .await
            .map_err(|_elapsed| TimedOut { after }),
    }
}
