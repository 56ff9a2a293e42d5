//! Dropped futures, killed sessions.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use cutover_core::Events;
use cutover_importer::{Import, ImportPlan};
use cutover_testkit::TestDatabase;
use tokio_postgres::error::SqlState;

use crate::fixture::{database, plan, plan_pipe, public, query, relation, settings, told};

/// Polls a future at most so many times, then drops it.
pub(crate) async fn poll_at_most<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// Returns once the query gives `t`.
pub(crate) async fn until(db: &TestDatabase, condition: &str) {
    while db.query_text(condition).await.unwrap() != "t" {
        tokio::task::yield_now().await;
    }
}

pub(crate) const NO_OTHER_SESSION: &str = "SELECT count(*) = 0 FROM pg_stat_activity \
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";

#[tokio::test]
async fn a_dropped_import_leaves_all_or_nothing() {
    let db = database("CREATE TABLE s AS SELECT n AS id, repeat('x', 2000) AS name FROM generate_series(1, 200) n; CREATE TABLE t (id int, name text)").await;
    let numbers = Import::new("t", public("t"), relation("s"));
    let mut seen = Vec::new();
    for polls in 0.. {
        let mut source = db.connect().await.unwrap();
        let mut target = db.connect().await.unwrap();
        let settings = settings().segment_bytes(50_000);
        let plan = plan_pipe(&numbers, &settings, &mut target, &mut source)
            .await
            .unwrap();
        let events = Events::none();
        let done = poll_at_most(polls, plan.run(&mut target, Some(&mut source), &events)).await;
        drop((source, target));
        until(&db, NO_OTHER_SESSION).await;
        let rows = db.query_text("SELECT count(*) FROM t").await.unwrap();
        assert!(rows == "0" || rows == "200", "{rows} rows after {polls} polls");
        if let Some(outcome) = done {
            assert_eq!(outcome.unwrap().rows, 200);
            assert_eq!(rows, "200");
            break;
        }
        if rows == "200" {
            // Dropped while the commit was on its way.
            db.execute("TRUNCATE t").await.unwrap();
        }
        seen.push(rows);
    }
    assert!(seen.len() > 10, "dropped at only {} points", seen.len());
}

/// Starts a pipe that stops half way, kills one of its sessions and lets it go on.
async fn kill_mid_copy(kill_target: bool) -> (TestDatabase, cutover_importer::ImportError) {
    let db = database("CREATE TABLE t (id int, name text)").await;
    let gate = db.connect().await.unwrap();
    gate.batch_execute("SELECT pg_advisory_lock(1)").await.unwrap();
    let numbers = Import::new(
        "t",
        public("t"),
        query(
            "SELECT n AS id, repeat('x', 500) || CASE WHEN n = 3000 THEN pg_advisory_lock_shared(1)::text ELSE '' END AS name \
               FROM generate_series(1, 20000) n",
        ),
    );
    let mut source = db.connect().await.unwrap();
    let mut target = db.connect().await.unwrap();
    let victim = if kill_target { &target } else { &source };
    let pid: i32 = victim
        .query_one("SELECT pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0);
    let plan: ImportPlan = plan_pipe(&numbers, &settings(), &mut target, &mut source)
        .await
        .unwrap();
    let events = Events::none();
    let killing = async {
        until(&db, "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'").await;
        until(&db, "SELECT count(*) = 1 FROM pg_stat_progress_copy WHERE command = 'COPY FROM' AND tuples_processed > 100").await;
        db.execute(&format!("SELECT pg_terminate_backend({pid})"))
            .await
            .unwrap();
        until(
            &db,
            &format!("SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = {pid}"),
        )
        .await;
        gate.batch_execute("SELECT pg_advisory_unlock(1)").await.unwrap();
    };
    let (outcome, ()) = tokio::join!(plan.run(&mut target, Some(&mut source), &events), killing);
    (db, outcome.unwrap_err())
}

#[tokio::test]
async fn a_target_session_killed_mid_copy_leaves_nothing() {
    let (db, error) = kill_mid_copy(true).await;
    let statement = error.statement_error().expect("a statement failed");
    assert!(
        statement.database_error().is_connection_lost(),
        "{}",
        told(&error)
    );
    assert!(
        told(&error).contains("the connection was lost"),
        "{}",
        told(&error)
    );
    assert_eq!(db.query_text("SELECT count(*) FROM t").await.unwrap(), "0");
}

#[tokio::test]
async fn a_source_session_killed_mid_copy_leaves_nothing() {
    let (db, error) = kill_mid_copy(false).await;
    let statement = error.statement_error().expect("a statement failed");
    assert!(
        statement.database_error().is_connection_lost(),
        "{}",
        told(&error)
    );
    // The server's last word may be lost with the connection.
    let last_word = error.sqlstate().map(SqlState::code);
    assert!(matches!(last_word, Some("57P01") | None), "{}", told(&error));
    assert_eq!(db.query_text("SELECT count(*) FROM t").await.unwrap(), "0");
}

#[tokio::test]
async fn a_table_locked_by_another_session_is_waited_for_so_long() {
    let db = database("CREATE TABLE s (id int); CREATE TABLE t (id int)").await;
    let mut target = db.connect().await.unwrap();
    let import = Import::new("t", public("t"), relation("s"));
    let planned = plan(&import, &mut target).await.unwrap();
    drop(planned);
    let mut other = db.connect().await.unwrap();
    let transaction = target.transaction().await.unwrap();
    let settings = settings().lock_timeout(std::time::Duration::from_millis(50));
    let planned = ImportPlan::read(&import, &settings, &transaction, None)
        .await
        .unwrap();
    transaction.rollback().await.unwrap();
    let holding = other.transaction().await.unwrap();
    holding
        .batch_execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let error = planned.run(&mut target, None, &Events::none()).await.unwrap_err();
    assert_eq!(
        error.sqlstate().map(SqlState::code),
        Some("55P03"),
        "{}",
        told(&error)
    );
}
