//! The ways that are compared. Each is timed from connecting to the commit.

use std::fmt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use cutover_core::{Events, Ident, QualifiedName};
use cutover_importer::{Import, ImportPlan, LoadSettings, Source};

use crate::servers::Servers;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// The baseline.
    PsqlPipe,
    PsqlPipeLz4,
    InsertSelect,
    ImporterServerSide,
    ImporterPipe,
}

impl Way {
    pub(crate) const BASELINE: Self = Self::PsqlPipe;
    pub(crate) const ALL: [Self; 5] = [
        Self::PsqlPipe,
        Self::PsqlPipeLz4,
        Self::InsertSelect,
        Self::ImporterServerSide,
        Self::ImporterPipe,
    ];

    /// Fills the empty target; returns how long it took.
    pub(crate) async fn import(self, servers: &Servers) -> Result<Duration> {
        let started = Instant::now();
        match self {
            Self::PsqlPipe => psql_pipe(servers, None)?,
            Self::PsqlPipeLz4 => psql_pipe(servers, Some("SET default_toast_compression = 'lz4'"))?,
            Self::InsertSelect => {
                servers
                    .live
                    .execute("INSERT INTO staging_sites SELECT * FROM portal_sites")
                    .await?;
            }
            Self::ImporterServerSide => importer_server_side(servers).await?,
            Self::ImporterPipe => importer_pipe(servers).await?,
        }
        Ok(started.elapsed())
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PsqlPipe => "psql to psql, binary COPY",
            Self::PsqlPipeLz4 => "psql to psql, binary COPY, lz4",
            Self::InsertSelect => "INSERT … SELECT, foreign table",
            Self::ImporterServerSide => "importer, server-side, foreign table",
            Self::ImporterPipe => "importer, COPY pipe",
        })
    }
}

/// Two processes and a pipe: nothing between the servers but the kernel. Blocks; there is nothing else to do.
fn psql_pipe(servers: &Servers, setting: Option<&str>) -> Result<()> {
    let psql = |url: &str| {
        let mut command = Command::new(servers.live_cluster.binary("psql"));
        command.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", url]);
        command
    };
    let mut source = psql(servers.portal.url())
        .args(["--command", "COPY sites TO STDOUT (FORMAT binary)"])
        .stdout(Stdio::piped())
        .spawn()
        .context("could not start psql")?;
    let rows = source.stdout.take().context("psql has no stdout")?;
    let mut target = psql(servers.live.url());
    target.args(setting.into_iter().flat_map(|setting| ["--command", setting]));
    target.args(["--command", "COPY staging_sites FROM STDIN (FORMAT binary)"]);
    let target = target.stdin(rows).status();
    ensure!(source.wait()?.success(), "psql could not read");
    ensure!(target?.success(), "psql could not write");
    Ok(())
}

async fn importer_server_side(servers: &Servers) -> Result<()> {
    let mut target = servers.live.connect().await?;
    let transaction = target.transaction().await?;
    let plan = ImportPlan::read(&import("portal_sites")?, &settings()?, &transaction, None).await?;
    transaction.rollback().await?;
    plan.run(&mut target, None, &Events::none()).await?;
    Ok(())
}

async fn importer_pipe(servers: &Servers) -> Result<()> {
    let (mut source, mut target) = (servers.portal.connect().await?, servers.live.connect().await?);
    let (reading, writing) = (source.transaction().await?, target.transaction().await?);
    let plan = ImportPlan::read(&import("sites")?, &settings()?, &writing, Some(&reading)).await?;
    writing.rollback().await?;
    reading.rollback().await?;
    plan.run(&mut target, Some(&mut source), &Events::none()).await?;
    Ok(())
}

/// The way is the importer's own choice: server-side within one database, the pipe where the source has a connection.
fn import(source: &str) -> Result<Import> {
    let public = |name| Ok::<_, anyhow::Error>(QualifiedName::new(Ident::new("public")?, Ident::new(name)?));
    Ok(Import::new(
        "sites",
        public("staging_sites")?,
        Source::Relation(public(source)?),
    ))
}

fn settings() -> Result<LoadSettings> {
    Ok(LoadSettings::new([Ident::new("public")?]))
}
