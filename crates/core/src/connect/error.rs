use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use rustls::CertificateError;
use tokio_postgres::error::SqlState;

use super::settings::ConnectSettings;
use super::target::Target;
use super::{Origin, TargetSession};
use crate::DatabaseError;

/// A connection that could not be made.
///
/// Says where to, as whom and what for; the server's or system's own words are the [source](Error::source).
#[derive(Debug, thiserror::Error)]
#[error(
    "could not connect to {place} as user \"{user}\", database \"{dbname}\"{}: {kind}",
    for_purpose(purpose)
)]
#[non_exhaustive]
pub struct ConnectError {
    /// What the connection was for; may be empty.
    pub purpose: Box<str>,
    /// `host:port`, or the path of the Unix-domain socket; of a pool all that it may be with.
    pub place: Box<str>,
    /// The user.
    pub user: Box<str>,
    /// The database.
    pub dbname: Box<str>,
    /// What went wrong.
    pub kind: ConnectErrorKind,
    source: Option<DatabaseError>,
}

fn for_purpose(purpose: &str) -> String {
    if purpose.is_empty() {
        String::new()
    } else {
        format!(" ({purpose})")
    }
}

/// What went wrong while connecting.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectErrorKind {
    /// Nothing answers there: refused, no route, no such name, no such socket.
    Unreachable,
    /// No answer within the connect timeout.
    TimedOut {
        /// The timeout.
        after: Duration,
    },
    /// The server does not accept the password (28P01).
    PasswordRefused {
        /// Where the password came from.
        origin: Option<Origin>,
    },
    /// The server asks for a password, and no source had one.
    PasswordMissing,
    /// There is no such database (3D000).
    DatabaseMissing,
    /// There is no such role, or it may not log in (28000).
    RoleRefused,
    /// `pg_hba.conf` has no rule for this, or one against it (28000).
    NotAllowed,
    /// The server does not speak TLS, and TLS is asked for.
    TlsNotSupported,
    /// No trusted authority signed the server's certificate.
    CertificateNotTrusted,
    /// The server's certificate is for another host.
    CertificateForOtherHost,
    /// The server's certificate has expired, or is not valid yet.
    CertificateOutOfDate,
    /// TLS failed in another way.
    TlsFailed,
    /// All connections are taken: the server's, the role's or the database's (53300).
    TooManyConnections,
    /// The server starts up, shuts down or recovers (57P03).
    NotReady,
    /// The server, or a proxy before it, refuses a start-up parameter.
    StartupParameterRefused,
    /// The server is not of the kind asked for.
    WrongServer {
        /// What `target_session_attrs` asks for.
        wanted: TargetSession,
    },
    /// All of the pool's connections were busy for too long.
    PoolExhausted,
    /// The pool was closed.
    PoolClosed,
    /// Anything else; the source says what.
    Other,
}

impl fmt::Display for ConnectErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str("no server was reached"),
            Self::TimedOut { after } => write!(f, "no answer within {} s", after.as_secs_f64()),
            Self::PasswordRefused { origin: Some(origin) } => {
                write!(f, "the password from {origin} was refused")
            }
            Self::PasswordRefused { origin: None } => f.write_str("the password was refused"),
            Self::PasswordMissing => f.write_str("the server asks for a password, and none was found"),
            Self::DatabaseMissing => f.write_str("the database does not exist"),
            Self::RoleRefused => f.write_str("the user does not exist or may not log in"),
            Self::NotAllowed => f.write_str("the server's pg_hba.conf does not allow this connection"),
            Self::TlsNotSupported => f.write_str("TLS is required, and the server does not support it"),
            Self::CertificateNotTrusted => f.write_str("the server's certificate is not trusted"),
            Self::CertificateForOtherHost => f.write_str("the server's certificate is for another host name"),
            Self::CertificateOutOfDate => f.write_str("the server's certificate is not valid at this time"),
            Self::TlsFailed => f.write_str("the TLS handshake failed"),
            Self::TooManyConnections => f.write_str("there is no free connection"),
            Self::NotReady => f.write_str("the server is not ready"),
            Self::StartupParameterRefused => f.write_str("a start-up parameter was refused"),
            Self::WrongServer { wanted } => {
                write!(f, "target_session_attrs={wanted} does not fit this server")
            }
            Self::PoolExhausted => f.write_str("all connections of the pool are busy"),
            Self::PoolClosed => f.write_str("the pool is closed"),
            Self::Other => f.write_str("the connection failed"),
        }
    }
}

