//! Waiting, after a swap, until standbys show it.

use std::time::{Duration, Instant};

use serde::Serialize;
use tokio_postgres::GenericClient;

use cutover_core::{EventKind, Events, Ident, StatementError, millis};

use super::{POLL, positions, schema_object};
use crate::pause::pause;

/// When a standby had replayed a swap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StandbyReplay {
    /// Its application name.
    pub standby: String,
    /// How long after the call it was seen to have replayed everything before it, in milliseconds; `None` when it had not
    /// within the time given.
    pub live_after_ms: Option<u64>,
}

/// Waits until every attached standby has replayed what is committed here, a swap for one, but no longer than `patience`.
///
/// Without a standby it returns at once. One that goes away meanwhile is told as not having replayed it; so is one whose
/// position the role may not see, and it is not waited for.
///
/// # Errors
/// The server's; what was committed stays so.
pub async fn wait_for_replay(
    client: &impl GenericClient,
    schema: &Ident,
    patience: Duration,
    events: &Events,
) -> Result<Vec<StandbyReplay>, StatementError> {
    let started = Instant::now();
    let (end, standbys) = positions(client, schema).await?;
    let mut waited: Vec<(i32, StandbyReplay)> = standbys
        .into_iter()
        .map(|standby| {
            let replay = StandbyReplay {
                standby: standby.name,
                live_after_ms: None,
            };
            (standby.pid, replay)
        })
        .collect();
    loop {
        let (_, now) = positions(client, schema).await?;
        let mut open = false;
        for (pid, replay) in waited
            .iter_mut()
            .filter(|(_, replay)| replay.live_after_ms.is_none())
        {
            let replayed = now
                .iter()
                .find(|standby| standby.pid == *pid)
                .and_then(|standby| standby.replayed);
            if replayed.is_some_and(|replayed| replayed >= end) {
                let after_ms = millis(started.elapsed());
                replay.live_after_ms = Some(after_ms);
                events.emit(EventKind::LiveOnStandby {
                    standby: replay.standby.clone(),
                    after_ms,
                });
            } else {
                open |= replayed.is_some();
            }
        }
        if !open || started.elapsed() >= patience {
            return Ok(waited.into_iter().map(|(_, replay)| replay).collect());
        }
        pause(client, POLL, &schema_object(schema)).await?;
    }
}
