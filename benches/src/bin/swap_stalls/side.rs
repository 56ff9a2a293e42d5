//! One of the two that swap, and what readers saw of it.

use std::fmt;
use std::time::Duration;

use cutover_testkit::{LoadReport, TimedRead};
use jiff::Timestamp;

use crate::stalls::Window;

/// What one side did, and what its readers saw.
#[derive(Debug, Default)]
pub(crate) struct Side {
    /// Each time that it asked for locks.
    pub(crate) windows: Vec<Window>,
    /// Tries of each swap and rollback that got through.
    pub(crate) tries: Vec<f64>,
    /// The windows of those that got through, in milliseconds.
    pub(crate) through_ms: Vec<f64>,
    /// Why others did not.
    pub(crate) failures: Vec<String>,
    loads: Vec<LoadReport>,
}

impl Side {
    /// A swap that got through in its last window. Where readers are on a standby, its locks are held there until it has
    /// `replayed` the commit.
    pub(crate) fn swapped(
        &mut self,
        windows: impl Iterator<Item = (Timestamp, Duration)>,
        replayed: Option<Timestamp>,
    ) {
        let before = self.windows.len();
        self.windows.extend(windows.map(Window::of));
        let tries = self.windows.len() - before;
        self.tries
            .push(f64::from(u32::try_from(tries).unwrap_or(u32::MAX)));
        let last = self.windows.last().copied();
        self.through_ms.extend(last.as_ref().map(Window::milliseconds));
        if let (Some(last), Some(replayed)) = (last, replayed) {
            for window in self.windows.iter_mut().skip(before) {
                window.prolong(last, replayed);
            }
        }
    }

    /// A swap with a single try, which failed if there is an error.
    pub(crate) fn tried(
        &mut self,
        window: (Timestamp, Duration),
        error: Option<&str>,
        replayed: Option<Timestamp>,
    ) {
        match error {
            None => self.swapped(std::iter::once(window), replayed),
            Some(error) => {
                self.windows.push(Window::of(window));
                self.failures.push(error.to_owned());
            }
        }
    }

    pub(crate) fn read(&mut self, load: LoadReport) {
        self.loads.push(load);
    }

    pub(crate) fn reads(&self) -> impl Iterator<Item = &TimedRead> {
        self.loads.iter().flat_map(|load| &load.reads)
    }

    pub(crate) fn statements(&self) -> u64 {
        self.sum(|load| load.statements)
    }

    pub(crate) fn errors(&self) -> u64 {
        self.sum(|load| load.errors)
    }

    /// Readers that a deadlock ended.
    pub(crate) fn deadlock_victims(&self) -> u64 {
        self.sum(|load| {
            let victims = load.error_samples.iter();
            let victims = victims.filter(|error| error.sqlstate.as_deref() == Some("40P01"));
            victims.map(|error| error.times).sum()
        })
    }

    /// Statements or transactions that saw two releases, or something that is of neither.
    pub(crate) fn mixed(&self) -> u64 {
        self.sum(|load| load.mixed_reads + load.mixed_transactions + load.unknown_reads)
    }

    /// The different errors of readers, with how often each was seen.
    pub(crate) fn error_samples(&self) -> impl Iterator<Item = String> {
        self.loads
            .iter()
            .flat_map(|load| &load.error_samples)
            .map(|error| format!("{} × {}: {}", error.times, error.statement, error.message))
    }

    fn sum(&self, of: impl Fn(&LoadReport) -> u64) -> u64 {
        self.loads.iter().map(of).sum()
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (through, failed) = (self.through_ms.len(), self.failures.len());
        let (errors, mixed) = (self.errors(), self.mixed());
        write!(
            f,
            "{through} done, {failed} failed, {errors} errors, {mixed} mixed"
        )
    }
}
