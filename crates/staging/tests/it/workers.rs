//! The work after the load by several sessions, and what goes wrong with them.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use cutover_core::{Event, EventKind, Events};
use cutover_staging::{CloneOptions, LockPatience, PostDataOptions, StagedSet, StagingError, Workers};
use cutover_testkit::{Cluster, FaultProxy};
use tokio_postgres::{Client, NoTls};

use crate::workshop::{Workshop, stage};

/// `app.slow(integer)` sleeps where a row says so, so that an index over it takes as long as a test wants.
const SQL: &str = "CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.countries (id integer PRIMARY KEY); \
    INSERT INTO elsewhere.countries VALUES (1); \
    CREATE FUNCTION app.slow(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS \
        $$BEGIN IF $1 > 0 THEN PERFORM pg_catalog.pg_sleep($1); END IF; RETURN $1; END$$; \
    CREATE TABLE app.a (id integer PRIMARY KEY, wait integer NOT NULL, filler text, \
        country integer CONSTRAINT country REFERENCES elsewhere.countries); \
    CREATE INDEX a_slow ON app.a (app.slow(wait)); CREATE INDEX a_country ON app.a (country); \
    COMMENT ON INDEX app.a_country IS 'countries'; \
    CREATE TABLE app.b (id integer PRIMARY KEY, a integer CONSTRAINT to_a REFERENCES app.a, code text); \
    CREATE UNIQUE INDEX b_code ON app.b (code); CREATE INDEX b_a ON app.b (a);";

/// Rows for twelve megabytes, so that every index of `a` is a transaction of its own.
const ROWS: &str = "INSERT INTO app.staging_a SELECT n, 0, repeat(md5(n::text), 50), 1 FROM generate_series(1, 6000) n; \
    INSERT INTO app.staging_b SELECT n, n, n FROM generate_series(1, 100) n; ";

async fn loaded(more: &str) -> (Workshop, StagedSet) {
    let mut workshop = Workshop::new(SQL, &["a", "b"]).await;
    let snapshot = workshop.snapshot().await;
    let set = stage(&mut workshop.client, &snapshot, &CloneOptions::default())
        .await
        .unwrap();
    workshop
        .execute("ALTER TABLE app.staging_a ALTER filler SET STORAGE PLAIN")
        .await;
    workshop.execute(&format!("{ROWS}{more}")).await;
    workshop
        .execute("ALTER TABLE app.staging_a ALTER filler SET STORAGE EXTENDED")
        .await;
    (workshop, set)
}

async fn sessions<const N: usize>(workshop: &Workshop) -> [Client; N] {
    let mut all = Vec::new();
    for _ in 0..N {
        all.push(workshop.database.connect().await.unwrap());
    }
    all.try_into().unwrap()
}

/// Runs with two workers that a third session watches.
async fn run_watched(workshop: &Workshop, set: &StagedSet, events: &Events) -> Result<(), StagingError> {
    let [mut one, mut two, observer] = sessions(workshop).await;
    let workers = Workers::new(&mut one).and(&mut two).watched_by(&observer);
    let options = PostDataOptions::default().progress_every(Duration::ZERO);
    set.run_post_data(workers, &options, events).await
}

async fn finish(workshop: &mut Workshop, set: &StagedSet) {
    set.run_post_data(&mut workshop.client, &PostDataOptions::default(), &Events::none())
        .await
        .unwrap();
    assert_eq!(workshop.differences(set).await, []);
}

/// Every event, and a list of them.
fn heard() -> (Arc<Mutex<Vec<EventKind>>>, Events) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    (
        heard,
        Events::to(move |event: &Event| ear.lock().unwrap().push(event.kind.clone())),
    )
}

