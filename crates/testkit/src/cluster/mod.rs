//! Throwaway PostgreSQL clusters.

mod builder;
mod certificate;
mod installation;
mod standby;
mod supervisor;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context as _, Result, bail};
use tokio::sync::OnceCell;

pub use builder::ClusterBuilder;
use installation::Installation;
pub use standby::Standby;
use supervisor::Supervisor;

use crate::database::TestDatabase;

const SUPERUSER: &str = "postgres";

/// Returns when no session has that name any more: by then it has given back what it held.
fn until_gone(application: &str) -> String {
    format!(
        "DO $$ BEGIN
             WHILE EXISTS (SELECT FROM pg_stat_activity WHERE application_name = '{application}') LOOP
                 PERFORM pg_sleep(0.002), pg_stat_clear_snapshot();
             END LOOP;
         END $$"
    )
}

/// A PostgreSQL server of its own, in a temporary directory, listening on 127.0.0.1 and a Unix socket.
///
/// Server and directory are gone when it is dropped, and also when the process ends in any other way, SIGKILL included:
/// a supervisor process watches for that. Fast rather than durable (`fsync = off`).
///
/// # Examples
/// ```no_run
/// # async fn example() -> anyhow::Result<()> {
/// let database = cutover_testkit::Cluster::shared().database().await?;
/// let version = database.query_text("SELECT postgis_lib_version()").await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Cluster {
    supervisor: Mutex<Supervisor>,
    version: u16,
    bin: PathBuf,
    root: PathBuf,
    port: u16,
    password: String,
    ca_certificate: Option<PathBuf>,
    /// Whether `cutover_template` has been made.
    pub(crate) template: OnceCell<()>,
}

/// How to reach a cluster that was left running, and how to get rid of it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct KeptCluster {
    /// Where the server listens, on 127.0.0.1.
    pub port: u16,
    /// The superuser's name.
    pub superuser: String,
    /// The superuser's password.
    pub password: String,
    /// Holds everything of the cluster: data, socket, logs.
    pub directory: PathBuf,
    /// A shell command that stops the server and removes the directory.
    pub removal: String,
}

impl KeptCluster {
    /// How the superuser connects to `database`.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgresql://{}:{}@127.0.0.1:{}/{database}",
            self.superuser, self.password, self.port
        )
    }
}

/// The major versions of PostgreSQL that are installed here, newest first.
#[must_use]
pub fn installed_versions() -> Vec<u16> {
    Installation::all()
        .into_iter()
        .map(|installation| installation.version)
        .collect()
}

impl Cluster {
    /// Starts describing a cluster.
    pub fn builder() -> ClusterBuilder {
        ClusterBuilder::default()
    }

