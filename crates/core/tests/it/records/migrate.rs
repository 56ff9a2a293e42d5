//! How the record store comes to be.

use cutover_core::records::{MigrationError, Records};
use cutover_testkit::{Cluster, TestDatabase};
use tokio_postgres::{Client, NoTls};

/// A connection as a new role that may do nothing in particular.
async fn connect_as_nobody(database: &TestDatabase, rights: &str) -> Client {
    let role = format!("{}_role", database.name());
    database
        .execute(&format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'x'; {}",
            rights.replace("$role", &role)
        ))
        .await
        .unwrap();
    let url = Cluster::shared().url_for(&role, "x", database.name());
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    drop(tokio::spawn(connection));
    client
}

#[tokio::test]
async fn twice_is_as_good_as_once() {
    let database = Cluster::shared().empty_database().await.unwrap();
    let mut client = database.connect().await.unwrap();
    assert_eq!(Records::version(&client).await.unwrap(), None);
    Records::migrate(&mut client).await.unwrap();
    let version = Records::version(&client).await.unwrap();
    assert!(version.is_some());
    let applied = "SELECT count(*), max(xmin::text) FROM cutover.migration";
    let before = database.query_text(applied).await.unwrap();
    Records::migrate(&mut client).await.unwrap();
    assert_eq!(Records::version(&client).await.unwrap(), version);
    assert_eq!(database.query_text(applied).await.unwrap(), before);
}

#[tokio::test]
async fn many_at_once_apply_it_once() {
    for isolation in ["read committed", "repeatable read", "serializable"] {
        let database = Cluster::shared().empty_database().await.unwrap();
        database
            .execute(&format!(
                "ALTER DATABASE {} SET default_transaction_isolation = '{isolation}'",
                database.name()
            ))
            .await
            .unwrap();
        // All of them look, find nothing, and queue behind the first lock.
        let gate = database.connect().await.unwrap();
        gate.batch_execute("SELECT pg_advisory_lock(1131770928, 0)")
            .await
            .unwrap();
        let mut migrations = tokio::task::JoinSet::new();
        for _ in 0..6 {
            let mut client = database.connect().await.unwrap();
            migrations.spawn(async move { Records::migrate(&mut client).await });
        }
        let queued = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        while database.query_text(queued).await.unwrap() != "6" {
            tokio::task::yield_now().await;
        }
        gate.batch_execute("SELECT pg_advisory_unlock(1131770928, 0)")
            .await
            .unwrap();
        while let Some(done) = migrations.join_next().await {
            done.unwrap().unwrap_or_else(|error| {
                panic!("{isolation}: {error}: {:?}", std::error::Error::source(&error))
            });
        }
        let twice = "SELECT count(*) - count(DISTINCT version) FROM cutover.migration";
        assert_eq!(database.query_text(twice).await.unwrap(), "0");
    }
}

#[tokio::test]
async fn records_of_a_newer_version_are_left_alone() {
    let database = Cluster::shared().empty_database().await.unwrap();
    let mut client = database.connect().await.unwrap();
    Records::migrate(&mut client).await.unwrap();
    let known = Records::version(&client).await.unwrap().unwrap();
    database
        .execute("INSERT INTO cutover.migration (version) VALUES (99)")
        .await
        .unwrap();
    let error = Records::migrate(&mut client).await.unwrap_err();
    assert!(
        matches!(error, MigrationError::Newer { found: 99, known: k } if k == known),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        format!("the records in schema \"cutover\" are of version 99, this program knows {known}")
    );
    assert_eq!(error.remedy(), "use the newer version of Cutover that wrote them");
}

#[tokio::test]
async fn without_the_right_to_create_nothing_happens_and_the_remedy_is_told() {
    let database = Cluster::shared().empty_database().await.unwrap();
    let mut client = connect_as_nobody(&database, "").await;
    let error = Records::migrate(&mut client).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"could not bring up to date the records in schema "cutover""#
    );
    assert!(
        error.remedy().contains("GRANT CREATE ON DATABASE"),
        "{}",
        error.remedy()
    );
    assert_eq!(Records::version(&client).await.unwrap(), None);
    assert!(
        client.batch_execute("SELECT 1").await.is_ok(),
        "the session is usable"
    );
}

#[tokio::test]
async fn a_schema_made_for_the_role_is_enough() {
    let database = Cluster::shared().empty_database().await.unwrap();
    let mut client = connect_as_nobody(&database, "CREATE SCHEMA cutover AUTHORIZATION $role").await;
    Records::migrate(&mut client).await.unwrap();
    assert!(Records::version(&client).await.unwrap().is_some());
}

#[tokio::test]
async fn somebody_elses_schema_is_refused() {
    let database = Cluster::shared().empty_database().await.unwrap();
    let mut client = connect_as_nobody(&database, "CREATE SCHEMA cutover").await;
    let error = Records::migrate(&mut client).await.unwrap_err();
    assert!(
        error.remedy().contains("owner of schema \"cutover\""),
        "{}",
        error.remedy()
    );
}

#[tokio::test]
async fn a_read_only_default_does_not_stop_it() {
    let database = Cluster::shared().empty_database().await.unwrap();
    let mut client = database.connect().await.unwrap();
    client
        .batch_execute("SET default_transaction_read_only = on; SET search_path = ''")
        .await
        .unwrap();
    Records::migrate(&mut client).await.unwrap();
    assert!(Records::version(&client).await.unwrap().is_some());
}
