//! Exclusion constraints, and indexes that are not as they should be.

use std::sync::{Arc, Mutex};

use cutover_core::{Event, EventKind, Events};
use cutover_staging::{CloneOptions, PostDataOptions, StagingError};

use crate::workshop::{Workshop, plan, stage};

const SQL: &str = r#"
    CREATE EXTENSION btree_gist SCHEMA public;
    CREATE TABLE app.t (id integer, during int4range, area box, note text, tags int[]);
    ALTER TABLE app.t ADD CONSTRAINT plain EXCLUDE USING gist (during WITH &&),
        ADD CONSTRAINT several EXCLUDE USING gist (id WITH =, during WITH &&) INCLUDE (note) WITH (fillfactor = 60)
            WHERE (note <> 't' AND id > 0) DEFERRABLE INITIALLY DEFERRED,
        ADD CONSTRAINT "Computed" EXCLUDE USING gist ((id + 1) WITH =, area box_ops WITH &&) DEFERRABLE,
        ADD CONSTRAINT btrees EXCLUDE (lower(note) COLLATE "C" text_pattern_ops WITH = ),
        ADD CONSTRAINT hashed EXCLUDE USING hash (note WITH =) WHERE (note IN ('a', 'b'));
    COMMENT ON CONSTRAINT several ON app.t IS 'a constraint';
    COMMENT ON INDEX app.several IS 'its index';
    ALTER INDEX app."Computed" ALTER COLUMN 1 SET STATISTICS 77;
    ALTER TABLE app.t CLUSTER ON plain;
"#;

#[tokio::test]
async fn exclusion_constraints_of_every_kind() {
    for options in [
        CloneOptions::default(),
        CloneOptions::default().lightweight(false),
    ] {
        Workshop::new(SQL, &["t"]).await.check_identical(&options).await;
    }
}

#[tokio::test]
async fn rows_that_exclude_each_other_are_told() {
    let mut workshop = Workshop::new(SQL, &["t"]).await;
    let snapshot = workshop.snapshot().await;
    let set = stage(&mut workshop.client, &snapshot, &CloneOptions::default())
        .await
        .unwrap();
    workshop
        .execute("INSERT INTO app.staging_t VALUES (1, '[1,3)'), (2, '[2,4)')")
        .await;
    let error = set
        .run_post_data(&mut workshop.client, &PostDataOptions::default(), &Events::none())
        .await
        .unwrap_err();
    let StagingError::Statement(error) = error else {
        panic!("{error}");
    };
    assert_eq!(error.sqlstate().unwrap().code(), "23P01");
    assert!(
        error.to_string().contains(r#"constraint "staging_plain""#),
        "{error}"
    );

    workshop.execute("DELETE FROM app.staging_t WHERE id = 2").await;
    set.run_post_data(&mut workshop.client, &PostDataOptions::default(), &Events::none())
        .await
        .unwrap();
    assert_eq!(workshop.differences(&set).await, []);
}

#[tokio::test]
async fn an_invalid_index_is_told_and_built_anew() {
    let sql = "CREATE TABLE app.t (id integer, note text); CREATE INDEX fine ON app.t (id); \
        CREATE UNIQUE INDEX broken ON app.t (note) WHERE id > 0; \
        UPDATE pg_index SET indisvalid = false, indisready = false WHERE indexrelid = 'app.broken'::regclass";
    let mut workshop = Workshop::new(sql, &["t"]).await;
    let snapshot = workshop.snapshot().await;
    let clone = plan(&snapshot).unwrap();
    let [notice] = clone.notices() else {
        panic!("{:?}", clone.notices());
    };
    assert!(
        notice.starts_with(r#"index "app"."broken" of "app"."t" is invalid"#),
        "{notice}"
    );
    assert!(
        clone.to_string().contains(&format!("-- note: {notice}\n")),
        "{clone}"
    );

    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&told);
    let events = Events::to(move |event: &Event| {
        if let EventKind::Warning { message } = &event.kind {
            listener.lock().unwrap().push(message.clone());
        }
    });
    let set = clone.run(&mut workshop.client, &events).await.unwrap();
    assert_eq!(*told.lock().unwrap(), std::slice::from_ref(notice));
    set.run_post_data(&mut workshop.client, &PostDataOptions::default(), &Events::none())
        .await
        .unwrap();
    assert_eq!(workshop.differences(&set).await, []);
    let valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'app.staging_broken'::regclass";
    assert_eq!(workshop.database.query_text(valid).await.unwrap(), "t");
    workshop
        .execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'app.staging_fine'::regclass")
        .await;
    assert_eq!(
        workshop.differences(&set).await.len(),
        1,
        "one that live has valid"
    );
}
