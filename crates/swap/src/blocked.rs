//! Which sessions of a release wait for a lock, and who is in their way: asked from any other session.

use cutover_core::records::Records;
use cutover_core::{Blocker, Ident, ObjectKind, ObjectName, QualifiedName, StatementError};
use serde::Serialize;
use tokio_postgres::GenericClient;

use crate::blockers::blocker;

/// A session that waits for a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BlockedSession {
    /// Its server process.
    pub pid: i32,
    /// What kind of lock, as `pg_locks` calls it: `relation`, `transactionid`, …
    pub lock: String,
    /// The mode it wants, as `pg_locks` calls it.
    pub mode: String,
    /// The relation, where it is one.
    pub relation: Option<QualifiedName>,
    /// For how long it has waited, in milliseconds.
    pub waited_ms: u64,
    /// Who is in its way: holders of the lock, and whoever waits for it before this session.
    pub by: Vec<Blocker>,
}

/// The sessions of this database with this application name, that of a release of the set, that wait for a lock: the longest
/// wait first.
///
/// # Locks
/// None; for each of them the server's lock manager is held up for a moment (`pg_blocking_pids`).
///
/// # Errors
/// [`StatementError`] when the server cannot be asked.
pub async fn blocked_sessions(
    client: &impl GenericClient,
    records: &Records,
    application: &str,
) -> Result<Vec<BlockedSession>, StatementError> {
    let rows = client
        .query(include_str!("sql/blocked.sql"), &[&application])
        .await
        .map_err(|error| {
            let object = ObjectName::global(ObjectKind::Release, records.release_set());
            StatementError::new("look for who blocks", object, error)
        })?;
    let mut blocked: Vec<BlockedSession> = Vec::new();
    for row in &rows {
        let pid = row.get("waiting_pid");
        if blocked.last().is_none_or(|last| last.pid != pid) {
            let ident = |column: &str| Ident::new(row.get::<_, Option<&str>>(column)?).ok();
            let relation = ident("nspname").zip(ident("relname"));
            blocked.push(BlockedSession {
                pid,
                lock: row.get("lock"),
                mode: row.get("mode"),
                relation: relation.map(|(schema, name)| QualifiedName::new(schema, name)),
                waited_ms: u64::try_from(row.get::<_, i64>("waited_ms")).unwrap_or(0),
                by: Vec::new(),
            });
        }
        if let Some(last) = blocked.last_mut()
            && row.get::<_, Option<i32>>("pid").is_some()
        {
            last.by.push(blocker(row));
        }
    }
    Ok(blocked)
}
