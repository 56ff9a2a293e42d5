//! What is resumed, and what is not.

use cutover::{FailureClass, ReleaseError, ReleaseOptions, ResumeOptions, Selection, StopSignal};
use cutover_core::records::ReleaseState;
use cutover_core::release_file::Label;
use cutover_core::{Events, Phase};

use crate::parks::Parks;
use crate::world::{cutover, told};

async fn resume(parks: &Parks, options: ResumeOptions) -> Result<cutover::ReleaseReport, ReleaseError> {
    let again = cutover(&parks.url(), parks.directory());
    again.resume(&options, StopSignal::never(), &Events::none()).await
}

fn rewrite(parks: &Parks, from: &str, to: &str) {
    let path = parks.directory().join("release.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

/// A release whose swap did not get its locks, and a release file that changes in between.
#[tokio::test]
async fn what_waits_for_its_swap_goes_live_whatever_the_file_says_of_the_swap() {
    let parks = Parks::staged().await;
    let built = parks.cutover.status().await.unwrap().latest[0].clone();
    rewrite(&parks, "lock_budget = \"2m\"", "lock_budget = \"1m\"");
    let report = resume(&parks, ResumeOptions::default()).await.unwrap();
    assert_eq!(
        (report.release, report.state),
        (built.id, ReleaseState::Completed)
    );
    assert_eq!(parks.whole().await, "Feb2026");

    let done = resume(&parks, ResumeOptions::default()).await.unwrap_err();
    assert_eq!(done.class(), FailureClass::Refused);
    insta::assert_snapshot!(told(&done), @"
    Refused: there is nothing to resume: release [n] of Feb2026 is done
    remedy: see `cutover status`; `cutover release` begins anew
    ");
    parks.assert_tidy().await;
}

#[tokio::test]
async fn a_file_that_asks_for_other_contents_is_refused_unless_allowed() {
    let parks = Parks::staged().await;
    rewrite(
        &parks,
        "[refresh]",
        "[[preflight.query]]\nname = \"none\"\nsql = \"SELECT 1 WHERE false\"\n\n[refresh]",
    );
    rewrite(&parks, "ORDER BY id\"", "ORDER BY 1\"");
    let changed = resume(&parks, ResumeOptions::default()).await.unwrap_err();
    insta::assert_snapshot!(told(&changed), @r#"
    Refused: the release file has changed since release [n] of Feb2026 began: its tables, checks, imports or changes
    ~ import["sites"].query: "SELECT id, source_id, name FROM portal_sites WHERE at_import() ORDER BY id" → "SELECT id, source_id, name FROM portal_sites WHERE at_import() ORDER BY 1"
    + preflight.query["none"].max_keys = 20
    + preflight.query["none"].name = "none"
    + preflight.query["none"].severity = "error"
    + preflight.query["none"].sql = "SELECT 1 WHERE false"
    remedy: restore the file, or say --allow-changed-file: what is in staging already stays as it is; `cutover abort` removes it
    "#);
    assert_eq!(parks.whole().await, "Jan2026");
    resume(&parks, ResumeOptions::default().allow_changed_file())
        .await
        .unwrap();
    assert_eq!(parks.whole().await, "Feb2026");
}

/// Neither a preflight nor a rollback is half of a release.
#[tokio::test]
async fn what_did_all_it_was_to_do_is_not_gone_on_with() {
    let parks = Parks::live().await;
    parks.cutover.abort(&Events::none()).await.unwrap();
    parks
        .roll_back(&parks.cutover, &cutover::RollbackOptions::default())
        .await
        .unwrap();
    let rolled_back = resume(&parks, ResumeOptions::default()).await.unwrap_err();
    insta::assert_snapshot!(told(&rolled_back), @"
    Refused: there is nothing to resume: the newest, release [n], was a rollback: it is live, or changed nothing
    remedy: see `cutover status`; `cutover release` begins anew
    ");
    let month = Label::new("Mar2026").unwrap();
    parks
        .cutover
        .preflight(Some(&month), StopSignal::never(), &Events::none())
        .await
        .unwrap();
    let checked = resume(&parks, ResumeOptions::default()).await.unwrap_err();
    insta::assert_snapshot!(told(&checked), @"
    Refused: there is nothing to resume: release [n] of Mar2026 did what it was asked to and kept nothing
    remedy: see `cutover status`; `cutover release` begins anew
    ");

    let build = Selection::all().stop_after(Phase::ValidateAndManifest).unwrap();
    let options = ReleaseOptions::default()
        .label(month.clone())
        .selection(build)
        .dry_run();
    parks
        .cutover
        .release(&options, StopSignal::never(), &Events::none())
        .await
        .unwrap();
    let dry = resume(&parks, ResumeOptions::default()).await.unwrap_err();
    insta::assert_snapshot!(told(&dry), @"
    Refused: there is nothing to resume: release [n] of Mar2026 was a dry run, and is done
    remedy: see `cutover status`; `cutover release` begins anew
    ");
    assert_eq!(parks.whole().await, "Jan2026");
}
