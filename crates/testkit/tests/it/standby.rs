use cutover_testkit::{Cluster, Standby};

#[tokio::test]
async fn a_standby_follows_its_primary_and_goes_when_dropped() {
    let primary = Cluster::builder().start().unwrap();
    let database = primary.empty_database().await.unwrap();
    let standby = Standby::of(&primary, "reports", &[("max_standby_streaming_delay", "7s")]).unwrap();
    database
        .execute("CREATE TABLE followed AS SELECT 7 AS x")
        .await
        .unwrap();
    standby.catch_up_with(&database).await.unwrap();
    let copy = standby.database(&database);
    assert_eq!(copy.query_text("SELECT x FROM followed").await.unwrap(), "7");
    assert_eq!(
        copy.query_text("SHOW max_standby_streaming_delay").await.unwrap(),
        "7s"
    );
    assert!(copy.execute("INSERT INTO followed VALUES (8)").await.is_err());
    let attached = "SELECT application_name FROM pg_stat_replication";
    assert_eq!(database.query_text(attached).await.unwrap(), "reports");

    let data = standby.server().data_dir();
    assert!(data.exists());
    drop(standby);
    assert!(!data.exists());
}
