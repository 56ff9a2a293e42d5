//! Keeps a release's events until they are written to its record, and what it is at.

use std::sync::{Arc, Mutex};

use cutover_core::{Event, EventKind, EventSink};

use crate::progress::Progress;

/// Events that may wait to be written; what comes while so many wait is only logged elsewhere.
const CAPACITY: usize = 4096;

/// Collects the events worth keeping: everything but running progress, which would only fill the table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorder {
    waiting: Arc<Mutex<Vec<Event>>>,
    /// Overwritten in the record while the release runs.
    pub(crate) progress: Progress,
}

impl Recorder {
    /// Takes what has come in since the last call.
    pub(crate) fn take(&self) -> Vec<Event> {
        self.waiting
            .lock()
            .map(|mut waiting| std::mem::take(&mut *waiting))
            .unwrap_or_default()
    }
}

impl EventSink for Recorder {
    fn emit(&self, event: &Event) {
        self.progress.emit(event);
        if matches!(
            event.kind,
            EventKind::ImportProgress { .. }
                | EventKind::ImportTotals { .. }
                | EventKind::IndexProgress { .. }
                | EventKind::CheckProgress { .. }
        ) {
            return;
        }
        if let Ok(mut waiting) = self.waiting.lock()
            && waiting.len() < CAPACITY
        {
            waiting.push(event.clone());
        }
    }
}
