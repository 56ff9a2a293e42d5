//! How many readers, and how they read.

use std::ops::RangeInclusive;
use std::time::Duration;

/// What a [`ReaderLoad`](super::ReaderLoad) is to be like.
#[derive(Debug, Clone)]
#[must_use]
pub struct LoadOptions {
    pub(super) connections: usize,
    pub(super) think: Duration,
    pub(super) reporters: usize,
    pub(super) report: RangeInclusive<Duration>,
    pub(super) break_after_report: RangeInclusive<Duration>,
    pub(super) keep_reads: bool,
}

impl LoadOptions {
    /// So many readers that never pause, none of them with long reports.
    pub fn new(connections: usize) -> Self {
        Self {
            connections,
            think: Duration::ZERO,
            reporters: 0,
            report: Duration::ZERO..=Duration::ZERO,
            break_after_report: Duration::ZERO..=Duration::ZERO,
            keep_reads: false,
        }
    }

    /// How long a reader pauses between two statements, on average; not at all unless set. Readers that never pause keep
    /// every processor busy, and then wait for processors more than for locks.
    pub fn think(mut self, think: Duration) -> Self {
        self.think = think;
        self
    }

    /// Lets so many of the connections run long reports, of a length and with breaks in between as given; none unless set.
    /// Every other report is two statements in a `REPEATABLE READ` transaction.
    pub fn reporters(
        mut self,
        reporters: usize,
        length: RangeInclusive<Duration>,
        breaks: RangeInclusive<Duration>,
    ) -> Self {
        self.reporters = reporters.min(self.connections);
        self.report = length;
        self.break_after_report = breaks;
        self
    }

    /// Keeps when each statement was asked and how long it took; not kept unless set. Memory then grows with the number
    /// of statements.
    pub fn keep_reads(mut self) -> Self {
        self.keep_reads = true;
        self
    }
}
