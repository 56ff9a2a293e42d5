//! What readers notice of swaps and rollbacks, beside what they notice of a script that renames.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

mod report;
mod script;
mod side;
mod stalls;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use cutover_benches::{Swapped, SwappedSet, WdpaSet};
use cutover_swap::LockPolicy;
use cutover_testkit::dataset::LIVE_READER;
use cutover_testkit::{Cluster, LoadOptions, ReaderLoad, ReleaseMap, Standby, TestDatabase};
use jiff::Timestamp;
use tokio_postgres::Client;

use report::Report;
use script::RenameScript;
use side::Side;

/// Swaps the reference dataset to and fro under read load, by Cutover and by a plain rename script in turns, and tells
/// what the readers noticed.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// How many swaps, and as many rollbacks.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    swaps: u32,
    /// How often the rename script swaps, and swaps back.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    script_swaps: u32,
    /// Connections that read.
    #[arg(long, default_value_t = 16)]
    readers: usize,
    /// How many of them run long reports.
    #[arg(long, default_value_t = 1)]
    reporters: usize,
    /// The shortest and the longest report, in seconds.
    #[arg(long, num_args = 2, default_values_t = [5.0, 20.0])]
    report: Vec<f64>,
    /// The shortest and the longest break between two reports, in seconds.
    #[arg(long, num_args = 2, default_values_t = [1.0, 10.0])]
    breaks: Vec<f64>,
    /// How long a reader pauses between two statements on average, in milliseconds.
    #[arg(long, default_value_t = 10)]
    think: u64,
    /// Readers are on a streaming standby, which replays the locks.
    #[arg(long)]
    standby: bool,
    /// The size of the dataset, where 1 is the real one.
    #[arg(long, default_value_t = 0.01)]
    scale: f64,
    /// Prints JSON instead of a table.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    fn load(&self) -> LoadOptions {
        let range = |seconds: &[f64]| {
            let at = |index: usize| Duration::from_secs_f64(seconds.get(index).copied().unwrap_or_default());
            at(0)..=at(1)
        };
        LoadOptions::new(self.readers)
            .think(Duration::from_millis(self.think))
            .reporters(self.reporters, range(&self.report), range(&self.breaks))
            .keep_reads()
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let cluster = Cluster::builder()
        .setting("fsync", "on")
        .setting("full_page_writes", "on")
        .setting("synchronous_commit", "on")
        .start()?;
    eprintln!("making the reference dataset …");
    let wdpa = WdpaSet::create(&cluster, arguments.scale).await?;
    let standby = arguments
        .standby
        .then(|| Standby::of(&cluster, "readers", &[]))
        .transpose()?;
    let live = wdpa.world().live();
    if let Some(standby) = &standby {
        standby.catch_up_with(live).await?;
    }
    let readers = standby.as_ref().map_or(&cluster, Standby::server);
    let bench = Bench {
        readers: readers.url_for(LIVE_READER, LIVE_READER, live.name()),
        standby: standby.as_ref().map(|standby| (standby, live)),
        releases: releases(&wdpa.connect().await?).await?,
        load: arguments.load(),
    };
    let mut set = SwappedSet::new(wdpa.connect().await?, &WdpaSet::members()).await?;
    let mut script = RenameScript::new(wdpa.connect().await?).await?;

    let mut report = Report::new(cluster.version(), arguments.readers, arguments.reporters);
    let turns = arguments.script_swaps.min(arguments.swaps);
    for turn in 0..turns {
        let share = |all: u32| all * (turn + 1) / turns - all * turn / turns;
        bench
            .cutover(&mut set, share(arguments.swaps), &mut report.cutover)
            .await?;
        bench
            .script(&mut script, share(arguments.script_swaps), &mut report.script)
            .await?;
        eprintln!(
            "turn {} of {turns}: {}; {}",
            turn + 1,
            report.cutover,
            report.script
        );
    }
    if arguments.json {
        println!("{:#}", report.to_json()?);
    } else {
        print!("{report}");
    }
    let wrong = report.cutover.errors() + report.cutover.mixed();
    // On a standby, which replays the locks, they are what is to be measured.
    ensure!(
        arguments.standby || wrong == 0,
        "readers of Cutover's side had {wrong} errors or mixed reads"
    );
    Ok(())
}

/// Which release each relation is of, live or staged: swaps change names, not OIDs.
async fn releases(client: &Client) -> Result<ReleaseMap> {
    let mut map = ReleaseMap::new();
    for member in WdpaSet::members() {
        for (prefix, release) in [("", "Sep2025"), ("staging_", "Oct2025")] {
            let sql = "SELECT ($1 || $2)::text::regclass::oid";
            let oid: u32 = client.query_one(sql, &[&prefix, &member]).await?.get(0);
            map.insert_relation(oid, release);
            map.insert_month(release, release);
        }
    }
    Ok(map)
}

/// The load that both sides are put under.
struct Bench<'a> {
    readers: String,
    /// Where they read, and what of.
    standby: Option<(&'a Standby, &'a TestDatabase)>,
    releases: ReleaseMap,
    load: LoadOptions,
}

impl Bench<'_> {
    /// Readers that are at work.
    async fn start(&self) -> Result<ReaderLoad> {
        let load = ReaderLoad::start_with(&self.readers, &self.load).await?;
        load.statements_reach(200).await?;
        Ok(load)
    }

    /// When the standby has replayed everything, where there is one.
    async fn replayed(&self) -> Result<Option<Timestamp>> {
        let Some((standby, live)) = self.standby else {
            return Ok(None);
        };
        standby.catch_up_with(live).await?;
        Ok(Some(Timestamp::now()))
    }

    async fn cutover(&self, set: &mut SwappedSet, swaps: u32, side: &mut Side) -> Result<()> {
        let load = self.start().await?;
        let policy = LockPolicy::default();
        let mut keep = |swapped: &Swapped, replayed| {
            let windows = &swapped.report.windows;
            side.swapped(
                windows.iter().map(|window| (window.began, window.lasted)),
                replayed,
            );
        };
        for _ in 0..swaps {
            let swapped = set.swap(&policy).await.context("the swap failed")?;
            keep(&swapped, self.replayed().await?);
            let rolled_back = set.roll_back(&policy).await.context("the rollback failed")?;
            keep(&rolled_back, self.replayed().await?);
            set.restage().await?;
        }
        side.read(load.stop(&self.releases).await?);
        Ok(())
    }

    /// A script that fails has changed nothing; it is not tried again.
    async fn script(&self, script: &mut RenameScript, swaps: u32, side: &mut Side) -> Result<()> {
        let load = self.start().await?;
        for _ in 0..swaps {
            for direction in [RenameScript::forth, RenameScript::back] {
                let ran = script.run(direction(script)).await?;
                let replayed = self.replayed().await?;
                side.tried((ran.began, ran.lasted), ran.error.as_deref(), replayed);
                if ran.error.is_some() {
                    break;
                }
            }
        }
        side.read(load.stop(&self.releases).await?);
        Ok(())
    }
}
