//! Releases that wait before their swap.

use std::time::Duration;

use cutover::{
    Activity, FailureClass, ReleaseError, ReleaseOptions, ReleaseReport, Selection, Stop, StopReason,
    stop_pair,
};
use cutover_core::records::{ReleaseRecord, ReleaseState};
use cutover_core::{EventKind, Events, Phase};
use jiff::Timestamp;
use tokio::task::JoinHandle;

use crate::world::{
    Ear, Site, assert_same_dump, cutover, dump_of_month_1, dump_of_month_2_alone, swap_what_is_staged, told,
    wait_until,
};

/// A release under way that holds.
struct Holding {
    release: JoinHandle<Result<ReleaseReport, ReleaseError>>,
    stop: Stop,
    ear: Ear,
}

impl Holding {
    /// Starts one, and waits until it holds.
    async fn start(site: &Site, options: ReleaseOptions) -> Self {
        let (stop, signal) = stop_pair();
        let ear = Ear::default();
        let (cutover, events) = (site.cutover.clone(), ear.events());
        let client = site.live().connect().await.unwrap();
        let before = "SELECT count(*) FROM cutover.event WHERE kind = 'held'";
        let before: i64 = client.query_one(before, &[]).await.unwrap().get(0);
        let release = tokio::spawn(async move { cutover.release(&options, signal, &events).await });
        let told = "SELECT count(*) > $1 FROM cutover.event WHERE kind = 'held'";
        wait_until("the release holds", async || {
            assert!(!release.is_finished(), "it ended: {:?}", ear.heard());
            client.query_one(told, &[&before]).await.unwrap().get(0)
        })
        .await;
        Self { release, stop, ear }
    }

    async fn error(self) -> ReleaseError {
        self.release.await.unwrap().unwrap_err()
    }
}

async fn newest(site: &Site) -> ReleaseRecord {
    site.cutover.status().await.unwrap().latest.remove(0)
}

