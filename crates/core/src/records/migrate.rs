//! Numbered migrations of the record store, applied in place.

use tokio_postgres::{Client, GenericClient, IsolationLevel};

use super::Records;
use crate::lock::CLASS;
use crate::{Ident, ObjectKind, ObjectName, StatementError};

/// The migrations in order; the first is number 1. Never change one that was released: add another.
const MIGRATIONS: [&str; 9] = [
    include_str!("migrations/0001_records.sql"),
    include_str!("migrations/0002_hold.sql"),
    include_str!("migrations/0003_writes.sql"),
    include_str!("migrations/0004_chunks.sql"),
    include_str!("migrations/0005_progress.sql"),
    include_str!("migrations/0006_checked.sql"),
    include_str!("migrations/0007_ranges.sql"),
    include_str!("migrations/0008_file_places.sql"),
    include_str!("migrations/0009_added_values.sql"),
];

/// The record store could not be brought up to date.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrationError {
    /// A statement failed; nothing was changed.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// A newer Cutover wrote these records.
    #[error("the records in schema \"cutover\" are of version {found}, this program knows {known}")]
    Newer {
        /// The version in the database.
        found: i32,
        /// The newest version this program knows.
        known: i32,
    },
}

impl MigrationError {
    /// What the operator can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Statement(error) if error.sqlstate().is_some_and(|state| state.code() == "42501") => {
                "connect as the owner of schema \"cutover\"; where there is none yet, GRANT CREATE ON DATABASE to the role, \
                 or have the database's owner run `CREATE SCHEMA cutover AUTHORIZATION` with the role's name"
            }
            Self::Statement(error) => error.remedy(),
            Self::Newer { .. } => "use the newer version of Cutover that wrote them",
        }
    }
}

impl Records {
    /// Creates the schema `cutover`, or brings it up to date, in one transaction.
    ///
    /// # Locks
    /// A transaction-level advisory lock, so that two programs starting at once do not collide; afterwards only
    /// locks on tables in schema `cutover`.
    ///
    /// # Cancel safety
    /// Rolled back when dropped.
    ///
    /// # Errors
    /// [`MigrationError::Newer`] when a newer Cutover wrote the records.
    pub async fn migrate(client: &mut Client) -> Result<(), MigrationError> {
        let known = i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX);
        // The common case takes no lock and no transaction.
        let found = Self::version(client).await?.unwrap_or(0);
        if found == known {
            return Ok(());
        }
        refuse_newer(found, known)?;
        // READ COMMITTED whatever the role's default: who waited for the lock must see what its holder committed.
        let tx = client
            .build_transaction()
            .isolation_level(IsolationLevel::ReadCommitted)
            .read_only(false)
            .start()
            .await
            .map_err(failed)?;
        // The class of the release locks, and a key that belongs to no release set (but for one name in 2^32, which
        // would only wait).
        tx.execute("SELECT pg_catalog.pg_advisory_xact_lock($1, 0)", &[&CLASS])
            .await
            .map_err(failed)?;
        // What the migrations create without a schema, or call, must not come from the role's own path.
        tx.batch_execute("SET LOCAL search_path = pg_catalog, pg_temp")
            .await
            .map_err(failed)?;
        create_schema(&tx).await?;
        let found = Self::version(&tx).await?.unwrap_or(0);
        refuse_newer(found, known)?;
        for (version, sql) in (1..).zip(MIGRATIONS) {
            if version > found {
                tx.batch_execute(sql).await.map_err(failed)?;
                tx.execute("INSERT INTO cutover.migration (version) VALUES ($1)", &[&version])
                    .await
                    .map_err(failed)?;
            }
        }
        tx.commit().await.map_err(failed)?;
        Ok(())
    }

    /// The version of the record store; `None` where there is none yet.
    ///
    /// # Errors
    /// [`StatementError`] when the server cannot be asked.
    pub async fn version(client: &impl GenericClient) -> Result<Option<i32>, StatementError> {
        let exists = client
            .query_one(
                "SELECT pg_catalog.to_regclass('cutover.migration') IS NOT NULL",
                &[],
            )
            .await
            .map_err(failed)?;
        if !exists.get::<_, bool>(0) {
            return Ok(None);
        }
        let row = client
            .query_one("SELECT pg_catalog.max(version) FROM cutover.migration", &[])
            .await
            .map_err(failed)?;
        Ok(row.get(0))
    }
}

fn refuse_newer(found: i32, known: i32) -> Result<(), MigrationError> {
    if found > known {
        return Err(MigrationError::Newer { found, known });
    }
    Ok(())
}

async fn create_schema(client: &impl GenericClient) -> Result<(), StatementError> {
    // `CREATE SCHEMA IF NOT EXISTS` asks for the right to create one even where it exists.
    let exists = client
        .query_one("SELECT pg_catalog.to_regnamespace('cutover') IS NOT NULL", &[])
        .await
        .map_err(failed)?;
    if !exists.get::<_, bool>(0) {
        client
            .batch_execute("CREATE SCHEMA cutover")
            .await
            .map_err(failed)?;
    }
    client
        .batch_execute(
            "CREATE TABLE IF NOT EXISTS cutover.migration \
                 (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp())",
        )
        .await
        .map_err(failed)
}

fn failed(error: tokio_postgres::Error) -> StatementError {
    let schema = ObjectName::global(ObjectKind::Schema, &Ident::fitted("cutover".to_owned()));
    StatementError::new("bring up to date the records in", schema, error)
}
