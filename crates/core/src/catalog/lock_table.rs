//! The server's lock table: one for all sessions, and of a fixed size. A transaction that fills it up makes statements of
//! *other* sessions fail with "out of shared memory" ([13.3.1], `max_locks_per_transaction`), so what a transaction of
//! ours takes of it is counted before it begins.
//!
//! [13.3.1]: https://www.postgresql.org/docs/15/runtime-config-locks.html#GUC-MAX-LOCKS-PER-TRANSACTION

use super::ServerFacts;

/// How the locks of one transaction fit into the server's lock table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockTableFit {
    /// At least half of the table is left for everybody else.
    Fits,
    /// They fit and leave less than half: what to tell of the database.
    Crowded(String),
    /// They do not fit: why, to be said of the database.
    TooSmall(String),
}

impl LockTableFit {
    /// What helps against a lock table that is too small.
    pub const REMEDY: &'static str = "raise max_locks_per_transaction, or make several release sets";
}

impl ServerFacts {
    /// How `needed` lock entries fit; `of` says whose they are, as in `the clone`.
    #[must_use]
    pub fn lock_table_fit(&self, of: &str, needed: usize) -> LockTableFit {
        let room = usize::try_from(self.max_lock_entries).unwrap_or(usize::MAX);
        let why = format!(
            "has a lock table of about {room} entries for all sessions, and {of} takes about {needed}: were it full, \
             statements of others would fail"
        );
        if needed > room {
            LockTableFit::TooSmall(why)
        } else if needed > room / 2 {
            LockTableFit::Crowded(why)
        } else {
            LockTableFit::Fits
        }
    }
}
