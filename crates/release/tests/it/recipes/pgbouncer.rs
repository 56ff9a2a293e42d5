//! A real PgBouncer before the tests' cluster, pooling transactions.

use cutover_testkit::{Cluster, TestDatabase};
use tempfile::TempDir;
use tokio::process::Command;
use tokio_postgres::{Client, Config, NoTls};

use super::server::Server;
use crate::world::wait_until;

pub(crate) struct PgBouncer {
    server: Server,
    application: Client,
    _directory: TempDir,
}

impl PgBouncer {
    /// With an application that is connected through it.
    pub(crate) async fn before(database: &TestDatabase) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let target: Config = database.url().parse().unwrap();
        let password = String::from_utf8(target.get_password().unwrap().to_vec()).unwrap();
        let text = |port: u16| {
            format!(
                "[databases]\nparks = host={} port={} dbname={} user={} password={password}\n\
                 [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
                 admin_users = admin\npool_mode = transaction\n",
                Cluster::shared().host(),
                Cluster::shared().port(),
                database.name(),
                target.get_user().unwrap(),
            )
        };
        let server = Server::start("pgbouncer", |port| {
            let settings = directory.path().join("pgbouncer.ini");
            std::fs::write(&settings, text(port)).unwrap();
            // Debian keeps it where only administrators look.
            let mut command = Command::new("/usr/sbin/pgbouncer");
            if rustix::process::geteuid().is_root() {
                command.args(["-u", "postgres"]);
            }
            command.arg(settings);
            command
        })
        .await;
        let url = format!("postgres://reader@127.0.0.1:{}/parks", server.port);
        let (application, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        Self {
            server,
            application,
            _directory: directory,
        }
    }

    /// How anything but an administrator connects through it.
    pub(crate) fn pooled_url(&self) -> String {
        format!(
            "postgres://reader@127.0.0.1:{}/parks?sslmode=disable",
            self.server.port
        )
    }

    pub(super) fn admin_url(&self) -> String {
        format!("postgres://admin@127.0.0.1:{}/pgbouncer", self.server.port)
    }

    /// The server process that the application's statements go to.
    pub(super) async fn server_process(&self) -> i32 {
        let mut process = None;
        wait_until("the application is served", async || {
            // Without prepared statements, which do not go with transactions from several servers.
            let messages = self
                .application
                .simple_query("SELECT pg_backend_pid()")
                .await
                .unwrap();
            process = messages.iter().find_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
                _ => None,
            });
            process.is_some()
        })
        .await;
        process.unwrap()
    }
}
