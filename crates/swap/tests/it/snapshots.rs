use std::time::Duration;

use cutover_core::EventKind;
use cutover_swap::{OldSnapshots, SwapError};
use cutover_testkit::Cluster;

use crate::release_set::{Observer, ReleaseSet, quick};

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
    let warned = set.events_seen().into_iter().any(|event| {
        matches!(event, EventKind::Warning { message } if message.starts_with("not waited for")
            && message.contains("nightly dump"))
    });
    assert!(warned, "{:?}", set.events_seen());
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

/// Waits until the swap names a session of this application among those whose snapshot it waits for.
async fn until_waited_for(set: &Observer, application: &str) {
    let names = |event: &EventKind| matches!(event, EventKind::WaitingForSnapshots { holders } if holders.iter().any(|h| h.application.starts_with(application)));
    while !set.events_seen().iter().any(names) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A dump that began before the load holds the month that was live when it began, all of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_across_the_load_and_the_swap_holds_the_old_month() {
    let mut set = ReleaseSet::new().await;
    // Keeps the dump from getting on: it locks every table before it reads the first.
    set.database
        .execute("CREATE TABLE zz_held (x int)")
        .await
        .unwrap();
    let holder = set.database.connect().await.unwrap();
    holder
        .batch_execute("BEGIN; LOCK TABLE zz_held IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let name = set.database.name().to_owned();
    let dump = tokio::task::spawn_blocking(move || {
        Cluster::shared().pg_dump(&name, &["--data-only", "--schema=public"])
    });
    set.wait_until(
        "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
         WHERE l.relation = 'zz_held'::regclass AND NOT l.granted AND a.application_name LIKE 'pg_dump%')",
    )
    .await;
    set.stage("m2").await;
    let plan = set.plan().await;
    let observer = set.observer();
    let dumping = async {
        until_waited_for(&observer, "pg_dump").await;
        holder.batch_execute("COMMIT").await.unwrap();
        dump.await.unwrap().unwrap()
    };
    let policy = quick();
    let (report, dump) = tokio::join!(set.run(&plan, &policy), dumping);
    report.unwrap();
    assert_eq!(set.month().await, "m2");
    assert_eq!(dump.matches("m1 site").count(), 50);
    assert!(!dump.contains("m2 "), "{dump}");
}

/// postgres_fdw reads in a REPEATABLE READ transaction here, whatever its own session does.
#[tokio::test]
async fn another_servers_foreign_tables_never_look_empty() {
    let mut set = ReleaseSet::new().await;
    let elsewhere = Cluster::shared().empty_database().await.unwrap();
    let cluster = Cluster::shared();
    elsewhere
        .execute(&format!(
            "CREATE EXTENSION postgres_fdw;
             CREATE SERVER here FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{}', port '{}', dbname '{}');
             CREATE USER MAPPING FOR CURRENT_USER SERVER here OPTIONS (user '{}', password '{}');
             IMPORT FOREIGN SCHEMA public LIMIT TO (sites, countries) FROM SERVER here INTO public",
            cluster.host(),
            cluster.port(),
            set.database.name(),
            cluster.superuser(),
            cluster.password()
        ))
        .await
        .unwrap();
    let reader = elsewhere.connect().await.unwrap();
    // Its snapshot here is of now, although its own isolation level is READ COMMITTED.
    reader
        .batch_execute("BEGIN; SELECT count(*) FROM countries")
        .await
        .unwrap();
    set.stage("m2").await;
    let plan = set.plan().await;
    let observer = set.observer();
    let reading = async {
        until_waited_for(&observer, "postgres_fdw").await;
        let rows = reader.query_one("SELECT count(*) FROM sites", &[]).await.unwrap();
        reader.batch_execute("COMMIT").await.unwrap();
        rows.get::<_, i64>(0)
    };
    let policy = quick();
    let (report, rows) = tokio::join!(set.run(&plan, &policy), reading);
    report.unwrap();
    assert_eq!(rows, 50, "month 1, not an empty month 2");
    let rows = reader.query_one("SELECT count(*) FROM sites", &[]).await.unwrap();
    assert_eq!(rows.get::<_, i64>(0), 60, "month 2");
}
