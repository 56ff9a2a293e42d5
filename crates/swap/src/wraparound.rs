//! Autovacuum that prevents transaction ID wraparound: it gives way to nobody ([25.1.5]).
//!
//! A plain autovacuum worker is cancelled by whoever has waited behind it for `deadlock_timeout`; one that prevents wraparound
//! is not, and may be at work for hours. Trying for the locks meanwhile would hold up readers at every try for nothing, so
//! it is waited for beforehand. It must not be cancelled: it would begin anew at once, and is what keeps the server alive.
//!
//! [25.1.5]: https://www.postgresql.org/docs/15/routine-vacuuming.html#VACUUM-FOR-WRAPAROUND

use std::time::{Duration, Instant};

use tokio_postgres::GenericClient;

use cutover_core::{Blocker, EventKind, Events, ObjectName, StatementError};

use crate::blockers;
use crate::error::SwapError;
use crate::pause::pause;

const POLL: Duration = Duration::from_millis(250);
/// How such a worker ends the text of what it does.
const MARK: &str = "(to prevent wraparound)";

/// Waits until no such worker holds a lock on these relations, at most for `deadline`.
///
/// A role without `pg_read_all_stats` cannot tell such a worker from others; it meets it as a blocker like any.
pub(crate) async fn wait(
    client: &impl GenericClient,
    oids: &[u32],
    object: &ObjectName,
    deadline: Duration,
    events: &Events,
) -> Result<(), SwapError> {
    let started = Instant::now();
    let mut told = false;
    loop {
        let workers = workers(client, oids, object).await?;
        let Some(first) = workers.first() else {
            return Ok(());
        };
        if started.elapsed() >= deadline {
            return Err(SwapError::AntiWraparound {
                waited: deadline,
                workers,
            });
        }
        if !told {
            told = true;
            let message = format!("waiting for a vacuum that gives way to nobody: {first}");
            events.emit(EventKind::Warning { message });
        }
        pause(client, POLL.min(deadline), object).await?;
    }
}

async fn workers(
    client: &impl GenericClient,
    oids: &[u32],
    object: &ObjectName,
) -> Result<Vec<Blocker>, StatementError> {
    let mut blockers = blockers::read(client, oids, object).await?;
    blockers.retain(|blocker| blocker.query.trim_end().ends_with(MARK));
    Ok(blockers)
}
