//! Two psql and a pipe: nothing between the servers but the kernel. They block; there is nothing else to do.

use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::servers::Servers;

pub(crate) fn binary(servers: &Servers, setting: Option<&str>) -> Result<()> {
    let read = "COPY sites TO STDOUT (FORMAT binary)";
    Pipe::start(servers, servers.portal.url(), read, "(FORMAT binary)", setting)?.finish()
}

pub(crate) fn binary_by_key(servers: &Servers, setting: Option<&str>) -> Result<()> {
    let read = "COPY (SELECT * FROM sites ORDER BY id) TO STDOUT (FORMAT binary)";
    Pipe::start(servers, servers.portal.url(), read, "(FORMAT binary)", setting)?.finish()
}

pub(crate) fn text(servers: &Servers) -> Result<()> {
    Pipe::start(servers, servers.portal.url(), "COPY sites TO STDOUT", "", None)?.finish()
}

pub(crate) fn over_the_foreign_table(servers: &Servers, setting: Option<&str>) -> Result<()> {
    let read = "COPY (SELECT * FROM portal_sites) TO STDOUT (FORMAT binary)";
    Pipe::start(servers, servers.live.url(), read, "(FORMAT binary)", setting)?.finish()
}

/// The halves of the keys, each by a pipe of its own.
pub(crate) fn two_ranges(servers: &Servers, setting: Option<&str>) -> Result<()> {
    let middle = servers.rows / 2;
    let halves = [format!("id <= {middle}"), format!("id > {middle}")];
    let pipes: Result<Vec<Pipe>> = halves
        .iter()
        .map(|half| {
            let read = format!("COPY (SELECT * FROM sites WHERE {half}) TO STDOUT (FORMAT binary)");
            Pipe::start(servers, servers.portal.url(), &read, "(FORMAT binary)", setting)
        })
        .collect();
    pipes?.into_iter().try_for_each(Pipe::finish)
}

pub(crate) fn to_nowhere(servers: &Servers) -> Result<()> {
    let read = "COPY sites TO STDOUT (FORMAT binary)";
    let status = psql(servers, servers.portal.url())
        .args(["--command", read])
        .stdout(Stdio::null())
        .status()?;
    ensure!(status.success(), "psql could not read");
    Ok(())
}

pub(crate) fn psql(servers: &Servers, url: &str) -> Command {
    let mut command = Command::new(servers.live_cluster.binary("psql"));
    command.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", url]);
    command
}

struct Pipe {
    source: Child,
    target: Child,
}

impl Pipe {
    fn start(servers: &Servers, from: &str, read: &str, format: &str, setting: Option<&str>) -> Result<Self> {
        let mut source = psql(servers, from)
            .args(["--command", read])
            .stdout(Stdio::piped())
            .spawn()
            .context("could not start psql")?;
        let rows = source.stdout.take().context("psql has no stdout")?;
        let mut target = psql(servers, servers.live.url());
        target.args(setting.into_iter().flat_map(|setting| ["--command", setting]));
        target.args(["--command", &format!("COPY sites FROM STDIN {format}")]);
        let target = target.stdin(rows).spawn().context("could not start psql")?;
        Ok(Self { source, target })
    }

    fn finish(mut self) -> Result<()> {
        both_succeed(self.source.wait()?, self.target.wait()?)
    }
}

pub(crate) fn both_succeed(source: ExitStatus, target: ExitStatus) -> Result<()> {
    ensure!(source.success(), "the source could not be read");
    ensure!(target.success(), "the target could not be filled");
    Ok(())
}
