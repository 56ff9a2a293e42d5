//! A real Redis that asks for a password.

use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::server::Server;

const PASSWORD: &str = "correct-horse";

pub(super) struct Redis {
    server: Server,
    _directory: TempDir,
}

impl Redis {
    pub(super) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = Server::start("redis-server", |port| {
            let mut command = Command::new("redis-server");
            command
                .args([
                    "--bind",
                    "127.0.0.1",
                    "--save",
                    "",
                    "--requirepass",
                    PASSWORD,
                    "--port",
                ])
                .arg(port.to_string())
                .arg("--dir")
                .arg(directory.path());
            command
        });
        Self {
            server: server.await,
            _directory: directory,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("redis://default:{PASSWORD}@127.0.0.1:{}/0", self.server.port)
    }

    pub(super) async fn set(&self, keys: &[String]) {
        let commands: Vec<String> = keys.iter().map(|key| format!("SET \"{key}\" old\n")).collect();
        self.ask(&[], &commands.concat()).await;
    }

    /// How many keys there are.
    pub(super) async fn keys(&self) -> u32 {
        self.ask(&["DBSIZE"], "").await.trim().parse().unwrap()
    }

    async fn ask(&self, words: &[&str], input: &str) -> String {
        let mut client = Command::new("redis-cli")
            .args(["--no-auth-warning", "-e", "-u", &self.url()])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        client
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .await
            .unwrap();
        let output = client.wait_with_output().await.unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}
