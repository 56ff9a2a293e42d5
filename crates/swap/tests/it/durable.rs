//! What the commit of a swap waits for, and who waits with it.

use cutover_core::EventKind;
use cutover_core::records::ReleaseKind;
use cutover_swap::SwapContext;
use cutover_testkit::Cluster;

use crate::release_set::{ReleaseSet, quick};

/// A commit that waits for a standby does so with all its locks held: readers would wait as long as that takes.
#[tokio::test]
async fn readers_do_not_wait_for_a_synchronous_standby() {
    let cluster = Cluster::builder().start().unwrap();
    let mut set = ReleaseSet::staged_on(&cluster, "m2").await;
    let plan = set.plan().await;
    let release = set.open(ReleaseKind::Release).await;
    // Test clusters do without, to be quick.
    set.client
        .batch_execute("SET synchronous_commit = on")
        .await
        .unwrap();
    let observer = set.observer();
    let server = observer.database.connect().await.unwrap();
    for statement in [
        "ALTER SYSTEM SET synchronous_standby_names = 'nobody'",
        "SELECT pg_reload_conf()",
    ] {
        server.batch_execute(statement).await.unwrap();
    }
    observer
        .wait_until("SELECT current_setting('synchronous_standby_names') = 'nobody'")
        .await;
    let context = SwapContext {
        lock: &set.lock,
        records: &set.records,
        release,
        events: &set.events,
        observer: None,
    };
    let policy = quick();
    let look = async {
        observer
            .wait_until(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'SyncRep')",
            )
            .await;
        assert_eq!(observer.month().await, "m2");
        let told = observer.events_seen();
        let told = told
            .iter()
            .any(|event| matches!(event, EventKind::Swapped { .. }));
        assert!(!told, "before it is durable");
        server
            .batch_execute("ALTER SYSTEM RESET synchronous_standby_names")
            .await
            .unwrap();
        server.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    };
    let (swapped, ()) = tokio::join!(plan.run(&mut set.client, &context, &policy), look);
    let report = swapped.unwrap();
    assert!(report.took_ms >= report.exclusive_ms);
    set.assert_no_locks().await;
}
