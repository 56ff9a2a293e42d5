//! Old snapshots: transactions that would find the new tables by name and see them empty.
//!
//! A `REPEATABLE READ` transaction that took its snapshot before the load committed sees none of the loaded rows, yet
//! resolves names by the latest catalog: after the swap it reads an empty table, without an error.
//!
//! Everything loaded is committed when the wait begins, so every snapshot taken from then on sees it. What has to go is
//! exactly the set of snapshots that exist at that moment. Comparing `backend_xmin` with the load's last xid would be
//! simpler and wrong the other way: one long writing transaction keeps the xmin of *every* later snapshot old, and the
//! swap would wait for a transaction that endangers nobody.
//!
//! Sessions of standbys are in the same danger, and cannot be seen from here. There are three cases. Where replay of the
//! vacuum of what was loaded sets it all-visible or frozen, it conflicts with exactly those snapshots, and the standby waits
//! for them or cancels them before it comes to the swap. Where `hot_standby_feedback` is on, vacuum does neither for them,
//! yet the standby tells its oldest xmin, and that is waited for here. What was not vacuumed is not protected there.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use tokio_postgres::{GenericClient, Row};

use cutover_core::{Blocker, EventKind, Events, Ident, ObjectKind, ObjectName, StatementError};

use crate::blockers::blocker;
use crate::pause::pause;

const POLL: Duration = Duration::from_millis(100);

/// A transaction that held a snapshot when the wait began.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Holder {
    pid: i32,
    /// Its virtual transaction id, which no later transaction of its session shares.
    transaction: String,
}

/// What was left when the deadline passed.
pub(crate) enum WaitError {
    Statement(StatementError),
    StillThere(Vec<Blocker>),
}

impl From<StatementError> for WaitError {
    fn from(error: StatementError) -> Self {
        Self::Statement(error)
    }
}

/// Waits until no snapshot is left that existed when the wait began.
///
/// A session that imports an exported snapshot (`pg_dump --jobs`) is covered by the exporter, which must outlive it.
pub(crate) async fn wait(
    client: &impl GenericClient,
    schema: &Ident,
    deadline: Duration,
    events: &Events,
) -> Result<(), WaitError> {
    let started = Instant::now();
    let rows = read_all(client, schema).await?;
    let Some(since) = rows.first().map(|row| xid(row, "next_xid")) else {
        return Ok(());
    };
    let mut waited_for: HashSet<Holder> = rows.iter().map(holder).collect();
    let mut told = usize::MAX;
    loop {
        let rows = read_all(client, schema).await?;
        let mut left: Vec<&Row> = Vec::new();
        waited_for.retain(|waited| {
            let row = rows
                .iter()
                .find(|row| holder(row) == *waited && precedes(xid(row, "xmin"), since));
            left.extend(row);
            row.is_some()
        });
        if waited_for.is_empty() {
            return Ok(());
        }
        let holders: Vec<Blocker> = left.into_iter().map(blocker).collect();
        if started.elapsed() >= deadline {
            return Err(WaitError::StillThere(holders));
        }
        if waited_for.len() < told {
            told = waited_for.len();
            events.emit(EventKind::WaitingForSnapshots { holders });
        }
        pause(client, POLL, &schema_object(schema)).await?;
    }
}

/// Transactions that hold a snapshot now, oldest first.
pub(crate) async fn holders(
    client: &impl GenericClient,
    schema: &Ident,
) -> Result<Vec<Blocker>, StatementError> {
    Ok(read(client, schema).await?.iter().map(blocker).collect())
}

/// Those of this server's sessions, and those that standbys tell of.
async fn read_all(client: &impl GenericClient, schema: &Ident) -> Result<Vec<Row>, StatementError> {
    let mut rows = read(client, schema).await?;
    let standbys = client
        .query_typed(include_str!("sql/standby_snapshots.sql"), &[])
        .await
        .map_err(|error| {
            let purpose = "look for standbys' snapshots older than the load of";
            StatementError::new(purpose, schema_object(schema), error)
        })?;
    rows.extend(standbys);
    Ok(rows)
}

async fn read(client: &impl GenericClient, schema: &Ident) -> Result<Vec<Row>, StatementError> {
    client
        .query_typed(include_str!("sql/snapshots.sql"), &[])
        .await
        .map_err(|error| {
            let object = schema_object(schema);
            StatementError::new("look for snapshots older than the load of", object, error)
        })
}

fn schema_object(schema: &Ident) -> ObjectName {
    ObjectName::global(ObjectKind::Schema, schema)
}

fn holder(row: &Row) -> Holder {
    Holder {
        pid: row.get("pid"),
        transaction: row.get("transaction"),
    }
}

fn xid(row: &Row, column: &str) -> u32 {
    u32::try_from(row.get::<_, i64>(column)).unwrap_or(0)
}

/// Transaction ids compare on a circle ([25.1.5]).
///
/// [25.1.5]: https://www.postgresql.org/docs/15/routine-vacuuming.html#VACUUM-FOR-WRAPAROUND
fn precedes(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) >= 1 << 31
}

#[cfg(test)]
mod tests {
    use super::precedes;

    #[test]
    fn transaction_ids_compare_on_a_circle() {
        assert!(precedes(3, 4));
        assert!(!precedes(4, 4));
        assert!(!precedes(5, 4));
        assert!(precedes(u32::MAX, 4), "before the wrap-around");
        assert!(!precedes(4, u32::MAX));
    }
}
