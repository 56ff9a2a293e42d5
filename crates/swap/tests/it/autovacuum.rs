//! Autovacuum at work on a live table when the swap comes.

use std::time::Duration;

use cutover_core::EventKind;
use cutover_swap::SwapError;
use cutover_testkit::Cluster;

use crate::release_set::{ReleaseSet, quick};

/// A cluster whose autovacuum comes by every second.
fn cluster() -> Cluster {
    Cluster::builder()
        .setting("autovacuum_naptime", "1s")
        .start()
        .unwrap()
}

/// Makes autovacuum take some half a minute over `sites`, from its next visit on.
const SLOW: &str = "ALTER TABLE sites SET (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1);
    INSERT INTO sites (source_id, name) SELECT 1, 'm1 padding ' || repeat('x', 80) FROM generate_series(1, 12000);
    REFRESH MATERIALIZED VIEW site_counts;";

const AT_WORK: &str = "SELECT EXISTS (SELECT FROM pg_stat_activity a JOIN pg_locks l USING (pid) \
    WHERE a.backend_type = 'autovacuum worker' AND l.relation = 'sites'::regclass AND l.granted)";

/// A plain worker steps aside for whoever waits behind it longer than deadlock_timeout, which the swap's own is short for.
#[tokio::test]
async fn a_plain_autovacuum_steps_aside() {
    let cluster = cluster();
    let mut set = ReleaseSet::staged_on(&cluster, "m2").await;
    set.database.execute(SLOW).await.unwrap();
    set.database
        .execute(
            "ALTER TABLE sites SET (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0);
             DELETE FROM sites WHERE name LIKE 'm1 padding%' AND id % 2 = 0",
        )
        .await
        .unwrap();
    set.wait_until(AT_WORK).await;
    let plan = set.plan().await;
    let report = set.run(&plan, &quick()).await.unwrap();
    // Some tries may meet a worker that waits for the names of the indexes, and must begin anew.
    assert!(report.attempts <= 15, "{report:?}");
    assert_eq!(set.month().await, "m2");
}

/// One that prevents wraparound does not: it is waited for before any reader could be made to wait, and named.
#[tokio::test]
async fn an_anti_wraparound_worker_is_waited_for_and_named() {
    let cluster = cluster();
    let mut set = ReleaseSet::staged_on(&cluster, "m2").await;
    set.database.execute(SLOW).await.unwrap();
    // The least that a table may ask for is 100 000 transactions; subtransactions count.
    set.database
        .execute(
            "ALTER TABLE sites SET (autovacuum_freeze_max_age = 100000);
             CREATE TEMP TABLE spent (x integer);
             DO $$ BEGIN FOR n IN 1..100100 LOOP
                 BEGIN INSERT INTO spent VALUES (n); EXCEPTION WHEN division_by_zero THEN NULL; END;
             END LOOP; END $$",
        )
        .await
        .unwrap();
    set.wait_until(AT_WORK).await;
    let plan = set.plan().await;
    let policy = quick().deadline(Duration::from_millis(300));
    let error = set.run(&plan, &policy).await.unwrap_err();
    let SwapError::AntiWraparound { workers, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(workers[0].backend_type, "autovacuum worker");
    assert!(
        workers[0].query.ends_with("(to prevent wraparound)"),
        "{}",
        workers[0].query
    );
    assert!(error.to_string().contains("to prevent wraparound"), "{error}");
    let told = |event: &EventKind| matches!(event, EventKind::Warning { message } if message.contains("to prevent wraparound"));
    let events = set.events_seen();
    assert!(events.iter().any(told), "{events:?}");
    let tried = |event: &EventKind| matches!(event, EventKind::LockAttemptFailed { .. });
    assert!(
        !events.iter().any(tried),
        "no reader was made to wait: {events:?}"
    );
    assert_eq!(set.month().await, "m1");
}
