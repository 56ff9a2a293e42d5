//! A file of metrics in Prometheus' text format, for the textfile collector of node exporter.
//!
//! All of them are gauges: a file that each run writes anew has no counters that grow across runs, and the exposition of
//! OpenMetrics that the client library writes is then the older text format too, which is all that the collector reads.

mod exposition; // the text
mod facts; // what it tells

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cutover_core::{Event, EventSink};
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use facts::Facts;

/// How often the file is written while nothing but numbers changes.
const INTERVAL: Duration = Duration::from_secs(5);
/// How long the end of a release waits for the last write.
const FAREWELL: Duration = Duration::from_secs(10);

/// Writes what a release is at to a file, again and again.
///
/// [`MetricsFile::start`] gives the writer and its sink. A task that the writer owns puts a whole file in place of the last
/// one at each change of phase, every five seconds, and at the end. A file that cannot be written fails nothing: it is
/// warned of once, and tried again with the next change.
#[derive(Debug)]
pub struct MetricsFile {
    tasks: JoinSet<()>,
    sink: MetricsSink,
}

/// The listener to add to [`Events`](cutover_core::Events).
#[derive(Debug, Clone)]
pub struct MetricsSink(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    facts: Mutex<Facts>,
    changed: Notify,
}

impl MetricsFile {
    /// Begins to write to `path`, and to a file beside it that takes its place. Must be called within a Tokio runtime.
    #[must_use]
    pub fn start(path: &Path) -> Self {
        let shared = Arc::new(Shared {
            facts: Mutex::default(),
            changed: Notify::new(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(keep_writing(Arc::clone(&shared), path.to_owned()));
        Self {
            tasks,
            sink: MetricsSink(shared),
        }
    }

    /// The listener to add to the release's events.
    #[must_use]
    pub fn sink(&self) -> MetricsSink {
        self.sink.clone()
    }

    /// Writes the file for the last time, and tells why it could not be written, where that was so.
    pub async fn finish(self) -> Option<String> {
        let Self { mut tasks, sink } = self;
        sink.0.facts().over = true;
        sink.0.changed.notify_one();
        if timeout(FAREWELL, tasks.join_next()).await.is_err() {
            return Some("the metrics file was still being written when the release ended".to_owned());
        }
        sink.0.facts().problem.take()
    }
}

async fn keep_writing(shared: Arc<Shared>, path: PathBuf) {
    loop {
        // Elapsed means that it is time.
        let _ = timeout(INTERVAL, shared.changed.notified()).await;
        let facts = shared.facts().clone();
        // Before a release has begun the file of the last one stays.
        if facts.started.is_some() {
            let text = facts.exposition(Timestamp::now());
            let target = path.clone();
            let written = spawn_blocking(move || replace(&target, &text)).await;
            if let Ok(Err(error)) = written {
                let problem = format!(
                    "the metrics file {} could not be written: {error}",
                    path.display()
                );
                let mut known = shared.facts();
                if known.problem.is_none() {
                    tracing::warn!(path = %path.display(), %error, "the metrics file could not be written");
                    known.problem = Some(problem);
                }
            }
        }
        if facts.over {
            return;
        }
    }
}

/// Puts a file with this text in place of another at once: whoever reads sees the one or the other.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // The collector reads what ends in `.prom`, which this does not.
    let beside = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let written = std::fs::File::create(&beside)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        // It may not be there.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

impl Shared {
    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventSink for MetricsSink {
    fn emit(&self, event: &Event) {
        let is_milestone = self.0.facts().follow(event);
        if is_milestone {
            self.0.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use cutover_core::{EventKind, Events, Phase};

    use super::*;

    fn started() -> EventKind {
        EventKind::ReleaseStarted {
            release: 7,
            name: "wdpa".into(),
            label: "Sep\"2025".into(),
            operation: cutover_core::records::ReleaseKind::Release,
            live_since: Some("2025-08-01T12:00:00Z".parse().unwrap()),
        }
    }

    /// The lines of a file but for those that tell times of this run; families print their gauges in any order.
    fn lines(path: &Path) -> Vec<String> {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.ends_with("# EOF\n"), "{text}");
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    #[tokio::test]
    async fn the_file_tells_what_a_release_is_at() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cutover.prom");
        std::fs::write(&path, "of the last release").unwrap();
        let metrics = MetricsFile::start(&path);
        let events = Events::to(metrics.sink());
        events.emit(started());
        events.emit(EventKind::PhaseFinished {
            phase: Phase::Preflight,
            summary: String::new(),
            took_ms: 1500,
        });
        events.emit(EventKind::PhaseStarted {
            phase: Phase::ImportCore,
        });
        events.emit(EventKind::ImportFinished {
            importer: "sites".into(),
            rows: 700,
            bytes: 12_345,
            took_ms: 10,
        });
        events.emit(EventKind::Warning {
            message: "disk is filling".into(),
        });
        drop(events);
        assert_eq!(metrics.finish().await, None);
        let lines = lines(&path);
        for line in [
            "# TYPE cutover_release_state gauge",
            "# HELP cutover_importer_rows Rows so far, where they can be seen.",
            r#"cutover_release_info{release_set="wdpa",label="Sep\"2025",release="7"} 1.0"#,
            r#"cutover_release_state{release_set="wdpa",state="running"} 1.0"#,
            r#"cutover_release_state{release_set="wdpa",state="failed"} 0.0"#,
            r#"cutover_release_phase{release_set="wdpa",phase="import_core"} 1.0"#,
            r#"cutover_phase_duration_seconds{release_set="wdpa",phase="preflight"} 1.5"#,
            r#"cutover_importer_rows{release_set="wdpa",importer="sites"} 700.0"#,
            r#"cutover_importer_bytes{release_set="wdpa",importer="sites"} 12345.0"#,
            r#"cutover_last_success_timestamp_seconds{release_set="wdpa"} 1754049600.0"#,
            r#"cutover_release_warnings{release_set="wdpa"} 1.0"#,
        ] {
            assert!(lines.iter().any(|known| known == line), "{line} in {lines:#?}");
        }
        assert!(
            !lines
                .iter()
                .any(|line| line.contains("swap_") || line.contains("_end_")),
            "{lines:#?}"
        );
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "nothing is left beside it: {left:?}");
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_told_once_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let metrics = MetricsFile::start(&folder.path().join("missing/cutover.prom"));
        let events = Events::to(metrics.sink());
        events.emit(started());
        events.emit(EventKind::ReleaseFinished {
            release: 7,
            state: "completed".into(),
        });
        drop(events);
        let problem = metrics.finish().await.unwrap();
        assert!(
            problem.starts_with("the metrics file ") && problem.contains("No such file"),
            "{problem}"
        );
    }

    #[tokio::test]
    async fn before_anything_has_begun_the_last_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cutover.prom");
        std::fs::write(&path, "of the last release").unwrap();
        assert_eq!(MetricsFile::start(&path).finish().await, None);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "of the last release");
    }
}
