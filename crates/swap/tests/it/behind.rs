//! Who waits behind the swap's tries for its locks, seen from another connection.

use std::time::Duration;

use cutover_core::EventKind;
use cutover_core::records::ReleaseKind;
use cutover_swap::SwapContext;

use crate::release_set::{ReleaseSet, quick};

#[tokio::test]
async fn readers_behind_a_blocked_swap_are_counted_and_named() {
    let mut set = ReleaseSet::staged("m2").await;
    let plan = set.plan().await;
    let release = set.open(ReleaseKind::Release).await;
    // By the simple protocol: the extended one would leave a portal with its snapshot, and that would be waited for.
    let blocker = set.database.connect().await.unwrap();
    blocker
        .batch_execute("BEGIN; SELECT count(*) FROM sites")
        .await
        .unwrap();
    let reader = set.database.connect().await.unwrap();
    reader
        .batch_execute("SET application_name = 'tile server'")
        .await
        .unwrap();
    let watching = set.database.connect().await.unwrap();
    let observer = set.observer();

    let told = || {
        observer.events_seen().into_iter().find_map(|event| match event {
            EventKind::WaitingBehind {
                waiting,
                longest_ms,
                sample,
            } => Some((waiting, longest_ms, sample)),
            _ => None,
        })
    };
    // Reads until the swap, which the blocker keeps from its locks, was seen to hold up a read; then lets it through.
    let read = async {
        while told().is_none() {
            reader
                .query("SELECT count(*) FROM site_report", &[])
                .await
                .unwrap();
        }
        blocker.batch_execute("COMMIT").await.unwrap();
    };
    let context = SwapContext {
        lock: &set.lock,
        records: &set.records,
        release,
        events: &set.events,
        observer: Some(&watching),
    };
    let policy = quick().stall_budget(Duration::from_millis(200));
    let (report, ()) = tokio::join!(plan.run(&mut set.client, &context, &policy), read);
    let behind = report.unwrap().waited_behind.unwrap();
    let (waiting, longest_ms, sample) = told().unwrap();
    assert_eq!((waiting, sample.len()), (1, 1));
    assert_eq!(
        (sample[0].application.as_str(), sample[0].waited_ms),
        ("tile server", longest_ms)
    );
    assert!(sample[0].query.contains("site_report"), "{sample:?}");
    assert!(
        behind.most_waiting == 1 && behind.longest_wait_ms >= longest_ms,
        "{behind:?}"
    );
    assert!(
        longest_ms <= 400,
        "a stall budget of 200 ms lets nobody wait for {longest_ms} ms"
    );
}

/// The observer's connection is gone: nothing is seen, and the swap takes no notice.
#[tokio::test]
async fn a_lost_observer_is_of_no_account() {
    let mut set = ReleaseSet::staged("m2").await;
    let plan = set.plan().await;
    let release = set.open(ReleaseKind::Release).await;
    let blocker = set.database.connect().await.unwrap();
    blocker
        .batch_execute("BEGIN; SELECT count(*) FROM sites")
        .await
        .unwrap();
    let watching = set.database.connect().await.unwrap();
    let ended = watching
        .execute("SELECT pg_terminate_backend(pg_backend_pid())", &[])
        .await;
    assert!(ended.is_err());
    let observer = set.observer();
    let tried = async {
        let tries = || {
            let events = observer.events_seen();
            let failed = |event: &&EventKind| matches!(event, EventKind::LockAttemptFailed { .. });
            events.iter().filter(failed).count()
        };
        while tries() < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        blocker.batch_execute("COMMIT").await.unwrap();
    };
    let context = SwapContext {
        lock: &set.lock,
        records: &set.records,
        release,
        events: &set.events,
        observer: Some(&watching),
    };
    let policy = quick();
    let (report, ()) = tokio::join!(plan.run(&mut set.client, &context, &policy), tried);
    assert_eq!(report.unwrap().waited_behind.unwrap().most_waiting, 0);
    assert_eq!(set.month().await, "m2");
}
