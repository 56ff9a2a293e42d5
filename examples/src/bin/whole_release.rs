//! A whole monthly release from code, every event printed as it comes, then taken back.
//!
//! `cargo run -p cutover-examples --bin whole_release`, always on a throwaway cluster: the release file is
//! `examples/wdpa/release.toml`, the data is generated.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use anyhow::{Context as _, Result};
use cutover::{Cutover, ReleaseOptions, RollbackOptions, StopSignal};
use cutover_core::release_file::{Label, ReleaseFile};
use cutover_core::{ConnectSettings, Environment, Event, EventKind, Events};
use cutover_testkit::Cluster;
use cutover_testkit::dataset::{LIVE_OWNER, PortalSpec, World};

#[tokio::main]
async fn main() -> Result<()> {
    // A portal whose data has moved on by a month since live was filled.
    let cluster = Cluster::shared();
    let mut world = World::create(cluster, cluster, PortalSpec::new(1, 0.001)).await?;
    world.load().await?;
    world.switch_to_month(1).await?;

    let text = std::fs::read_to_string(world.release_file())?;
    let file = ReleaseFile::parse(&text, "release.toml")?;
    let url = cluster.url_for(LIVE_OWNER, LIVE_OWNER, world.live().name());
    let target = ConnectSettings::resolve(&url, &Environment::empty())?;
    let cutover = Cutover::new(file, target).folder(world.directory());

    let options = ReleaseOptions::default().label(Label::new(world.spec().month_label())?);
    let events = Events::to(print);
    let report = cutover.release(&options, StopSignal::never(), &events).await?;
    let swap = report.swap.context("a release of all phases swaps")?;
    println!(
        "{} is live; what was live before is backup set {}",
        report.label, swap.backup
    );

    let back = cutover
        .rollback(
            &swap.backup,
            &RollbackOptions::default(),
            StopSignal::never(),
            &events,
        )
        .await?;
    println!(
        "{} is live again; {} is kept as {}",
        back.restored, report.label, back.swap.backup
    );
    Ok(())
}

/// Events are typed: a program matches on what it cares for, and may hand on the rest as JSON.
fn print(event: &Event) {
    let text = match &event.kind {
        EventKind::PhaseStarted { phase } => format!("{phase} …"),
        EventKind::PhaseFinished { phase, summary, .. } => format!("{phase}: {summary}"),
        EventKind::StepDone { .. } | EventKind::ImportStarted { .. } => return, // some hundreds
        EventKind::ImportFinished { importer, rows, .. } => format!("    {importer}: {rows} rows"),
        EventKind::Swapped {
            relations,
            exclusive_ms,
            ..
        } => {
            format!("    {relations} relations changed places; locks held for {exclusive_ms} ms")
        }
        other => format!("    {}", serde_json::to_string(other).unwrap_or_default()),
    };
    println!("{:>6} ms {text}", event.elapsed_ms);
}
