//! A portal behind postgres_fdw that does not answer, and rows that a role may not see.

use cutover_core::Events;
use cutover_importer::{Import, ImportPlan};
use cutover_testkit::{Cluster, TestDatabase};
use insta::assert_snapshot;
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

use crate::fixture::{database, import, public, relation, settings, told};

async fn live(port: u16, password: &str) -> TestDatabase {
    let user = Cluster::shared().superuser();
    database(&format!(
        "CREATE SERVER portal FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '{port}', dbname 'postgres'); \
         CREATE USER MAPPING FOR CURRENT_USER SERVER portal OPTIONS (user '{user}', password '{password}'); \
         CREATE FOREIGN TABLE wdpas (id int) SERVER portal; \
         CREATE VIEW portal_sites AS SELECT id FROM wdpas; \
         CREATE TABLE staging_sites (id int)"
    ))
    .await
}

/// A port of this machine where nobody listens.
fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test]
async fn an_unreachable_portal() {
    let port = closed_port();
    let db = live(port, "x").await;
    let error = import(
        &db,
        &Import::new("sites", public("staging_sites"), relation("portal_sites")),
    )
    .await
    .unwrap_err();
    assert_eq!(error.sqlstate().map(SqlState::code), Some("08001"));
    assert_snapshot!(told(&error).replace(&port.to_string(), "[port]"));
}

#[tokio::test]
async fn a_wrong_password_for_the_portal() {
    let cluster = Cluster::shared();
    let db = live(cluster.port(), "wrong").await;
    let error = import(
        &db,
        &Import::new("sites", public("staging_sites"), relation("portal_sites")),
    )
    .await
    .unwrap_err();
    assert_eq!(error.sqlstate().map(SqlState::code), Some("08001"));
    let told = told(&error);
    assert!(told.contains("password authentication failed"), "{told}");
    assert!(told.contains("user mapping"), "{told}");
    assert!(!told.contains("wrong"), "a password is never shown: {told}");
}

#[tokio::test]
async fn rows_hidden_by_row_level_security_are_an_error() {
    let db = database(
        "CREATE TABLE s (id int); ALTER TABLE s ENABLE ROW LEVEL SECURITY; INSERT INTO s VALUES (1); \
         CREATE TABLE t (id int); CREATE ROLE importer_rls LOGIN PASSWORD 'pw'; \
         GRANT SELECT ON s TO importer_rls; GRANT INSERT, SELECT ON t TO importer_rls",
    )
    .await;
    let url = Cluster::shared().url_for("importer_rls", "pw", db.name());
    let (mut client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let transaction = client.transaction().await.unwrap();
    let import = Import::new("t", public("t"), relation("s"));
    let outcome = async {
        let plan = ImportPlan::read(&import, &settings(), &transaction, None).await?;
        plan.run_in(&transaction, None, &Events::none()).await
    };
    let error = outcome.await.unwrap_err();
    assert_eq!(error.sqlstate().map(SqlState::code), Some("42501"));
    assert!(error.remedy().contains("BYPASSRLS"), "{}", told(&error));
    drop(transaction);
    drop(client);
    connection.await.unwrap().unwrap();
}
