//! What errors say: of the server, of a lost connection, of statements.

use std::error::Error as _;

use cutover_core::{DatabaseError, Ident, ObjectKind, ObjectName, QualifiedName, StatementError};
use cutover_testkit::{Cluster, FaultProxy};
use insta::assert_snapshot;
use tokio_postgres::{Client, NoTls};

async fn client() -> Client {
    Cluster::shared()
        .empty_database()
        .await
        .unwrap()
        .connect()
        .await
        .unwrap()
}

/// The error of a statement that must fail.
async fn error(client: &Client, sql: &str) -> DatabaseError {
    client.batch_execute(sql).await.expect_err(sql).into()
}

#[tokio::test]
async fn an_error_of_the_server_is_told_in_full() {
    let client = client().await;
    client
        .batch_execute(
            "CREATE TABLE sites (id integer CONSTRAINT one_of_each PRIMARY KEY); INSERT INTO sites VALUES (1);
             CREATE FUNCTION careful() RETURNS void LANGUAGE plpgsql AS
                 $$ BEGIN RAISE 'not like this' USING hint = 'try the other way', detail = 'it is broken'; END $$",
        )
        .await
        .unwrap();
    let duplicate = error(&client, "INSERT INTO sites VALUES (1)").await;
    assert_snapshot!(
        duplicate,
        @r#"duplicate key value violates unique constraint "one_of_each" (SQLSTATE 23505, constraint one_of_each); detail: Key (id)=(1) already exists."#
    );
    assert_eq!(duplicate.sqlstate().unwrap().code(), "23505");
    assert!(duplicate.source().is_none(), "everything is in its text already");
    assert_snapshot!(
        error(&client, "SELECT careful()").await,
        @"not like this (SQLSTATE P0001); detail: it is broken; hint: try the other way; where: PL/pgSQL function careful() line 1 at RAISE"
    );
    assert_snapshot!(
        error(&client, "SELECT * FROM nowhere").await,
        @r#"relation "nowhere" does not exist (SQLSTATE 42P01)"#
    );
}

#[tokio::test]
async fn ordinary_errors_lose_no_connection_and_have_a_remedy() {
    let client = client().await;
    client
        .batch_execute(
            "CREATE TABLE t (a integer CONSTRAINT positive CHECK (a > 0)); SET statement_timeout = 0",
        )
        .await
        .unwrap();
    for (sql, state, remedy) in [
        ("SELECT * FROM nowhere", "42P01", "check its name"),
        ("SELECT nothing FROM t", "42703", "check its name"),
        ("SELECT * FROM no.where", "42P01", "check its name"),
        ("CREATE TABLE t ()", "42P07", "exists already"),
        ("INSERT INTO t VALUES (-1)", "23514", "preflight"),
        ("INSERT INTO t VALUES ('x')", "22P02", "preflight"),
        ("SET ROLE pg_monitor; TABLE pg_authid", "42501", "missing right"),
        (
            "RESET ROLE; SET statement_timeout = 1; SELECT pg_sleep(60)",
            "57014",
            "statement_timeout",
        ),
        (
            "SET statement_timeout = 0; SET default_transaction_read_only = on",
            "",
            "",
        ),
        ("CREATE TABLE u ()", "25006", "primary"),
        ("SET default_transaction_read_only = off", "", ""),
        (
            "DO $$ BEGIN RAISE 'lost' USING errcode = '08006'; END $$",
            "08006",
            "message of the server",
        ),
        (
            "DO $$ BEGIN RAISE 'lost' USING errcode = '57P01'; END $$",
            "57P01",
            "message of the server",
        ),
        ("SELECT 1 / 0", "22012", "message of the server"),
    ] {
        if state.is_empty() {
            client.batch_execute(sql).await.unwrap();
            continue;
        }
        let error = error(&client, sql).await;
        assert_eq!(error.sqlstate().unwrap().code(), state, "{sql}: {error}");
        assert!(!error.is_connection_lost(), "{sql}: {error}");
        assert!(error.remedy().contains(remedy), "{sql}: {}", error.remedy());
    }
}

