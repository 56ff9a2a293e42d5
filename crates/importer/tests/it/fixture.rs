//! What the tests share: names, a database, an import from beginning to end.

use cutover_core::{Events, Ident, QualifiedName};
use cutover_importer::{Import, ImportError, ImportOutcome, ImportPlan, LoadSettings, Source};
use cutover_testkit::{Cluster, TestDatabase};
use deadpool_postgres::{Manager, Pool};
use tokio_postgres::{Client, NoTls};

pub(crate) fn ident(name: &str) -> Ident {
    Ident::new(name).unwrap()
}

/// A name in schema `public`.
pub(crate) fn public(name: &str) -> QualifiedName {
    QualifiedName::new(ident("public"), ident(name))
}

pub(crate) fn settings() -> LoadSettings {
    LoadSettings::new([ident("public")])
}

pub(crate) fn relation(name: &str) -> Source {
    Source::Relation(public(name))
}

pub(crate) fn query(sql: &str) -> Source {
    Source::Query(sql.to_owned())
}

pub(crate) async fn database(sql: &str) -> TestDatabase {
    let database = Cluster::shared().database().await.unwrap();
    database.execute(sql).await.unwrap();
    database
}

pub(crate) fn pool(database: &TestDatabase, size: usize) -> Pool {
    let manager = Manager::new(database.url().parse().unwrap(), NoTls);
    Pool::builder(manager).max_size(size).build().unwrap()
}

/// Plans without importing.
pub(crate) async fn plan(import: &Import, target: &mut Client) -> Result<ImportPlan, ImportError> {
    let transaction = target.transaction().await.unwrap();
    ImportPlan::read(import, &settings(), &transaction, None).await
}

/// Plans an import with a source connection, without importing.
pub(crate) async fn plan_pipe(
    import: &Import,
    settings: &LoadSettings,
    target: &mut Client,
    source: &mut Client,
) -> Result<ImportPlan, ImportError> {
    let transaction = target.transaction().await.unwrap();
    let reading = source.transaction().await.unwrap();
    ImportPlan::read(import, settings, &transaction, Some(&reading)).await
}

/// Imports within one database.
pub(crate) async fn import(database: &TestDatabase, import: &Import) -> Result<ImportOutcome, ImportError> {
    let mut target = database.connect().await.unwrap();
    let plan = plan(import, &mut target).await?;
    plan.run(&mut target, None, &Events::none()).await
}

/// Imports through a pipe from a database to another, or to itself.
pub(crate) async fn import_pipe(
    from: &TestDatabase,
    to: &TestDatabase,
    import: &Import,
    settings: &LoadSettings,
) -> Result<ImportOutcome, ImportError> {
    let mut source = from.connect().await.unwrap();
    let mut target = to.connect().await.unwrap();
    let plan = plan_pipe(import, settings, &mut target, &mut source).await?;
    plan.run(&mut target, Some(&mut source), &Events::none()).await
}

/// A digest over all values of a table as text.
pub(crate) async fn checksum(database: &TestDatabase, table: &str) -> String {
    let sql =
        format!("SELECT count(*) || ' ' || md5(string_agg(t::text, E'\\n' ORDER BY id)) FROM {table} t");
    database.query_text(&sql).await.unwrap()
}

/// The error with its causes and the remedy, as an operator sees it.
pub(crate) fn told(error: &ImportError) -> String {
    let mut text = error.to_string();
    let mut cause: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str("\n  caused by: ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text + "\n  remedy: " + error.remedy()
}
