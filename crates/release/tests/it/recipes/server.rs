//! Servers of the system, in a throwaway directory and on a free port.

use std::net::TcpListener;
use std::process::Stdio;

use tokio::process::{Child, Command};

use crate::world::wait_until;

/// A program that listens; it is killed when this is dropped.
pub(super) struct Server {
    pub(super) port: u16,
    _process: Child,
}

impl Server {
    /// Starts it, and waits until it listens; `command` makes it for a port. Another may take a free port first: then it ends, and is
    /// tried again on another.
    pub(super) async fn start(name: &str, command: impl Fn(u16) -> Command) -> Self {
        for _ in 0..5 {
            let port = free_port();
            let mut command = command(port);
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .kill_on_drop(true);
            let mut process = command.spawn().unwrap_or_else(|error| {
                panic!("{name} cannot be started ({error}); scripts/install-services installs it")
            });
            let mut has_ended = false;
            wait_until(&format!("{name} listens"), async || {
                has_ended = process.try_wait().unwrap().is_some();
                has_ended || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
            })
            .await;
            if !has_ended {
                return Self {
                    port,
                    _process: process,
                };
            }
        }
        panic!("{name} has ended five times, on five ports");
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
