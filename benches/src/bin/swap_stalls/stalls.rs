//! Which reads a swap has delayed, and by how much.
//!
//! A read is **delayed** when it was under way at some time of a lock window, and took longer than 99 of 100 of the same
//! statement, asked in the same way in the same run, that met no window. Its **stall** is what it took more than the median of
//! those. So of the reads that meet a window and are not delayed by it, one in a hundred is counted all the same.

use std::collections::BTreeMap;
use std::time::Duration;

use cutover_benches::Distribution;
use cutover_testkit::TimedRead;
use jiff::Timestamp;
use serde::Serialize;

/// From the first lock asked for to all given back; in microseconds of the machine's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Window {
    from: i64,
    to: i64,
}

impl Window {
    pub(crate) fn of((began, lasted): (Timestamp, Duration)) -> Self {
        let from = began.as_microsecond();
        let lasted = i64::try_from(lasted.as_micros()).unwrap_or(i64::MAX);
        Self {
            from,
            to: from.saturating_add(lasted),
        }
    }

    /// Lets it end as much later as `replayed` is after the end of `last`.
    pub(crate) fn prolong(&mut self, last: Self, replayed: Timestamp) {
        self.to += (replayed.as_microsecond() - last.to).max(0);
    }

    pub(crate) fn milliseconds(&self) -> f64 {
        Duration::from_micros((self.to - self.from).unsigned_abs()).as_secs_f64() * 1000.0
    }
}

/// What the reads of one side went through, in milliseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Stalls {
    /// Whole times of the reads that met no window.
    pub(crate) undisturbed: Option<Distribution>,
    /// Whole times of the reads that met one.
    pub(crate) met: Option<Distribution>,
    /// Stalls of those that it delayed.
    pub(crate) delayed: Option<Distribution>,
}

/// What a statement takes when no swap is about, by how it is asked.
pub(crate) struct Baseline(BTreeMap<(&'static str, &'static str), Distribution>);

impl Baseline {
    /// Of reads that meet no window.
    pub(crate) fn of<'a>(reads: impl Iterator<Item = &'a TimedRead>) -> Self {
        let mut times: BTreeMap<_, Vec<f64>> = BTreeMap::new();
        for read in reads {
            times
                .entry((read.way, read.statement))
                .or_default()
                .push(took_ms(read));
        }
        let distributions = times.into_iter();
        Self(
            distributions
                .filter_map(|(key, times)| Some((key, Distribution::of(&times)?)))
                .collect(),
        )
    }

    /// How long a read that met a window was held up, where it was. One that nothing is known of was, for all it took.
    fn stall(&self, read: &TimedRead) -> Option<f64> {
        let took = took_ms(read);
        match self.0.get(&(read.way, read.statement)) {
            None => Some(took),
            Some(usual) => (took > usual.p99).then_some(took - usual.p50),
        }
    }
}

/// The reads that met a window, and those that did not. Windows of one side follow one another.
pub(crate) fn split<'a>(
    reads: impl Iterator<Item = &'a TimedRead>,
    windows: &[Window],
) -> (Vec<&'a TimedRead>, Vec<&'a TimedRead>) {
    let mut windows = windows.to_vec();
    windows.sort_unstable();
    reads.partition(|read| {
        let read = Window::of((read.asked, read.lasted));
        let begun = windows.partition_point(|window| window.from <= read.to);
        begun > 0 && windows[begun - 1].to >= read.from
    })
}

impl Stalls {
    pub(crate) fn of(met: &[&TimedRead], undisturbed: &[&TimedRead], baseline: &Baseline) -> Self {
        let times = |reads: &[&TimedRead]| {
            let times: Vec<f64> = reads.iter().map(|read| took_ms(read)).collect();
            Distribution::of(&times)
        };
        let stalls: Vec<f64> = met.iter().filter_map(|read| baseline.stall(read)).collect();
        Self {
            undisturbed: times(undisturbed),
            met: times(met),
            delayed: Distribution::of(&stalls),
        }
    }
}

fn took_ms(read: &TimedRead) -> f64 {
    read.took.as_secs_f64() * 1000.0
}
