//! Pauses that whoever stops the swap can end.

use std::time::Duration;

use tokio_postgres::GenericClient;

use cutover_core::{ObjectName, Sql, StatementError};

/// A dropped future's pause goes on for this long on the server, and a cancelled one at most.
const SLICE: Duration = Duration::from_millis(250);

/// Sleeps on the server. To stop a swap its session's statements are cancelled, from this process or another machine;
/// a sleep of this process would not notice, and the swap would go on trying after it was asked to stop.
pub(crate) async fn pause(
    client: &impl GenericClient,
    length: Duration,
    object: &ObjectName,
) -> Result<(), StatementError> {
    let mut left = length;
    while !left.is_zero() {
        let slice = left.min(SLICE);
        let ms = i64::try_from(slice.as_millis()).unwrap_or(i64::MAX).max(1);
        // By the simple protocol: the extended one would leave a portal with its snapshot in an open transaction.
        let sql = Sql::text("SELECT pg_catalog.pg_sleep(")
            .number(ms)
            .then(" / 1000.0)");
        client
            .batch_execute(sql.as_str())
            .await
            .map_err(|error| StatementError::new("wait before trying again for", object.clone(), error))?;
        left -= slice;
    }
    Ok(())
}
