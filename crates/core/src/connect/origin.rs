use std::fmt;
use std::path::PathBuf;

/// Where a setting was found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The URL or key/value string itself.
    ConnectionString,
    /// A service file.
    ServiceFile {
        /// The file.
        path: PathBuf,
        /// The line in it, counted from 1.
        line: usize,
    },
    /// An environment variable of this name.
    Variable(&'static str),
    /// A password file.
    Passfile {
        /// The file.
        path: PathBuf,
        /// The line in it, counted from 1.
        line: usize,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnectionString => f.write_str("the connection string"),
            Self::ServiceFile { path, line } => {
                write!(f, "line {line} of the service file {}", path.display())
            }
            Self::Variable(name) => write!(f, "the environment variable {name}"),
            Self::Passfile { path, line } => write!(f, "line {line} of the password file {}", path.display()),
        }
    }
}
