//! The whole release, as `cutover release` runs it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, ensure};
use cutover::{Cutover, ReleaseOptions, StopSignal};
use cutover_core::release_file::{Label, ReleaseFile};
use cutover_core::{ConnectSettings, Environment, Event, EventKind, Events};
use cutover_testkit::TestDatabase;

use crate::servers::Servers;

type Timings = Vec<(String, Duration)>;

/// Returns how long each phase took, and each step and importer.
pub(crate) async fn run(servers: &Servers, database: &TestDatabase, jobs: u32) -> Result<(Timings, Timings)> {
    let example = std::fs::read_to_string(servers.world.release_file())?;
    let text = format!("{example}\n[load]\njobs = {jobs}\n");
    let file = ReleaseFile::parse(&text, "release.toml")?;
    let target = ConnectSettings::resolve(&servers.url(database), &Environment::empty())?;
    let cutover = Cutover::new(file, target).folder(servers.world.directory());

    let steps = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&steps);
    let events = Events::to(move |event: &Event| {
        let step = match &event.kind {
            EventKind::StepDone {
                purpose,
                object,
                took_ms,
            } => (format!("{purpose} {object}"), *took_ms),
            EventKind::ImportFinished {
                importer, took_ms, ..
            } => (format!("import {importer}"), *took_ms),
            _ => return,
        };
        let step = (step.0, Duration::from_millis(step.1));
        noted.lock().unwrap_or_else(PoisonError::into_inner).push(step);
    });
    let options = ReleaseOptions::default().label(Label::new(servers.world.spec().month_label())?);
    let report = cutover.release(&options, StopSignal::never(), &events).await?;
    ensure!(report.swap.is_some(), "the release did not go live");
    let phases = report.phases.iter().map(|phase| {
        let took = Duration::from_millis(phase.took_ms);
        (phase.phase.as_str().to_owned(), took)
    });
    let steps = std::mem::take(&mut *steps.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((phases.collect(), steps))
}
