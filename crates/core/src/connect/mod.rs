//! Connections: settings as libpq understands them, TLS, sessions, and what makes a session unsafe for us.
//!
//! The order of precedence is libpq's: connection string, service file, environment, default. The environment
//! is a value ([`Environment`]) that the program captures, because a library reads none by itself.
//!
//! Differences from libpq, all on the side of safety:
//! a file named on purpose (`sslrootcert`, `sslcert`) that is missing is an error, where libpq goes on without it;
//! a keyword that Cutover does not implement is refused, where ignoring it would weaken what was asked for;
//! certificates are matched by their `subjectAltName`, never by the common name; and a refused password is never
//! sent a second time without TLS.

mod backend_key; // the process id announced when the connection started
mod conninfo; // key/value connection strings
mod environment; // the captured environment variables
mod error; // why connecting failed
mod keyword; // libpq's keywords, their variables, what we do with them
mod origin; // where a value was found
mod passfile; // ~/.pgpass
mod password; // a string that cannot be printed
mod pool; // deadpool over the same settings
mod service_file; // ~/.pg_service.conf
mod session; // one connection and the task that drives it
mod settings; // resolving all sources into one value
mod settings_error; // why settings cannot be resolved
mod target; // one host to try, with its password
mod tls; // sslmode and the files it needs
mod tls_verifier; // the checks behind verify-ca and verify-full
mod unsafe_session; // proxies and standbys
mod url; // postgresql:// connection strings

pub use environment::Environment;
pub use error::{ConnectError, ConnectErrorKind};
pub use origin::Origin;
pub use passfile::PassfileWarning;
pub use password::Password;
pub use session::{CancelError, CancelHandle, Session};
pub use settings::ConnectSettings;
pub use settings_error::ConnectSettingsError;
pub use target::TargetSession;
pub use tls::SslMode;
pub use unsafe_session::{UnsafeSession, refuse_unsafe_session};
