//! What stands against a swap without a fault of the network: settings of the role, rights, triggers, the lock table.

use std::time::Duration;

use cutover_core::EventKind;
use cutover_swap::SwapError;
use cutover_testkit::Cluster;

use crate::release_set::{ReleaseSet, quick};

fn statement(error: SwapError) -> cutover_core::StatementError {
    match error {
        SwapError::Statement(error) => error,
        error => panic!("{error}"),
    }
}

/// Trap 52: what is set for the role must not cut a swap short, and is as it was afterwards.
#[tokio::test]
async fn timeouts_of_the_role_do_not_cut_it_short() {
    let mut set = ReleaseSet::staged("m2").await;
    let plan = set.plan().await;
    // As a session of a role with ALTER ROLE … SET begins.
    set.client
        .batch_execute(
            "SET statement_timeout = '400ms'; SET lock_timeout = '1ms'; \
             SET idle_in_transaction_session_timeout = '300ms'; SET default_transaction_isolation = 'serializable'",
        )
        .await
        .unwrap();
    let reader = set.database.connect().await.unwrap();
    reader
        .batch_execute("BEGIN; LOCK TABLE sites IN ACCESS SHARE MODE")
        .await
        .unwrap();
    let observer = set.observer();
    let let_go = async {
        loop {
            let tries = observer
                .events_seen()
                .iter()
                .filter(|event| matches!(event, EventKind::LockAttemptFailed { .. }))
                .count();
            if tries >= 4 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        reader.batch_execute("COMMIT").await.unwrap();
    };
    let policy = quick().old_snapshots(cutover_swap::OldSnapshots::Ignore);
    let swap = async {
        let swapped = set.run(&plan, &policy).await;
        assert!(swapped.is_ok(), "{swapped:?}");
    };
    tokio::join!(swap, let_go);
    assert_eq!(set.month().await, "m2");
    let row = set.client.query_one("SHOW statement_timeout", &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "400ms");
}

/// Trap 49, at a statement in the middle of the switch.
#[tokio::test]
async fn one_statement_that_is_vetoed_rolls_all_of_it_back() {
    let mut set = ReleaseSet::staged("m2").await;
    let plan = set.plan().await;
    set.database
        .execute(
            "CREATE FUNCTION veto() RETURNS event_trigger LANGUAGE plpgsql AS \
               'BEGIN RAISE EXCEPTION ''not on my watch''; END'; \
             CREATE EVENT TRIGGER veto ON ddl_command_end WHEN TAG IN ('CREATE VIEW') EXECUTE FUNCTION veto()",
        )
        .await
        .unwrap();
    let error = statement(set.run(&plan, &quick()).await.unwrap_err());
    assert!(error.steps_done > 0, "{error:?}");
    assert!(
        error.database_error().to_string().contains("not on my watch"),
        "{error:?}"
    );
    assert_eq!(set.month().await, "m1");
    set.assert_no_locks().await;
    set.database.execute("DROP EVENT TRIGGER veto").await.unwrap();
    set.run(&plan, &quick()).await.unwrap();
    assert_eq!(set.month().await, "m2");
}

/// Deferred checks of a client's transaction are that client's: the swap waits until it has committed.
#[tokio::test]
async fn deferred_checks_that_are_pending_elsewhere_are_waited_for() {
    let mut set = ReleaseSet::staged("m2").await;
    let plan = set.plan().await;
    let writer = set.database.connect().await.unwrap();
    writer
        .batch_execute("BEGIN; SET CONSTRAINTS ALL DEFERRED; INSERT INTO reviews VALUES (900, 7)")
        .await
        .unwrap();
    let observer = set.observer();
    let commit = async {
        loop {
            let waits = |event: &EventKind| matches!(event, EventKind::LockAttemptFailed { .. });
            if observer.events_seen().iter().any(waits) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        writer.batch_execute("COMMIT").await.unwrap();
    };
    let policy = quick().old_snapshots(cutover_swap::OldSnapshots::Ignore);
    let (outcome, ()) = tokio::join!(set.run(&plan, &policy), commit);
    outcome.unwrap();
    set.validate(&plan).await;
    let kept = set
        .database
        .query_text("SELECT count(*) FROM reviews WHERE id = 900")
        .await;
    assert_eq!((set.month().await.as_str(), kept.unwrap().as_str()), ("m2", "1"));
}

/// A right that was there when the swap was planned.
#[tokio::test]
async fn a_right_lost_since_the_plan_leaves_all_old() {
    let mut set = ReleaseSet::staged("m2").await;
    set.database
        .execute(
            "DO $$ BEGIN CREATE ROLE swap_publisher; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$; \
             GRANT ALL ON SCHEMA cutover TO swap_publisher; GRANT ALL ON ALL TABLES IN SCHEMA cutover TO swap_publisher; \
             GRANT ALL ON ALL SEQUENCES IN SCHEMA cutover TO swap_publisher; GRANT ALL ON SCHEMA public TO swap_publisher; \
             DO $$ DECLARE o regclass; BEGIN FOR o IN SELECT oid::regclass FROM pg_class WHERE relkind IN ('r', 'v', 'm') \
                   AND relnamespace = 'public'::regnamespace LOOP \
                 EXECUTE format('ALTER TABLE %s OWNER TO swap_publisher', o); END LOOP; END $$",
        )
        .await
        .unwrap();
    set.client.batch_execute("SET ROLE swap_publisher").await.unwrap();
    let plan = set.plan().await;
    set.database
        .execute("REVOKE ALL ON SCHEMA public FROM swap_publisher, public")
        .await
        .unwrap();
    let error = set.run(&plan, &quick()).await.unwrap_err();
    assert!(
        matches!(&error, SwapError::CatalogChanged { .. })
            || matches!(&error, SwapError::Statement(error) if error.sqlstate().is_some_and(|s| s.code() == "42501")),
        "{error:?}"
    );
    assert_eq!(set.month().await, "m1");
    set.assert_no_locks().await;
}

/// The server's lock table is full under the locks: told with the setting to raise, and nothing has changed.
#[tokio::test]
async fn a_full_lock_table_is_told_with_the_setting_to_raise() {
    let cluster = Cluster::builder()
        .setting("max_locks_per_transaction", "10")
        .setting("max_connections", "20")
        .setting("autovacuum", "off")
        .start()
        .unwrap();
    let mut set = ReleaseSet::staged_on(&cluster, "m2").await;
    let plan = set.plan().await;
    // Somebody takes all there is, and gives back fewer than a swap needs.
    let hoarder = set.database.connect().await.unwrap();
    hoarder
        .batch_execute(
            "DO $$ DECLARE n integer := 0; BEGIN \
               LOOP n := n + 1; \
                 BEGIN PERFORM pg_advisory_lock_shared(n); EXCEPTION WHEN out_of_memory THEN EXIT; END; \
               END LOOP; \
               PERFORM pg_advisory_unlock_shared(given) FROM generate_series(n - 30, n - 1) given; END $$",
        )
        .await
        .unwrap();
    let error = statement(set.run(&plan, &quick()).await.unwrap_err());
    assert_eq!(
        error.sqlstate().map(tokio_postgres::error::SqlState::code),
        Some("53200")
    );
    assert!(
        error.remedy().contains("max_locks_per_transaction"),
        "{}",
        error.remedy()
    );
    hoarder
        .batch_execute("SELECT pg_advisory_unlock_all()")
        .await
        .unwrap();
    assert_eq!(set.month().await, "m1");
    set.assert_no_locks().await;
    set.run(&plan, &quick()).await.unwrap();
    assert_eq!(set.month().await, "m2");
}