    /// The one cluster that all tests of a process share, started by the first that asks.
    ///
    /// `CUTOVER_TEST_PG_VERSION` chooses the major version; the newest that is installed unless set.
    ///
    /// # Panics
    /// When it cannot be started, with the remedy: a test without a server has failed.
    #[expect(
        clippy::panic,
        reason = "only tests call it, and without a server they cannot go on"
    )]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| {
            let start = || {
                Self::builder()
                    .version(version_from_environment()?)
                    // It would come by in the middle of some test and be in its way; tests of it have a cluster of their own.
                    .setting("autovacuum_naptime", "1h")
                    .start()
            };
            start().unwrap_or_else(|error| {
                panic!("could not start a PostgreSQL cluster for the tests: {error:#}")
            })
        })
    }

    /// The major version of the server.
    #[must_use]
    pub fn version(&self) -> u16 {
        self.version
    }

    /// Always `127.0.0.1`.
    #[must_use]
    pub fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// The directory of the Unix socket, short enough for one.
    #[must_use]
    pub fn socket_dir(&self) -> &Path {
        &self.root
    }

    /// The TCP port, which a restart keeps.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The superuser's name.
    #[must_use]
    pub fn superuser(&self) -> &'static str {
        SUPERUSER
    }

    /// The process id of the server's first process.
    ///
    /// # Errors
    /// When the server is not running.
    pub fn postmaster_pid(&self) -> Result<u32> {
        let file =
            std::fs::read_to_string(self.data_dir().join("postmaster.pid")).context("the server is down")?;
        file.lines()
            .next()
            .and_then(|line| line.parse().ok())
            .context("postmaster.pid names no process")
    }

    /// The superuser's password.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The data directory; `postgresql.conf` and `pg_hba.conf` are in it.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.root.join("data")
    }

    /// The server's log file.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.root.join("server.log")
    }

    /// How the superuser connects to `database`.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        self.url_for(SUPERUSER, &self.password, database)
    }

    /// How `role` connects to `database`. Nothing is escaped: names and passwords of tests are plain.
    #[must_use]
    pub fn url_for(&self, role: &str, password: &str, database: &str) -> String {
        format!(
            "postgresql://{role}:{password}@{}:{}/{database}",
            self.host(),
            self.port
        )
    }

    /// The certificate to trust, for a cluster built with [`ClusterBuilder::tls`].
    #[must_use]
    pub fn ca_certificate(&self) -> Option<&Path> {
        self.ca_certificate.as_deref()
    }

    /// The path of a PostgreSQL program of the server's own version: `psql`, `pg_dump`, `pg_basebackup`, …
    #[must_use]
    pub fn binary(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// Runs a PostgreSQL client program on `database` as the superuser; returns what it wrote on stdout. Blocks.
    ///
    /// # Errors
    /// With the program's stderr when it fails.
    pub fn run_client(&self, program: &str, database: &str, args: &[&str]) -> Result<String> {
        self.run_client_as(program, program, database, args)
    }

    fn run_client_as(
        &self,
        application: &str,
        program: &str,
        database: &str,
        args: &[&str],
    ) -> Result<String> {
        let output = Command::new(self.binary(program))
            .args(args)
            .env("PGAPPNAME", application)
            .env("PGHOST", self.host())
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", SUPERUSER)
            .env("PGPASSWORD", &self.password)
            .env("PGDATABASE", database)
            .env_remove("PGSERVICE")
            .env_remove("PGOPTIONS")
            .output()
            .with_context(|| format!("could not run {program}"))?;
        if !output.status.success() {
            bail!(
                "{program} failed: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        String::from_utf8(output.stdout).with_context(|| format!("{program} wrote no UTF-8"))
    }

    /// The output of `pg_dump ARGS` on `database`. Blocks until its locks are gone as well: `pg_dump` leaves without ending its
    /// transaction, and the server may notice a little later.
    ///
    /// # Errors
    /// With the program's stderr when it fails.
    pub fn pg_dump(&self, database: &str, args: &[&str]) -> Result<String> {
        static DUMPS: AtomicU32 = AtomicU32::new(0);
        let number = DUMPS.fetch_add(1, Ordering::Relaxed);
        let application = format!("pg_dump {} {number}", std::process::id());
        let dump = self.run_client_as(&application, "pg_dump", database, args)?;
        self.run_client("psql", database, &["-qXc", &until_gone(&application)])?;
        Ok(dump)
    }

    /// A new database of a unique name with PostGIS and postgres_fdw.
    ///
    /// # Errors
    /// When PostGIS is not installed for this server, naming the package.
    pub async fn database(&self) -> Result<TestDatabase> {
        TestDatabase::from_postgis_template(self).await
    }

    /// A new database of a unique name, copied from `template0`: without PostGIS.
    ///
    /// # Errors
    /// Those of `CREATE DATABASE`.
    pub async fn empty_database(&self) -> Result<TestDatabase> {
        TestDatabase::from_template0(self).await
    }

    /// A new database of a unique name with everything that `template` holds, OIDs included. Cheaper than building the same
    /// twice. What was granted on the database itself is not copied, only what is in it.
    ///
    /// # Errors
    /// Those of `CREATE DATABASE`; it waits a few seconds for other sessions to leave `template`.
    pub async fn copy_of(&self, template: &TestDatabase) -> Result<TestDatabase> {
        TestDatabase::copy_of(self, template).await
    }

    /// Drops a database and whoever is connected to it, where waiting for the cluster's end would fill the disk.
    ///
    /// # Errors
    /// The server's.
    pub async fn discard(&self, database: TestDatabase) -> Result<()> {
        database.discard(self).await
    }

    /// Stops the server as a crash would: no checkpoint, no goodbye; the next start recovers. Blocks until it is down.
    ///
    /// # Errors
    /// When it does not stop, with the server's log.
    pub fn stop_immediately(&self) -> Result<()> {
        self.request("stop immediate")
    }

    /// Starts a stopped server again, on the same port. Blocks until it accepts connections.
    ///
    /// # Errors
    /// When it does not start, with the server's log.
    pub fn start_again(&self) -> Result<()> {
        self.request(&format!("start {}", self.port))
    }

    /// Stops the server in an orderly way, disconnecting every client, and starts it again. Blocks.
    ///
    /// # Errors
    /// When it does not stop or start, with the server's log.
    pub fn restart(&self) -> Result<()> {
        self.request("stop fast")?;
        self.start_again()
    }

    /// Lets a server process write no file beyond `bytes`: with a number that is no multiple of 8192 a table's next page
    /// ends as on a full disk (`disk_full`, 53100), and the write-ahead log as on a full `pg_wal` (PANIC). Needs `prlimit`
    /// of util-linux, no privileges.
    ///
    /// # Errors
    /// When there is no such process, with the server's log.
    pub fn limit_file_size(&self, pid: i32, bytes: u64) -> Result<()> {
        self.request(&format!("limit {pid} {bytes}"))
    }

    /// Leaves the cluster running after this process, and says how to reach and how to remove it.
    ///
    /// # Errors
    /// When the supervisor is gone.
    pub fn keep(self) -> Result<KeptCluster> {
        let pid = self.postmaster_pid()?;
        let directory = format!("'{}'", self.root.display().to_string().replace('\'', r"'\''"));
        self.request("keep")?;
        Ok(KeptCluster {
            port: self.port,
            superuser: SUPERUSER.to_owned(),
            password: self.password.clone(),
            directory: self.root.clone(),
            // Not before the server is gone: it would write into the directory that is being removed.
            removal: format!(
                "kill -QUIT {pid}; while kill -0 {pid} 2>/dev/null; do sleep 0.1; done; rm -rf {directory}"
            ),
        })
    }

    fn request(&self, request: &str) -> Result<()> {
        let mut supervisor = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner);
        supervisor
            .request(request)
            .with_context(|| builder::logs(&self.root))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one variable of the test runs, read on behalf of the tests"
)]
fn version_from_environment() -> Result<Option<u16>> {
    match std::env::var("CUTOVER_TEST_PG_VERSION") {
        Ok(version) if !version.is_empty() => {
            let version = version.parse().with_context(|| {
                format!("CUTOVER_TEST_PG_VERSION must be a major version such as 15, not {version:?}")
            })?;
            Ok(Some(version))
        }
        _ => Ok(None),
    }
}
