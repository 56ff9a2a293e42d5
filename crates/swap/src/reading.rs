//! What a plan is computed from, read as of one moment.

use tokio_postgres::{Client, IsolationLevel, Transaction};

use cutover_core::records::Records;
use cutover_core::{ObjectKind, ObjectName, StatementError};

/// Begins a transaction that only reads, and in which all queries see the same rows; dropped, it leaves nothing behind.
pub(crate) async fn begin<'a>(
    client: &'a mut Client,
    records: &Records,
    purpose: &'static str,
) -> Result<Transaction<'a>, StatementError> {
    client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await
        .map_err(|error| {
            let object = ObjectName::global(ObjectKind::Release, records.release_set());
            StatementError::new(purpose, object, error)
        })
}
