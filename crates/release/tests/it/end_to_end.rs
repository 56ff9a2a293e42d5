//! Month 1, month 2, and back, with an application at work.

use cutover::{Activity, RollbackOptions, StopSignal};
use cutover_core::Events;
use cutover_core::records::ReleaseState;
use cutover_testkit::dataset::LIVE_READER;
use cutover_testkit::{LoadReport, ReaderLoad, ReleaseMap};

use crate::world::{Site, assert_same_dump, cluster, dump_of_month_1, dump_of_month_2_alone};

#[tokio::test]
async fn month_2_goes_live_and_is_taken_back_under_readers() {
    let mut site = Site::month_1().await;
    let url = cluster().url_for(LIVE_READER, LIVE_READER, site.live().name());
    let load = ReaderLoad::start(&url, 8).await.unwrap();
    load.statements_reach(100).await.unwrap();

    let second = site.publish(2).await.unwrap();
    assert_eq!(second.state, ReleaseState::Completed);
    let swap = second.swap.unwrap();
    assert_eq!(swap.relations, 25, "16 tables and 9 materialized views");
    load.statements_reach(load.statements() + 100).await.unwrap();
    let seen = stop(&site, load).await;
    assert!(seen.is_clean(), "{seen:#?}");
    assert_eq!(seen.by_release.len(), 2, "{seen:#?}");

    let load = ReaderLoad::start(&url, 8).await.unwrap();
    load.statements_reach(100).await.unwrap();
    site.cutover
        .rollback(
            &swap.backup,
            &RollbackOptions::default(),
            StopSignal::never(),
            &Events::none(),
        )
        .await
        .unwrap();
    load.statements_reach(load.statements() + 100).await.unwrap();
    let seen = stop(&site, load).await;
    assert!(seen.is_clean(), "{seen:#?}");
    assert_eq!(seen.by_release.len(), 2, "{seen:#?}");
}

async fn stop(site: &Site, load: ReaderLoad) -> LoadReport {
    let releases = ReleaseMap::read(&site.live().connect().await.unwrap())
        .await
        .unwrap();
    load.stop(&releases).await.unwrap()
}

#[tokio::test]
async fn swap_and_rollback_are_the_identity_and_a_swapped_month_is_a_fresh_one() {
    let mut site = Site::empty().await;
    assert_eq!(site.cutover.status().await.unwrap().activity, Activity::Idle);
    let first = site.publish(1).await.unwrap();
    assert_same_dump(&site.dump_live().await, dump_of_month_1().await);

    let second = site.publish(2).await.unwrap();
    let swap = second.swap.clone().unwrap();
    let month_2 = site.dump_live().await;
    assert_same_dump(&month_2, dump_of_month_2_alone().await);
    let status = site.cutover.status().await.unwrap();
    assert_eq!(
        status.current.as_ref().map(|record| record.id),
        Some(second.release)
    );
    assert_eq!(status.backups.len(), 2);
    site.assert_tidy().await;

    let back = site
        .cutover
        .rollback(
            &swap.backup,
            &RollbackOptions::default(),
            StopSignal::never(),
            &Events::none(),
        )
        .await
        .unwrap();
    assert_eq!(back.label.as_deref(), Some(first.label.as_str()));
    assert_same_dump(&site.dump_live().await, dump_of_month_1().await);

    // And the rollback is taken back.
    site.cutover
        .rollback(
            &back.swap.backup,
            &RollbackOptions::default(),
            StopSignal::never(),
            &Events::none(),
        )
        .await
        .unwrap();
    assert_same_dump(&site.dump_live().await, &month_2);
    site.assert_tidy().await;
}

/// Views outside the set, their grants and comments are those of the first day, whatever has been swapped.
#[tokio::test]
async fn dependents_are_the_same_before_and_after() {
    let args = [
        "--schema-only",
        "--table=reporting_*",
        "--table=portal_downloads_*",
        "--table=countries",
        "--table=regions",
    ];
    let dump = |site: &Site| cutover_testkit::normalised_dump(cluster(), site.live().name(), &args).unwrap();
    let before = dump(&Site::empty().await);
    assert!(
        before.contains("CREATE VIEW public.reporting_region_statistics"),
        "{before}"
    );
    assert!(
        before.contains("GRANT SELECT ON TABLE public.portal_downloads_protected_areas"),
        "{before}"
    );
    let mut site = Site::month_1().await;
    site.publish(2).await.unwrap();
    assert_same_dump(&dump(&site), &before);
}
