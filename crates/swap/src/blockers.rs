//! Who stands in the way.

use tokio_postgres::types::Type;
use tokio_postgres::{GenericClient, Row};

use cutover_core::{Blocker, ObjectName, StatementError};

/// The sessions and prepared transactions that hold any lock on these relations, oldest first, at most twenty.
///
/// Asked after a failed attempt, on the same session: one that let go in between is not told.
pub(crate) async fn read(
    client: &impl GenericClient,
    oids: &[u32],
    wanted: &ObjectName,
) -> Result<Vec<Blocker>, StatementError> {
    let rows = client
        .query_typed(include_str!("sql/blockers.sql"), &[(&oids, Type::OID_ARRAY)])
        .await
        .map_err(|error| StatementError::new("look for who blocks", wanted.clone(), error))?;
    Ok(rows.iter().map(blocker).collect())
}

/// A row of pid, user, application, backend type, age in milliseconds and query.
pub(crate) fn blocker(row: &Row) -> Blocker {
    Blocker {
        pid: row.get("pid"),
        user: row.get("username"),
        application: row.get("application"),
        backend_type: row.get("backend_type"),
        transaction_age_ms: u64::try_from(row.get::<_, i64>("age_ms")).unwrap_or(0),
        query: row.get("query"),
    }
}