/// Waits until a session of the database runs the build of this index.
async fn until_builds(workshop: &Workshop, index: &str) {
    let sql = format!(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' \
           AND pid <> pg_backend_pid() AND query LIKE 'CREATE%{index}%')"
    );
    while workshop.database.query_text(&sql).await.unwrap() != "t" {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn several_workers_build_what_one_would() {
    let (mut workshop, set) = loaded("").await;
    run_watched(&workshop, &set, &Events::none()).await.unwrap();
    assert_eq!(workshop.differences(&set).await, []);
    let memory = "SELECT current_setting('maintenance_work_mem')";
    let before = workshop.database.query_text(memory).await.unwrap();
    let row = workshop.client.query_one(memory, &[]).await.unwrap();
    assert_eq!(
        row.get::<_, String>(0),
        before,
        "settings end with their transactions"
    );
}

#[tokio::test]
async fn indexes_of_a_large_table_are_built_at_once_and_watched() {
    let (mut workshop, set) = loaded("UPDATE app.staging_a SET wait = 1 WHERE id = 3000; ").await;
    let (heard, events) = heard();
    run_watched(&workshop, &set, &events).await.unwrap();
    assert_eq!(workshop.differences(&set).await, []);
    let heard = heard.lock().unwrap();
    let progress: Vec<_> = heard
        .iter()
        .filter_map(|kind| match kind {
            EventKind::IndexProgress {
                index,
                table,
                blocks_total,
                stage,
                ..
            } => Some((index.name.as_str(), table.name.as_str(), *blocks_total, stage)),
            _ => None,
        })
        .collect();
    let slow: Vec<_> = progress
        .iter()
        .filter(|seen| seen.0 == "staging_a_slow")
        .collect();
    assert!(
        slow.iter().any(|seen| seen.1 == "staging_a" && seen.2 > 1000),
        "{progress:?}"
    );
    assert!(
        slow.iter()
            .all(|seen| seen.3.starts_with("building index") || seen.3 == "initializing")
    );
    // The other worker did something while the slow index was being built: it was done later.
    let built: Vec<String> = heard
        .iter()
        .filter_map(|kind| match kind {
            EventKind::StepDone { object, .. } => Some(object.to_string()),
            _ => None,
        })
        .collect();
    let place = |name: &str| built.iter().position(|object| object.contains(name)).unwrap();
    assert!(place("staging_b_code") < place("staging_a_slow"), "{built:?}");
}

#[tokio::test]
async fn who_may_not_see_the_builds_works_unwatched() {
    let (mut workshop, set) = loaded("").await;
    workshop
        .execute("CREATE ROLE ROLE_guest LOGIN PASSWORD 'secret'")
        .await;
    let guest = workshop.connect_as("guest").await;
    let [mut one, mut two] = sessions(&workshop).await;
    let workers = Workers::new(&mut one).and(&mut two).watched_by(&guest);
    let options = PostDataOptions::default().progress_every(Duration::ZERO);
    let (heard, events) = heard();
    set.run_post_data(workers, &options, &events).await.unwrap();
    assert_eq!(workshop.differences(&set).await, []);
    let told = heard.lock().unwrap();
    assert!(
        !told.iter().any(|kind| matches!(kind, EventKind::Warning { .. })),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_failure_ends_what_the_others_run() {
    // The slow index would take an hour; the other table has two rows of one key.
    let (mut workshop, set) = loaded(
        "UPDATE app.staging_a SET wait = 3600 WHERE id = 1; INSERT INTO app.staging_b VALUES (101, 1, '1'); ",
    )
    .await;
    let error = run_watched(&workshop, &set, &Events::none()).await.unwrap_err();
    let StagingError::Statement(error) = error else {
        panic!("{error}");
    };
    assert_eq!(
        error.sqlstate().unwrap().code(),
        "23505",
        "the first failure, not the cancelled statement"
    );
    assert_eq!(error.object.to_string(), r#"index "app"."staging_b_code""#);
    // Both indexes of the large table that take no time, and nothing of the transaction that failed.
    assert_eq!(error.steps_done, 2, "{error}");

    workshop
        .execute("DELETE FROM app.staging_b WHERE id = 101; UPDATE app.staging_a SET wait = 0 WHERE id = 1")
        .await;
    finish(&mut workshop, &set).await;
}

#[tokio::test]
async fn without_an_observer_the_others_are_waited_for() {
    let (mut workshop, set) = loaded(
        "UPDATE app.staging_a SET wait = 1 WHERE id = 1; INSERT INTO app.staging_b VALUES (101, 1, '1'); ",
    )
    .await;
    let [mut one, mut two] = sessions(&workshop).await;
    let workers = Workers::new(&mut one).and(&mut two);
    let error = set
        .run_post_data(workers, &PostDataOptions::default(), &Events::none())
        .await
        .unwrap_err();
    let StagingError::Statement(error) = error else {
        panic!("{error}");
    };
    assert_eq!(error.sqlstate().unwrap().code(), "23505");
    let slow = "SELECT count(*) FROM pg_class WHERE relname = 'staging_a_slow'";
    assert_eq!(workshop.database.query_text(slow).await.unwrap(), "1");
    workshop.execute("DELETE FROM app.staging_b WHERE id = 101").await;
    finish(&mut workshop, &set).await;
}

#[tokio::test]
async fn a_worker_that_is_killed_ends_the_run_and_the_next_one_completes_it() {
    let (mut workshop, set) = loaded("UPDATE app.staging_a SET wait = 3600 WHERE id = 1; ").await;
    let killing = async {
        until_builds(&workshop, "staging_a_slow").await;
        workshop
            .execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                  WHERE datname = current_database() AND query LIKE 'CREATE INDEX%staging_a_slow%'",
            )
            .await;
    };
    let events = Events::none();
    let (result, ()) = tokio::join!(run_watched(&workshop, &set, &events), killing);
    let StagingError::Statement(error) = result.unwrap_err() else {
        panic!("another error");
    };
    assert!(error.database_error().is_connection_lost(), "{error}");
    workshop
        .execute("UPDATE app.staging_a SET wait = 0 WHERE id = 1")
        .await;
    finish(&mut workshop, &set).await;
}

/// A connection that the proxy can lose.
pub(crate) async fn connect_through(proxy: &FaultProxy, workshop: &Workshop) -> Client {
    let cluster = Cluster::shared();
    let mut config = tokio_postgres::Config::new();
    config
        .host("127.0.0.1")
        .port(proxy.port())
        .user(cluster.superuser())
        .password(cluster.password())
        .dbname(workshop.database.name());
    let (client, connection) = config.connect(NoTls).await.unwrap();
    drop(tokio::spawn(connection));
    client
}

#[tokio::test]
async fn connections_that_are_cut_at_any_message_leave_what_can_be_completed() {
    let mut workshop = Workshop::new(SQL, &["a", "b"]).await;
    let snapshot = workshop.snapshot().await;
    let set = stage(&mut workshop.client, &snapshot, &CloneOptions::default())
        .await
        .unwrap();
    let proxy = FaultProxy::start("127.0.0.1", Cluster::shared().port())
        .await
        .unwrap();
    let mut cuts = 0;
    for messages in 0.. {
        let (mut one, mut two) = (
            connect_through(&proxy, &workshop).await,
            connect_through(&proxy, &workshop).await,
        );
        proxy.cut_after_client_messages(messages);
        let workers = Workers::new(&mut one).and(&mut two);
        let result = set
            .run_post_data(workers, &PostDataOptions::default(), &Events::none())
            .await;
        if !proxy.tripped() {
            result.unwrap();
            break;
        }
        cuts += 1;
        proxy.disarm();
        workshop.until_others_are_idle().await;
    }
    assert!(cuts > 10, "{cuts} cuts");
    assert_eq!(workshop.differences(&set).await, []);
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
async fn dropped_at_any_poll_it_can_be_completed() {
    let mut workshop = Workshop::new(SQL, &["a", "b"]).await;
    let snapshot = workshop.snapshot().await;
    let set = stage(&mut workshop.client, &snapshot, &CloneOptions::default())
        .await
        .unwrap();
    let [mut one, mut two, observer] = sessions(&workshop).await;
    let options = PostDataOptions::default().progress_every(Duration::ZERO);
    for polls in 0.. {
        let workers = Workers::new(&mut one).and(&mut two).watched_by(&observer);
        let done = poll_at_most(polls, set.run_post_data(workers, &options, &Events::none())).await;
        // The sessions go on, outside any transaction.
        for session in [&one, &two] {
            let row = session
                .query_one("SELECT pg_current_xact_id_if_assigned() IS NULL", &[])
                .await
                .unwrap();
            assert!(row.get::<_, bool>(0));
        }
        if let Some(result) = done {
            result.unwrap();
            assert!(polls > 10, "{polls} polls");
            break;
        }
    }
    assert_eq!(workshop.differences(&set).await, []);
}

#[tokio::test]
async fn a_held_lock_on_an_outside_table_stops_only_what_needs_it() {
    let (mut workshop, set) = loaded("").await;
    let mut writer = workshop.database.connect().await.unwrap();
    let writing = writer.transaction().await.unwrap();
    writing
        .batch_execute("INSERT INTO elsewhere.countries VALUES (2)")
        .await
        .unwrap();
    let patience = LockPatience::default()
        .lock_timeout(Duration::from_millis(50))
        .deadline(Duration::from_millis(200));
    let [mut one, mut two, observer] = sessions(&workshop).await;
    let workers = Workers::new(&mut one).and(&mut two).watched_by(&observer);
    let error = set
        .run_post_data(
            workers,
            &PostDataOptions::default().patience(patience),
            &Events::none(),
        )
        .await
        .unwrap_err();
    let StagingError::Statement(error) = error else {
        panic!("{error}");
    };
    assert_eq!(error.sqlstate().unwrap().code(), "55P03");
    assert!(error.to_string().contains(r#"constraint "country""#), "{error}");
    writing.commit().await.unwrap();
    finish(&mut workshop, &set).await;
}
