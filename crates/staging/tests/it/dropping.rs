//! Dropping staging.

use cutover_core::Events;
use cutover_staging::{CloneOptions, LockPatience, StagedSet, StagingError, drop_staging};

use crate::dump;
use crate::workshop::{SCHEMA, Workshop};

const SQL: &str = "CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.countries (id integer PRIMARY KEY); \
    CREATE TABLE app.a (id serial PRIMARY KEY, b integer, country integer REFERENCES elsewhere.countries); \
    CREATE TABLE app.b (id serial PRIMARY KEY, a integer REFERENCES app.a DEFERRABLE); \
    ALTER TABLE app.a ADD FOREIGN KEY (b) REFERENCES app.b; \
    ALTER TABLE app.b ALTER a SET DEFAULT nextval('app.a_id_seq'); ALTER TABLE app.a ALTER b SET DEFAULT nextval('app.b_id_seq'); \
    CREATE STATISTICS app.s ON id, b FROM app.a; \
    CREATE MATERIALIZED VIEW app.m AS SELECT 1 AS one; CREATE MATERIALIZED VIEW app.n AS SELECT one FROM app.m;";

async fn staged() -> (Workshop, StagedSet, Vec<dump::Block>) {
    let mut workshop = Workshop::new(SQL, &["a", "b", "m", "n"]).await;
    let before = dump::blocks(&workshop.database, SCHEMA);
    let set = workshop.stage(&CloneOptions::default()).await;
    (workshop, set, before)
}

async fn drop_it(workshop: &mut Workshop, set: &StagedSet) -> Result<(), StagingError> {
    drop_staging(
        &mut workshop.client,
        set,
        &LockPatience::default(),
        &Events::none(),
    )
    .await
}

#[tokio::test]
async fn nothing_is_left_and_live_is_as_before() {
    let (mut workshop, set, before) = staged().await;
    drop_it(&mut workshop, &set).await.unwrap();
    assert_eq!(dump::blocks(&workshop.database, SCHEMA), before);
    drop_it(&mut workshop, &set).await.unwrap();
}

#[tokio::test]
async fn what_is_left_of_an_interrupted_drop_goes_too() {
    let (mut workshop, set, before) = staged().await;
    workshop
        .execute("ALTER TABLE app.staging_a DROP CONSTRAINT a_b_fkey; ALTER TABLE app.staging_b DROP CONSTRAINT b_a_fkey; \
             ALTER TABLE app.staging_a ALTER b DROP DEFAULT; DROP TABLE app.staging_b")
        .await;
    drop_it(&mut workshop, &set).await.unwrap();
    assert_eq!(dump::blocks(&workshop.database, SCHEMA), before);
}

#[tokio::test]
async fn a_dependent_outside_is_named_and_nothing_is_dropped() {
    let (mut workshop, set, _) = staged().await;
    workshop
        .execute(
            "CREATE VIEW elsewhere.v AS SELECT id FROM app.staging_a; \
             CREATE TABLE elsewhere.t (a integer CONSTRAINT t_a REFERENCES app.staging_a); \
             CREATE FUNCTION elsewhere.f() RETURNS SETOF app.staging_b LANGUAGE sql AS 'SELECT * FROM app.staging_b'",
        )
        .await;
    let before = dump::blocks(&workshop.database, SCHEMA);
    let error = drop_it(&mut workshop, &set).await.unwrap_err();
    let StagingError::InUse { dependents } = &error else {
        panic!("{error}");
    };
    assert_eq!(dependents.len(), 3, "{dependents:#?}");
    assert_eq!(dump::blocks(&workshop.database, SCHEMA), before);
}

#[tokio::test]
async fn what_a_swap_has_put_live_is_not_touched() {
    let (mut workshop, set, _) = staged().await;
    workshop
        .execute("ALTER TABLE app.a RENAME TO bk_a; ALTER TABLE app.staging_a RENAME TO a")
        .await;
    let before = dump::blocks(&workshop.database, SCHEMA);
    let error = drop_it(&mut workshop, &set).await.unwrap_err();
    assert!(matches!(error, StagingError::NotStaging { .. }), "{error}");
    workshop.execute("CREATE TABLE app.staging_a (mine text)").await;
    let error = drop_it(&mut workshop, &set).await.unwrap_err();
    assert!(matches!(error, StagingError::NotStaging { .. }), "{error}");
    workshop.execute("DROP TABLE app.staging_a").await;
    assert_eq!(dump::blocks(&workshop.database, SCHEMA), before);
}

/// Between two steps somebody puts another table in the twin's place: it stays, whatever bears the twin's name.
#[tokio::test]
async fn a_name_that_changes_hands_meanwhile_is_seen() {
    let (mut workshop, set, _) = staged().await;
    let url = workshop.database.url().to_owned();
    let swapped = std::sync::atomic::AtomicBool::new(false);
    let events = Events::to(move |event: &cutover_core::Event| {
        let step_done = matches!(event.kind, cutover_core::EventKind::StepDone { .. });
        if step_done && !swapped.swap(true, std::sync::atomic::Ordering::SeqCst) {
            rename_meanwhile(&url);
        }
    });
    let error = drop_staging(&mut workshop.client, &set, &LockPatience::default(), &events)
        .await
        .unwrap_err();
    assert!(matches!(error, StagingError::NotStaging { .. }), "{error}");
    let mine = "SELECT mine FROM app.staging_a";
    assert_eq!(workshop.database.query_text(mine).await.unwrap(), "precious");
    let moved = "SELECT 'app.elsewhere_a'::regclass::oid::text";
    let oid = set.member(&crate::workshop::ident("a")).unwrap().oid;
    assert_eq!(
        workshop.database.query_text(moved).await.unwrap(),
        oid.to_string()
    );
}

/// From a thread of its own: events are told on the one that drops.
fn rename_meanwhile(url: &str) {
    let url = url.to_owned();
    let rename = async move {
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
            .await
            .unwrap();
        let connection = tokio::spawn(connection);
        client
            .batch_execute(
                "ALTER TABLE app.staging_a RENAME TO elsewhere_a; \
                 CREATE TABLE app.staging_a (id integer, mine text); INSERT INTO app.staging_a VALUES (1, 'precious')",
            )
            .await
            .unwrap();
        drop(client);
        connection.await.unwrap().unwrap();
    };
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(rename);
    })
    .join()
    .unwrap();
}
