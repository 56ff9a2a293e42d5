//! The ways that are compared. Each is timed from connecting to the last commit.

use std::fmt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use cutover_core::catalog::CatalogSnapshot;
use cutover_core::{Events, Ident, NamingPolicy};
use cutover_staging::{CloneOptions, ClonePlan, PostDataOptions, Workers};
use cutover_testkit::TestDatabase;

use crate::live::Live;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// The baseline.
    DumpSedPsql,
    DumpSedPsqlOneTransaction,
    CutoverOneWorker,
    CutoverTwoWorkers,
}

/// How long a way took, and where it spent the time when it can tell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took {
    pub(crate) whole: Duration,
    pub(crate) parts: Option<Parts>,
}

/// The parts of a clone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts {
    pub(crate) plan: Duration,
    pub(crate) pre_data: Duration,
    pub(crate) post_data: Duration,
}

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>8.3} s", self.whole.as_secs_f64())?;
        if let Some(Parts {
            plan,
            pre_data,
            post_data,
        }) = self.parts
        {
            let [plan, pre_data, post_data] = [plan, pre_data, post_data].map(|part| part.as_secs_f64());
            write!(
                f,
                "  (plan {plan:.3} s, pre-data {pre_data:.3} s, post-data {post_data:.3} s)"
            )?;
        }
        Ok(())
    }
}

impl Way {
    pub(crate) const BASELINE: Self = Self::DumpSedPsql;
    pub(crate) const ALL: [Self; 4] = [
        Self::DumpSedPsql,
        Self::DumpSedPsqlOneTransaction,
        Self::CutoverOneWorker,
        Self::CutoverTwoWorkers,
    ];

    /// Makes the staging tables, with all indexes and keys.
    pub(crate) async fn clone(self, live: &Live, database: &TestDatabase) -> Result<Took> {
        let started = Instant::now();
        let parts = match self {
            Self::DumpSedPsql => dump_sed_psql(live, database, &[])?,
            Self::DumpSedPsqlOneTransaction => dump_sed_psql(live, database, &["--single-transaction"])?,
            Self::CutoverOneWorker => Some(cutover(live, database, 1).await?),
            Self::CutoverTwoWorkers => Some(cutover(live, database, 2).await?),
        };
        let whole = started.elapsed();
        Ok(Took { whole, parts })
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DumpSedPsql => "pg_dump -s | sed | psql",
            Self::DumpSedPsqlOneTransaction => "pg_dump -s | sed | psql --single-transaction",
            Self::CutoverOneWorker => "plan and clone, one worker",
            Self::CutoverTwoWorkers => "plan and clone, two workers",
        })
    }
}

/// Every name of the schema begins with its table's, so `sed` gets along here. Blocks; there is nothing else to do.
fn dump_sed_psql(live: &Live, database: &TestDatabase, options: &[&str]) -> Result<Option<Parts>> {
    let mut dump = Command::new(live.cluster.binary("pg_dump"))
        .args(["--schema-only", "--dbname", database.url()])
        .stdout(Stdio::piped())
        .spawn()
        .context("could not start pg_dump")?;
    let mut sed = Command::new("sed")
        .arg(r"s/\bt\([0-9]\{4\}\)/staging_t\1/g")
        .stdin(dump.stdout.take().context("pg_dump has no stdout")?)
        .stdout(Stdio::piped())
        .spawn()
        .context("could not start sed")?;
    let psql = Command::new(live.cluster.binary("psql"))
        .args([
            "--no-psqlrc",
            "--quiet",
            "--output=/dev/null",
            "--set=ON_ERROR_STOP=1",
        ])
        .args(options)
        .args(["--dbname", database.url()])
        .stdin(sed.stdout.take().context("sed has no stdout")?)
        .status();
    ensure!(dump.wait()?.success(), "pg_dump failed");
    ensure!(sed.wait()?.success(), "sed failed");
    ensure!(psql?.success(), "psql failed");
    Ok(None)
}

async fn cutover(live: &Live, database: &TestDatabase, workers: usize) -> Result<Parts> {
    let started = Instant::now();
    let mut client = database.connect().await?;
    let tx = client.build_transaction().read_only(true).start().await?;
    let snapshot = CatalogSnapshot::read(&tx, &Ident::new("public")?, &live.members()?).await?;
    tx.commit().await?;
    let plan = ClonePlan::compute(&snapshot, &NamingPolicy::default(), &CloneOptions::default())?;
    let planned = started.elapsed();
    let staged = plan.run(&mut client, &Events::none()).await?;
    let cloned = started.elapsed();
    let mut others = Vec::new();
    for _ in 1..workers {
        others.push(database.connect().await?);
    }
    let crew = others.iter_mut().fold(Workers::new(&mut client), Workers::and);
    staged
        .run_post_data(crew, &PostDataOptions::default(), &Events::none())
        .await?;
    Ok(Parts {
        plan: planned,
        pre_data: cloned.saturating_sub(planned),
        post_data: started.elapsed().saturating_sub(cloned),
    })
}
