//! What the observing session does: it looks how far the builds are, or ends what runs after a failure.

use std::time::Duration;

use cutover_core::{EventKind, QualifiedName};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::workers::Backend;

/// How often running statements are cancelled again: one that begins just after a cancel is not hit by it.
const CANCEL_EVERY: Duration = Duration::from_millis(200);

/// Another session looking at the workers. Whatever goes wrong with it stops nothing.
pub(super) struct Watch<'c> {
    client: Option<&'c Client>,
    workers: Vec<Backend>,
    interval: Duration,
}

/// How far the statement of one server process has come.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) pid: i32,
    stage: String,
    counts: [i64; 4],
}

impl<'c> Watch<'c> {
    pub(super) fn new(client: Option<&'c Client>, workers: Vec<Backend>, interval: Duration) -> Self {
        Self {
            client,
            workers,
            interval,
        }
    }

    /// After the interval, what can be seen; for ever where nothing can.
    pub(super) async fn progress(&self) -> Vec<Seen> {
        let Some(client) = self.client.filter(|client| !client.is_closed()) else {
            return std::future::pending().await;
        };
        tokio::time::sleep(self.interval).await;
        let pids: Vec<i32> = self.workers.iter().map(|worker| worker.pid).collect();
        // Without the right to see another role's session there is a row with nothing but its process.
        let rows = client
            .query_typed(
                "SELECT pid, phase, blocks_done, blocks_total, tuples_done, tuples_total \
                   FROM pg_catalog.pg_stat_progress_create_index WHERE pid = ANY ($1) AND phase IS NOT NULL \
                    AND datname = pg_catalog.current_database()",
                &[(&pids, Type::INT4_ARRAY)],
            )
            .await;
        match rows {
            Ok(rows) => rows.iter().map(Seen::read).collect(),
            Err(error) => {
                tracing::debug!(%error, "could not see the progress of index builds");
                Vec::new()
            }
        }
    }

    /// Cancels what the workers run, and lets them end it.
    pub(super) async fn cancel(&self) {
        let Some(client) = self.client.filter(|client| !client.is_closed()) else {
            return std::future::pending().await;
        };
        let (pids, since): (Vec<i32>, Vec<&str>) = self
            .workers
            .iter()
            .filter_map(|worker| Some((worker.pid, worker.since.as_deref()?)))
            .unzip();
        let cancelled = client
            .query_typed(
                "SELECT pg_catalog.pg_cancel_backend(a.pid) FROM pg_catalog.pg_stat_activity a \
                   JOIN ROWS FROM (pg_catalog.unnest($1::pg_catalog.int4[]), pg_catalog.unnest($2::pg_catalog.text[])) \
                        w (pid, since) ON a.pid = w.pid AND a.backend_start = w.since::pg_catalog.timestamptz \
                  WHERE a.state = 'active'",
                &[(&pids, Type::INT4_ARRAY), (&since, Type::TEXT_ARRAY)],
            )
            .await;
        if let Err(error) = cancelled {
            tracing::debug!(%error, "could not cancel what the other workers run");
        }
        tokio::time::sleep(CANCEL_EVERY).await;
    }

    /// Waits until a cancel that was sent has been carried out, so that it cannot hit what the workers do next.
    pub(super) async fn settle(&self) {
        if let Some(client) = self.client
            && let Err(error) = client.simple_query("").await
        {
            tracing::debug!(%error, "the observing session was lost");
        }
    }
}

impl Seen {
    fn read(row: &tokio_postgres::Row) -> Self {
        // A view's counts are NULL where the role may not see them.
        let count = |column| row.get::<_, Option<i64>>(column).unwrap_or_default();
        Self {
            pid: row.get(0),
            stage: row.get(1),
            counts: [count(2), count(3), count(4), count(5)],
        }
    }

    /// As an event about `index`, which has been built for `running`.
    pub(super) fn of(self, table: &QualifiedName, index: &QualifiedName, running_ms: u64) -> EventKind {
        let [blocks_done, blocks_total, tuples_done, tuples_total] =
            self.counts.map(|count| u64::try_from(count).unwrap_or_default());
        EventKind::IndexProgress {
            index: index.clone(),
            table: table.clone(),
            stage: self.stage,
            blocks_done,
            blocks_total,
            tuples_done,
            tuples_total,
            running_ms,
        }
    }
}
