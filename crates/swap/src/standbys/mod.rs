//! Servers that replay what happens here, exclusive locks included.

mod lag; // who is too far behind; waiting for them before the swap
mod replay; // waiting until what is live here is live there
mod report; // who is attached, and what that means for readers there

use std::time::Duration;

use tokio_postgres::{GenericClient, Row};

use cutover_core::{Ident, ObjectKind, ObjectName, StatementError};

pub use lag::LagWatch;
pub(crate) use lag::wait_within;
pub use replay::{StandbyReplay, wait_for_replay};
pub use report::{Lag, Standby, StandbyReport};

/// How often positions are looked at.
const POLL: Duration = Duration::from_millis(50);

/// How far one standby has come.
struct Position {
    pid: i32,
    name: String,
    /// `None` where the role may not see it.
    replayed: Option<i64>,
}

/// Where the log ends now, and how far each standby has replayed it.
async fn positions(
    client: &impl GenericClient,
    schema: &Ident,
) -> Result<(i64, Vec<Position>), StatementError> {
    let rows = client
        .query_typed(include_str!("../sql/standby_positions.sql"), &[])
        .await
        .map_err(|error| {
            let purpose = "look how far the standbys have replayed, for the release of";
            StatementError::new(purpose, schema_object(schema), error)
        })?;
    let written = rows.first().map_or(0, |row: &Row| row.get("written"));
    let position = |row: &Row| {
        // Without a standby there is one row, which tells where the log ends.
        let pid: Option<i32> = row.get("pid");
        Some(Position {
            pid: pid?,
            name: row.get("name"),
            replayed: row.get("replayed"),
        })
    };
    Ok((written, rows.iter().filter_map(position).collect()))
}

fn schema_object(schema: &Ident) -> ObjectName {
    ObjectName::global(ObjectKind::Schema, schema)
}
