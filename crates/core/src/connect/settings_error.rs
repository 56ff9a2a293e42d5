use std::io;
use std::path::PathBuf;

use super::Origin;

/// Why connection settings cannot be resolved.
///
/// No variant holds a value that was given, only keywords, places and files: a mistyped connection string has
/// its password anywhere.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectSettingsError {
    /// The connection string does not follow the syntax of a URL or of key/value pairs.
    #[error("the connection string is not valid: {problem} (at character {position})")]
    Syntax {
        /// What is wrong.
        problem: &'static str,
        /// Where, in characters from 1.
        position: usize,
    },
    /// A keyword that libpq does not know either.
    #[error("unknown keyword \"{keyword}\" in {origin}{}", nearest.map(|nearest| format!(": did you mean \"{nearest}\"?")).unwrap_or_default())]
    UnknownKeyword {
        /// The keyword as given.
        keyword: String,
        /// The keyword most like it.
        nearest: Option<&'static str>,
        /// Where it was given.
        origin: Origin,
    },
    /// A keyword of libpq that Cutover does not implement and must not ignore.
    #[error("{keyword}, set in {origin}, is not supported{}", list(", only ", allowed))]
    UnsupportedKeyword {
        /// The keyword.
        keyword: &'static str,
        /// The values that are accepted because they ask for what is done anyway.
        allowed: &'static [&'static str],
        /// Where it was given.
        origin: Origin,
    },
    /// A value that its keyword does not allow.
    #[error("{keyword}, set in {origin}, must be {expected}")]
    InvalidValue {
        /// The keyword.
        keyword: &'static str,
        /// What it should have been.
        expected: &'static str,
        /// Where it was given.
        origin: Origin,
    },
    /// Lists of hosts, addresses and ports that do not pair up.
    #[error("{keyword} lists {given} entries for {hosts} hosts")]
    ListLength {
        /// The keyword of the list that does not fit.
        keyword: &'static str,
        /// Its number of entries.
        given: usize,
        /// The number of hosts.
        hosts: usize,
    },
    /// No user was named, and the operating system's is not known.
    #[error("no database user is given, and the operating system's user is not known")]
    NoUser,
    /// The service is in none of the service files.
    #[error(
        "no service file defines service \"{service}\" (searched: {})",
        paths(searched)
    )]
    ServiceNotFound {
        /// The service asked for.
        service: String,
        /// The files that were looked for.
        searched: Vec<PathBuf>,
    },
    /// A line of a service file that means nothing.
    #[error("line {line} of the service file {} is not valid: {problem}", path.display())]
    ServiceFile {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A file that the settings need cannot be read.
    #[error("could not read the {what} {}", path.display())]
    ReadFile {
        /// What the file is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A certificate or key file that holds no such thing.
    #[error("the {what} {} is not usable: {problem}", path.display())]
    BadFile {
        /// What the file is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it; never its content.
        problem: String,
    },
    /// Verification was asked for, and there is nothing to verify against.
    #[error("sslmode={mode} needs a root certificate{}", default_file.as_ref().map(|path| format!(", and {} does not exist", path.display())).unwrap_or_default())]
    NoRootCertificate {
        /// The mode.
        mode: &'static str,
        /// The file looked for when none was named.
        default_file: Option<PathBuf>,
    },
    /// The system's trust store cannot be used.
    #[error("sslrootcert=system, but the system has no usable root certificates: {problem}")]
    SystemRoots {
        /// What the system said.
        problem: String,
    },
    /// `sslrootcert=system` with a mode that would accept any public certificate.
    #[error("sslmode={mode} is too weak for sslrootcert=system")]
    WeakMode {
        /// The mode.
        mode: &'static str,
    },
    /// The TLS library refused the settings.
    #[error("the TLS settings are not usable")]
    Tls(#[source] rustls::Error),
}

fn list(before: &str, values: &[&str]) -> String {
    if values.is_empty() {
        String::new()
    } else {
        format!("{before}{}", values.join(", "))
    }
}

fn paths(paths: &[PathBuf]) -> String {
    if paths.is_empty() {
        return "none, the home directory is not known".to_owned();
    }
    paths
        .iter()
        .map(|path| path.display().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

impl ConnectSettingsError {
    /// What the operator can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => {
                "write key='value' pairs, or postgresql://user:password@host:port/database with special characters \
                 percent-encoded (/ as %2F, @ as %40, : as %3A)"
            }
            Self::UnknownKeyword { .. } => "use a keyword of libpq",
            Self::UnsupportedKeyword { .. } => "remove it, after weighing what it was there for",
            Self::InvalidValue { .. } => "correct the value",
            Self::ListLength { .. } => "give one entry for each host, or for port a single one",
            Self::NoUser => "set user in the connection string, or PGUSER",
            Self::ServiceNotFound { .. } => {
                "add the service to one of the files, or name another with PGSERVICEFILE"
            }
            Self::ServiceFile { .. } => "correct the line",
            Self::ReadFile { .. } | Self::BadFile { .. } => {
                "check the path, its permissions and its content (PEM)"
            }
            Self::NoRootCertificate { .. } => {
                "set sslrootcert to the authority's certificate file, or to \"system\" for the system's trust store"
            }
            Self::SystemRoots { .. } => {
                "install the system's package of certificate authorities, or name a file"
            }
            Self::WeakMode { .. } => "use sslmode=verify-full",
            Self::Tls(_) => "check that sslcert and sslkey belong together",
        }
    }
}
