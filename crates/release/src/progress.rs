//! What a release is at right now, kept in its record for whoever asks from elsewhere.
//!
//! The record's log of events is written when a phase is done, which may be hours away. This is overwritten meanwhile, on the
//! session that looks whether the release is asked to stop: importers' numbers every other second at most, what the swap
//! waits for at once. So the write falls into the pause between two tries for the locks; one that commits while they are
//! taken would have the swap read the catalog once more.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cutover_core::records::{ImporterNews, ImporterState, Records, WaitKind};
use cutover_core::{Event, EventKind, EventSink, StatementError};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::Client;

/// Numbers are written at most this often.
const INTERVAL: Duration = Duration::from_secs(2);

/// Listens to a release and writes down what it is at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    now: Mutex<Now>,
    /// Something has changed.
    news: Notify,
    /// Something has changed that is to be told at once.
    urgent: Notify,
}

#[derive(Debug, Default)]
struct Now {
    importers: BTreeMap<String, ImporterNews>,
    waiting: Option<(WaitKind, Value)>,
    revision: i64,
    /// Whether anything has changed since it was last written on a session that counts.
    unwritten: bool,
}

impl Progress {
    fn now(&self) -> MutexGuard<'_, Now> {
        self.0.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An importer's rows are committed, or it failed.
    pub(crate) fn ended(&self, importer: &str, state: ImporterState) {
        self.now().importer(importer).state = state;
        self.0.news.notify_one();
    }

    /// Writes what changes for as long as it is polled. A session that fails is given up: the release goes on without.
    ///
    /// Locks: rows of the records that nobody else writes meanwhile.
    pub(crate) async fn keep(&self, client: &Client, records: &Records, release: i64) -> Infallible {
        let mut written: Option<Instant> = None;
        loop {
            self.0.news.notified().await;
            if let Some(written) = written {
                // Elapsed means that it is time; otherwise it is urgent.
                let _ = timeout_at(written + INTERVAL, self.0.urgent.notified()).await;
            }
            if let Err(error) = self.write(client, records, release).await {
                tracing::warn!(release, %error, "could not tell the progress");
                return std::future::pending().await;
            }
            written = Some(Instant::now());
        }
    }

    /// Writes the last of it, when a phase is over.
    pub(crate) async fn finish(
        &self,
        client: &Client,
        records: &Records,
        release: i64,
    ) -> Result<(), StatementError> {
        if !self.now().unwritten {
            return Ok(());
        }
        self.write(client, records, release).await?;
        self.now().unwritten = false;
        Ok(())
    }

    async fn write(&self, client: &Client, records: &Records, release: i64) -> Result<(), StatementError> {
        let (revision, importers, waiting) = {
            let mut now = self.now();
            now.revision += 1;
            let importers: Vec<ImporterNews> = now.importers.values().cloned().collect();
            (now.revision, importers, now.waiting.clone())
        };
        let waiting = waiting.as_ref().map(|(kind, detail)| (*kind, detail));
        records
            .tell_progress(client, release, revision, &importers, waiting)
            .await
    }
}

impl Now {
    fn importer(&mut self, name: &str) -> &mut ImporterNews {
        self.unwritten = true;
        self.importers
            .entry(name.to_owned())
            .or_insert_with(|| ImporterNews::of(name, ImporterState::Running))
    }

    /// Takes an event in; whether it is news, and whether that is urgent.
    fn follow(&mut self, kind: &EventKind) -> Option<Urgency> {
        match kind {
            EventKind::LockAttemptFailed { .. } => Some(self.wait_for(WaitKind::Locks, kind)),
            EventKind::WaitingForSnapshots { .. } => Some(self.wait_for(WaitKind::Snapshots, kind)),
            EventKind::WaitingForStandbys { .. } => Some(self.wait_for(WaitKind::Standbys, kind)),
            EventKind::Swapped { .. } | EventKind::PhaseFinished { .. } | EventKind::PhaseFailed { .. } => {
                // It is written at the end of the phase, and never beside the swap.
                self.unwritten |= self.waiting.take().is_some();
                None
            }
            _ => self.follow_importer(kind),
        }
    }

    fn follow_importer(&mut self, kind: &EventKind) -> Option<Urgency> {
        match kind {
            EventKind::ImportStarted {
                importer,
                way,
                expected_rows,
                ..
            } => {
                let rejected = self.importer(importer).rejected;
                *self.importer(importer) = ImporterNews {
                    way: Some(way.clone()),
                    expected_rows: whole(*expected_rows),
                    rejected,
                    ..ImporterNews::of(importer, ImporterState::Running)
                };
            }
            EventKind::ImportTakenUp { importer, rows, .. } => {
                self.importer(importer).rows = whole(Some(*rows));
            }
            EventKind::ImportProgress {
                importer,
                rows,
                bytes,
                rows_per_s,
                bytes_per_s,
                left_ms,
                ..
            } => {
                // Rows move, so importers do not wait for standbys any more.
                self.waiting = None;
                let news = self.importer(importer);
                (news.rows, news.bytes) = (whole(*rows), whole(*bytes));
                (news.rows_per_s, news.bytes_per_s) = (whole(*rows_per_s), whole(*bytes_per_s));
                news.left_ms = whole(*left_ms);
            }
            EventKind::RowsRejected { importer, rejected } => {
                self.importer(importer).rejected = whole(Some(*rejected)).unwrap_or_default();
            }
            EventKind::ImportFinished {
                importer,
                rows,
                bytes,
                ..
            } => {
                // Done it is when that is committed.
                let news = self.importer(importer);
                (news.rows, news.bytes) = (whole(Some(*rows)), whole(Some(*bytes)));
                (news.rows_per_s, news.bytes_per_s, news.left_ms) = (None, None, None);
            }
            _ => return None,
        }
        Some(Urgency::Sometime)
    }

    fn wait_for(&mut self, kind: WaitKind, event: &EventKind) -> Urgency {
        self.waiting = Some((kind, serde_json::to_value(event).unwrap_or_default()));
        self.unwritten = true;
        Urgency::AtOnce
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Urgency {
    Sometime,
    AtOnce,
}

impl EventSink for Progress {
    fn emit(&self, event: &Event) {
        let urgency = self.now().follow(&event.kind);
        if let Some(urgency) = urgency {
            if urgency == Urgency::AtOnce {
                self.0.urgent.notify_one();
            }
            self.0.news.notify_one();
        }
    }
}

fn whole(count: Option<u64>) -> Option<i64> {
    count.map(|count| i64::try_from(count).unwrap_or(i64::MAX))
}
