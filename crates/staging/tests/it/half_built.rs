//! A clone that is cut off, and what an earlier one left: all or nothing, and nothing is mixed up.

use cutover_core::Events;
use cutover_staging::{CloneOptions, LockPatience, PostDataOptions, StagingError, drop_staging};
use cutover_testkit::{Cluster, FaultProxy};

use crate::workers::connect_through;
use crate::workshop::{Workshop, plan, stage};

const SQL: &str = "CREATE TABLE app.a (id serial PRIMARY KEY, code text); CREATE INDEX a_code ON app.a (lower(code)); \
    CREATE STATISTICS app.a_both ON id, code FROM app.a; \
    CREATE TABLE app.b (a integer REFERENCES app.a, UNIQUE (a)); \
    CREATE MATERIALIZED VIEW app.m AS SELECT 1 AS one;";

const MEMBERS: [&str; 3] = ["a", "b", "m"];

#[tokio::test]
async fn a_clone_that_is_cut_off_at_any_message_happened_or_did_not() {
    let mut workshop = Workshop::new("CREATE TABLE app.a (id serial, code text)", &["a"]).await;
    let plan = plan(&workshop.snapshot().await).unwrap();
    let proxy = FaultProxy::start("127.0.0.1", Cluster::shared().port())
        .await
        .unwrap();
    let staged = "SELECT count(*) FROM pg_class WHERE relname LIKE 'staging%' AND relkind = 'r'";
    for messages in 0.. {
        let mut client = connect_through(&proxy, &workshop).await;
        proxy.cut_after_client_messages(messages);
        let result = plan.run(&mut client, &Events::none()).await;
        proxy.disarm();
        workshop.until_others_are_idle().await;
        let beside = workshop.database.query_text(staged).await.unwrap();
        if let Ok(set) = result {
            assert_eq!(beside, "1");
            assert!(messages > 20, "{messages} messages");
            set.run_post_data(&mut workshop.client, &PostDataOptions::default(), &Events::none())
                .await
                .unwrap();
            assert_eq!(workshop.differences(&set).await, []);
            return;
        }
        if beside != "0" {
            // The commit was carried out and its answer lost: all of it is there.
            assert_eq!(beside, "1");
            workshop.execute("DROP TABLE app.staging_a").await;
        }
    }
}

#[track_caller]
fn objects_in_the_way(error: StagingError) -> Vec<String> {
    assert!(error.remedy().contains("cutover abort"));
    let StagingError::InTheWay { objects } = error else {
        panic!("{error}");
    };
    objects
}

#[tokio::test]
async fn an_earlier_staging_is_refused_by_name_before_anything_is_done() {
    let mut workshop = Workshop::new(SQL, &MEMBERS).await;
    workshop.stage(&CloneOptions::default()).await;
    let snapshot = workshop.snapshot().await;
    let error = stage(&mut workshop.client, &snapshot, &CloneOptions::default())
        .await
        .unwrap_err();
    assert_eq!(objects_in_the_way(error), ["materialized view app.staging_m"]);

    workshop.execute("DROP MATERIALIZED VIEW app.staging_m").await;
    let error = stage(&mut workshop.client, &snapshot, &CloneOptions::default())
        .await
        .unwrap_err();
    assert_eq!(
        objects_in_the_way(error),
        [
            "table app.staging_a",
            "index app.staging_a_code",
            "sequence app.staging_a_id_seq",
            "index app.staging_a_pkey",
            "table app.staging_b",
            "index app.staging_b_a_key",
            "statistics object app.staging_a_both",
        ]
    );
}

#[tokio::test]
async fn whatever_has_a_name_of_staging_is_named() {
    let mut workshop = Workshop::new(
        "CREATE TABLE app.a (id integer PRIMARY KEY); CREATE TABLE app.other (id integer); \
         CREATE INDEX staging_a_pkey ON app.other (id); CREATE DOMAIN app.staging_a AS integer; \
         CREATE SCHEMA cutover_scratch",
        &["a"],
    )
    .await;
    let plan = plan(&workshop.snapshot().await).unwrap();
    let error = plan.run(&mut workshop.client, &Events::none()).await.unwrap_err();
    assert_eq!(
        objects_in_the_way(error),
        [
            "index app.staging_a_pkey",
            "type app.staging_a",
            "schema cutover_scratch"
        ]
    );
}

#[tokio::test]
async fn a_set_whose_work_after_the_load_broke_off_can_be_dropped_and_built_anew() {
    let mut workshop = Workshop::new(SQL, &MEMBERS).await;
    let snapshot = workshop.snapshot().await;
    let whole = stage(&mut workshop.client, &snapshot, &CloneOptions::default())
        .await
        .unwrap();
    let mut part = whole.clone();
    part.post_data.truncate(2);
    part.run_post_data(&mut workshop.client, &PostDataOptions::default(), &Events::none())
        .await
        .unwrap();
    drop_staging(
        &mut workshop.client,
        &whole,
        &LockPatience::default(),
        &Events::none(),
    )
    .await
    .unwrap();
    let set = workshop.stage(&CloneOptions::default()).await;
    assert_eq!(workshop.differences(&set).await, []);
}
