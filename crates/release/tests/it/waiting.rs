//! What is built and validated waits for its swap, whatever is run next.

use cutover::{Cutover, FailureClass, ReleaseError, ReleaseOptions, ReleaseReport, Selection, StopSignal};
use cutover_core::Phase;
use cutover_core::release_file::Label;

use crate::parks::Parks;
use crate::world::{Ear, cutover, told};

async fn run(parks: &Parks, options: ReleaseOptions) -> (Result<ReleaseReport, ReleaseError>, Vec<String>) {
    let ear = Ear::default();
    let ended = parks
        .cutover
        .release(&options, StopSignal::never(), &ear.events())
        .await;
    (ended, ear.warnings())
}

/// Begins anew, with as little as that takes.
fn anew() -> ReleaseOptions {
    ReleaseOptions::default()
        .label(Label::new("Mar2026").unwrap())
        .selection(Selection::only(&[Phase::RefreshViews]).unwrap())
}

/// The same release set, whose swap gives up soon.
fn impatient(parks: &Parks) -> Cutover {
    let file = parks.directory().join("release.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let soon = "[swap]\nstall_budget = \"20ms\"\ndeadline = \"100ms\"\n";
    std::fs::write(file, text.replace("[swap]\n", soon)).unwrap();
    cutover(&parks.url(), parks.directory())
}

#[tokio::test]
async fn a_release_does_not_remove_what_another_has_ready() {
    let parks = Parks::staged().await;
    let ready = parks.cutover.status().await.unwrap().ready;
    assert!(ready.is_some());

    // At night somebody reads, the swap gives up, and whoever is called begins from the start.
    let impatient = impatient(&parks);
    let reader = parks.database.connect().await.unwrap();
    let a_read = "BEGIN; SELECT count(*) FROM sites";
    reader.batch_execute(a_read).await.unwrap();
    let error = parks.go_live(&impatient).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Timeout);
    assert!(
        error.remedy().ends_with(
            "staging is kept and ready: `cutover resume` puts it live, `cutover abort` removes it"
        ),
        "{}",
        error.remedy()
    );
    reader.batch_execute("COMMIT").await.unwrap();
    let (refused, _) = run(&parks, anew()).await;
    insta::assert_snapshot!(told(&refused.unwrap_err()), @"
    Refused: release [n] of Feb2026 is built, validated and waits for its swap; this would remove it
    remedy: put it live with `cutover resume`, or remove it with `cutover abort`; a release with --discard-staging removes it and begins anew
    ");
    assert_eq!(parks.cutover.status().await.unwrap().ready, ready);

    // Staging of a dry run was only to be looked at; taken up by a release, it is that one's.
    let mark = "UPDATE cutover.release SET staged = staged || '{\"dry_run\": true}' WHERE staged IS NOT NULL";
    parks.database.execute(mark).await.unwrap();
    reader.batch_execute(a_read).await.unwrap();
    parks.go_live(&impatient).await.unwrap_err();
    let (refused, _) = run(&parks, anew()).await;
    assert!(
        matches!(refused, Err(ReleaseError::StagingReady { .. })),
        "{refused:?}"
    );
    reader.batch_execute("COMMIT").await.unwrap();

    let (begun, warnings) = run(&parks, anew().discard_staging()).await;
    begun.unwrap();
    assert!(
        warnings
            .iter()
            .any(|warning| warning.contains("had ready for its swap is removed")),
        "{warnings:?}"
    );
    assert_eq!(parks.cutover.status().await.unwrap().ready, None);

    parks.stage("Feb2026").await.unwrap();
    parks.database.execute(mark).await.unwrap();
    let (begun, _) = run(&parks, anew()).await;
    begun.unwrap();
    assert_eq!(parks.whole().await, "Jan2026");
}
