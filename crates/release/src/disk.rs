//! What live, staging and the backup sets take on disk, in few words: for the status.

use cutover_core::records::BackupSet;
use cutover_core::{QualifiedName, Session};
use serde::Serialize;
use tokio_postgres::error::SqlState;

use crate::ReleaseError;
use crate::hold::size_of;
use crate::run::session_error;

/// What is taken on disk, in bytes. [`Cutover::space`](crate::Cutover::space) tells it by relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DiskUse {
    /// The whole database.
    pub database_bytes: u64,
    /// The live members that the release file names.
    pub live_bytes: u64,
    /// Staging that is being built, or was left behind.
    pub staging_bytes: u64,
    /// All backup sets.
    pub backup_bytes: u64,
}

impl DiskUse {
    /// Measures; `None` where somebody holds `ACCESS EXCLUSIVE` on a relation to measure, as the swap does for a moment.
    ///
    /// # Locks
    /// `ACCESS SHARE` on one relation at a time, for a moment, and waits for none.
    pub(crate) async fn read(
        session: &Session,
        live: &[QualifiedName],
        staging: &[QualifiedName],
        backups: &[BackupSet],
    ) -> Result<Option<Self>, ReleaseError> {
        let row = session
            .query_one(
                "SELECT pg_catalog.set_config('lock_timeout', '100ms', false), \
                        pg_catalog.pg_database_size(pg_catalog.current_database())",
                &[],
            )
            .await
            .map_err(|error| session_error("measure", error))?;
        let (Some(live_bytes), Some(staging_bytes)) = (
            measured(size_of(session, live).await)?,
            measured(size_of(session, staging).await)?,
        ) else {
            return Ok(None);
        };
        Ok(Some(Self {
            database_bytes: u64::try_from(row.get::<_, i64>(1)).unwrap_or(0),
            live_bytes,
            staging_bytes,
            backup_bytes: backups.iter().map(|backup| backup.bytes.unsigned_abs()).sum(),
        }))
    }
}

/// What somebody has locked is not measured; every other error is one.
fn measured(size: Result<u64, ReleaseError>) -> Result<Option<u64>, ReleaseError> {
    match size {
        Err(ReleaseError::Statement(error)) if error.sqlstate() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
            Ok(None)
        }
        size => size.map(Some),
    }
}
