//! Who hears of a release's events: stderr, the log file, the file of metrics, and whoever is notified.

use std::path::Path;
use std::sync::Arc;

use cutover::{JsonLog, MetricsFile, Notifications, ReleaseError};
use cutover_core::{Event, EventSink as _, Events};

use crate::console::Console;
use crate::environment::Captured;
use crate::failure::Failure;
use crate::request::Request;

/// The listeners of one run.
pub(crate) struct Listeners {
    events: Events,
    log: Option<Arc<JsonLog>>,
    metrics: Option<MetricsFile>,
    notifications: Notifications,
}

impl Listeners {
    /// Opens what the release file asks for. Must be called within the runtime.
    pub(crate) fn start(console: &Console, request: &Request, captured: &Captured) -> Result<Self, Failure> {
        let mut events = Self::screen(console);
        let mut log = None;
        if let Some(path) = &request.file.log().path {
            let opened = Arc::new(JsonLog::open(&request.in_folder(path)).map_err(ReleaseError::from)?);
            log = Some(Arc::clone(&opened));
            events = events.and(move |event: &Event| opened.emit(event));
        }
        let mut metrics = None;
        if let Some(path) = &request.file.metrics().file {
            let started = MetricsFile::start(&request.in_folder(path));
            events = events.and(started.sink());
            metrics = Some(started);
        }
        let folder = request.in_folder(Path::new(""));
        let notifications = Notifications::start(request.file.notify(), &folder, captured.lookup())
            .map_err(ReleaseError::from)?;
        events = events.and(notifications.sink());
        Ok(Self {
            events,
            log,
            metrics,
            notifications,
        })
    }

    /// Only stderr listens.
    pub(crate) fn screen(console: &Console) -> Events {
        let progress = Arc::clone(&console.progress);
        Events::to(move |event: &Event| progress.emit(event))
    }

    /// The handle that the release reports through.
    pub(crate) fn events(&self) -> &Events {
        &self.events
    }

    /// Waits for messages on their way, and warns of those that were lost.
    pub(crate) async fn finish(self, console: &Console) {
        let Self {
            events,
            log,
            metrics,
            notifications,
        } = self;
        drop(events);
        for failure in notifications.finish().await {
            console.warn(&failure);
        }
        if let Some(metrics) = metrics
            && let Some(problem) = metrics.finish().await
        {
            console.warn(&problem);
        }
        let lost = log.map_or(0, |log| log.lost());
        if lost > 0 {
            console.warn(&format!("{lost} lines could not be written to the log file"));
        }
    }
}