#[tokio::test]
async fn a_release_holds_nothing_but_its_lock_until_somebody_says_go() {
    let site = Site::month_2_staged().await;
    let error = site.cutover.go().await.unwrap_err();
    assert_eq!(error.class(), FailureClass::NotHolding);
    insta::assert_snapshot!(told(&error), @"
    NotHolding: there is nothing to say go to: no release is under way
    remedy: see `cutover status`; a release holds with --hold or [swap] hold, once everything is ready
    ");
    let holding = Holding::start(&site, swap_what_is_staged().hold(true)).await;

    let status = site.cutover.status().await.unwrap();
    assert!(matches!(status.activity, Activity::Running { .. }));
    assert_ne!(status.latest[0].phase, Some(Phase::FinaliseSwap));
    let hold = status.hold.unwrap();
    assert!(hold.hold.waits_for_go && hold.hold.not_before.is_none() && hold.hold.go.is_none());
    assert!(
        hold.staging_bytes > 1_000_000 && hold.other_locks == 0,
        "{hold:?}"
    );
    // One session is left, and it is idle, outside a transaction, but for the moments in which it looks.
    let sessions =
        "FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'cutover: %'";
    assert_eq!(site.texts(&format!("SELECT count(*) {sessions}")).await, ["1"]);
    site.until(&format!(
        "SELECT bool_and(state = 'idle' AND xact_start IS NULL AND backend_xmin IS NULL AND backend_xid IS NULL) {sessions}"
    ))
    .await;
    let locks = "SELECT array_agg(locktype ORDER BY locktype) = ARRAY['advisory'] FROM pg_locks JOIN pg_stat_activity USING (pid) \
                  WHERE application_name LIKE 'cutover: wdpa release %' AND datname = current_database()";
    site.until(locks).await;
    assert_same_dump(&site.dump_live().await, dump_of_month_1().await);

    // From another machine.
    let elsewhere = cutover(&site.url(), site.directory()).host("elsewhere");
    let said = elsewhere.go().await.unwrap();
    let go = said.hold.go.unwrap();
    assert_eq!(
        (said.release, go.by.as_str(), go.host.as_str()),
        (status.latest[0].id, "wdpa_owner", "elsewhere")
    );
    let report = holding.release.await.unwrap().unwrap();
    assert_eq!(report.state, ReleaseState::Completed);
    let heard = holding.ear.heard();
    let at = |wanted: fn(&EventKind) -> bool| heard.iter().position(wanted).unwrap();
    let released =
        |kind: &EventKind| matches!(kind, EventKind::Released { go: Some(go), .. } if go.host == "elsewhere");
    let swap_begins =
        |kind: &EventKind| matches!(kind, EventKind::PhaseStarted { phase } if *phase == Phase::FinaliseSwap);
    assert!(
        at(|kind| matches!(kind, EventKind::Held { .. })) < at(released) && at(released) < at(swap_begins)
    );
    assert_same_dump(&site.dump_live().await, dump_of_month_2_alone().await);
    assert_eq!(site.cutover.status().await.unwrap().hold, None);
    assert_eq!(
        site.cutover.go().await.unwrap_err().class(),
        FailureClass::NotHolding
    );
}

/// Staging is ready each time: the next one takes it up.
#[tokio::test]
async fn whatever_else_ends_a_hold_leaves_live_alone_and_staging_ready() {
    let site = Site::month_2_staged().await;
    let held = || swap_what_is_staged().hold(true);

    let holding = Holding::start(&site, held()).await;
    holding.stop.ask();
    let error = holding.error().await;
    assert!(
        matches!(
            error,
            ReleaseError::StoppedHolding {
                reason: StopReason::Interrupted
            }
        ),
        "{error:?}"
    );
    assert_eq!(
        (error.class(), newest(&site).await.state),
        (FailureClass::Stopped, ReleaseState::Stopped)
    );

    let holding = Holding::start(&site, held()).await;
    site.texts(
        "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity \
          WHERE application_name LIKE 'cutover: wdpa release %' AND datname = current_database()",
    )
    .await;
    let error = holding.error().await;
    assert_eq!(error.class(), FailureClass::Connection, "{error:?}");
    assert_eq!(newest(&site).await.state, ReleaseState::Failed);

    // Live has changed since staging was compared with it: nobody's go makes the two alike.
    let holding = Holding::start(&site, held()).await;
    site.live()
        .execute("ALTER TABLE public.sources ADD COLUMN remark text")
        .await
        .unwrap();
    site.cutover.go().await.unwrap();
    let error = holding.error().await;
    assert!(matches!(error, ReleaseError::Structure(_)), "{error:?}");
    site.live()
        .execute("ALTER TABLE public.sources DROP COLUMN remark")
        .await
        .unwrap();
    // What would refuse the swap is told before anybody waits.
    site.live()
        .execute("ALTER TABLE public.staging_sources ADD COLUMN remark text")
        .await
        .unwrap();
    let error = site.run(held()).await.unwrap_err();
    assert!(matches!(error, ReleaseError::Structure(_)), "{error:?}");
    site.live()
        .execute("ALTER TABLE public.staging_sources DROP COLUMN remark")
        .await
        .unwrap();

    assert_same_dump(&site.dump_live().await, dump_of_month_1().await);
    let report = site.run(swap_what_is_staged().hold(false)).await.unwrap();
    assert_eq!(report.state, ReleaseState::Completed);
}

#[tokio::test]
async fn a_moment_is_waited_for_whoever_says_go() {
    let mut site = Site::month_2_staged().await;
    site.edit(|text| format!("{text}\n[swap]\nhold = true\n"));
    let tomorrow = Timestamp::now() + Duration::from_hours(24);
    let holding = Holding::start(&site, swap_what_is_staged().hold(false).not_before(tomorrow)).await;
    insta::assert_snapshot!(told(&site.cutover.go().await.unwrap_err()), @"
    NotHolding: there is nothing to say go to: release [n] of Nov2025 waits for [time], and for nobody's go
    remedy: see `cutover status`; a release holds with --hold or [swap] hold, once everything is ready
    ");
    holding.stop.ask();
    holding.error().await;

    // The release file's own hold is waited for as well.
    let holding = Holding::start(&site, swap_what_is_staged().not_before(tomorrow)).await;
    let said = site.cutover.go().await.unwrap();
    assert!(said.still_waits_for(Timestamp::now()).is_some());
    let go = site.cutover.status().await.unwrap().hold.unwrap().hold.go;
    assert_eq!(go, said.hold.go);
    holding.stop.ask();
    holding.error().await;

    // One that is over was not meant, unless nothing is to go live.
    let past = Timestamp::now() - Duration::from_secs(1);
    let error = site
        .run(swap_what_is_staged().hold(false).not_before(past))
        .await
        .unwrap_err();
    insta::assert_snapshot!(told(&error), @"
    Usage: the moment to wait for, [time], is in the past: it is [time] by the server's clock
    remedy: give --not-before (CUTOVER_NOT_BEFORE) a moment to come, or leave it out to go live at once
    ");
    let build = Selection::only(&[Phase::ValidateAndManifest]).unwrap();
    site.run(ReleaseOptions::default().selection(build).not_before(past))
        .await
        .unwrap();

    // One that comes soon is waited for.
    let ear = Ear::default();
    let soon = Timestamp::now() + Duration::from_secs(2);
    let options = swap_what_is_staged().hold(false).not_before(soon);
    let report = site
        .cutover
        .release(&options, cutover::StopSignal::never(), &ear.events())
        .await
        .unwrap();
    assert_eq!(report.state, ReleaseState::Completed);
    assert!(newest(&site).await.swapped_at.unwrap() >= soon);
}

#[tokio::test]
async fn abort_ends_a_hold_and_removes_its_staging() {
    let site = Site::month_2_staged().await;
    let holding = Holding::start(&site, swap_what_is_staged().hold(true)).await;
    let report = site.cutover.abort(&Events::none()).await.unwrap();
    assert!(report.was_running);
    let error = holding.error().await;
    assert!(
        matches!(
            error,
            ReleaseError::StoppedHolding {
                reason: StopReason::Aborted
            }
        ),
        "{error:?}"
    );
    site.assert_tidy().await;
    assert_eq!(newest(&site).await.state, ReleaseState::Aborted);
    assert_same_dump(&site.dump_live().await, dump_of_month_1().await);
}
