use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use super::keyword::Values;
use super::{ConnectSettingsError, Origin, Password};

/// One host to try.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) host: Host,
    /// The address to use instead of resolving the host's name.
    pub(super) address: Option<IpAddr>,
    pub(super) port: u16,
    pub(super) password: Option<(Password, Origin)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    /// A name or address, reached by TCP.
    Name(String),
    /// The directory of a Unix-domain socket.
    Directory(PathBuf),
}

/// `host:port`, or the socket's path.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Directory(path) => write!(f, "{}", path.join(format!(".s.PGSQL.{}", self.port)).display()),
            Host::Name(name) if name.contains(':') => write!(f, "[{name}]:{}", self.port),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

/// The socket directory of the packages of Debian, Fedora and the PostgreSQL project.
const SOCKET_DIRECTORY: &str = "/var/run/postgresql";
const PORT: u16 = 5432;

impl Host {
    fn parse(host: &str) -> Self {
        if host.is_empty() {
            let directory = PathBuf::from(SOCKET_DIRECTORY);
            return if cfg!(unix) && directory.is_dir() {
                Self::Directory(directory)
            } else {
                Self::Name("localhost".to_owned())
            };
        }
        if host.starts_with('/') {
            Self::Directory(host.into())
        } else {
            Self::Name(host.to_owned())
        }
    }

    /// The name under which the password file knows the host: the default socket directory is `localhost` there.
    pub(super) fn passfile_name(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Directory(path) if path.as_os_str() == SOCKET_DIRECTORY => "localhost".to_owned(),
            Self::Directory(path) => path.display().to_string(),
        }
    }
}

/// Pairs up `host`, `hostaddr` and `port`, each a list separated by commas.
pub(super) fn targets(values: &Values) -> Result<Vec<Target>, ConnectSettingsError> {
    let hosts: Vec<&str> = values
        .text("host")
        .map(|hosts| hosts.split(',').collect())
        .unwrap_or_default();
    let addresses = values
        .parsed(
            "hostaddr",
            "a numeric IP address, or several separated by commas",
            |addresses| {
                addresses
                    .split(',')
                    .map(optional_address)
                    .collect::<Option<Vec<_>>>()
            },
        )?
        .unwrap_or_default();
    let ports = values
        .parsed(
            "port",
            "a number from 1 to 65535, or several separated by commas",
            |ports| ports.split(',').map(port).collect::<Option<Vec<_>>>(),
        )?
        .unwrap_or_else(|| vec![PORT]);

    let count = hosts.len().max(addresses.len()).max(1);
    for (keyword, given) in [
        ("host", hosts.len()),
        ("hostaddr", addresses.len()),
        ("port", ports.len()),
    ] {
        let one_for_all = keyword == "port" && given == 1;
        if given != count && given != 0 && !one_for_all {
            return Err(ConnectSettingsError::ListLength {
                keyword,
                given,
                hosts: count,
            });
        }
    }
    let targets = (0..count).map(|index| {
        let address = addresses.get(index).copied().flatten();
        let host = match (hosts.get(index).copied().unwrap_or_default(), address) {
            ("", Some(address)) => Host::Name(address.to_string()),
            (host, _) => Host::parse(host),
        };
        let port = ports.get(index).or(ports.first()).copied().unwrap_or(PORT);
        Target {
            host,
            address,
            port,
            password: None,
        }
    });
    Ok(targets.collect())
}

#[expect(
    clippy::option_option,
    reason = "no address for this host, or one that is not valid"
)]
fn optional_address(address: &str) -> Option<Option<IpAddr>> {
    if address.is_empty() {
        Some(None)
    } else {
        address.trim_ascii().parse().ok().map(Some)
    }
}

fn port(port: &str) -> Option<u16> {
    match port.trim_ascii() {
        "" => Some(PORT),
        port => port.parse().ok().filter(|port| *port != 0),
    }
}

/// Which kind of server a session must be with (`target_session_attrs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TargetSession {
    /// Any.
    #[default]
    Any,
    /// One that takes writes by default.
    ReadWrite,
    /// One that does not take writes by default.
    ReadOnly,
    /// One that is not in recovery.
    Primary,
    /// One that is in recovery.
    Standby,
    /// A standby if one of the hosts is, else any.
    PreferStandby,
}

impl TargetSession {
    pub(super) fn parse(value: &str) -> Option<Self> {
        Some(match value {
            "any" => Self::Any,
            "read-write" => Self::ReadWrite,
            "read-only" => Self::ReadOnly,
            "primary" => Self::Primary,
            "standby" => Self::Standby,
            "prefer-standby" => Self::PreferStandby,
            _ => return None,
        })
    }

    /// What to look for, in this order.
    pub(super) fn rounds(self) -> &'static [Self] {
        match self {
            Self::Any => &[Self::Any],
            Self::ReadWrite => &[Self::ReadWrite],
            Self::ReadOnly => &[Self::ReadOnly],
            Self::Primary => &[Self::Primary],
            Self::Standby => &[Self::Standby],
            Self::PreferStandby => &[Self::Standby, Self::Any],
        }
    }

    pub(super) fn accepts(self, in_recovery: bool, read_only: bool) -> bool {
        match self {
            Self::Any | Self::PreferStandby => true,
            Self::ReadWrite => !read_only,
            Self::ReadOnly => read_only,
            Self::Primary => !in_recovery,
            Self::Standby => in_recovery,
        }
    }
}

impl fmt::Display for TargetSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "any",
            Self::ReadWrite => "read-write",
            Self::ReadOnly => "read-only",
            Self::Primary => "primary",
            Self::Standby => "standby",
            Self::PreferStandby => "prefer-standby",
        })
    }
}
