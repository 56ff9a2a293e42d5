//! The text of the file: every metric with its help.

use std::sync::atomic::AtomicU64;

use cutover_core::Phase;
use jiff::Timestamp;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::facts::{Facts, Importer, STATES};

impl Facts {
    /// The text of the file.
    pub(super) fn exposition(&self, now: Timestamp) -> String {
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
