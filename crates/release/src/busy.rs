//! Who holds the lock, when it is not us.

use cutover_core::ReleaseLock;
use cutover_core::records::{Records, ReleaseState};
use tokio_postgres::Client;

use crate::ReleaseError;

/// The error that names the holder. Should the holder have gone meanwhile, the lock was free a moment too late: the
/// caller is told so and may try again.
pub(crate) async fn busy(
    client: &Client,
    lock: &ReleaseLock,
    records: &Records,
) -> Result<ReleaseError, ReleaseError> {
    let Some(holder) = lock.holder(client).await? else {
        return Ok(ReleaseError::JustFreed {
            release_set: records.release_set().as_str().to_owned(),
        });
    };
    let running =
        match Records::version(client).await? {
            Some(_) => records.latest(client, 5).await?.into_iter().find(|record| {
                record.state == ReleaseState::Running && record.backend_pid == Some(holder.pid)
            }),
            None => None,
        };
    let (phase, host, client_pid, since) = match running {
        Some(record) => (
            record.phase,
            record.host,
            record.client_pid,
            Some(record.started_at),
        ),
        None => (None, None, None, None),
    };
    let mut holder = holder;
    if let Some(since) = since {
        holder.since = Some(since);
    }
    Ok(ReleaseError::Busy {
        release_set: records.release_set().as_str().to_owned(),
        holder: Box::new(holder),
        phase,
        host,
        client_pid,
    })
}
