//! `cutover demo`: two months of the reference dataset go live on throwaway servers while readers are at work, and the
//! second is taken back.

mod readers; // what the readers saw
mod report; // the whole as JSON
mod servers; // the portal and live

use std::time::Instant;

use anyhow::{Context as _, Result};
use cutover::{Cutover, ReleaseOptions, ReleaseReport, RollbackOptions, StopSignal};
use cutover_core::release_file::Label;
use cutover_core::{Events, millis};
use jiff::Timestamp;

use crate::args::DemoArguments;
use crate::commands::Context;
use crate::console::Console;
use crate::failure::Failure;
use crate::interrupt::unless_interrupted;
use crate::listeners::Listeners;
use crate::render::{Outcome, backups_text, count, duration, rollback_text, status_text};
use readers::{Readers, sightings_table};
pub(crate) use report::DemoReport;
use servers::Servers;

/// Statements that each reader has answered, on average, before a swap begins, and again after it.
const ANSWERS: u64 = 50;

/// Shows the demo. The servers are gone when this ends, however it ends, unless they are to be kept.
pub(crate) async fn run(context: &Context, arguments: &DemoArguments) -> Result<(), Failure> {
    let report = unless_interrupted(async { Ok(Box::pin(show(context, arguments)).await?) }).await?;
    context
        .console
        .result(Outcome::Demo(&report), |palette| report.verdict(palette))?;
    report.failure().map_or(Ok(()), Err)
}

impl From<anyhow::Error> for Failure {
    /// A release that fails keeps its class, its exit status and its remedy.
    fn from(error: anyhow::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(failure) => failure,
            Err(error) => match error.downcast::<cutover::ReleaseError>() {
                Ok(error) => Self::Release(error),
                Err(error) => Self::Demo(error.into()),
            },
        }
    }
}

async fn show(context: &Context, arguments: &DemoArguments) -> Result<DemoReport> {
    let console = &context.console;
    let mut stages = Stages::new(console);
    let events = Listeners::screen(console);
    let readers = arguments.readers;

    stages.begin("Two PostgreSQL servers start: the portal, and live, which reads it through postgres_fdw");
    let mut servers = Servers::start(arguments.scale).await?;
    let first = servers.month();
    let sites = count(servers.sites().await?);
    stages.done(&format!(
        "PostgreSQL {}; the portal holds {sites} sites of {first}",
        servers.version()
    ));

    stages.begin(&format!("{first} is published into the empty live database"));
    let cutover = servers.cutover(&context.captured)?;
    publish(&cutover, &first, &events).await?;

    stages.begin("A month passes on the portal");
    let second = servers.next_month().await?;
    let sites = count(servers.sites().await?);
    stages.done(&format!("the portal holds {sites} sites of {second}"));

    stages.begin(&format!(
        "{second} is published while {readers} sessions read live"
    ));
    let watching = Readers::start(&servers, readers).await?;
    watching.settle(ANSWERS).await?;
    let release = publish(&cutover, &second, &events).await?;
    let swap = release.swap.clone().context("the release ended without a swap")?;
    watching.settle(ANSWERS).await?;
    let during = format!("{second} goes live");
    let published = watching
        .stop(&servers, &cutover, &during, swap.exclusive_ms)
        .await?;

    stages.begin("What was live is kept: cutover backups");
    let backups = cutover.backups().await?;
    console.part(|_| backups_text(&backups, Timestamp::now()))?;

    stages.begin(&format!(
        "{second} is taken back while {readers} sessions read live: cutover rollback {}",
        swap.backup
    ));
    let watching = Readers::start(&servers, readers).await?;
    watching.settle(ANSWERS).await?;
    let rollback = cutover
        .rollback(
            &swap.backup,
            &RollbackOptions::default(),
            StopSignal::never(),
            &events,
        )
        .await?;
    console.part(|palette| rollback_text(&rollback, palette))?;
    watching.settle(ANSWERS).await?;
    let during = format!("{second} is taken back");
    let taken_back = watching
        .stop(&servers, &cutover, &during, rollback.swap.exclusive_ms)
        .await?;

    stages.begin("Where that leaves us: cutover status");
    let status = cutover.status().await?;
    console.part(|palette| status_text(&status, Timestamp::now(), palette))?;

    stages.begin("What the readers saw");
    let sightings = vec![published, taken_back];
    console.part(|_| format!("{}\n", sightings_table(&sightings)))?;

    let kept = if arguments.keep {
        Some(servers.keep()?)
    } else {
        None
    };
    Ok(DemoReport {
        scale: arguments.scale,
        took_ms: millis(stages.started.elapsed()),
        release,
        rollback,
        backups,
        status,
        readers: sightings,
        kept,
    })
}

async fn publish(cutover: &Cutover, month: &str, events: &Events) -> Result<ReleaseReport> {
    let options = ReleaseOptions::default().label(Label::new(month)?);
    Ok(Box::pin(cutover.release(&options, StopSignal::never(), events)).await?)
}

/// Announces the stages, each in a line on stderr.
struct Stages<'a> {
    console: &'a Console,
    number: u32,
    started: Instant,
    begun: Instant,
}

impl<'a> Stages<'a> {
    fn new(console: &'a Console) -> Self {
        Self {
            console,
            number: 0,
            started: Instant::now(),
            begun: Instant::now(),
        }
    }

    fn begin(&mut self, what: &str) {
        self.number += 1;
        self.begun = Instant::now();
        let blank = if self.number > 1 { "\n" } else { "" };
        let palette = self.console.stderr_palette;
        self.console.say(&format!(
            "{blank}{} {}",
            palette.good(format!("{}.", self.number)),
            palette.strong(what)
        ));
    }

    fn done(&self, result: &str) {
        let palette = self.console.stderr_palette;
        self.console.say(&format!(
            "{} {result}, {}",
            palette.good("✓"),
            duration(self.begun.elapsed())
        ));
    }
}
