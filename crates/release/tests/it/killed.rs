//! The process is killed at the start of each phase.

use cutover::{Activity, ReleaseError, ReleaseOptions, ResumeOptions, Selection, StopSignal};
use cutover_core::records::ReleaseState;
use cutover_core::{EventKind, Phase};

use crate::child;
use crate::world::{Ear, Site, assert_same_dump, dump_of_month_1, dump_of_month_2_alone};

/// `status` tells the truth right after the kill, no lock is left, live is whole, and the release goes on where it was, or
/// another in its stead.
async fn check(test: &str, dies_at: &str, live: Live) {
    let site = Site::month_1().await;
    site.release_in_a_child_that_dies(test, dies_at).await;

    let status = site.cutover.status().await.unwrap();
    let [killed, before, ..] = &status.latest[..] else {
        panic!("{status:#?}")
    };
    assert_eq!(
        status.activity,
        Activity::Dead { release: killed.id },
        "{dies_at}"
    );
    assert_eq!(killed.state, ReleaseState::Running, "{dies_at}");
    assert_eq!(status.unmanaged, [], "{dies_at}");
    let current = status.current.as_ref().map(|record| record.id);
    match live {
        Live::Old => {
            assert_eq!(current, Some(before.id), "{dies_at}");
            assert_same_dump(&site.dump_live().await, dump_of_month_1().await);
        }
        Live::New => {
            assert_eq!(current, Some(killed.id), "{dies_at}");
            assert!(
                killed.backup_stamp.is_some() && killed.swapped_at.is_some(),
                "{dies_at}"
            );
            assert_same_dump(&site.dump_live().await, dump_of_month_2_alone().await);
        }
    }

    // What is ready waits for its swap rather than be built again.
    if dies_at == "phase_started finalise_swap" {
        let refused = site.run(site.options()).await.unwrap_err();
        assert!(matches!(refused, ReleaseError::StagingReady { .. }), "{refused}");
        assert_eq!(status.ready, Some(killed.id));
    }
    let anew = ["phase_started import_core", "phase_started finalise_swap"].contains(&dies_at);
    let again = if anew {
        site.run(site.options().discard_staging()).await
    } else {
        site.resume(ResumeOptions::default()).await
    };
    let again = again.unwrap();
    assert_eq!(again.state, ReleaseState::Completed, "{dies_at}");
    site.assert_tidy().await;
    assert_same_dump(&site.dump_live().await, dump_of_month_2_alone().await);
    let status = site.cutover.status().await.unwrap();
    assert_eq!(
        status.current.map(|record| record.id),
        Some(again.release),
        "{dies_at}"
    );
    let began = dies_at == "phase_started acquire_lock" || dies_at == "phase_started refresh_views";
    if anew || began {
        assert_eq!(status.latest[1].state, ReleaseState::Abandoned, "{dies_at}");
    } else {
        assert_eq!(again.release, killed.id, "{dies_at}");
    }
    let error = site.resume(ResumeOptions::default()).await.unwrap_err();
    assert!(
        matches!(error, ReleaseError::NothingToResume { .. }),
        "{dies_at}: {error}"
    );
}

#[derive(Clone, Copy)]
enum Live {
    Old,
    New,
}

#[tokio::test]
async fn before_anything_is_imported() {
    child::obey().await;
    let test = "killed::before_anything_is_imported";
    for dies_at in [
        "phase_started acquire_lock",
        "phase_started refresh_views",
        "phase_started preflight",
        "phase_started build_staging",
        "phase_started import_core",
    ] {
        check(test, dies_at, Live::Old).await;
    }
}

#[tokio::test]
async fn between_the_import_and_the_swap() {
    child::obey().await;
    let test = "killed::between_the_import_and_the_swap";
    for dies_at in [
        "phase_started import_related",
        "phase_started validate_and_manifest",
        "phase_started finalise_swap",
    ] {
        check(test, dies_at, Live::Old).await;
    }
}

#[tokio::test]
async fn after_the_swap() {
    child::obey().await;
    let test = "killed::after_the_swap";
    for dies_at in [
        "phase_started post_swap",
        "phase_started cleanup_and_retention",
        "phase_started release_lock",
    ] {
        check(test, dies_at, Live::New).await;
    }
}

/// What has a checkpoint is not imported again.
#[tokio::test]
async fn a_killed_import_is_taken_up_where_it_was() {
    child::obey().await;
    let site = Site::month_1().await;
    let test = "killed::a_killed_import_is_taken_up_where_it_was";
    site.release_in_a_child_that_dies(test, "import_started protected_areas")
        .await;

    let rest = Selection::all().start_at(Phase::ImportCore).unwrap();
    let ear = Ear::default();
    let options = ReleaseOptions::default().selection(rest);
    let report = site
        .cutover
        .release(&options, StopSignal::never(), &ear.events())
        .await
        .unwrap();
    let core = report
        .phases
        .iter()
        .find(|phase| phase.phase == Phase::ImportCore)
        .unwrap();
    assert!(
        core.summary.starts_with("2 importers, ") && core.summary.ends_with("; 3 were done already"),
        "{core:?}"
    );
    let started: Vec<String> = ear
        .heard()
        .into_iter()
        .filter_map(|kind| match kind {
            EventKind::ImportStarted { importer, .. } => Some(importer),
            _ => None,
        })
        .collect();
    assert_eq!(started[..2], ["protected_areas", "protected_area_parcels"]);
    assert_eq!(report.label, site.label(), "what was staged keeps its label");
    assert_same_dump(&site.dump_live().await, dump_of_month_2_alone().await);
    site.assert_tidy().await;
}

/// `abort` clears up after a process that is gone.
#[tokio::test]
async fn what_a_killed_release_left_is_aborted() {
    child::obey().await;
    let site = Site::month_1().await;
    site.release_in_a_child_that_dies(
        "killed::what_a_killed_release_left_is_aborted",
        "phase_started import_core",
    )
    .await;
    let report = site.cutover.abort(&cutover_core::Events::none()).await.unwrap();
    assert_eq!((report.was_running, report.removed), (false, 25));
    site.assert_tidy().await;
    assert_same_dump(&site.dump_live().await, dump_of_month_1().await);
    let status = site.cutover.status().await.unwrap();
    assert_eq!(Some(status.latest[0].id), report.release);
    assert_eq!(status.latest[0].state, ReleaseState::Aborted);
}
