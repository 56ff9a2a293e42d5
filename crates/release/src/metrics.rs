//! A file of metrics in Prometheus' text format, for the textfile collector of node exporter.
//!
//! All of them are gauges: a file that each run writes anew has no counters that grow across runs, and the exposition of
//! OpenMetrics that the client library writes is then the older text format too, which is all that the collector reads.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cutover_core::{Event, EventKind, EventSink, Phase};
use jiff::Timestamp;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::sync::Notify;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

/// How often the file is written while nothing but numbers changes.
const INTERVAL: Duration = Duration::from_secs(5);
/// How long the end of a release waits for the last write.
const FAREWELL: Duration = Duration::from_secs(10);

/// Every state that a record can end in, and the one it begins in.
const STATES: [&str; 5] = ["running", "completed", "stopped", "failed", "aborted"];

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

/// What the file tells.
#[derive(Debug, Clone, Default)]
struct Facts {
    release_set: String,
    release: i64,
    label: String,
    state: &'static str,
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
    phase: Option<Phase>,
    phase_started: Option<Timestamp>,
    phase_ms: BTreeMap<Phase, u64>,
    held: bool,
    importers: BTreeMap<String, Importer>,
    live_since: Option<Timestamp>,
    swap: Option<Swap>,
    warnings: u64,
    /// Whether this was the last.
    over: bool,
    /// The first write that failed.
    problem: Option<String>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Importer {
    done: bool,
    rows: Option<u64>,
    bytes: Option<u64>,
    expected_rows: Option<u64>,
    rejected: u64,
}

#[derive(Debug, Clone, Copy)]
struct Swap {
    attempts: u32,
    exclusive_ms: u64,
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

impl Facts {
    /// Takes an event in; whether it is to be written at once.
    fn follow(&mut self, event: &Event) -> bool {
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

    /// The text of the file.
    fn exposition(&self, now: Timestamp) -> String {
        let labels = [("release_set".into(), self.release_set.clone().into())];
        let mut metrics = Metrics(Registry::with_prefix_and_labels("cutover", labels.into_iter()));
        metrics.family(
            "release_info",
            "The newest release or rollback of this machine",
            [(
                vec![
                    ("label", self.label.clone()),
                    ("release", self.release.to_string()),
                ],
                1.0,
            )],
        );
        metrics.one_of(
            "release_state",
            "How it stands",
            "state",
            &STATES,
            Some(self.state),
        );
        let phases = Phase::ALL.map(Phase::as_str);
        let phase = self.phase.filter(|_| self.ended.is_none()).map(Phase::as_str);
        metrics.one_of(
            "release_phase",
            "The phase that it is in",
            "phase",
            &phases,
            phase,
        );
        metrics.one(
            "release_held",
            "Whether it waits before its swap",
            Some(f64::from(u8::from(self.held))),
        );
        metrics.one(
            "release_start_timestamp_seconds",
            "When it began",
            self.started.map(seconds),
        );
        metrics.one(
            "release_end_timestamp_seconds",
            "When it ended; absent before",
            self.ended.map(seconds),
        );
        metrics.one("release_warnings", "Warnings so far", Some(float(self.warnings)));
        metrics.one(
            "last_success_timestamp_seconds",
            "When what is live went live",
            self.live_since.map(seconds),
        );
        let mut durations = self.phase_ms.clone();
        if let (Some(phase), Some(started), None) = (self.phase, self.phase_started, self.ended) {
            let so_far = now.as_millisecond().saturating_sub(started.as_millisecond());
            durations
                .entry(phase)
                .or_insert(u64::try_from(so_far).unwrap_or(0));
        }
        metrics.family(
            "phase_duration_seconds",
            "How long a phase took, or has taken so far",
            durations
                .iter()
                .map(|(phase, millis)| (vec![("phase", phase.to_string())], float(*millis) / 1e3)),
        );
        self.add_importers(&mut metrics);
        metrics.one(
            "swap_lock_window_seconds",
            "How long readers could be held up by the swap",
            self.swap.map(|swap| float(swap.exclusive_ms) / 1e3),
        );
        metrics.one(
            "swap_attempts",
            "Attempts that the swap took to get its locks",
            self.swap.map(|swap| f64::from(swap.attempts)),
        );
        metrics.text()
    }

    fn add_importers(&self, metrics: &mut Metrics) {
        let mut of_each = |name: &str, help: &str, number: fn(&Importer) -> Option<u64>| {
            let numbers = self.importers.iter().filter_map(|(importer, known)| {
                Some((vec![("importer", importer.clone())], float(number(known)?)))
            });
            metrics.family(name, help, numbers);
        };
        of_each("importer_done", "Whether it is done", |known| {
            Some(known.done.into())
        });
        of_each("importer_rows", "Rows so far, where they can be seen", |known| {
            known.rows
        });
        of_each("importer_expected_rows", "Rows expected, an estimate", |known| {
            known.expected_rows
        });
        of_each("importer_bytes", "Bytes through the client so far", |known| {
            known.bytes
        });
        of_each("importer_rejected_rows", "Rows set aside", |known| {
            Some(known.rejected)
        });
    }
}

type Labels = Vec<(&'static str, String)>;

struct Metrics(Registry);

impl Metrics {
    /// A gauge for each set of labels; none where there are none.
    fn family(&mut self, name: &str, help: &str, gauges: impl IntoIterator<Item = (Labels, f64)>) {
        let family = Family::<Labels, Gauge<f64, AtomicU64>>::default();
        let mut is_empty = true;
        for (labels, value) in gauges {
            family.get_or_create(&labels).set(value);
            is_empty = false;
        }
        if !is_empty {
            self.0.register(name, help, family);
        }
    }

    fn one(&mut self, name: &str, help: &str, value: Option<f64>) {
        self.family(name, help, value.map(|value| (Labels::new(), value)));
    }

    /// A gauge for each of some names, of which one is 1.
    fn one_of(&mut self, name: &str, help: &str, label: &'static str, all: &[&str], is: Option<&str>) {
        let gauges = all.iter().map(|one| {
            let value = f64::from(u8::from(is == Some(*one)));
            (vec![(label, (*one).to_owned())], value)
        });
        self.family(name, help, gauges);
    }

    fn text(&self) -> String {
        let mut text = String::new();
        // A string takes everything.
        let _ = encode(&mut text, &self.0);
        text
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "whole numbers up to 2^53 are kept, as Prometheus keeps them"
)]
fn float(number: u64) -> f64 {
    number as f64
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of some ten thousand years fit"
)]
fn seconds(time: Timestamp) -> f64 {
    time.as_millisecond() as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use cutover_core::Events;

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
