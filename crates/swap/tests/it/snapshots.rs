use std::time::Duration;

use cutover_core::EventKind;
use cutover_swap::{OldSnapshots, SwapError};

use crate::release_set::{ReleaseSet, quick};

const OLD_READER: &str =
    "SET application_name = 'nightly dump'; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1";

#[tokio::test]
async fn a_snapshot_older_than_the_load_never_sees_an_empty_table() {
    let mut set = ReleaseSet::new().await;
    let reader = set.database.connect().await.unwrap();
    // Its snapshot is older than the load, and it has not looked at any member yet: it holds no lock.
    reader.batch_execute(OLD_READER).await.unwrap();
    set.stage("m2").await;
    let plan = set.plan().await;
    let observer = set.observer();
    let reading = async {
        while !observer
            .events_seen()
            .iter()
            .any(|e| matches!(e, EventKind::WaitingForSnapshots { .. }))
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let rows: i64 = reader
            .query_one("SELECT count(*) FROM sites", &[])
            .await
            .unwrap()
            .get(0);
        reader.batch_execute("COMMIT").await.unwrap();
        rows
    };
    let policy = quick();
    let (report, rows) = tokio::join!(set.run(&plan, &policy), reading);
    report.unwrap();
    assert_eq!(rows, 50, "month 1, not an empty month 2");
    assert_eq!(set.month().await, "m2");
    let waiting = set.events_seen().into_iter().find_map(|event| match event {
        EventKind::WaitingForSnapshots { holders } => Some(holders),
        _ => None,
    });
    assert_eq!(waiting.unwrap()[0].application, "nightly dump");
}

/// The trap itself: this is what the wait is for.
#[tokio::test]
async fn ignoring_old_snapshots_shows_them_an_empty_table() {
    let mut set = ReleaseSet::new().await;
    let reader = set.database.connect().await.unwrap();
    reader.batch_execute(OLD_READER).await.unwrap();
    set.stage("m2").await;
    let plan = set.plan().await;
    set.run(&plan, &quick().old_snapshots(OldSnapshots::Ignore))
        .await
        .unwrap();
    let rows: i64 = reader
        .query_one("SELECT count(*) FROM sites", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn old_snapshots_are_named_at_the_deadline() {
    let mut set = ReleaseSet::new().await;
    let reader = set.database.connect().await.unwrap();
    reader.batch_execute(OLD_READER).await.unwrap();
    set.stage("m2").await;
    let plan = set.plan().await;
    let error = set
        .run(&plan, &quick().snapshot_deadline(Duration::from_millis(150)))
        .await
        .unwrap_err();
    let SwapError::OldSnapshots { holders, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(holders.len(), 1);
    assert!(error.to_string().contains("nightly dump"), "{error}");
    assert_eq!(set.month().await, "m1");
}

/// A long writer makes the xmin of every later snapshot old; it endangers nobody and is not waited for.
#[tokio::test]
async fn a_long_read_committed_writer_is_not_waited_for() {
    let mut set = ReleaseSet::new().await;
    set.database
        .execute("CREATE TABLE unrelated (x int)")
        .await
        .unwrap();
    let writer = set.database.connect().await.unwrap();
    writer
        .batch_execute("BEGIN; INSERT INTO unrelated VALUES (1)")
        .await
        .unwrap();
    set.stage("m2").await;
    let late = set.database.connect().await.unwrap();
    let plan = set.plan().await;
    // Holds a snapshot that is old by its xmin, and newer than the load.
    late.batch_execute(OLD_READER).await.unwrap();
    let error = set
        .run(&plan, &quick().snapshot_deadline(Duration::from_millis(150)))
        .await
        .unwrap_err();
    let SwapError::OldSnapshots { holders, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(
        holders.len(),
        1,
        "the snapshot that exists is waited for, the writer is not: {holders:?}"
    );
    late.batch_execute("COMMIT").await.unwrap();
    set.run(&plan, &quick()).await.unwrap();
    assert_eq!(set.month().await, "m2");
}

/// What was live once is older than every snapshot there is.
#[tokio::test]
async fn a_rollback_does_not_wait_for_snapshots() {
    let mut set = ReleaseSet::staged("m2").await;
    let report = set.swap().await;
    let reader = set.database.connect().await.unwrap();
    reader.batch_execute(OLD_READER).await.unwrap();
    set.roll_back(&report.backup).await;
    let rows: i64 = reader
        .query_one("SELECT count(*) FROM sites", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(rows, 50);
}
