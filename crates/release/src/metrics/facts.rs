//! What the file tells, as the events have told it.

use std::collections::BTreeMap;

use cutover_core::{Event, EventKind, Phase};
use jiff::Timestamp;

/// Every state that a record can end in, and the one it begins in.
pub(super) const STATES: [&str; 5] = ["running", "completed", "stopped", "failed", "aborted"];

/// What the file tells.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    pub(super) release_set: String,
    pub(super) release: i64,
    pub(super) label: String,
    pub(super) state: &'static str,
    pub(super) started: Option<Timestamp>,
    pub(super) ended: Option<Timestamp>,
    pub(super) phase: Option<Phase>,
    pub(super) phase_started: Option<Timestamp>,
    pub(super) phase_ms: BTreeMap<Phase, u64>,
    pub(super) held: bool,
    pub(super) importers: BTreeMap<String, Importer>,
    pub(super) live_since: Option<Timestamp>,
    pub(super) swap: Option<Swap>,
    pub(super) warnings: u64,
    /// Whether this was the last.
    pub(super) over: bool,
    /// The first write that failed.
    pub(super) problem: Option<String>,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Importer {
    pub(super) done: bool,
    pub(super) rows: Option<u64>,
    pub(super) bytes: Option<u64>,
    pub(super) expected_rows: Option<u64>,
    pub(super) rejected: u64,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Swap {
    pub(super) attempts: u32,
    pub(super) exclusive_ms: u64,
}

impl Facts {
    /// Takes an event in; whether it is to be written at once.
    pub(super) fn follow(&mut self, event: &Event) -> bool {
        match &event.kind {
            EventKind::ReleaseStarted {
                release,
                name,
                label,
                live_since,
                ..
            } => {
                *self = Self {
                    release_set: name.clone(),
                    release: *release,
                    label: label.clone(),
                    state: "running",
                    started: Some(event.at),
                    live_since: *live_since,
                    ..Self::default()
                };
                true
            }
            EventKind::PhaseStarted { phase } => {
                (self.phase, self.phase_started) = (Some(*phase), Some(event.at));
                true
            }
            EventKind::PhaseFinished { phase, took_ms, .. } => {
                self.phase_ms.insert(*phase, *took_ms);
                true
            }
            EventKind::Held { .. } => {
                self.held = true;
                true
            }
            EventKind::Released { .. } => {
                self.held = false;
                true
            }
            EventKind::Swapped {
                attempts,
                exclusive_ms,
                ..
            } => {
                self.live_since = Some(event.at);
                self.swap = Some(Swap {
                    attempts: *attempts,
                    exclusive_ms: *exclusive_ms,
                });
                true
            }
            EventKind::ReleaseFinished { state, .. } => {
                self.state = STATES
                    .into_iter()
                    .find(|known| known == state)
                    .unwrap_or_default();
                self.ended = Some(event.at);
                self.held = false;
                true
            }
            EventKind::Warning { .. } => {
                self.warnings += 1;
                false
            }
            kind => {
                self.follow_importer(kind);
                false
            }
        }
    }

    fn follow_importer(&mut self, kind: &EventKind) {
        match kind {
            EventKind::ImportStarted {
                importer,
                expected_rows,
                ..
            } => {
                let known = self.importers.entry(importer.clone()).or_default();
                *known = Importer {
                    expected_rows: *expected_rows,
                    rejected: known.rejected,
                    ..Importer::default()
                };
            }
            EventKind::ImportProgress {
                importer,
                rows,
                bytes,
                ..
            } => {
                let known = self.importers.entry(importer.clone()).or_default();
                (known.rows, known.bytes) = (*rows, *bytes);
            }
            EventKind::RowsRejected { importer, rejected } => {
                self.importers.entry(importer.clone()).or_default().rejected = *rejected;
            }
            EventKind::ImportFinished {
                importer,
                rows,
                bytes,
                ..
            } => {
                let known = self.importers.entry(importer.clone()).or_default();
                (known.done, known.rows, known.bytes) = (true, Some(*rows), Some(*bytes));
            }
            _ => {}
        }
    }
}
