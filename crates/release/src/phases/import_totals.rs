//! How far all importers of a phase are together, told from what each tells.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cutover_core::{Event, EventKind, EventSink, Events};

/// At most one a second: each importer tells of itself more often.
const INTERVAL: Duration = Duration::from_secs(1);

/// Listens to the importers of a phase and tells of all of them.
#[derive(Debug)]
pub(super) struct Totals {
    events: Events,
    sums: Mutex<Sums>,
}

#[derive(Debug)]
struct Sums {
    /// Importers of the phase, and those that were done before.
    importers: usize,
    done_before: usize,
    begun: BTreeMap<String, Importer>,
    told: Instant,
}

/// What an importer has told last.
#[derive(Debug, Clone, Copy, Default)]
struct Importer {
    done: bool,
    rows: u64,
    bytes: u64,
    rows_per_s: u64,
    bytes_per_s: u64,
    left_ms: Option<u64>,
}

impl Totals {
    pub(super) fn new(events: Events, importers: usize, done_before: usize) -> Self {
        Self {
            events,
            sums: Mutex::new(Sums {
                importers,
                done_before,
                begun: BTreeMap::new(),
                told: Instant::now(),
            }),
        }
    }
}

impl EventSink for Totals {
    fn emit(&self, event: &Event) {
        let told = self
            .sums
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .follow(&event.kind, Instant::now());
        if let Some(totals) = told {
            self.events.emit(totals);
        }
    }
}

impl Sums {
    /// Takes an event in; what is to be told now, if anything.
    fn follow(&mut self, event: &EventKind, now: Instant) -> Option<EventKind> {
        let is_news = match event {
            EventKind::ImportStarted { importer, .. } => {
                // Where it is tried again it begins anew, with what its chunks have.
                self.begun.insert(importer.clone(), Importer::default());
                false
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
                let state = Importer {
                    done: false,
                    rows: rows.unwrap_or_default(),
                    bytes: bytes.unwrap_or_default(),
                    rows_per_s: rows_per_s.unwrap_or_default(),
                    bytes_per_s: bytes_per_s.unwrap_or_default(),
                    left_ms: *left_ms,
                };
                self.begun.insert(importer.clone(), state);
                now.duration_since(self.told) >= INTERVAL
            }
            EventKind::ImportFinished {
                importer,
                rows,
                bytes,
                ..
            } => {
                let state = Importer {
                    done: true,
                    rows: *rows,
                    bytes: *bytes,
                    ..Importer::default()
                };
                self.begun.insert(importer.clone(), state);
                true
            }
            _ => false,
        };
        is_news.then(|| {
            self.told = now;
            self.totals()
        })
    }

    fn totals(&self) -> EventKind {
        let all = || self.begun.values();
        let done = self.done_before + all().filter(|importer| importer.done).count();
        let all_have_begun = self.done_before + self.begun.len() >= self.importers;
        let mut left: Vec<Option<u64>> = all()
            .filter(|importer| !importer.done)
            .map(|importer| importer.left_ms)
            .collect();
        if !all_have_begun {
            left.push(None);
        }
        EventKind::ImportTotals {
            done,
            importers: self.importers,
            rows: all().map(|importer| importer.rows).sum(),
            bytes: all().map(|importer| importer.bytes).sum(),
            rows_per_s: all().map(|importer| importer.rows_per_s).sum(),
            bytes_per_s: all().map(|importer| importer.bytes_per_s).sum(),
            left_ms: left
                .into_iter()
                .collect::<Option<Vec<u64>>>()
                .and_then(|all| all.into_iter().max()),
        }
    }
}

#[cfg(test)]
mod tests {
    use cutover_core::{Ident, QualifiedName};

    use super::*;

    fn started(importer: &str) -> EventKind {
        EventKind::ImportStarted {
            importer: importer.to_owned(),
            into: QualifiedName::new(Ident::new("public").unwrap(), Ident::new("t").unwrap()),
            way: String::new(),
            expected_rows: Some(1000),
        }
    }

    fn progress(importer: &str, rows: u64, left_ms: Option<u64>) -> EventKind {
        EventKind::ImportProgress {
            importer: importer.to_owned(),
            rows: Some(rows),
            bytes: Some(rows * 10),
            expected_rows: Some(1000),
            rows_per_s: Some(5),
            bytes_per_s: Some(50),
            left_ms,
        }
    }

    fn finished(importer: &str, rows: u64) -> EventKind {
        EventKind::ImportFinished {
            importer: importer.to_owned(),
            rows,
            bytes: rows * 10,
            took_ms: 1,
        }
    }

    /// What is told at the end, an hour after everything else.
    fn told(importers: usize, done_before: usize, events: &[EventKind]) -> serde_json::Value {
        let begin = Instant::now();
        let mut sums = Sums {
            importers,
            done_before,
            begun: BTreeMap::new(),
            told: begin,
        };
        let mut last = None;
        for (hour, event) in (1..).zip(events) {
            last = sums.follow(event, begin + Duration::from_hours(hour));
        }
        serde_json::to_value(last).unwrap()
    }

    #[test]
    fn those_under_way_add_up_and_the_longest_counts() {
        let told = told(
            3,
            1,
            &[
                started("a"),
                started("b"),
                progress("a", 100, Some(9000)),
                progress("b", 20, Some(4000)),
            ],
        );
        assert_eq!(told["done"], 1);
        assert_eq!((&told["rows"], &told["bytes_per_s"]), (&120.into(), &100.into()));
        assert_eq!(told["left_ms"], 9000);
    }

    #[test]
    fn no_time_left_is_told_that_is_not_known() {
        let waiting = told(2, 0, &[started("a"), progress("a", 1, Some(9000))]);
        assert!(waiting["left_ms"].is_null(), "one has not begun: {waiting}");
        let unknown = told(2, 0, &[started("a"), started("b"), progress("a", 1, Some(9000))]);
        assert!(unknown["left_ms"].is_null(), "one tells nothing: {unknown}");
        let done = told(1, 0, &[started("a"), finished("a", 7)]);
        assert!(
            done["left_ms"].is_null() && done["done"] == 1 && done["rows"] == 7,
            "{done}"
        );
    }
}
