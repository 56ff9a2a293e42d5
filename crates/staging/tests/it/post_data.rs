//! What is made after the rows are there.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cutover_core::{Event, EventKind, Events};
use cutover_staging::{CloneOptions, LockPatience, PostDataOptions, StagedSet, StagingError};

use crate::workshop::{Workshop, stage};

const SQL: &str = "CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.countries (id integer PRIMARY KEY); \
    INSERT INTO elsewhere.countries VALUES (1); \
    CREATE FUNCTION app.f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$; \
    CREATE TABLE app.a (id integer PRIMARY KEY, country integer CONSTRAINT country REFERENCES elsewhere.countries); \
    CREATE INDEX a_country ON app.a (country) WHERE country > 0; \
    COMMENT ON INDEX app.a_country IS 'countries'; \
    CREATE TABLE app.b (a integer CONSTRAINT to_a REFERENCES app.a, UNIQUE (a)); \
    CREATE TRIGGER t BEFORE INSERT ON app.b FOR EACH ROW EXECUTE FUNCTION app.f();";

async fn staged() -> (Workshop, StagedSet) {
    let mut workshop = Workshop::new(SQL, &["a", "b"]).await;
    let snapshot = workshop.snapshot().await;
    let set = stage(&mut workshop.client, &snapshot, &CloneOptions::default())
        .await
        .unwrap();
    (workshop, set)
}

fn counting() -> (Arc<Mutex<usize>>, Events) {
    let count = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&count);
    let events = Events::to(move |event: &Event| {
        if matches!(event.kind, EventKind::StepDone { .. }) {
            *counter.lock().unwrap() += 1;
        }
    });
    (count, events)
}

#[tokio::test]
async fn lightweight_puts_off_all_indexes_and_foreign_keys() {
    let (workshop, set) = staged().await;
    let there = "SELECT count(*) FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid WHERE c.relname LIKE 'staging%'";
    assert_eq!(workshop.database.query_text(there).await.unwrap(), "0");
    let keys = "SELECT count(*) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE c.relname LIKE 'staging%'";
    assert_eq!(workshop.database.query_text(keys).await.unwrap(), "0");
    assert_eq!(set.post_data.len(), 3 + 2 + 2 * 2 + 1 + 1);
}

#[tokio::test]
async fn a_run_after_a_failure_at_any_step_completes_it() {
    let (mut workshop, set) = staged().await;
    for done in 0..set.post_data.len() {
        // As if the process had ended after `done` steps: the rest is not even known.
        let mut part = set.clone();
        part.post_data.truncate(done);
        part.run_post_data(&mut workshop.client, &PostDataOptions::default(), &Events::none())
            .await
            .unwrap();
    }
    set.run_post_data(&mut workshop.client, &PostDataOptions::default(), &Events::none())
        .await
        .unwrap();
    assert_eq!(workshop.differences(&set).await, []);
}

#[tokio::test]
async fn done_steps_are_recognised() {
    let (mut workshop, set) = staged().await;
    let (first, events) = counting();
    set.run_post_data(&mut workshop.client, &PostDataOptions::default(), &events)
        .await
        .unwrap();
    assert_eq!(*first.lock().unwrap(), set.post_data.len());
    let (second, events) = counting();
    set.run_post_data(&mut workshop.client, &PostDataOptions::default(), &events)
        .await
        .unwrap();
    assert_eq!(*second.lock().unwrap(), 1, "only the comment is written again");
}

#[tokio::test]
async fn a_set_goes_on_from_its_record() {
    let (mut workshop, set) = staged().await;
    let record = serde_json::to_string(&set).unwrap();
    let read_back: StagedSet = serde_json::from_str(&record).unwrap();
    assert_eq!(read_back, set);
    read_back
        .run_post_data(&mut workshop.client, &PostDataOptions::default(), &Events::none())
        .await
        .unwrap();
    assert_eq!(workshop.differences(&set).await, []);
}

#[tokio::test]
async fn rows_that_break_a_key_name_it() {
    let (mut workshop, set) = staged().await;
    workshop
        .execute("INSERT INTO app.staging_a VALUES (1, 1); INSERT INTO app.staging_b VALUES (1), (2)")
        .await;
    let error = set
        .run_post_data(&mut workshop.client, &PostDataOptions::default(), &Events::none())
        .await
        .unwrap_err();
    let StagingError::Statement(error) = error else {
        panic!("{error}");
    };
    assert_eq!(error.sqlstate().unwrap().code(), "23503");
    assert!(
        error
            .to_string()
            .starts_with(r#"could not validate constraint "to_a" of "app"."staging_b""#)
    );
    workshop.execute("DELETE FROM app.staging_b WHERE a = 2").await;
    set.run_post_data(&mut workshop.client, &PostDataOptions::default(), &Events::none())
        .await
        .unwrap();
    assert_eq!(workshop.differences(&set).await, []);
}

#[tokio::test]
async fn a_writer_on_an_outside_table_is_waited_for_in_short_turns() {
    let (mut workshop, set) = staged().await;
    let mut writer = workshop.database.connect().await.unwrap();
    let writing = writer.transaction().await.unwrap();
    writing
        .batch_execute("INSERT INTO elsewhere.countries VALUES (2)")
        .await
        .unwrap();
    let turns = LockPatience::default().lock_timeout(Duration::from_millis(50));
    let hasty = PostDataOptions::default().patience(turns.deadline(Duration::ZERO));
    let error = set
        .run_post_data(&mut workshop.client, &hasty, &Events::none())
        .await
        .unwrap_err();
    assert!(error.to_string().contains(r#"constraint "country""#), "{error}");

    let (turned_away, told) = tokio::sync::oneshot::channel();
    let turned_away = Mutex::new(Some(turned_away));
    let events = Events::to(move |event: &Event| {
        if matches!(event.kind, EventKind::Warning { .. })
            && let Some(tell) = turned_away.lock().unwrap().take()
        {
            tell.send(()).unwrap();
        }
    });
    let patient = PostDataOptions::default().patience(turns);
    let (done, ()) = tokio::join!(
        set.run_post_data(&mut workshop.client, &patient, &events),
        async {
            told.await.unwrap();
            writing.commit().await.unwrap();
        }
    );
    done.unwrap();
    assert_eq!(workshop.differences(&set).await, []);
}
