use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use cutover_core::records::ReleaseKind;
use cutover_swap::{Outcome, SettleError, SwapContext, SwapError, settle};

use crate::broken::{Change, proxy, through};
use crate::release_set::{ReleaseSet, quick};

/// The connection is lost while the server works on COMMIT, which then ends as `then` makes it end.
async fn check_lost_commit(change: Change, then: &str, expected: Outcome) {
    let (set, plan) = change.planned().await;
    set.database
        .execute(
            "CREATE TABLE gate AS SELECT 1; \
             CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
               WHILE EXISTS (SELECT FROM gate) LOOP PERFORM pg_sleep(0.02); END LOOP; RETURN NULL; END $$; \
             CREATE CONSTRAINT TRIGGER wait_at_commit AFTER UPDATE ON cutover.release DEFERRABLE INITIALLY DEFERRED \
               FOR EACH ROW WHEN (NEW.current AND NOT OLD.current) EXECUTE FUNCTION wait_at_commit()",
        )
        .await
        .unwrap();
    let stopper = set.database.connect().await.unwrap();
    stopper
        .batch_execute("SELECT pg_advisory_lock(42)")
        .await
        .unwrap();
    set.lock.release(&set.client).await.unwrap();
    let proxy = proxy().await;
    let mut client = through(&proxy, &set).await;
    assert!(set.lock.try_acquire(&client).await.unwrap());
    let release = set
        .records
        .open(&client, change.kind(), "label", None, "host", 1)
        .await
        .unwrap();
    let context = SwapContext {
        lock: &set.lock,
        records: &set.records,
        release,
        events: &set.events,
        observer: None,
    };
    let policy = quick();
    let cut = async {
        set.wait_until(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() \
             AND query = 'COMMIT' AND state = 'active')",
        )
        .await;
        proxy.cut();
    };
    let (result, ()) = tokio::join!(plan.run(&mut client, &context, &policy), cut);
    assert!(
        matches!(result, Err(SwapError::OutcomeUnknown { .. })),
        "{result:?}"
    );
    let early = settle(&set.client, &set.lock, &set.records, release, Duration::ZERO).await;
    assert!(matches!(early, Err(SettleError::StillAtWork { .. })), "{early:?}");
    set.database.execute(then).await.unwrap();
    let patience = Duration::from_secs(10);
    let outcome = settle(&set.client, &set.lock, &set.records, release, patience)
        .await
        .unwrap();
    assert_eq!(outcome, expected);
    change.assert_whole(&set, outcome).await;
    set.assert_no_locks().await;
}

#[tokio::test]
async fn a_commit_that_went_through_unheard_is_settled() {
    for change in [Change::Swap, Change::Rollback] {
        check_lost_commit(change, "DELETE FROM gate", Outcome::Swapped).await;
    }
}

#[tokio::test]
async fn a_commit_that_was_cut_off_unheard_is_settled() {
    let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query = 'COMMIT'";
    for change in [Change::Swap, Change::Rollback] {
        check_lost_commit(change, terminate, Outcome::NotSwapped).await;
    }
}

