//! Standbys: told before a swap, waited for after it.

use std::time::Duration;

use cutover_core::Events;
use cutover_swap::{StandbyReplay, wait_for_replay};
use tokio_postgres::Client;

use crate::Cutover;
use crate::release::with_causes;

/// How long the standbys get to show a swap before it is left at a warning.
const PATIENCE: Duration = Duration::from_secs(10);

impl Cutover {
    /// Tells when the attached standbys show the swap, and warns of those that do not yet. The swap is done: nothing here
    /// fails it.
    pub(crate) async fn wait_for_replay(
        &self,
        client: &Client,
        events: &Events,
    ) -> (Vec<StandbyReplay>, Vec<String>) {
        match wait_for_replay(client, self.schema(), PATIENCE, events).await {
            Ok(replays) => {
                let late = replays.iter().filter(|replay| replay.live_after_ms.is_none());
                let warnings = late.map(|replay| not_seen(&replay.standby)).collect();
                (replays, warnings)
            }
            Err(error) => {
                let warning = format!(
                    "it is not known whether standbys show the swap yet: {}",
                    with_causes(&error)
                );
                (Vec::new(), vec![warning])
            }
        }
    }
}

fn not_seen(standby: &str) -> String {
    format!(
        "standby {standby} was not seen to have replayed the swap within {} s: readers there see the old release, or wait, \
         until it has; see pg_stat_replication here, and pg_stat_activity there for who is in the way",
        PATIENCE.as_secs()
    )
}
