//! Makes and starts a cluster.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context as _, Result, bail};
use tokio::sync::OnceCell;

use super::certificate::ServerCertificate;
use super::installation::Installation;
use super::supervisor::{Supervisor, SystemUser};
use super::{Cluster, SUPERUSER};

/// Below the ports that Linux hands out to outgoing connections, so that a restarted server finds its own still free.
const PORTS: std::ops::Range<u16> = 15_000..32_000;
/// What `sun_path` holds, less the terminating NUL.
const LONGEST_SOCKET_PATH: usize = 103;

/// Durability is of no use to a cluster that is removed afterwards.
const SETTINGS: [(&str, &str); 11] = [
    ("listen_addresses", "127.0.0.1"),
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("shared_buffers", "256MB"),
    ("max_connections", "200"),
    ("max_locks_per_transaction", "256"),
    ("max_wal_size", "4GB"),
    ("timezone", "UTC"),
    ("log_line_prefix", "%m [%p] %q%u@%d %a "),
    ("logging_collector", "off"),
];

/// What a throwaway cluster is to be like; see [`Cluster::builder`].
#[derive(Debug, Default)]
#[must_use]
pub struct ClusterBuilder {
    version: Option<u16>,
    settings: Vec<(String, String)>,
    tls: bool,
    wal_segment_megabytes: Option<u16>,
}

impl ClusterBuilder {
    /// The major version to run; the newest that is installed when `None`, the default.
    pub fn version(mut self, version: Option<u16>) -> Self {
        self.version = version;
        self
    }

    /// Sets a parameter of `postgresql.conf`; a later value of the same name wins.
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Whether the server accepts TLS, with a certificate for `localhost` and `127.0.0.1`; off by default.
    pub fn tls(mut self, tls: bool) -> Self {
        self.tls = tls;
        self
    }

    /// The size of a file of the write-ahead log: a power of two; 16 unless set.
    pub fn wal_segment_megabytes(mut self, megabytes: u16) -> Self {
        self.wal_segment_megabytes = Some(megabytes);
        self
    }

    /// Makes the cluster and starts its server. Blocks until it accepts connections, some two seconds.
    ///
    /// # Errors
    /// When no server binaries are there (the message says which packages to install), or with what the server wrote
    /// when it does not start.
    pub fn start(self) -> Result<Cluster> {
        let password = random_password()?;
        let option = self
            .wal_segment_megabytes
            .map(|megabytes| format!(" --wal-segsize={megabytes}"))
            .unwrap_or_default();
        self.start_with(&password, &format!("init {SUPERUSER}{option}"))
    }

    /// Starts a standby that was copied from `primary`, with its settings and below these.
    pub(super) fn start_as_copy_of(self, primary: &Cluster) -> Result<Cluster> {
        let copy = format!("copy {} {SUPERUSER}", primary.port());
        self.start_with(primary.password(), &copy)
    }

    /// `data` is the supervisor's request that makes the data directory.
    fn start_with(self, password: &str, data: &str) -> Result<Cluster> {
        let installation = Installation::find(self.version)?;
        let root = make_root()?;
        let user = if fs::metadata(&root)?.uid() == 0 {
            Some(SystemUser::for_server()?)
        } else {
            None
        };
        if let Some(user) = user {
            chown(&root, Some(user.uid), Some(user.gid))?;
        }
        let mut supervisor = Supervisor::spawn(&installation.bin, &root, user)?;

        let write = |path: &Path, contents: &str| write_private(path, contents, user);
        write(&root.join("password"), password)?;
        if self.tls {
            ServerCertificate::generate()?.write(&root, write)?;
        }
        supervisor.request(data).with_context(|| logs(&root))?;
        self.append_settings(&root)?;
        let port = start_on_free_port(&mut supervisor, &root)?;
        Ok(Cluster {
            supervisor: Mutex::new(supervisor),
            version: installation.version,
            bin: installation.bin,
            ca_certificate: self.tls.then(|| root.join("ca.crt")),
            root,
            port,
            password: password.to_owned(),
            template: OnceCell::new(),
        })
    }

    fn append_settings(&self, root: &Path) -> Result<()> {
        let path = root.join("data/postgresql.conf");
        let mut file = OpenOptions::new().append(true).open(&path)?;
        let quoted = |value: &str| value.replace('\'', "''");
        for (name, value) in SETTINGS {
            writeln!(file, "{name} = '{}'", quoted(value))?;
        }
        writeln!(
            file,
            "unix_socket_directories = '{}'",
            quoted(&root.to_string_lossy())
        )?;
        if self.tls {
            writeln!(file, "ssl = on")?;
            for (name, value) in [("ssl_cert_file", "server.crt"), ("ssl_key_file", "server.key")] {
                writeln!(file, "{name} = '{}'", quoted(&root.join(value).to_string_lossy()))?;
            }
        }
        for (name, value) in &self.settings {
            writeln!(file, "{name} = '{}'", quoted(value))?;
        }
        Ok(())
    }
}

/// A directory for data, socket and certificates, with a path short enough for a socket.
fn make_root() -> Result<PathBuf> {
    let mut parent = std::env::temp_dir();
    if parent.join("cutover-XXXXXX/.s.PGSQL.65535").as_os_str().len() > LONGEST_SOCKET_PATH {
        parent = PathBuf::from("/tmp");
    }
    let root = tempfile::Builder::new()
        .prefix("cutover-")
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(&parent)
        .with_context(|| format!("could not make a directory in {}", parent.display()))?;
    // Removed by the supervisor, which outlives a killed process.
    Ok(root.keep())
}

fn write_private(path: &Path, contents: &str, user: Option<SystemUser>) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(contents.as_bytes())?;
    if let Some(user) = user {
        chown(path, Some(user.uid), Some(user.gid))?;
    }
    Ok(())
}

fn start_on_free_port(supervisor: &mut Supervisor, root: &Path) -> Result<u16> {
    for _ in 0..10 {
        let port = free_port()?;
        match supervisor.request(&format!("start {port}")) {
            Ok(()) => return Ok(port),
            // Somebody was faster between our look and the server's.
            Err(_)
                if logs(root).contains(&format!("port {port} ")) && logs(root).contains("already in use") => {
            }
            Err(error) => return Err(error.context(logs(root))),
        }
    }
    bail!("found no free port in {PORTS:?}")
}

fn free_port() -> Result<u16> {
    let span = PORTS.end - PORTS.start;
    for _ in 0..1000 {
        let [low, high] = random_bytes()?;
        let port = PORTS.start + u16::from_le_bytes([low, high]) % span;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("found no free port in {PORTS:?}")
}

fn random_password() -> Result<String> {
    Ok(format!("{:032x}", u128::from_le_bytes(random_bytes()?)))
}

fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The last lines of what supervisor and server wrote.
pub(super) fn logs(root: &Path) -> String {
    let mut text = String::from("the server's last words:");
    for name in ["supervisor.log", "server.log"] {
        let log = fs::read(root.join(name)).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        for line in &lines[lines.len().saturating_sub(15)..] {
            text.push_str("\n  ");
            text.push_str(line);
        }
    }
    text
}
