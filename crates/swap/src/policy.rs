//! How long the swap waits, and how long it lets readers wait.

use std::time::Duration;

use cutover_core::release_file::{OldSnapshots, StandbyLag};

/// The bounds of a swap.
///
/// ```
/// use std::time::Duration;
/// use cutover_swap::LockPolicy;
///
/// let policy = LockPolicy::default().stall_budget(Duration::from_millis(50)).deadline(Duration::from_secs(60));
/// # let _ = policy;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct LockPolicy {
    pub(crate) stall_budget: Duration,
    pub(crate) deadline: Duration,
    pub(crate) exclusive_budget: Duration,
    pub(crate) snapshot_deadline: Duration,
    pub(crate) old_snapshots: OldSnapshots,
    pub(crate) max_standby_lag: Option<StandbyLag>,
    pub(crate) longest_pause: Duration,
    pub(crate) cancel_blockers_after: Option<Duration>,
}

/// The shortest that the server can be told to wait.
pub(crate) const NO_WAIT: Duration = Duration::from_millis(1);

impl Default for LockPolicy {
    /// 100 ms a try, 10 minutes for all tries, 1 s under lock, 10 minutes for old snapshots.
    fn default() -> Self {
        Self {
            stall_budget: Duration::from_millis(100),
            deadline: Duration::from_mins(10),
            exclusive_budget: Duration::from_secs(1),
            snapshot_deadline: Duration::from_mins(10),
            old_snapshots: OldSnapshots::WaitFor,
            max_standby_lag: None,
            longest_pause: Duration::from_secs(1),
            cancel_blockers_after: None,
        }
    }
}

impl LockPolicy {
    /// How long one try may take over all locks together, while readers queue behind it; 100 ms unless set. The first try
    /// does not wait at all for a lock; the next ones wait for an eighth, a quarter, a half of this, two tries each, all later
    /// ones for as long as this, unless somebody has been in the way for so long that waiting is likely to be in vain.
    pub fn stall_budget(mut self, budget: Duration) -> Self {
        self.stall_budget = budget.max(Duration::from_millis(1));
        self
    }

    /// Gives up when the swap was not done within this time; 10 minutes unless set.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How long the swap may hold all its locks; it is rolled back and tried again when it takes longer. 1 s unless set.
    pub fn exclusive_budget(mut self, budget: Duration) -> Self {
        self.exclusive_budget = budget.max(Duration::from_millis(1));
        self
    }

    /// How long to wait for transactions whose snapshot is older than the load; 10 minutes unless set.
    pub fn snapshot_deadline(mut self, deadline: Duration) -> Self {
        self.snapshot_deadline = deadline;
        self
    }

    /// What to do about transactions whose snapshot is older than the load; waits for them unless set.
    pub fn old_snapshots(mut self, old_snapshots: OldSnapshots) -> Self {
        self.old_snapshots = old_snapshots;
        self
    }

    /// Begins only once no attached standby is further behind than this, and gives up when one still is after
    /// [`deadline`](Self::deadline). They may be any distance behind unless set.
    pub fn max_standby_lag(mut self, lag: StandbyLag) -> Self {
        self.max_standby_lag = Some(lag);
        self
    }

    /// After trying for this long, makes the client sessions that block the swap let go before each further try: their
    /// statement is cancelled, or, where they are idle in a transaction, they are ended. Only sessions that hold a lock
    /// on what the swap locks, only where the role may (its own sessions, or `pg_signal_backend`), never a worker of
    /// the server. Nobody is cancelled unless set.
    pub fn cancel_blockers_after(mut self, patience: Duration) -> Self {
        self.cancel_blockers_after = Some(patience);
        self
    }

    /// The longest pause between two tries; 1 s unless set. Pauses grow from 50 ms on, with jitter.
    pub fn longest_pause(mut self, pause: Duration) -> Self {
        self.longest_pause = pause;
        self
    }

    /// The pause after the `attempt`th try, counted from 1: doubling from 50 ms, times 0.5 to 1.5.
    pub(crate) fn pause_after(&self, attempt: u32) -> Duration {
        let doubled = Duration::from_millis(50).saturating_mul(1_u32 << (attempt - 1).min(16));
        // The clock's last digits are random enough to keep two swaps, or a swap and a cron job, out of step.
        let nanos = jiff::Timestamp::now().subsec_nanosecond().unsigned_abs() % 1000;
        doubled
            .min(self.longest_pause)
            .mul_f64(0.5 + f64::from(nanos) / 1000.0)
    }

    /// The longest that the `attempt`th try may wait for a lock. Readers of ordinary statements let go within a few
    /// milliseconds: who waits for longer at once makes all others wait for the few that do not.
    pub(crate) fn wait_in(&self, attempt: u32) -> Duration {
        match attempt {
            0 | 1 => NO_WAIT,
            2..=7 => self.stall_budget / (1 << (4 - attempt / 2)),
            _ => self.stall_budget,
        }
        .max(NO_WAIT)
    }

    /// The longest that a try may wait for a lock behind somebody who is likely to stay.
    pub(crate) fn wait_in_vain(&self) -> Duration {
        (self.stall_budget / 8).max(NO_WAIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_jitter_up_to_a_bound() {
        let policy = LockPolicy::default();
        for (attempt, nominal) in [(1, 50), (2, 100), (5, 800), (6, 1000), (1000, 1000)] {
            let pause = policy.pause_after(attempt);
            let nominal = Duration::from_millis(nominal);
            assert!(
                pause >= nominal / 2 && pause <= nominal * 3 / 2,
                "{attempt}: {pause:?}"
            );
        }
    }

    #[test]
    fn the_first_try_does_not_wait_and_later_ones_ever_longer() {
        let policy = LockPolicy::default().stall_budget(Duration::from_millis(80));
        let waits: Vec<_> = (1..10)
            .map(|attempt| policy.wait_in(attempt).as_millis())
            .collect();
        assert_eq!(waits, [1, 10, 10, 20, 20, 40, 40, 80, 80]);
    }

    #[test]
    fn no_try_is_told_to_wait_without_end() {
        let policy = LockPolicy::default().stall_budget(Duration::ZERO);
        // To the server 0 would be that.
        assert!((1..8).all(|attempt| policy.wait_in(attempt) == NO_WAIT));
        assert_eq!(policy.wait_in_vain(), NO_WAIT);
    }
}
