//! Trap 55: what is written to live between clone and swap would be lost; and between a swap and its rollback.

use cutover_core::NamingPolicy;
use cutover_core::catalog::{WriteCounts, Writes};
use cutover_swap::{SwapError, rollback_plan};

use crate::release_set::{ReleaseSet, quick};

async fn counted(set: &ReleaseSet) -> WriteCounts {
    let rows = set
        .client
        .query(
            "SELECT oid FROM pg_class WHERE relname IN ('sources', 'sites', 'sites & countries') \
             AND relnamespace = 'public'::regnamespace",
            &[],
        )
        .await
        .unwrap();
    let oids: Vec<u32> = rows.iter().map(|row| row.get(0)).collect();
    WriteCounts::read(&set.client, &oids).await.unwrap()
}

/// Executes `sql` on a connection of its own, and waits until the server has counted it.
async fn write(set: &ReleaseSet, sql: &str) {
    let before = counted(set).await;
    let writer = set.database.connect().await.unwrap();
    writer.batch_execute(sql).await.unwrap();
    // A session that ends reports what it counted.
    drop(writer);
    for _ in 0..400 {
        if counted(set).await != before {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("never counted: {sql}");
}

/// What was loaded before is counted by now.
async fn settled() -> ReleaseSet {
    let set = ReleaseSet::staged("m2").await;
    set.wait_until("SELECT n_tup_ins >= 50 FROM pg_stat_user_tables WHERE relname = 'sites'")
        .await;
    set
}

#[tokio::test]
async fn a_write_since_the_clone_refuses_the_swap() {
    for (sql, expected) in [
        (
            "INSERT INTO sources (title) VALUES ('m1 late')",
            "\n  \"public\".\"sources\": 1 row",
        ),
        (
            "UPDATE sites SET name = 'm1 ' || name WHERE id < 4",
            "\n  \"public\".\"sites\": 3 rows",
        ),
        (
            "DELETE FROM \"sites & countries\" WHERE site_id = 5",
            "\n  \"public\".\"sites & countries\": 1 row",
        ),
    ] {
        let mut set = settled().await;
        let before = counted(&set).await;
        let plan = set.plan().await.refuse_writes_since(before);
        write(&set, sql).await;
        let error = set.run(&plan, &quick()).await.unwrap_err();
        assert!(matches!(error, SwapError::LiveWritten { .. }), "{error}");
        assert_eq!(
            error.to_string(),
            format!("live was written to since staging was built{expected}")
        );
        assert_eq!(set.month().await, "m1");
        set.assert_no_locks().await;
        // Without the counts it is allowed.
        let plan = set.plan().await;
        set.run(&plan, &quick()).await.unwrap();
        assert_eq!(set.month().await, "m2");
    }
}

/// A writer that the swap had to wait for commits after the first look and is seen under the locks.
#[tokio::test]
async fn a_write_that_the_swap_waited_for_is_seen_under_the_locks() {
    let mut set = settled().await;
    let before = counted(&set).await;
    let plan = set.plan().await.refuse_writes_since(before);
    let writer = set.database.connect().await.unwrap();
    // Its statement has ended and its transaction has not: nothing is counted yet.
    writer
        .batch_execute("BEGIN; INSERT INTO sources (title) VALUES ('m1 late')")
        .await
        .unwrap();
    let observer = set.observer();
    let commit = async {
        loop {
            let events = observer.events_seen();
            if events
                .iter()
                .any(|event| matches!(event, cutover_core::EventKind::LockAttemptFailed { .. }))
            {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        writer.batch_execute("COMMIT").await.unwrap();
        drop(writer);
    };
    let policy = quick().old_snapshots(cutover_swap::OldSnapshots::Ignore);
    let (outcome, ()) = tokio::join!(set.run(&plan, &policy), commit);
    let error = outcome.unwrap_err();
    assert!(matches!(error, SwapError::LiveWritten { .. }), "{error}");
    assert_eq!(set.month().await, "m1");
    set.assert_no_locks().await;
}

#[tokio::test]
async fn counters_that_were_reset_tell_nothing_and_refuse() {
    let mut set = settled().await;
    let before = counted(&set).await;
    set.database.execute("SELECT pg_stat_reset()").await.unwrap();
    let after = counted(&set).await;
    assert!(
        before
            .written_until(&after)
            .iter()
            .all(|(_, writes)| *writes == Writes::Unknown)
    );
    let plan = set.plan().await.refuse_writes_since(before);
    let error = set.run(&plan, &quick()).await.unwrap_err();
    assert!(
        error.to_string().contains("unknown, its counters were reset"),
        "{error}"
    );
}

/// Maintenance is no write.
#[tokio::test]
async fn vacuum_and_analyze_are_no_writes() {
    let mut set = settled().await;
    let before = counted(&set).await;
    set.database
        .execute("VACUUM (FREEZE, ANALYZE) sites")
        .await
        .unwrap();
    let plan = set.plan().await.refuse_writes_since(before);
    set.run(&plan, &quick()).await.unwrap();
    assert_eq!(set.month().await, "m2");
}

/// A swap records what had been written to what goes live; the rollback tells what was written since.
#[tokio::test]
async fn a_write_since_it_went_live_refuses_the_rollback() {
    let mut set = settled().await;
    set.wait_until("SELECT n_tup_ins >= 60 FROM pg_stat_user_tables WHERE relname = 'staging_sites'")
        .await;
    let swapped = set.swap().await;
    let counted_then = set.records.writes_when_live(&set.client).await.unwrap().unwrap();
    let rollback = async |set: &mut ReleaseSet| {
        let policy = NamingPolicy::default();
        let plan = rollback_plan(&mut set.client, &set.records, &swapped.backup, &policy).await;
        plan.unwrap().refuse_writes_since(counted_then.clone())
    };
    let plan = rollback(&mut set).await;
    assert_eq!(plan.lost_writes(&set.client).await.unwrap(), []);

    // A value that left no row behind is no write.
    set.database
        .execute("SELECT nextval('sources_id_seq')")
        .await
        .unwrap();
    write(&set, "UPDATE sites SET name = 'm2 ' || name WHERE id < 3").await;
    let error = set.run(&plan, &quick()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "live was written to since it went live\n  \"public\".\"sites\": 2 rows"
    );
    assert_eq!(set.month().await, "m2");
    set.assert_no_locks().await;

    let plan = rollback(&mut set).await.allow_lost_writes();
    let back = set.run(&plan, &quick()).await.unwrap();
    assert_eq!(set.month().await, "m1");
    let kept = format!(
        "SELECT count(*) FROM bk{}_sites WHERE name LIKE 'm2 m2%'",
        back.backup
    );
    assert_eq!(set.database.query_text(&kept).await.unwrap(), "2");
    // What came back counts from here on.
    let counted_now = set.records.writes_when_live(&set.client).await.unwrap().unwrap();
    assert_eq!(counted_now.oids().len(), 3);
    assert!(
        counted_now
            .oids()
            .iter()
            .all(|oid| !counted_then.oids().contains(oid))
    );
}
