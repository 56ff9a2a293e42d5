//! What others use.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::pipes::{both_succeed, psql};
use crate::servers::Servers;

pub(crate) fn is_installed(tool: &str) -> bool {
    let asked = Command::new(tool)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

pub(crate) fn pg_dump(servers: &Servers) -> Result<()> {
    let mut source = Command::new(servers.live_cluster.binary("pg_dump"))
        .args([
            "--data-only",
            "--table=public.sites",
            "--dbname",
            servers.portal.url(),
        ])
        .stdout(Stdio::piped())
        .spawn()
        .context("could not start pg_dump")?;
    let rows = source.stdout.take().context("pg_dump has no stdout")?;
    let target = psql(servers, servers.live.url())
        .args(["--output", "/dev/null"])
        .stdin(rows)
        .status()
        .context("could not start psql")?;
    both_succeed(source.wait()?, target)
}

pub(crate) fn ogr2ogr(servers: &Servers) -> Result<()> {
    run(Command::new("ogr2ogr")
        .args(["--config", "PG_USE_COPY", "YES", "-append", "-f", "PostgreSQL"])
        .args([servers.live.url(), servers.portal.url(), "sites"]))
}

pub(crate) fn pgcopydb(servers: &Servers) -> Result<()> {
    let directory = servers.directory.path();
    let filter = directory.join("filter.ini");
    std::fs::write(&filter, "[include-only-table]\npublic.sites\n")?;
    run(Command::new("pgcopydb")
        .args([
            "copy",
            "table-data",
            "--restart",
            "--not-consistent",
            "--table-jobs",
            "1",
        ])
        .args(["--source", servers.portal.url(), "--target", servers.live.url()])
        .arg("--filters")
        .arg(filter)
        .arg("--dir")
        .arg(directory.join("work")))
}

/// Runs a tool to its end; what it says is only shown when it fails.
fn run(command: &mut Command) -> Result<()> {
    let output = command.output().context("could not start the tool")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed: {said}");
    Ok(())
}
