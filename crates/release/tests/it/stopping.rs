//! Ctrl-C and `abort` while an importer waits for somebody.

use cutover::{FailureClass, ReleaseError, ReleaseReport, Stop, StopReason, stop_pair};
use cutover_core::records::{Records, ReleaseKind, ReleaseState};
use cutover_core::{Events, Ident, Phase, ReleaseLock};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::world::{Site, assert_same_dump, dump_of_month_1};

/// A release whose import waits for a lock that `blocker` holds.
struct Blocked {
    release: JoinHandle<Result<ReleaseReport, ReleaseError>>,
    stop: Stop,
    blocker: Client,
}

async fn release_that_waits_in_its_import(site: &Site) -> Blocked {
    // Read by the importer of `protected_areas` and by nothing before it.
    let blocker = site
        .holding("LOCK TABLE management_authorities IN ACCESS EXCLUSIVE MODE")
        .await;
    let (stop, signal) = stop_pair();
    let (cutover, options) = (site.cutover.clone(), site.options());
    let release = tokio::spawn(async move { cutover.release(&options, signal, &Events::none()).await });
    site.until(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() \
         AND wait_event_type = 'Lock' AND application_name LIKE 'cutover: wdpa release %')",
    )
    .await;
    Blocked {
        release,
        stop,
        blocker,
    }
}

#[tokio::test]
async fn an_interrupted_release_keeps_its_staging_until_it_is_aborted() {
    let site = Site::month_1().await;
    let Blocked {
        release,
        stop,
        blocker,
    } = release_that_waits_in_its_import(&site).await;
    stop.ask();
    let error = release.await.unwrap().unwrap_err();
    assert!(
        matches!(
            error,
            ReleaseError::Stopped {
                reason: StopReason::Interrupted,
                phase: Phase::ImportCore
            }
        ),
        "{error:?}"
    );
    assert_eq!(error.class(), FailureClass::Stopped);
    drop(blocker);
    let status = site.cutover.status().await.unwrap();
    assert_eq!(status.latest[0].state, ReleaseState::Stopped);
    assert_eq!(status.unmanaged, []);
    assert!(!site.relations_like("staging_protected_areas").await.is_empty());
    site.until_lock_is_free().await;

    let report = site.cutover.abort(&Events::none()).await.unwrap();
    assert_eq!((report.release, report.removed), (Some(status.latest[0].id), 25));
    site.assert_tidy().await;
    assert_same_dump(&site.dump_live().await, dump_of_month_1().await);
    assert_eq!(
        site.cutover.status().await.unwrap().latest[0].state,
        ReleaseState::Aborted
    );
    // Nothing is left to be aborted.
    let report = site.cutover.abort(&Events::none()).await.unwrap();
    assert_eq!((report.release, report.removed), (None, 0));
}

#[tokio::test]
async fn abort_stops_a_running_release_and_removes_its_staging() {
    let site = Site::month_1().await;
    let Blocked { release, blocker, .. } = release_that_waits_in_its_import(&site).await;
    let report = site.cutover.abort(&Events::none()).await.unwrap();
    assert!(report.was_running);
    let error = release.await.unwrap().unwrap_err();
    assert!(
        matches!(
            error,
            ReleaseError::Stopped {
                reason: StopReason::Aborted,
                phase: Phase::ImportCore
            }
        ),
        "{error:?}"
    );
    drop(blocker);
    site.until_lock_is_free().await;
    site.assert_tidy().await;
    let aborted = &site.cutover.status().await.unwrap().latest[0];
    assert_eq!(
        (report.release, aborted.state),
        (Some(aborted.id), ReleaseState::Aborted)
    );
    assert!(!aborted.current);
    assert_same_dump(&site.dump_live().await, dump_of_month_1().await);
}

#[tokio::test]
async fn abort_does_not_take_whoever_holds_the_lock_for_a_release_that_died() {
    let site = Site::month_1().await;
    let set = Ident::new("wdpa").unwrap();
    let (lock, records) = (ReleaseLock::of(&set), Records::of(&set));
    // Its record says that it runs; its server process is gone, and so is its lock.
    let dead = site.live().connect().await.unwrap();
    let release = records
        .open(&dead, ReleaseKind::Release, "Oct2025", None, "test-host", 1)
        .await
        .unwrap();
    let holder = site.live().connect().await.unwrap();
    assert!(lock.try_acquire(&holder).await.unwrap());

    let error = site.cutover.abort(&Events::none()).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Busy, "{error:?}");
    let record = records.release(&holder, release).await.unwrap().unwrap();
    assert_eq!(
        (record.state, record.abort_requested),
        (ReleaseState::Running, None)
    );

    assert!(lock.release(&holder).await.unwrap());
    let report = site.cutover.abort(&Events::none()).await.unwrap();
    assert_eq!((report.release, report.was_running), (Some(release), false));
    assert_eq!(report.state, Some(ReleaseState::Aborted));
}
