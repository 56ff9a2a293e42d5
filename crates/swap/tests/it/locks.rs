use std::time::{Duration, Instant};

use cutover_core::EventKind;
use cutover_swap::{LockPolicy, OldSnapshots, SwapError};

use crate::release_set::{Observer, ReleaseSet, quick};

/// Reads in a loop until stopped; returns how long the longest read took, and how many there were.
async fn read_until(set: &Observer, stop: tokio::sync::oneshot::Receiver<()>) -> (Duration, u32) {
    let client = set.database.connect().await.unwrap();
    let mut stop = stop;
    let (mut longest, mut reads) = (Duration::ZERO, 0);
    while stop.try_recv().is_err() {
        let started = Instant::now();
        client
            .query_one("SELECT count(*) FROM site_report", &[])
            .await
            .unwrap();
        longest = longest.max(started.elapsed());
        reads += 1;
        tokio::task::yield_now().await;
    }
    (longest, reads)
}

#[tokio::test]
async fn a_blocker_is_named_and_readers_go_on_until_it_lets_go() {
    let mut set = ReleaseSet::staged("m2").await;
    let plan = set.plan().await;
    let blocker = set.database.connect().await.unwrap();
    let blocking_pid: i32 = blocker
        .query_one("SELECT pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0);
    // By the simple protocol: the extended one would leave a portal with its snapshot, and that would be waited for.
    blocker
        .batch_execute("SET application_name = 'monthly report'")
        .await
        .unwrap();
    blocker
        .batch_execute("BEGIN; SELECT count(*) FROM sites WHERE name <> 'a secret'")
        .await
        .unwrap();

    let (stop, stopped) = tokio::sync::oneshot::channel();
    let observer = set.observer();
    let policy = quick().stall_budget(Duration::from_millis(60));
    let failed = || async {
        loop {
            let tries = observer.events_seen();
            let failed = tries
                .iter()
                .filter(|e| matches!(e, EventKind::LockAttemptFailed { .. }))
                .count();
            if failed >= 4 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        blocker.batch_execute("COMMIT").await.unwrap();
    };
    let swap = async {
        let report = set.run(&plan, &policy).await;
        stop.send(()).unwrap();
        report
    };
    let (report, (), (longest, reads)) = tokio::join!(swap, failed(), read_until(&observer, stopped));
    let report = report.unwrap();
    assert!(report.attempts >= 4, "{report:?}");
    assert_eq!(report.windows.len(), report.attempts as usize, "{report:?}");
    let in_order = |pair: &[cutover_swap::LockWindow]| pair[0].began < pair[1].began;
    assert!(report.windows.windows(2).all(in_order), "{report:?}");
    let last = report.windows.last().unwrap().lasted;
    assert_eq!(report.exclusive_ms, cutover_core::millis(last));
    assert!(reads > 10, "the reader was starved: {reads} reads");
    // Holding the lock for as long as the blocker does would be a second and more.
    assert!(
        longest < Duration::from_millis(500),
        "a reader waited {longest:?}"
    );
    assert_eq!(set.month().await, "m2");

    let blockers: Vec<_> = set
        .events_seen()
        .into_iter()
        .filter_map(|event| match event {
            EventKind::LockAttemptFailed {
                blockers, relation, ..
            } => Some((blockers, relation)),
            _ => None,
        })
        .collect();
    let named = blockers
        .iter()
        .flat_map(|(blockers, _)| blockers)
        .find(|b| b.pid == blocking_pid)
        .unwrap();
    assert_eq!(named.application, "monthly report");
    assert_eq!(named.user.as_deref(), Some("postgres"));
    assert!(named.query.contains("count(*) FROM sites"), "{}", named.query);
    assert!(!named.query.contains("secret"), "{}", named.query);
    // A try may meet the test's own reader on the view first; those that get past it meet the blocker.
    let named: Vec<String> = blockers
        .iter()
        .flat_map(|(_, relation)| relation)
        .map(ToString::to_string)
        .collect();
    assert!(named.contains(&r#""public"."sites""#.to_owned()), "{named:?}");
}

#[tokio::test]
async fn gives_up_at_the_deadline_naming_who_blocks() {
    let mut set = ReleaseSet::staged("m2").await;
    let plan = set.plan().await;
    let blocker = set.database.connect().await.unwrap();
    blocker
        .batch_execute("BEGIN; LOCK TABLE sources IN ACCESS SHARE MODE")
        .await
        .unwrap();
    let policy = quick()
        .deadline(Duration::from_millis(1500))
        .stall_budget(Duration::from_millis(20));
    let error = set.run(&plan, &policy).await.unwrap_err();
    let SwapError::LockDeadline {
        attempts, blockers, ..
    } = &error
    else {
        panic!("{error:?}")
    };
    assert!(*attempts >= 2);
    assert_eq!(blockers.len(), 1);
    assert!(blockers[0].query.contains("LOCK TABLE sources"));
    assert!(error.to_string().contains("pid"), "{error}");
    assert_eq!(set.month().await, "m1");
    blocker.batch_execute("COMMIT").await.unwrap();
    set.assert_no_locks().await;
    // The same plan still fits.
    set.run(&plan, &quick()).await.unwrap();
    assert_eq!(set.month().await, "m2");
}

#[tokio::test]
async fn a_prepared_transaction_in_the_way_is_named() {
    let cluster = cutover_testkit::Cluster::builder()
        .setting("max_prepared_transactions", "2")
        .start()
        .unwrap();
    let mut set = ReleaseSet::staged_on(&cluster, "m2").await;
    let plan = set.plan().await;
    set.database
        .execute("BEGIN; DELETE FROM reviews WHERE id = 1; PREPARE TRANSACTION 'night job'")
        .await
        .unwrap();
    let policy = quick()
        .deadline(Duration::from_millis(100))
        .stall_budget(Duration::from_millis(20));
    let error = set.run(&plan, &policy).await.unwrap_err();
    let SwapError::LockDeadline { blockers, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(blockers[0].backend_type, "prepared transaction");
    assert_eq!(blockers[0].query, "night job");
    set.database.execute("COMMIT PREPARED 'night job'").await.unwrap();
    set.run(&plan, &quick()).await.unwrap();
}

/// A client holds what the swap wants and then wants what the swap holds.
#[tokio::test]
async fn in_a_deadlock_the_swap_gives_way() {
    let mut set = ReleaseSet::staged("m2").await;
    let plan = set.plan().await;
    let observer = set.observer();
    let client = set.database.connect().await.unwrap();
    client
        .batch_execute("BEGIN; LOCK TABLE \"sites & countries\" IN ACCESS SHARE MODE")
        .await
        .unwrap();
    // Longer than the client's own deadlock_timeout of a second, after which it would be ended.
    let policy = quick().stall_budget(Duration::from_secs(8));
    let client_goes_on = async {
        observer
            .wait_until(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock' \
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
            )
            .await;
        let started = Instant::now();
        client
            .batch_execute("SELECT count(*) FROM sources; SELECT count(*) FROM site_report; COMMIT")
            .await
            .unwrap();
        started.elapsed()
    };
    let (report, waited) = tokio::join!(set.run(&plan, &policy), client_goes_on);
    assert!(report.unwrap().attempts > 1);
    assert!(waited < Duration::from_secs(3), "the client waited {waited:?}");
    assert_eq!(set.month().await, "m2");
}

/// What the tables say about the locks, seen half way.
#[tokio::test]
async fn only_the_planned_relations_are_locked() {
    let mut set = ReleaseSet::staged("m2").await;
    let plan = set.plan().await;
    let tx = set.client.transaction().await.unwrap();
    let locks = [&plan.lock_incoming, &plan.take_locks].map(|locks| &locks.steps);
    for step in plan
        .rename_indexes
        .steps
        .iter()
        .chain(locks.into_iter().flatten())
    {
        tx.batch_execute(step.sql.as_str()).await.unwrap();
    }
    let locked = "SELECT relation::regclass::text FROM pg_locks WHERE locktype = 'relation' \
                  AND mode = 'AccessExclusiveLock' AND pid = pg_backend_pid() ORDER BY 1";
    let rows = tx.query(locked, &[]).await.unwrap();
    let locked: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(
        locked,
        [
            "\"sites & countries\"",
            "\"staging_sites & countries\"",
            "named_sites",
            "reviews",
            "site_counts",
            "site_report",
            "sites",
            "sites_id_seq",
            "sources",
            "sources_id_seq",
            "staging_site_counts",
            "staging_sites",
            "staging_sites_id_seq",
            "staging_sources",
            "staging_sources_id_seq",
            "titled_sources",
        ]
    );
    let planned: usize = locks.into_iter().flatten().map(|step| step.locks.len()).sum();
    assert_eq!(planned, locked.len(), "the plan says what it locks");
    // The rest of the transaction needs no more of them.
    for step in &plan.switch.steps {
        tx.batch_execute(step.sql.as_str()).await.unwrap();
    }
    let more = "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation \
                WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.pid = pg_backend_pid() \
                  AND c.relkind IN ('r', 'v', 'm', 'S') AND c.relnamespace = 'public'::regnamespace";
    assert_eq!(tx.query_one(more, &[]).await.unwrap().get::<_, i64>(0), 16);
}

#[tokio::test]
async fn renamed_indexes_stop_no_reader_and_writer() {
    let mut set = ReleaseSet::staged("m2").await;
    let plan = set.plan().await;
    let reader = set.database.connect().await.unwrap();
    let tx = set.client.transaction().await.unwrap();
    for step in &plan.rename_indexes.steps {
        tx.batch_execute(step.sql.as_str()).await.unwrap();
    }
    reader
        .batch_execute(
            "SET statement_timeout = '2s'; SET enable_seqscan = off; SELECT * FROM sites WHERE lower(name) = 'x'; \
             INSERT INTO sources (title) VALUES ('m1 in between')",
        )
        .await
        .unwrap();
}

#[tokio::test]
async fn without_the_release_lock_nothing_happens() {
    let mut set = ReleaseSet::staged("m2").await;
    let plan = set.plan().await;
    set.lock.release(&set.client).await.unwrap();
    let error = set.run(&plan, &quick()).await.unwrap_err();
    assert!(matches!(error, SwapError::LockNotHeld { .. }), "{error:?}");
    assert_eq!(set.month().await, "m1");
}

#[tokio::test]
async fn a_release_lock_lost_between_two_tries_is_noticed() {
    let mut set = ReleaseSet::staged("m2").await;
    let plan = set.plan().await;
    // A pooler that moves the session would look like this: the lock is not there any more.
    set.database
        .execute(
            "CREATE FUNCTION drop_lock() RETURNS event_trigger LANGUAGE plpgsql AS \
                  'BEGIN PERFORM pg_advisory_unlock_all(); RAISE lock_not_available; END'; \
                  CREATE EVENT TRIGGER drop_lock ON ddl_command_start WHEN TAG IN ('ALTER INDEX') \
                  EXECUTE FUNCTION drop_lock()",
        )
        .await
        .unwrap();
    let error = set.run(&plan, &quick()).await.unwrap_err();
    assert!(matches!(error, SwapError::LockNotHeld { .. }), "{error:?}");
    assert_eq!(set.month().await, "m1");
}

#[tokio::test]
async fn a_catalog_that_changed_since_the_plan_is_refused() {
    for change in [
        "ALTER TABLE sites ADD COLUMN more text",
        "GRANT INSERT ON sites TO swap_reader",
        "CREATE INDEX another ON staging_sites (name)",
        "CREATE VIEW latecomer AS SELECT * FROM sources",
        "CREATE OR REPLACE VIEW named_sites AS SELECT s.id, s.name, 'x'::text AS country FROM sites s",
        "DROP TABLE staging_sites CASCADE; CREATE TABLE staging_sites (LIKE sites)",
    ] {
        let mut set = ReleaseSet::staged("m2").await;
        let plan = set.plan().await;
        set.database.execute(change).await.unwrap();
        let error = set.run(&plan, &quick()).await.unwrap_err();
        assert!(
            matches!(error, SwapError::CatalogChanged { .. }),
            "{change}: {error:?}"
        );
        assert_eq!(set.month().await, "m1");
    }
}

/// An index that comes while the swap waits for its locks.
#[tokio::test]
async fn a_catalog_that_changes_while_the_swap_waits_is_refused() {
    let mut set = ReleaseSet::staged("m2").await;
    let plan = set.plan().await;
    let observer = set.observer();
    let blocker = set.database.connect().await.unwrap();
    blocker
        .batch_execute("BEGIN; LOCK TABLE sources IN ACCESS SHARE MODE")
        .await
        .unwrap();
    let meanwhile = async {
        while observer.events_seen().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        observer
            .database
            .execute("CREATE VIEW latecomer AS SELECT id FROM sites")
            .await
            .unwrap();
        blocker.batch_execute("COMMIT").await.unwrap();
    };
    let policy = quick();
    let (result, ()) = tokio::join!(set.run(&plan, &policy), meanwhile);
    let error = result.unwrap_err();
    assert!(matches!(error, SwapError::CatalogChanged { .. }), "{error:?}");
    assert_eq!(set.month().await, "m1");
    assert_eq!(
        set.leftovers()
            .await
            .iter()
            .filter(|name| name.starts_with("bk"))
            .count(),
        0
    );
}

/// Whoever is in the way writes elsewhere, and commits while the swap waits for it: nothing of the set has changed.
#[tokio::test]
async fn a_commit_elsewhere_while_the_swap_waits_stops_nothing() {
    let mut set = ReleaseSet::staged("m2").await;
    let plan = set.plan().await;
    let observer = set.observer();
    observer
        .database
        .execute("CREATE TABLE elsewhere (n integer)")
        .await
        .unwrap();
    let writer = set.database.connect().await.unwrap();
    writer
        .batch_execute("BEGIN; LOCK TABLE sources IN ACCESS SHARE MODE; INSERT INTO elsewhere VALUES (1)")
        .await
        .unwrap();
    let meanwhile = async {
        // In line behind the writer, which is young compared with what the swap may wait.
        observer
            .wait_until(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'sources'::regclass AND NOT granted)",
            )
            .await;
        writer.batch_execute("COMMIT").await.unwrap();
    };
    let policy = quick().stall_budget(Duration::from_secs(15));
    let (report, ()) = tokio::join!(set.run(&plan, &policy), meanwhile);
    assert_eq!(report.unwrap().attempts, 2);
    assert_eq!(set.month().await, "m2");
}

/// Under lock, something takes longer than the budget: rolled back, tried again, given up.
#[tokio::test]
async fn a_swap_that_is_slow_under_lock_is_rolled_back() {
    let mut set = ReleaseSet::staged("m2").await;
    let plan = set.plan().await;
    set.database
        .execute(
            "CREATE FUNCTION slow_down() RETURNS event_trigger LANGUAGE plpgsql AS \
                  'BEGIN PERFORM pg_sleep(30); END'; \
                  CREATE EVENT TRIGGER slow_down ON ddl_command_start WHEN TAG IN ('CREATE VIEW') \
                  EXECUTE FUNCTION slow_down()",
        )
        .await
        .unwrap();
    let policy = LockPolicy::default()
        .exclusive_budget(Duration::from_millis(100))
        .deadline(Duration::from_secs(3));
    let started = Instant::now();
    let error = set.run(&plan, &policy).await.unwrap_err();
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "the server was to stop it"
    );
    assert!(
        matches!(error, SwapError::TooSlow { attempts: 2.., .. }),
        "{error:?}"
    );
    assert_eq!(set.month().await, "m1");
    set.database
        .execute("DROP EVENT TRIGGER slow_down")
        .await
        .unwrap();
    set.run(&plan, &quick()).await.unwrap();
    assert_eq!(set.month().await, "m2");
}

/// Starts a swap that cannot get on, and when it is `stuck` cancels what its session runs, as Ctrl-C and abort do: a
/// few times, since between two statements there is nothing to cancel.
async fn cancel_when(set: &mut ReleaseSet, stuck: fn(&EventKind) -> bool) -> SwapError {
    let plan = set.plan().await;
    let observer = set.observer();
    let pid: i32 = set
        .client
        .query_one("SELECT pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0);
    let cancel = async {
        while !observer.events_seen().iter().any(stuck) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for _ in 0..10 {
            let cancel = format!("SELECT pg_cancel_backend({pid})");
            observer.database.execute(&cancel).await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // For the select to tell a swap that was stopped from one that goes on.
        tokio::time::sleep(Duration::from_secs(5)).await;
    };
    let policy = LockPolicy::default()
        .stall_budget(Duration::from_millis(20))
        .longest_pause(Duration::from_secs(5));
    tokio::select! {
        result = set.run(&plan, &policy) => result.unwrap_err(),
        () = cancel => panic!("it goes on after it was cancelled"),
    }
}

#[tokio::test]
async fn a_pause_between_tries_can_be_cancelled() {
    let mut set = ReleaseSet::staged("m2").await;
    let blocker = set.database.connect().await.unwrap();
    blocker
        .batch_execute("BEGIN; LOCK TABLE sources IN ACCESS SHARE MODE")
        .await
        .unwrap();
    let long_pause = |event: &EventKind| matches!(event, EventKind::LockAttemptFailed { retry_in_ms, .. } if *retry_in_ms > 1500);
    let error = cancel_when(&mut set, long_pause).await;
    let SwapError::Statement(error) = error else {
        panic!("{error:?}")
    };
    assert_eq!(error.sqlstate().unwrap().code(), "57014");
    let tries = |events: Vec<EventKind>| {
        let long = events.iter().position(long_pause).unwrap();
        events.len() - long
    };
    assert_eq!(
        tries(set.events_seen()),
        1,
        "it tried again after it was cancelled"
    );
    assert_eq!(set.month().await, "m1");
    blocker.batch_execute("COMMIT").await.unwrap();
    set.assert_no_locks().await;
}

#[tokio::test]
async fn the_wait_for_old_snapshots_can_be_cancelled() {
    let mut set = ReleaseSet::new().await;
    let reader = set.database.connect().await.unwrap();
    reader
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        .await
        .unwrap();
    set.stage("m2").await;
    let error = cancel_when(&mut set, |event| {
        matches!(event, EventKind::WaitingForSnapshots { .. })
    })
    .await;
    let SwapError::Statement(error) = error else {
        panic!("{error:?}")
    };
    assert_eq!(error.sqlstate().unwrap().code(), "57014");
}

/// The catalog's definitions of views wait for locks on whatever the views read, also outside the set.
#[tokio::test]
async fn a_lock_on_a_table_that_a_view_joins_is_waited_for_like_any_other() {
    let mut set = ReleaseSet::staged("m2").await;
    let plan = set.plan().await;
    let blocker = set.database.connect().await.unwrap();
    blocker
        .batch_execute("BEGIN; LOCK TABLE countries IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let observer = set.observer();
    let let_go = async {
        while !observer
            .events_seen()
            .iter()
            .any(|e| matches!(e, EventKind::LockAttemptFailed { .. }))
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        blocker.batch_execute("COMMIT").await.unwrap();
    };
    let policy = quick();
    let (report, ()) = tokio::join!(set.run(&plan, &policy), let_go);
    report.unwrap();
    assert_eq!(set.month().await, "m2");
}

/// Only those who block it are cancelled, and only when that was asked for and patience has run out.
#[tokio::test]
async fn blockers_are_cancelled_when_that_was_asked_for() {
    let mut set = ReleaseSet::staged("m2").await;
    let plan = set.plan().await;
    let connect = |name: &'static str, sql: &'static str| {
        let database = set.database.clone();
        async move {
            let client = database.connect().await.unwrap();
            client
                .batch_execute(&format!("SET application_name = '{name}'; BEGIN; {sql}"))
                .await
                .unwrap();
            client
        }
    };
    let idle = connect("idle", "SELECT count(*) FROM sites").await;
    let bystander = connect("bystander", "SELECT count(*) FROM countries").await;
    let running = set.database.connect().await.unwrap();
    let sleeping = running.batch_execute(
        "SET application_name = 'running'; SELECT count(*), pg_sleep(600) FROM sources WHERE id = 1 GROUP BY id",
    );
    let observer = set.observer();
    let swap = async {
        observer
            .wait_until("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'running' AND wait_event = 'PgSleep')")
            .await;
        let policy = quick()
            .cancel_blockers_after(Duration::from_secs(1))
            .old_snapshots(OldSnapshots::Ignore);
        set.run(&plan, &policy).await
    };
    let (report, slept) = tokio::join!(swap, sleeping);
    let report = report.unwrap();
    assert!(report.attempts > 2, "patience came first: {report:?}");
    assert_eq!(slept.unwrap_err().code().unwrap().code(), "57014");
    let mut cancelled: Vec<(String, bool)> = set
        .events_seen()
        .into_iter()
        .filter_map(|event| match event {
            EventKind::BlockerCancelled { blocker, terminated } => Some((blocker.application, terminated)),
            _ => None,
        })
        .collect();
    cancelled.sort();
    assert_eq!(
        cancelled,
        [("idle".to_owned(), true), ("running".to_owned(), false)]
    );
    bystander.batch_execute("SELECT 1; COMMIT").await.unwrap();
    assert!(idle.batch_execute("SELECT 1").await.is_err());
    assert_eq!(set.month().await, "m2");
}
