//! Importers that wait for a standby.

use cutover::{ReleaseError, ReleaseOptions, Selection, StopReason, stop_pair};
use cutover_core::release_file::Label;
use cutover_core::{EventKind, Phase};
use cutover_testkit::{Cluster, Standby};

use crate::parks::Parks;
use crate::world::{Ear, cutover, wait_until};

#[tokio::test]
async fn importers_wait_while_a_standby_is_too_far_behind() {
    let primary = Cluster::builder().start().unwrap();
    let standby = Standby::of(&primary, "reports", &[]).unwrap();
    let parks = Parks::first_on(&primary).await;
    let there = standby.database(&parks.database);
    standby.catch_up_with(&parks.database).await.unwrap();
    let file = parks.directory().join("release.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(file, format!("{text}\n[load]\nmax_standby_lag = \"64kB\"\n")).unwrap();
    let release = |label: &str| {
        let (stop, stopped) = stop_pair();
        let (cutover, ear) = (cutover(&parks.url(), parks.directory()), Ear::default());
        let options = ReleaseOptions::default()
            .label(Label::new(label).unwrap())
            .selection(Selection::all().stop_after(Phase::ImportRelated).unwrap());
        let events = ear.events();
        let run = tokio::spawn(async move { cutover.release(&options, stopped, &events).await });
        (run, stop, ear)
    };
    let is_told = |ear: &Ear| {
        let waits = |event: &EventKind| matches!(event, EventKind::WaitingForStandbys { standbys } if standbys == &["reports"]);
        ear.heard().iter().any(waits)
    };

    there.execute("SELECT pg_wal_replay_pause()").await.unwrap();
    let log = "SELECT pg_logical_emit_message(false, 'log', repeat('x', 200000))";
    parks.database.execute(log).await.unwrap();
    let (run, stop, ear) = release("Feb2026");
    wait_until("the standby is told", async || is_told(&ear)).await;
    assert_eq!(
        parks.text("SELECT count(*)::text FROM staging_sources").await,
        "0"
    );
    stop.ask();
    let error = run.await.unwrap().unwrap_err();
    assert!(
        matches!(
            error,
            ReleaseError::Stopped {
                reason: StopReason::Interrupted,
                ..
            }
        ),
        "{error:?}"
    );

    let (run, _stop, ear) = release("Mar2026");
    wait_until("the standby is told", async || is_told(&ear)).await;
    assert!(!run.is_finished());
    there.execute("SELECT pg_wal_replay_resume()").await.unwrap();
    run.await.unwrap().unwrap();
    let unwatched = |warning: &String| warning.contains("do not wait");
    assert!(!ear.warnings().iter().any(unwatched), "{:?}", ear.warnings());
}
