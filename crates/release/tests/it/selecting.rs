//! Runs of some of the phases, one after the other.

use cutover::{FailureClass, ReleaseOptions, Selection, StopSignal};
use cutover_core::records::ReleaseState;
use cutover_core::{EventKind, Events, Phase};

use crate::world::{
    Ear, Site, assert_same_dump, dump_of_month_1, dump_of_month_2_alone, swap_what_is_staged, told,
};

fn only(phases: &[Phase]) -> ReleaseOptions {
    ReleaseOptions::default().selection(Selection::only(phases).unwrap())
}

#[tokio::test]
async fn what_was_built_and_validated_goes_live_later() {
    let site = Site::month_2_staged().await;
    assert_same_dump(&site.dump_live().await, dump_of_month_1().await);
    let status = site.cutover.status().await.unwrap();
    let built = &status.latest[0];
    assert_eq!(
        (built.state, built.phase),
        (ReleaseState::Stopped, Some(Phase::ValidateAndManifest))
    );
    assert_eq!(status.unmanaged, [], "what is staged is known");

    // What follows a swap cannot come before it, and does not make the release look like one that is running.
    let error = site
        .run(only(&[Phase::PostSwap, Phase::CleanupAndRetention]))
        .await
        .unwrap_err();
    insta::assert_snapshot!(told(&error), @"
    Refused: there is no staging to take up: release [n] of Nov2025 ended stopped and is not live, so nothing follows its swap
    remedy: run all phases, or start at refresh_views
    ");
    assert_eq!(site.cutover.status().await.unwrap().latest[0], *built);

    // It can be checked once more before.
    let checked = site.run(only(&[Phase::Preflight])).await.unwrap();
    assert_eq!(
        (checked.release, checked.state),
        (built.id, ReleaseState::Stopped)
    );

    let report = site.run(swap_what_is_staged()).await.unwrap();
    assert_eq!(
        (report.release, report.state),
        (built.id, ReleaseState::Completed)
    );
    assert_eq!(report.label.as_str(), built.label);
    assert_same_dump(&site.dump_live().await, dump_of_month_2_alone().await);
    site.assert_tidy().await;

    // What follows the swap may run again, and nothing goes live twice.
    site.run(only(&[Phase::PostSwap, Phase::CleanupAndRetention]))
        .await
        .unwrap();
    let record = &site.cutover.status().await.unwrap().latest[0];
    assert_eq!(
        (record.id, record.state, record.current),
        (built.id, ReleaseState::Completed, true)
    );
    let error = site.run(swap_what_is_staged()).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Refused);
    insta::assert_snapshot!(told(&error), @"
    Refused: there is no staging to take up: release [n] of Nov2025 ended completed and kept none
    remedy: run all phases, or start at refresh_views
    ");
}

#[tokio::test]
async fn a_dry_run_leaves_live_alone_and_keeps_staging_until_it_is_aborted() {
    let site = Site::month_1().await;
    let report = site.run(site.options().dry_run()).await.unwrap();
    assert_eq!(report.state, ReleaseState::Stopped);
    assert!(report.swap.is_none());
    let manifest = report.manifest.unwrap();
    assert_eq!(manifest.relations.len(), 25);
    let staged = &manifest.relations["protected_areas"];
    assert_eq!(
        site.texts("SELECT count(*) FROM staging_protected_areas").await,
        [staged.rows.to_string()]
    );
    assert_eq!(
        site.texts("SELECT count(*) FROM protected_areas").await,
        [staged.live_rows.to_string()]
    );
    assert_same_dump(&site.dump_live().await, dump_of_month_1().await);

    let aborted = site.cutover.abort(&Events::none()).await.unwrap();
    assert_eq!(
        (aborted.release, aborted.was_running, aborted.removed),
        (Some(report.release), false, 25)
    );
    site.assert_tidy().await;
    assert_same_dump(&site.dump_live().await, dump_of_month_1().await);
}

/// A dry run of some importers is validated for what it is, and never swapped.
#[tokio::test]
async fn a_part_of_the_rows_never_goes_live() {
    let site = Site::month_1().await;
    let build = Selection::all().stop_after(Phase::ImportRelated).unwrap();
    site.run(site.options().selection(build).sample(5)).await.unwrap();
    assert_eq!(site.texts("SELECT count(*) FROM staging_sources").await, ["5"]);
    let rest = Selection::all().start_at(Phase::ValidateAndManifest).unwrap();
    let error = site
        .run(ReleaseOptions::default().selection(rest))
        .await
        .unwrap_err();
    // Which steps went before depends on how large the tables are.
    let told = told(&error);
    let (before, after) = told.split_once(" (after ").unwrap();
    let told = [before, after.split_once(" steps)").unwrap().1].concat();
    insta::assert_snapshot!(told, @r#"
    Build: could not validate constraint "protected_area_parcels_site_fkey" of "public"."staging_protected_area_parcels"
      caused by: insert or update on table "staging_protected_area_parcels" violates foreign key constraint "protected_area_parcels_site_fkey" (SQLSTATE 23503, constraint protected_area_parcels_site_fkey); detail: Key (site_id)=(1005) is not present in table "staging_protected_areas".
    remedy: a row does not fit its table: run `cutover preflight`, or mend the source query
    "#);
    assert_same_dump(&site.dump_live().await, dump_of_month_1().await);
}

/// Whoever follows the events must not wait for an end that never comes.
#[tokio::test]
async fn a_release_whose_record_cannot_be_closed_has_an_end_all_the_same() {
    let site = Site::month_2_staged().await;
    site.live()
        .execute(
            "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no'; END$$; \
             CREATE TRIGGER refuse BEFORE UPDATE ON cutover.release FOR EACH ROW \
               WHEN (new.finished_at IS NOT NULL) EXECUTE FUNCTION public.refuse()",
        )
        .await
        .unwrap();
    let ear = Ear::default();
    let error = site
        .cutover
        .release(&only(&[Phase::Preflight]), StopSignal::never(), &ear.events())
        .await
        .unwrap_err();
    assert_eq!(error.class(), FailureClass::Other, "{error:?}");
    let heard = ear.heard();
    assert!(
        matches!(
            heard.as_slice(),
            [
                ..,
                EventKind::PhaseFailed {
                    phase: Phase::ReleaseLock,
                    ..
                },
                EventKind::ReleaseFinished { .. }
            ]
        ),
        "{heard:?}"
    );
}
