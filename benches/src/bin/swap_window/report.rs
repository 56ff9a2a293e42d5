//! From windows to distributions.

use std::fmt;
use std::time::Duration;

use cutover_benches::{Distribution, Swapped};
use serde::Serialize;

/// What was measured, in the order in which it was.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    schema_version: u32,
    postgresql: u16,
    rounds: u32,
    sets: Vec<Measured>,
}

/// One set.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    set: String,
    /// How many statements ran under the locks of one swap, and of one rollback.
    statements: (usize, usize),
    /// The window of each swap, in milliseconds.
    swap_ms: Vec<f64>,
    /// The window of each rollback, in milliseconds.
    rollback_ms: Vec<f64>,
    /// The renames of each swap by themselves, in milliseconds.
    renames_ms: Vec<f64>,
    /// Tries that got no locks, of swaps and rollbacks.
    failed_tries: usize,
}

impl Report {
    pub(crate) fn new(postgresql: u16, rounds: u32) -> Self {
        Self {
            schema_version: 1,
            postgresql,
            rounds,
            sets: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, measured: Measured) {
        self.sets.push(measured);
    }
}

impl Measured {
    pub(crate) fn new(set: String) -> Self {
        Self {
            set,
            statements: (0, 0),
            swap_ms: Vec::new(),
            rollback_ms: Vec::new(),
            renames_ms: Vec::new(),
            failed_tries: 0,
        }
    }

    pub(crate) fn add(&mut self, renames: Duration, swap: &Swapped, rollback: &Swapped) {
        self.statements = (swap.statements, rollback.statements);
        self.renames_ms.push(renames.as_secs_f64() * 1000.0);
        for (swapped, windows) in [(swap, &mut self.swap_ms), (rollback, &mut self.rollback_ms)] {
            let last = swapped.report.windows.last();
            windows.extend(last.map(|window| window.lasted.as_secs_f64() * 1000.0));
            self.failed_tries += swapped.report.windows.len().saturating_sub(1);
        }
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (statements, _) = self.statements;
        write!(f, "| {} | {statements} |", self.set)?;
        for windows in [&self.swap_ms, &self.rollback_ms] {
            if let Some(Distribution { p50, p99, max, .. }) = Distribution::of(windows) {
                write!(f, " {p50:.1} | {p99:.1} | {max:.1} |")?;
            }
        }
        match Distribution::of(&self.renames_ms) {
            Some(Distribution { p50, .. }) => write!(f, " {p50:.1} |"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rounds, postgresql, ..
        } = self;
        writeln!(
            f,
            "Milliseconds under lock, commit included; {rounds} rounds, PostgreSQL {postgresql}\n"
        )?;
        writeln!(
            f,
            "| set | statements under lock | swap, p50 | p99 | max | rollback, p50 | p99 | max | renames alone, p50 |"
        )?;
        writeln!(
            f,
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
        )?;
        self.sets
            .iter()
            .try_for_each(|measured| writeln!(f, "{measured}"))
    }
}
