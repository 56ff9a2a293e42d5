//! Connection settings, TLS, sessions, and the errors of all of them.

mod errors;
mod pooling_proxy;
mod session;
mod settings;
mod tls;
mod unsafe_session;

use std::error::Error;
use std::path::Path;

use cutover_core::{ConnectSettings, Environment};
use cutover_testkit::Cluster;

/// Settings from a string alone.
#[track_caller]
fn settings(conninfo: &str) -> ConnectSettings {
    ConnectSettings::resolve(conninfo, &Environment::empty()).unwrap()
}

/// `host=… port=…` of the cluster, to be continued.
fn address(cluster: &Cluster) -> String {
    format!("host={} port={}", cluster.host(), cluster.port())
}

/// `host=… port=… user=… password=…` of the cluster's superuser.
fn login(cluster: &Cluster) -> String {
    format!(
        "{} user={} password={} dbname=postgres",
        address(cluster),
        cluster.superuser(),
        cluster.password()
    )
}

/// An error with all its sources, as a program would print it.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Writes a file that only its owner may read.
fn write_private(path: &Path, contents: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, contents).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
