//! Who stands in the way.

use tokio_postgres::types::Type;
use tokio_postgres::{GenericClient, Row};

use cutover_core::{Blocker, ObjectName, StatementError};

use crate::query_beginning::beginning_of;

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

/// Makes the client sessions that hold any lock on these relations let go, as far as the role may. Each is told with
/// whether it was ended: one that is idle in a transaction has no statement to cancel.
pub(crate) async fn cancel(
    client: &impl GenericClient,
    oids: &[u32],
    wanted: &ObjectName,
) -> Result<Vec<(Blocker, bool)>, StatementError> {
    let rows = client
        .query_typed(
            include_str!("sql/cancel_blockers.sql"),
            &[(&oids, Type::OID_ARRAY)],
        )
        .await
        .map_err(|error| StatementError::new("cancel who blocks", wanted.clone(), error))?;
    let signalled = rows.iter().filter(|row| row.get("signalled"));
    Ok(signalled.map(|row| (blocker(row), row.get("idle"))).collect())
}

/// A row of pid, user, application, backend type, age in milliseconds and query.
pub(crate) fn blocker(row: &Row) -> Blocker {
    let (backend_type, query): (String, String) = (row.get("backend_type"), row.get("query"));
    let query = match backend_type.as_str() {
        // What these show is no query: what is vacuumed, the transaction's name, what was found out about a standby.
        "autovacuum worker" | "prepared transaction" | "walsender" => query,
        _ => beginning_of(&query),
    };
    Blocker {
        pid: row.get("pid"),
        user: row.get("username"),
        application: row.get("application"),
        backend_type,
        transaction_age_ms: u64::try_from(row.get::<_, i64>("age_ms")).unwrap_or(0),
        query,
    }
}