async fn poll_at_most<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polled = 0;
    std::future::poll_fn(|context| {
        if polled == polls {
            return Poll::Ready(None);
        }
        polled += 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

#[tokio::test]
async fn dropping_a_swap_after_any_poll_leaves_all_old_or_all_new() {
    check_dropped(Change::Swap).await;
}

#[tokio::test]
async fn dropping_a_rollback_after_any_poll_leaves_all_old_or_all_new() {
    check_dropped(Change::Rollback).await;
}

async fn check_dropped(change: Change) {
    let (mut set, plan) = change.planned().await;
    for polls in 0.. {
        let release = set.open(change.kind()).await;
        let context = SwapContext {
            lock: &set.lock,
            records: &set.records,
            release,
            events: &set.events,
            observer: None,
        };
        let policy = quick();
        let done = poll_at_most(polls, plan.run(&mut set.client, &context, &policy)).await;
        if let Some(result) = &done {
            result.as_ref().unwrap();
        }
        // The session goes on, outside any transaction, and still holds the release lock.
        set.client.batch_execute("SELECT 1").await.unwrap();
        assert!(set.lock.is_held(&set.client).await.unwrap());
        set.wait_until(
            "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = current_database() \
             AND state LIKE 'idle in transaction%'",
        )
        .await;
        let record = set.records.release(&set.client, release).await.unwrap().unwrap();
        let outcome = if record.swapped_at.is_some() {
            Outcome::Swapped
        } else {
            Outcome::NotSwapped
        };
        change.assert_whole(&set, outcome).await;
        set.assert_no_locks().await;
        if outcome == Outcome::Swapped {
            assert!(polls > 10, "{polls} polls");
            return;
        }
        assert!(done.is_none());
    }
}

#[tokio::test]
async fn a_backend_that_is_killed_under_lock_leaves_all_old() {
    for change in [Change::Swap, Change::Rollback] {
        check_killed(change).await;
    }
}

async fn check_killed(change: Change) {
    let (mut set, plan) = change.planned().await;
    // Stops half way through the switch, with every lock held.
    set.database
        .execute(
            "CREATE FUNCTION wait_here() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); END'; \
             CREATE EVENT TRIGGER wait_here ON ddl_command_start WHEN TAG IN ('CREATE VIEW') \
             EXECUTE FUNCTION wait_here()",
        )
        .await
        .unwrap();
    let observer = set.observer();
    let kill = async {
        let asleep = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
        observer
            .wait_until(&format!("SELECT EXISTS (SELECT {asleep})"))
            .await;
        observer
            .database
            .execute(&format!("SELECT pg_terminate_backend(pid) {asleep}"))
            .await
            .unwrap();
    };
    let policy = quick().exclusive_budget(Duration::from_secs(30));
    let (result, ()) = tokio::join!(set.run(&plan, &policy), kill);
    let error = result.unwrap_err();
    let SwapError::Statement(error) = &error else {
        panic!("{error:?}")
    };
    assert!(error.database_error().is_connection_lost());
    set.client = set.database.connect().await.unwrap();
    change.assert_whole(&set, Outcome::NotSwapped).await;
    set.assert_no_locks().await;
    let holder = set.lock.holder(&set.client).await.unwrap();
    assert!(holder.is_none(), "the release lock went with the session");
}

#[tokio::test]
async fn a_client_that_falls_silent_under_lock_is_ended_by_the_server() {
    let mut set = ReleaseSet::staged("m2").await;
    let plan = set.plan().await;
    let release = set.open(ReleaseKind::Release).await;
    let observer = set.observer();
    let policy = quick().exclusive_budget(Duration::from_millis(50));
    let context = SwapContext {
        lock: &set.lock,
        records: &set.records,
        release,
        events: &set.events,
        observer: None,
    };
    let mut swap = pin!(plan.run(&mut set.client, &context, &policy));
    // Poll until every lock is held, then never again, without dropping it: the client hangs.
    let held = "SELECT count(*) >= 16 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted \
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                AND relation::regclass::text !~ 'pg_'";
    loop {
        let step = std::future::poll_fn(|context| Poll::Ready(swap.as_mut().poll(context).is_ready())).await;
        assert!(!step, "the swap ended before it could be stopped");
        tokio::time::sleep(Duration::from_millis(5)).await;
        if observer.database.query_text(held).await.unwrap() == "t" {
            break;
        }
    }
    observer.assert_no_locks().await;
    assert_eq!(observer.month().await, "m1");
    assert!(swap.await.is_err());
}

#[tokio::test]
async fn futures_can_be_sent_between_threads() {
    fn assert_send<T: Send>(value: T) -> T {
        value
    }
    let mut set = ReleaseSet::staged("m2").await;
    let plan = set.plan().await;
    let release = set.open(ReleaseKind::Release).await;
    let context = SwapContext {
        lock: &set.lock,
        records: &set.records,
        release,
        events: &set.events,
        observer: None,
    };
    assert_send(plan.run(&mut set.client, &context, &quick()))
        .await
        .unwrap();
    let policy = cutover_core::NamingPolicy::default();
    let plan = assert_send(cutover_swap::rollback_plan(
        &mut set.client,
        &set.records,
        &plan.backup,
        &policy,
    ));
    plan.await.unwrap();
    let plan = assert_send(cutover_swap::retention_plan(
        &mut set.client,
        &set.records,
        cutover_swap::Retention::newest(0),
    ))
    .await
    .unwrap();
    assert_send(plan.run(&mut set.client, &set.records, &quick(), &set.events))
        .await
        .unwrap();
    assert_send(settle(
        &set.client,
        &set.lock,
        &set.records,
        release,
        Duration::ZERO,
    ))
    .await
    .unwrap();
}
