use std::fmt;

use tokio_postgres::{Client, SimpleQueryMessage};

use super::backend_key::announced_pid;
use crate::DatabaseError;

/// Why a session cannot carry a release: its locks and settings would not stay with it, or it cannot write.
#[derive(Debug)]
#[non_exhaustive]
pub enum UnsafeSession {
    /// Statements of this one session ran in different backends: a proxy pools transactions.
    BackendChanged {
        /// The process id at first.
        first: i32,
        /// The one found later.
        later: i32,
    },
    /// The server announced another process id than the one that runs our statements, so there is a proxy in
    /// between. Whether it pools sessions (safe) or transactions (not) cannot be seen from here.
    Proxy {
        /// The id announced when the connection started.
        announced: i32,
        /// The id of the backend.
        backend: i32,
    },
    /// The server is a standby.
    Standby,
    /// The question could not be asked.
    NotAsked(DatabaseError),
}

impl UnsafeSession {
    /// What the operator can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::BackendChanged { .. } | Self::Proxy { .. } => {
                "connect to the PostgreSQL server itself (its own host and port), not through the pooling proxy"
            }
            Self::Standby => "connect to the primary, or list all hosts and set target_session_attrs=primary",
            Self::NotAsked(_) => "see the message and the server's log",
        }
    }
}

impl fmt::Display for UnsafeSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BackendChanged { first, later } => write!(
                f,
                "the connection goes through a proxy that pools transactions (backend {first} became {later}), \
                 so session-level locks are not safe"
            ),
            Self::Proxy { announced, backend } => write!(
                f,
                "the connection goes through a pooling proxy (it announced process {announced}, backend {backend} \
                 answers), so session-level locks may not be safe"
            ),
            Self::Standby => f.write_str("the server is a standby and takes no writes"),
            Self::NotAsked(_) => f.write_str("could not find out whether the session is safe"),
        }
    }
}

impl std::error::Error for UnsafeSession {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotAsked(error) => Some(error),
            Self::BackendChanged { .. } | Self::Proxy { .. } | Self::Standby => None,
        }
    }
}

/// How often the backend is asked for its process id. A proxy with free connections may hand out the same one
/// again and again, so this proves pooling and never its absence; the announced id covers that case.
const QUESTIONS: usize = 4;

/// Refuses a session behind a pooling proxy, or with a standby.
///
/// Release locks are session-level advisory locks. Behind a proxy that pools transactions they would stay with
/// a backend that serves somebody else next. Call it outside a transaction: inside one, a proxy keeps the
/// backend. Takes no lock and changes nothing.
///
/// # Errors
/// [`UnsafeSession`], with the remedy.
pub async fn refuse_unsafe_session(client: &Client) -> Result<(), UnsafeSession> {
    let first = read_backend(client).await?;
    if first.in_recovery {
        return Err(UnsafeSession::Standby);
    }
    for _ in 1..QUESTIONS {
        let later = read_backend(client).await?;
        if later.pid != first.pid {
            return Err(UnsafeSession::BackendChanged {
                first: first.pid,
                later: later.pid,
            });
        }
    }
    match announced_pid(client).await {
        Some(announced) if announced != first.pid => Err(UnsafeSession::Proxy {
            announced,
            backend: first.pid,
        }),
        _ => Ok(()),
    }
}

struct Backend {
    pid: i32,
    in_recovery: bool,
}

/// Each simple query is a transaction of its own, so a proxy may route each to another backend.
async fn read_backend(client: &Client) -> Result<Backend, UnsafeSession> {
    let question = "SELECT pg_catalog.pg_backend_pid(), pg_catalog.pg_is_in_recovery()";
    let not_asked = |error: tokio_postgres::Error| UnsafeSession::NotAsked(error.into());
    let mut backend = Backend {
        pid: 0,
        in_recovery: false,
    };
    for message in client.simple_query(question).await.map_err(not_asked)? {
        if let SimpleQueryMessage::Row(row) = message {
            backend.pid = row
                .try_get(0)
                .map_err(not_asked)?
                .and_then(|pid| pid.parse().ok())
                .unwrap_or(0);
            backend.in_recovery = row.try_get(1).map_err(not_asked)? == Some("t");
        }
    }
    Ok(backend)
}
