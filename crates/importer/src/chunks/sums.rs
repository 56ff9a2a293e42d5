//! What all ranges of an import have come to together.

use std::sync::{Mutex, MutexGuard, PoisonError};

use cutover_core::records::{ImportSoFar, Reject};
use cutover_core::{EventKind, Events};
use tokio::sync::Mutex as AsyncMutex;

use crate::error::ImportError;
use crate::preflight::CheckReport;
use crate::progress::Progress;
use crate::{ImportOutcome, ImportPlan, WayChosen};

/// Refused rows that an error names.
const NAMED: usize = 10;

/// What has become of rows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    /// Taken by the table.
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) rejected: u64,
}

impl Tally {
    pub(super) fn of(so_far: &ImportSoFar) -> Self {
        Self {
            rows: so_far.rows.unsigned_abs(),
            bytes: so_far.bytes.unsigned_abs(),
            rejected: so_far.rejected.unsigned_abs(),
        }
    }
}

/// What the ranges have in common: how many rows they may refuse, how far they are, and which of them ends the import.
pub(super) struct Sums<'a> {
    plan: &'a ImportPlan,
    events: &'a Events,
    state: Mutex<State<'a>>,
    /// Ranges that have not ended. Held while one ends, so that one of them is the last.
    pub(super) open: AsyncMutex<usize>,
}

struct State<'a> {
    progress: Progress<'a>,
    /// For each range, rows and bytes that are sent.
    sent: Vec<(u64, u64)>,
    /// For each range, what is committed.
    committed: Vec<Tally>,
    /// In all ranges, committed or not.
    rejected: u64,
    /// The first that were refused in this run.
    first: Vec<Reject>,
}

impl<'a> Sums<'a> {
    /// For each range what it has already; and how many of them have not ended.
    pub(super) fn new(
        plan: &'a ImportPlan,
        progress: Progress<'a>,
        events: &'a Events,
        before: Vec<Tally>,
        open: usize,
    ) -> Self {
        let state = State {
            progress,
            sent: before.iter().map(|tally| (tally.rows, tally.bytes)).collect(),
            rejected: before.iter().map(|tally| tally.rejected).sum(),
            committed: before,
            first: Vec::new(),
        };
        Self {
            plan,
            events,
            state: Mutex::new(state),
            open: AsyncMutex::new(open),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rows and bytes of a range that are sent by now.
    pub(super) fn sent(&self, range: usize, rows: u64, bytes: u64) {
        let mut state = self.state();
        if let Some(sent) = state.sent.get_mut(range) {
            *sent = (rows, bytes);
        }
        let (rows, bytes) = state
            .sent
            .iter()
            .fold((0, 0), |(rows, bytes), sent| (rows + sent.0, bytes + sent.1));
        state.progress.sent(rows, bytes);
    }

    /// Counts a row that was set aside.
    pub(super) fn reject(&self, reject: Reject) {
        let mut state = self.state();
        state.rejected += 1;
        if state.first.len() < NAMED {
            state.first.push(reject);
        }
    }

    /// Whether more rows are set aside than are tolerated, whatever comes.
    pub(super) fn are_too_many_rejected(&self) -> bool {
        self.plan
            .import
            .reject_limits()
            .are_exceeded_by(self.state().rejected)
    }

    /// The same where an error could name all that it is going to name.
    pub(super) fn are_too_many_rejected_and_named(&self) -> bool {
        self.state().first.len() >= NAMED && self.are_too_many_rejected()
    }

    /// The same if so many more were set aside.
    pub(super) fn would_be_too_many_rejected_and_named(&self, more: usize) -> bool {
        let rejected = self.state().rejected + more as u64;
        more >= NAMED && self.plan.import.reject_limits().are_exceeded_by(rejected)
    }

    /// Whether more rows are set aside than are tolerated of all there are: of a range that has come to this, and of the others,
    /// which are committed.
    pub(super) fn are_too_many_rejected_in_the_end(&self, range: usize, tally: Tally) -> bool {
        let state = self.state();
        let others = (0..).zip(&state.committed).filter(|(other, _)| *other != range);
        let rows: u64 = others.map(|(_, other)| other.rows + other.rejected).sum();
        let rows = rows + tally.rows + tally.rejected;
        let limits = self.plan.import.reject_limits();
        limits.are_exceeded_in_the_end(state.rejected, rows)
    }

    /// The error that names the rows refused.
    pub(super) fn too_many(&self) -> ImportError {
        let state = self.state();
        ImportError::rejected(&self.plan.import, state.rejected, state.first.clone())
    }

    /// Notes what a range has committed by now, and tells of rows set aside with that.
    pub(super) fn commit(&self, range: usize, tally: Tally) {
        let rejected = {
            let mut state = self.state();
            let Some(committed) = state.committed.get_mut(range) else {
                return;
            };
            let before = std::mem::replace(committed, tally);
            if before.rejected == tally.rejected {
                return;
            }
            state.committed.iter().map(|tally| tally.rejected).sum()
        };
        let (importer, relation) = (self.plan.importer(), self.plan.import.into_table());
        tracing::warn!(importer, %relation, rejected, "rows set aside");
        self.events.emit(EventKind::RowsRejected {
            importer: importer.to_owned(),
            rejected,
        });
    }

    /// Tells that the import has ended, and what by.
    pub(super) fn finish(&self, way: WayChosen, checks: Vec<CheckReport>) -> ImportOutcome {
        let state = self.state();
        let all = state.committed.iter().fold(Tally::default(), |sum, tally| Tally {
            rows: sum.rows + tally.rows,
            bytes: sum.bytes + tally.bytes,
            rejected: sum.rejected + tally.rejected,
        });
        ImportOutcome {
            rows: all.rows,
            bytes: all.bytes,
            rejected: all.rejected,
            took: state.progress.finish(all.rows, all.bytes),
            way,
            checks,
        }
    }
}
