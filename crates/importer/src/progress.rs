//! Progress events, not too many.

use std::time::{Duration, Instant};

use cutover_core::{EventKind, Events, millis};

use crate::pace::Pace;
use crate::{ImportPlan, WayChosen};

/// At most two a second: enough for a progress bar, little enough for a log.
const INTERVAL: Duration = Duration::from_millis(500);

/// Tells when an import began, how far it is and when it ended.
#[derive(Debug)]
pub(crate) struct Progress<'a> {
    events: &'a Events,
    plan: &'a ImportPlan,
    started: Instant,
    told: Instant,
    pace: Pace,
}

impl<'a> Progress<'a> {
    pub(crate) fn start(events: &'a Events, plan: &'a ImportPlan, way: &WayChosen) -> Self {
        events.emit(EventKind::ImportStarted {
            importer: plan.importer().to_owned(),
            into: plan.import.into_table().clone(),
            way: way.to_string(),
            expected_rows: plan.expected_rows,
        });
        let now = Instant::now();
        Self {
            events,
            plan,
            started: now,
            told: now,
            pace: Pace::default(),
        }
    }

    /// Rows and bytes sent so far; an event only when the last one is old enough.
    pub(crate) fn sent(&mut self, rows: u64, bytes: u64) {
        let now = Instant::now();
        if !self.pace.has_begun() {
            self.pace.note(now, rows, bytes);
        }
        if now.duration_since(self.told) < INTERVAL {
            return;
        }
        self.told = now;
        self.pace.note(now, rows, bytes);
        let rate = self.pace.rate(self.plan.expected_rows);
        self.events.emit(EventKind::ImportProgress {
            importer: self.plan.importer().to_owned(),
            rows: Some(rows),
            bytes: Some(bytes),
            expected_rows: self.plan.expected_rows,
            rows_per_s: rate.rows_per_s,
            bytes_per_s: rate.bytes_per_s,
            left_ms: rate.left.map(millis),
        });
    }

    pub(crate) fn finish(&self, rows: u64, bytes: u64) -> Duration {
        let took = self.started.elapsed();
        tracing::info!(
            importer = self.plan.importer(),
            relation = %self.plan.import.into_table(),
            rows,
            bytes,
            elapsed_ms = millis(took),
            "rows imported"
        );
        self.events.emit(EventKind::ImportFinished {
            importer: self.plan.importer().to_owned(),
            rows,
            bytes,
            took_ms: millis(took),
        });
        took
    }
}