impl ConnectErrorKind {
    /// What the operator can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Unreachable | Self::TimedOut { .. } => {
                "is the server running and reachable from here? check host, port and firewall"
            }
            Self::PasswordRefused { .. } => "correct the password there, and check that the user exists",
            Self::PasswordMissing => {
                "give it in PGPASSWORD, ~/.pgpass, a service file or the connection string"
            }
            Self::DatabaseMissing => "check the name after the last / of the URL, dbname or PGDATABASE",
            Self::RoleRefused => "check the user's name, or create the role with LOGIN",
            Self::NotAllowed => {
                "add a rule for this user, database and address to pg_hba.conf, or change sslmode if it asks for TLS"
            }
            Self::TlsNotSupported => {
                "enable ssl on the server, or use sslmode=prefer where the network is trusted"
            }
            Self::CertificateNotTrusted => {
                "set sslrootcert to the certificate of the authority that signed it"
            }
            Self::CertificateForOtherHost => {
                "connect by a name that is in the certificate (subjectAltName), or use sslmode=verify-ca"
            }
            Self::CertificateOutOfDate => "renew the server's certificate, or set this machine's clock",
            Self::TlsFailed => "compare the TLS settings of the server, and sslcert and sslkey",
            Self::TooManyConnections => "close sessions, use a smaller pool, or raise the limit",
            Self::NotReady => "wait until it has started, and try again",
            Self::StartupParameterRefused => {
                "correct options or PGOPTIONS; behind a pooling proxy, connect to the server directly instead"
            }
            Self::WrongServer { .. } => "name the right host, or several",
            Self::PoolExhausted => "use a larger pool, or fewer tasks at once",
            Self::PoolClosed => "the program is shutting down",
            Self::Other => "see the message and the server's log",
        }
    }

    /// Whether the next host of the list may do better. As in libpq, a refused login is final.
    pub(super) fn allows_next_host(&self) -> bool {
        matches!(
            self,
            Self::Unreachable
                | Self::TimedOut { .. }
                | Self::TlsNotSupported
                | Self::TlsFailed
                | Self::CertificateForOtherHost
                | Self::CertificateNotTrusted
                | Self::CertificateOutOfDate
                | Self::TooManyConnections
                | Self::NotReady
                | Self::WrongServer { .. }
                | Self::Other
        )
    }

    /// Whether `sslmode=prefer` goes on without TLS. Never after a refused password: it would be sent again, in
    /// the open.
    pub(super) fn allows_without_tls(&self) -> bool {
        matches!(
            self,
            Self::TlsFailed
                | Self::CertificateNotTrusted
                | Self::CertificateForOtherHost
                | Self::CertificateOutOfDate
                | Self::NotAllowed
        )
    }

    /// Reads the driver's error. Messages of the server come in its language, so codes and routines decide.
    pub(super) fn of(error: &tokio_postgres::Error, target: &Target) -> Self {
        if let Some(db) = error.as_db_error() {
            return match db.code().code() {
                "28P01" => Self::password_refused(target),
                // auth.c, ClientAuthentication: no rule, or a rule that rejects. Else the role itself.
                "28000" if db.routine() == Some("ClientAuthentication") => Self::NotAllowed,
                "28000" => Self::RoleRefused,
                "3D000" => Self::DatabaseMissing,
                "53300" => Self::TooManyConnections,
                "57P03" => Self::NotReady,
                // PostgreSQL itself, for a parameter in `options` that it does not know.
                "42704" => Self::StartupParameterRefused,
                // PgBouncer has one code for everything, and no translations.
                "08P01" if db.message().starts_with("unsupported startup parameter") => {
                    Self::StartupParameterRefused
                }
                "08P01" if db.message().ends_with("authentication failed") => Self::password_refused(target),
                _ => Self::Other,
            };
        }
        let Some(source) = error.source() else {
            return Self::Other;
        };
        if let Some(error) = source.downcast_ref::<io::Error>() {
            return match error
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<rustls::Error>())
            {
                Some(error) => Self::of_tls(error),
                None => Self::of_io(error),
            };
        }
        // The driver has no types for these two; tests hold the texts.
        match source.to_string().as_str() {
            "server does not support TLS" => Self::TlsNotSupported,
            "password missing" => Self::PasswordMissing,
            _ => Self::Other,
        }
    }

    fn password_refused(target: &Target) -> Self {
        Self::PasswordRefused {
            origin: target.password.as_ref().map(|(_, origin)| origin.clone()),
        }
    }

    fn of_tls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => Self::CertificateForOtherHost,
            rustls::Error::InvalidCertificate(
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. },
            ) => Self::CertificateOutOfDate,
            rustls::Error::InvalidCertificate(_) => Self::CertificateNotTrusted,
            _ => Self::TlsFailed,
        }
    }

    fn of_io(error: &io::Error) -> Self {
        match error.kind() {
            // Somebody answered, and hung up.
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
                Self::Other
            }
            // The host's name cannot stand in a certificate.
            io::ErrorKind::InvalidInput => Self::TlsFailed,
            _ => Self::Unreachable,
        }
    }
}

impl ConnectError {
    pub(super) fn new(
        settings: &ConnectSettings,
        target: &Target,
        purpose: &str,
        kind: ConnectErrorKind,
        source: Option<tokio_postgres::Error>,
    ) -> Self {
        Self {
            purpose: purpose.into(),
            place: target.to_string().into(),
            user: settings.user.as_str().into(),
            dbname: settings.dbname.as_str().into(),
            kind,
            source: source.map(DatabaseError::from),
        }
    }

    /// The server's five-character code, when it was the server that refused.
    #[must_use]
    pub fn sqlstate(&self) -> Option<&SqlState> {
        self.source.as_ref()?.sqlstate()
    }

    /// What the operator can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        self.kind.remedy()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: CertificateError, expected: &ConnectErrorKind) {
        assert_eq!(
            &ConnectErrorKind::of_tls(&rustls::Error::InvalidCertificate(error)),
            expected
        );
    }

    #[test]
    fn tells_apart_what_is_wrong_with_a_certificate() {
        check(
            CertificateError::UnknownIssuer,
            &ConnectErrorKind::CertificateNotTrusted,
        );
        check(CertificateError::Expired, &ConnectErrorKind::CertificateOutOfDate);
        check(
            CertificateError::NotValidYet,
            &ConnectErrorKind::CertificateOutOfDate,
        );
        check(
            CertificateError::NotValidForName,
            &ConnectErrorKind::CertificateForOtherHost,
        );
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired);
        assert_eq!(ConnectErrorKind::of_tls(&alert), ConnectErrorKind::TlsFailed);
    }

    #[test]
    fn a_refused_password_is_not_sent_again_without_tls() {
        assert!(!ConnectErrorKind::PasswordRefused { origin: None }.allows_without_tls());
        assert!(!ConnectErrorKind::PasswordRefused { origin: None }.allows_next_host());
        assert!(ConnectErrorKind::NotAllowed.allows_without_tls());
    }
}
