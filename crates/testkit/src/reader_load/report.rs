//! What a load of readers saw, in numbers.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::release_map::{ReleaseMap, Verdict};
use super::tally::Tally;
use super::timed_read::TimedRead;

/// What a [`ReaderLoad`](super::ReaderLoad) saw.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct LoadReport {
    /// How many readers there were.
    pub connections: usize,
    /// How long they read, in milliseconds.
    pub elapsed_ms: f64,
    /// How many statements were answered, with rows or an error.
    pub statements: u64,
    /// How many of them failed, or found no rows where there are some in every month.
    pub errors: u64,
    /// The different errors, with how often each was seen.
    pub error_samples: Vec<LoadError>,
    /// Statements that saw relations, or months, of two releases.
    pub mixed_reads: u64,
    /// Transactions that saw two releases in two statements.
    pub mixed_transactions: u64,
    /// Statements that saw a relation that the map of releases does not know.
    pub unknown_reads: u64,
    /// How many statements saw each release.
    pub by_release: BTreeMap<String, u64>,
    /// The longest that a statement took, waiting included, in milliseconds.
    pub longest_stall_ms: f64,
    /// Which statement that was.
    pub longest_stall_statement: String,
    /// Half of the statements took no longer, in milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 statements took no longer, in milliseconds.
    pub p99_ms: f64,
    /// Every statement with its time, where the options asked for them to be kept.
    #[serde(skip)]
    pub reads: Vec<TimedRead>,
}

/// One kind of error that readers had.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct LoadError {
    /// What was being read.
    pub statement: String,
    /// The server's code, when it was the server that refused.
    pub sqlstate: Option<String>,
    /// What it said.
    pub message: String,
    /// How often.
    pub times: u64,
}

impl LoadReport {
    pub(super) fn new(tally: Tally, releases: &ReleaseMap, connections: usize, elapsed: Duration) -> Self {
        let mut by_release = BTreeMap::new();
        let (mut mixed_reads, mut unknown_reads) = (0, 0);
        for (sight, times) in &tally.statements {
            match releases.judge(sight) {
                Verdict::Release(release) => *by_release.entry(release.to_owned()).or_default() += times,
                Verdict::Mixed => mixed_reads += times,
                Verdict::Unknown => unknown_reads += times,
            }
        }
        let mixed = tally
            .transactions
            .iter()
            .filter(|(sight, _)| releases.judge(sight) == Verdict::Mixed);
        let (longest, statement) = tally.longest.unwrap_or_default();
        let error_samples = tally.failures.iter().map(|(failure, times)| LoadError {
            statement: failure.statement.to_owned(),
            sqlstate: failure.sqlstate.clone(),
            message: failure.message.clone(),
            times: *times,
        });
        Self {
            connections,
            elapsed_ms: milliseconds(elapsed),
            statements: tally.latencies.count(),
            errors: tally.failed,
            error_samples: error_samples.collect(),
            mixed_reads,
            mixed_transactions: mixed.map(|(_, times)| times).sum(),
            unknown_reads,
            by_release,
            longest_stall_ms: milliseconds(longest),
            longest_stall_statement: statement.to_owned(),
            p50_ms: milliseconds(tally.latencies.percentile(500)),
            p99_ms: milliseconds(tally.latencies.percentile(990)),
            reads: tally.reads,
        }
    }

    /// Whether readers saw nothing but whole releases: no error, no mix, nothing unknown, and not nothing at all.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let wrong = self.errors + self.mixed_reads + self.mixed_transactions + self.unknown_reads;
        self.statements > 0 && wrong == 0
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