#[tokio::test]
async fn a_terminated_session_is_a_lost_connection() {
    let database = Cluster::shared().empty_database().await.unwrap();
    let (victim, killer) = (
        database.connect().await.unwrap(),
        database.connect().await.unwrap(),
    );
    let pid: i32 = victim
        .query_one("SELECT pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0);
    let (during, _) = tokio::join!(error(&victim, "SELECT pg_sleep(600)"), async {
        // Not before the statement runs, or the connection would be found closed.
        while !killer
            .query_one(
                "SELECT count(*) = 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'",
                &[&pid],
            )
            .await
            .unwrap()
            .get::<_, bool>(0)
        {
            tokio::task::yield_now().await;
        }
        killer
            .execute("SELECT pg_terminate_backend($1)", &[&pid])
            .await
            .unwrap()
    });
    assert_snapshot!(during, @"terminating connection due to administrator command (SQLSTATE 57P01)");
    assert!(during.is_connection_lost());
    assert!(during.remedy().contains("the connection was lost"));

    let after = error(&victim, "SELECT 1").await;
    assert_snapshot!(after, @"connection closed");
    assert!(after.is_connection_lost());
    assert_eq!(after.sqlstate(), None);
}

#[tokio::test]
async fn timeouts_that_end_the_session_lose_the_connection() {
    for (settings, state) in [
        ("SET idle_in_transaction_session_timeout = 1; BEGIN", "25P03"),
        ("SET idle_session_timeout = 1", "57P05"),
    ] {
        let database = Cluster::shared().empty_database().await.unwrap();
        let (client, connection) = tokio_postgres::connect(database.url(), NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        client.batch_execute(settings).await.unwrap();
        // The server speaks without having been asked, so the connection hears it.
        let told = DatabaseError::from(connection.await.unwrap().unwrap_err());
        assert_eq!(told.sqlstate().unwrap().code(), state);
        assert!(told.is_connection_lost(), "{told}");
        assert!(error(&client, "SELECT 1").await.is_connection_lost());
    }
}

#[tokio::test]
async fn a_crash_of_the_server_loses_the_connection() {
    let cluster = Cluster::builder().start().unwrap();
    let database = cluster.empty_database().await.unwrap();
    let (idle, busy) = (
        database.connect().await.unwrap(),
        database.connect().await.unwrap(),
    );
    let watcher = database.connect().await.unwrap();
    let (during, ()) = tokio::join!(error(&busy, "SELECT pg_sleep(600)"), async {
        while !watcher
            .query_one(
                "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'",
                &[],
            )
            .await
            .unwrap()
            .get::<_, bool>(0)
        {
            tokio::task::yield_now().await;
        }
        cluster.stop_immediately().unwrap();
    });
    assert!(during.is_connection_lost(), "{during}");
    assert!(error(&idle, "SELECT 1").await.is_connection_lost());
    cluster.start_again().unwrap();
    database.connect().await.unwrap();
}

#[tokio::test]
async fn a_cut_wire_loses_the_connection() {
    let cluster = Cluster::shared();
    let database = cluster.empty_database().await.unwrap();
    let proxy = FaultProxy::start(cluster.host(), cluster.port()).await.unwrap();
    let url = database
        .url()
        .replace(&format!(":{}/", cluster.port()), &format!(":{}/", proxy.port()));
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    drop(tokio::spawn(connection));
    proxy.cut_after_client_messages(1);
    let cut = error(&client, "SELECT 1").await;
    assert!(cut.is_connection_lost(), "{cut}");
}

#[tokio::test]
async fn a_refused_login_lost_nothing() {
    let cluster = Cluster::shared();
    for url in [
        cluster.url_for("postgres", "wrong", "postgres"),
        cluster.url("no_such_database"),
    ] {
        let Err(error) = tokio_postgres::connect(&url, NoTls).await else {
            panic!("{url} was accepted")
        };
        let error = DatabaseError::from(error);
        assert!(!error.is_connection_lost(), "{error}");
    }
}

#[tokio::test]
async fn a_statement_error_says_what_where_and_how_far() {
    let client = client().await;
    let table = QualifiedName::new(Ident::new("public").unwrap(), Ident::new("nowhere").unwrap());
    let failed = client.batch_execute("DROP TABLE nowhere").await.unwrap_err();
    let error =
        StatementError::new("drop", ObjectName::qualified(ObjectKind::Table, &table), failed).after(3);
    assert_snapshot!(error, @r#"could not drop table "public"."nowhere" (after 3 steps)"#);
    assert_snapshot!(error.source().unwrap(), @r#"table "nowhere" does not exist (SQLSTATE 42P01)"#);
    assert!(
        error.source().unwrap().source().is_none(),
        "nothing is told twice"
    );
    assert_snapshot!(
        error.remedy(),
        @"the named object does not exist: check its name, its schema and the release file"
    );
    assert_eq!(error.sqlstate(), error.database_error().sqlstate());
    assert_eq!((error.purpose, error.steps_done), ("drop", 3));
}
