//! What one reader has seen, in a size that does not grow with the number of its statements, unless each is to be kept.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::timed_read::TimedRead;

/// The members that were read together, and the months seen with them.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sight {
    pub(super) relations: BTreeSet<u32>,
    pub(super) months: BTreeSet<String>,
}

impl Sight {
    /// From the two texts that a query returns.
    pub(super) fn parse(relations: &str, months: &str) -> Result<Self> {
        let relations = relations
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>();
        Ok(Self {
            relations: relations.context("an OID was expected")?,
            months: months.split_whitespace().map(str::to_owned).collect(),
        })
    }

    pub(super) fn join(&mut self, other: &Self) {
        self.relations.extend(&other.relations);
        self.months.extend(other.months.iter().cloned());
    }
}

/// What went wrong, as far as it tells one failure from another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Failure {
    pub(super) statement: &'static str,
    pub(super) sqlstate: Option<String>,
    pub(super) message: String,
}

/// Different failures kept by name; the rest is only counted.
const FAILURES_KEPT: usize = 100;

#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Sights of single statements, and how often each was had.
    pub(super) statements: BTreeMap<Sight, u64>,
    /// Sights of whole transactions of several statements.
    pub(super) transactions: BTreeMap<Sight, u64>,
    pub(super) failures: BTreeMap<Failure, u64>,
    pub(super) failed: u64,
    pub(super) latencies: Latencies,
    pub(super) longest: Option<(Duration, &'static str)>,
    /// Empty unless asked for.
    pub(super) reads: Vec<TimedRead>,
}

impl Tally {
    pub(super) fn answered(&mut self, statement: &'static str, latency: Duration) {
        self.latencies.record(latency);
        if self.longest.is_none_or(|(longest, _)| latency > longest) {
            self.longest = Some((latency, statement));
        }
    }

    pub(super) fn saw(&mut self, sight: Sight) {
        *self.statements.entry(sight).or_default() += 1;
    }

    pub(super) fn saw_in_transaction(&mut self, sight: Sight) {
        *self.transactions.entry(sight).or_default() += 1;
    }

    pub(super) fn failed(&mut self, failure: Failure) {
        self.add_failures(failure, 1);
    }

    fn add_failures(&mut self, failure: Failure, times: u64) {
        self.failed += times;
        if self.failures.len() < FAILURES_KEPT || self.failures.contains_key(&failure) {
            *self.failures.entry(failure).or_default() += times;
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (sight, times) in other.statements {
            *self.statements.entry(sight).or_default() += times;
        }
        for (sight, times) in other.transactions {
            *self.transactions.entry(sight).or_default() += times;
        }
        let kept: u64 = other.failures.values().sum();
        for (failure, times) in other.failures {
            self.add_failures(failure, times);
        }
        self.failed += other.failed - kept;
        self.latencies.merge(&other.latencies);
        self.longest = self.longest.max(other.longest);
        self.reads.extend(other.reads);
    }
}

/// A histogram of latencies in microseconds, exact to one part in sixteen.
#[derive(Debug)]
pub(super) struct Latencies(Vec<u64>);

const STEPS: u64 = 16;

impl Default for Latencies {
    fn default() -> Self {
        Self(vec![0; 64 * 16])
    }
}

impl Latencies {
    fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.0[bucket(micros)] += 1;
    }

    fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine += theirs;
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// A latency that `permille` thousandths of all do not exceed.
    pub(super) fn percentile(&self, permille: u64) -> Duration {
        let wanted = (self.count() * permille).div_ceil(1000).max(1);
        let mut below = 0;
        let found = self.0.iter().position(|count| {
            below += count;
            below >= wanted
        });
        Duration::from_micros(found.map_or(0, upper_bound))
    }
}

/// Sixteen buckets to each doubling.
fn bucket(micros: u64) -> usize {
    let position = if micros < STEPS {
        micros
    } else {
        let doublings = u64::from(micros.ilog2() - STEPS.ilog2());
        (doublings + 1) * STEPS + (micros >> doublings) - STEPS
    };
    usize::try_from(position).unwrap_or(usize::MAX) // at most 61 doublings
}

/// The largest number of microseconds in a bucket.
fn upper_bound(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < STEPS {
        return bucket;
    }
    let doublings = bucket / STEPS - 1;
    ((bucket % STEPS + STEPS + 1) << doublings).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_latency_lies_in_its_bucket() {
        for micros in (0..100_000).chain([1 << 40, (1 << 50) + 12_345]) {
            let bound = upper_bound(bucket(micros));
            assert!(
                micros <= bound && bound <= micros + micros / STEPS,
                "{micros} in {bound}"
            );
        }
        assert!(bucket(u64::MAX) < Latencies::default().0.len());
    }

    #[test]
    fn percentiles_are_those_of_what_was_recorded() {
        let mut latencies = Latencies::default();
        (1..=1000).for_each(|millis| latencies.record(Duration::from_millis(millis)));
        let close = |permille, millis: u64| {
            let found = latencies.percentile(permille).as_millis();
            assert!(
                (u128::from(millis)..=u128::from(millis + millis / 16 + 1)).contains(&found),
                "{permille}: {found}"
            );
        };
        close(500, 500);
        close(990, 990);
    }

    #[test]
    fn merging_keeps_every_failure_counted() {
        let failure = |number: usize| Failure {
            statement: "s",
            sqlstate: None,
            message: number.to_string(),
        };
        let mut one = Tally::default();
        (0..2 * FAILURES_KEPT).for_each(|number| one.failed(failure(number)));
        let mut two = Tally::default();
        two.failed(failure(0));
        two.merge(one);
        assert_eq!(two.failed, 2 * FAILURES_KEPT as u64 + 1);
        assert_eq!(two.failures.len(), FAILURES_KEPT);
        assert_eq!(two.failures[&failure(0)], 2);
    }
}
