//! One state of a source for all sessions that read it.

use cutover_core::{DatabaseError, Session, Sql};
use tokio_postgres::Transaction;

use crate::LoadSettings;
use crate::session::KnownSettings;

/// A state of a database that several sessions can read: an exported snapshot ([9.28.5]), and the session that keeps it.
///
/// While it is there its server keeps every row version that the snapshot sees, as for any long transaction.
///
/// [9.28.5]: https://www.postgresql.org/docs/18/functions-admin.html#FUNCTIONS-SNAPSHOT-SYNCHRONIZATION
#[derive(Debug)]
pub struct SourceSnapshot {
    session: Session,
    id: String,
}

impl SourceSnapshot {
    /// Exports the present state of the session's database. A standby can do so, too.
    ///
    /// # Errors
    /// What the server said.
    pub async fn export(session: Session, settings: &LoadSettings) -> Result<Self, DatabaseError> {
        session
            .batch_execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await?;
        // It is idle for as long as the others read; the timeouts for that are among these.
        let known = KnownSettings::read(&*session).await?;
        session.batch_execute(settings.for_source(known).as_str()).await?;
        let row = session
            .query_one("SELECT pg_catalog.pg_export_snapshot()", &[])
            .await?;
        Ok(Self {
            id: row.get(0),
            session,
        })
    }

    /// Whether it can still be adopted, as far as the connection tells.
    #[must_use]
    pub fn is_there(&self) -> bool {
        !self.session.is_closed()
    }

    /// Lets a transaction read this state. It must be `REPEATABLE READ`, and this its first statement.
    ///
    /// # Errors
    /// What the server said: that it does not know the snapshot, where it is another server or database, or the session that
    /// keeps it is gone. The transaction is good for nothing then.
    pub async fn adopt(&self, reading: &Transaction<'_>) -> Result<(), DatabaseError> {
        let adopt = Sql::text("SET TRANSACTION SNAPSHOT ").literal(&self.id);
        Ok(reading.batch_execute(adopt.as_str()).await?)
    }
}
