//! From a release's events to what people are told of it. This is the one place that decides.

use std::time::Duration;

use cutover_core::records::ReleaseKind;
use cutover_core::{Event, EventKind, millis};

use super::message::{Change, Hold, Message, NOTIFICATION_SCHEMA_VERSION, News};

/// Follows one release.
#[derive(Debug)]
pub(super) struct Teller {
    progress_every_ms: u64,
    release_set: String,
    release: Option<i64>,
    label: Option<String>,
    operation: ReleaseKind,
    /// The rows that go live, as last measured.
    measured: Vec<Change>,
    /// When progress was last told, or the phase began.
    progress_told_ms: u64,
}

/// Who hears of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interest {
    Everybody,
    /// Whoever wants each phase.
    Phases,
    /// Whoever wants the progress of imports.
    Imports,
}

impl Teller {
    pub(super) fn new(progress_every: Duration) -> Self {
        Self {
            progress_every_ms: millis(progress_every),
            release_set: String::new(),
            release: None,
            label: None,
            operation: ReleaseKind::Release,
            measured: Vec::new(),
            progress_told_ms: 0,
        }
    }

    /// Takes an event in, and tells what is to be told of it, and to whom. Most events are not worth a message.
    pub(super) fn follow(&mut self, event: &Event) -> Option<(Message, Interest)> {
        self.learn(event);
        let (news, interest) = self.news(event)?;
        let message = Message {
            schema_version: NOTIFICATION_SCHEMA_VERSION,
            at: event.at,
            release_set: self.release_set.clone(),
            release: self.release,
            label: self.label.clone(),
            operation: self.operation,
            text: news.text(),
            news,
        };
        Some((message, interest))
    }

    fn learn(&mut self, event: &Event) {
        match &event.kind {
            EventKind::NotBegun {
                name,
                operation,
                label,
                ..
            } => {
                self.release_set.clone_from(name);
                self.release = None;
                self.label.clone_from(label);
                self.operation = *operation;
            }
            EventKind::ReleaseStarted {
                release,
                name,
                label,
                operation,
                ..
            } => {
                self.release_set.clone_from(name);
                self.release = Some(*release);
                self.label = Some(label.clone());
                self.operation = *operation;
                self.measured.clear();
            }
            EventKind::Measured { relations } => {
                self.measured = relations.iter().map(Change::of).collect();
            }
            EventKind::PhaseStarted { .. } => self.progress_told_ms = event.elapsed_ms,
            _ => {}
        }
    }

    fn news(&mut self, event: &Event) -> Option<(News, Interest)> {
        let news = match &event.kind {
            EventKind::PhaseFinished {
                phase,
                summary,
                took_ms,
            } => {
                let news = News::PhaseComplete {
                    phase: *phase,
                    summary: summary.clone(),
                    took_ms: *took_ms,
                };
                return Some((news, Interest::Phases));
            }
            EventKind::ImportFinished {
                importer,
                rows,
                took_ms,
                ..
            } => {
                let news = News::ImportComplete {
                    importer: importer.clone(),
                    rows: *rows,
                    took_ms: *took_ms,
                };
                return Some((news, Interest::Imports));
            }
            EventKind::ImportTotals { .. } => return Some((self.progress(event)?, Interest::Imports)),
            EventKind::ReleaseStarted { .. } => News::Started,
            EventKind::NotBegun { error, remedy, .. } => News::NotBegun {
                error: error.clone(),
                remedy: remedy.clone(),
            },
            EventKind::PhaseFailed { phase, error, remedy } => News::Failed {
                phase: *phase,
                error: error.clone(),
                remedy: remedy.clone(),
            },
            EventKind::ReleaseFinished { state, .. } => News::Ended { state: state.clone() },
            EventKind::HookFailed {
                hook,
                point,
                error,
                fatal: false,
                ..
            } => News::Warning {
                message: format!("hook {hook} at {point} failed: {error}"),
            },
            EventKind::Warning { message } => News::Warning {
                message: message.clone(),
            },
            kind => self.around_the_swap(kind)?,
        };
        Some((news, Interest::Everybody))
    }

    fn around_the_swap(&self, kind: &EventKind) -> Option<News> {
        Some(match kind {
            EventKind::Held {
                waits_for_go,
                not_before,
                staging_bytes,
                ..
            } => News::Held(Hold {
                waits_for_go: *waits_for_go,
                not_before: *not_before,
                staging_bytes: *staging_bytes,
                relations: self.measured.clone(),
            }),
            EventKind::StillHeld {
                waits_for_go,
                not_before,
                staging_bytes,
                held_ms,
                ..
            } => News::StillHeld {
                held_ms: *held_ms,
                hold: Hold {
                    waits_for_go: *waits_for_go,
                    not_before: *not_before,
                    staging_bytes: *staging_bytes,
                    relations: self.measured.clone(),
                },
            },
            EventKind::Released { go, held_ms, .. } => News::Released {
                go: go.clone(),
                held_ms: *held_ms,
            },
            EventKind::Swapped {
                backup, exclusive_ms, ..
            } if self.operation == ReleaseKind::Rollback => News::RolledBack {
                backup: backup.clone(),
                exclusive_ms: *exclusive_ms,
                relations: self.measured.clone(),
            },
            EventKind::Swapped {
                backup, exclusive_ms, ..
            } => News::Swapped {
                backup: backup.clone(),
                exclusive_ms: *exclusive_ms,
                relations: self.measured.clone(),
            },
            _ => return None,
        })
    }

    /// Progress comes once a second, and is told at intervals.
    fn progress(&mut self, event: &Event) -> Option<News> {
        let EventKind::ImportTotals {
            done,
            importers,
            rows,
            rows_per_s,
            left_ms,
            ..
        } = event.kind
        else {
            return None;
        };
        if event.elapsed_ms < self.progress_told_ms.saturating_add(self.progress_every_ms) {
            return None;
        }
        self.progress_told_ms = event.elapsed_ms;
        Some(News::ImportProgress {
            done,
            importers,
            rows,
            rows_per_s,
            left_ms,
        })
    }
}
