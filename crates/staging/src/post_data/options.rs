//! What the caller may choose about the work after the load.

use std::time::Duration;

use crate::LockPatience;

/// What all workers together may use where the caller does not say, unless the server gives one session more.
const MODEST: u64 = 1 << 30;
/// The least that every supported server accepts for `maintenance_work_mem`.
const LEAST_PER_WORKER: u64 = 1 << 20;
/// Looking more often than this would be work for the server, and nobody could read it.
const SOONEST: Duration = Duration::from_millis(50);

/// How the work after the load is done. How many workers do it is said by the sessions given, see
/// [`Workers`](crate::Workers).
///
/// ```
/// use std::time::Duration;
/// use cutover_staging::PostDataOptions;
///
/// // Four gigabytes for all workers together, each index built by one server process:
/// let options = PostDataOptions::default().memory(4 << 30).parallel_maintenance_workers(0);
/// # drop(options);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct PostDataOptions {
    pub(super) patience: LockPatience,
    memory: Option<u64>,
    pub(super) parallel_maintenance_workers: Option<u32>,
    progress_every: Duration,
}

impl Default for PostDataOptions {
    fn default() -> Self {
        Self {
            patience: LockPatience::default(),
            memory: None,
            parallel_maintenance_workers: None,
            progress_every: Duration::from_secs(1),
        }
    }
}

impl PostDataOptions {
    /// How long to ask for locks that others may hold; [`LockPatience::default`] unless set.
    pub fn patience(mut self, patience: LockPatience) -> Self {
        self.patience = patience;
        self
    }

    /// The memory that index builds and the validation of keys may use, in bytes, all workers together. Each gets an
    /// equal share as its `maintenance_work_mem`, at least 1 MiB.
    ///
    /// Unless set, each worker has what the server's `maintenance_work_mem` says, as long as all of them together stay
    /// within 1 GiB or what the server gives a single session, whichever is more.
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// How many processes of its own the server may add to each worker for one index
    /// (`max_parallel_maintenance_workers`); as the server says unless set. They share the worker's memory.
    pub fn parallel_maintenance_workers(mut self, processes: u32) -> Self {
        self.parallel_maintenance_workers = Some(processes);
        self
    }

    /// How often the observing session looks how far the builds are; every second unless set, and not oftener than
    /// every 50 ms.
    pub fn progress_every(mut self, interval: Duration) -> Self {
        self.progress_every = interval;
        self
    }

    pub(super) fn interval(&self) -> Duration {
        self.progress_every.max(SOONEST)
    }

    /// The `maintenance_work_mem` of each of `workers`, in bytes, on a server that gives a session `of_server` bytes.
    pub(super) fn memory_per_worker(&self, workers: usize, of_server: u64) -> u64 {
        let workers = u64::try_from(workers).unwrap_or(u64::MAX).max(1);
        match self.memory {
            Some(bytes) => (bytes / workers).max(LEAST_PER_WORKER),
            None => of_server.min(of_server.max(MODEST) / workers),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[track_caller]
    fn check(options: &PostDataOptions, workers: usize, of_server: u64, expected: u64) {
        assert_eq!(options.memory_per_worker(workers, of_server), expected);
    }

    #[test]
    fn memory_is_the_servers_within_a_modest_whole() {
        let unsaid = PostDataOptions::default();
        check(&unsaid, 2, 64 * MIB, 64 * MIB);
        check(&unsaid, 4, 512 * MIB, 256 * MIB);
        // Who gives one session 4 GiB has that much to give.
        check(&unsaid, 1, 4096 * MIB, 4096 * MIB);
        check(&unsaid, 4, 4096 * MIB, 1024 * MIB);
    }

    #[test]
    fn memory_that_was_set_is_shared() {
        let said = PostDataOptions::default().memory(2048 * MIB);
        check(&said, 1, 64 * MIB, 2048 * MIB);
        check(&said, 4, 64 * MIB, 512 * MIB);
        check(&PostDataOptions::default().memory(1), 4, 64 * MIB, MIB);
    }

    #[test]
    fn progress_is_not_looked_at_all_the_time() {
        let options = PostDataOptions::default().progress_every(Duration::ZERO);
        assert_eq!(options.interval(), Duration::from_millis(50));
    }
}
