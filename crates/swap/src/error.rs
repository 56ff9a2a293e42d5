//! Why a swap that was planned did not happen.

use std::fmt;
use std::time::Duration;

use cutover_core::{Blocker, DatabaseError, Ident, StatementError};

use crate::lost_writes::{LostWrites, WrittenSince};

/// A swap that did not happen, or whose outcome is not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SwapError {
    /// The session does not hold the release lock, so another release may be at work.
    #[error("this session does not hold the lock of release {release_set}")]
    LockNotHeld {
        /// The release set.
        release_set: Ident,
    },
    /// The relations, or what depends on them, are no longer what the plan was computed from.
    #[error("the catalog of schema {schema} changed since the swap was planned")]
    CatalogChanged {
        /// The set's schema.
        schema: Ident,
    },
    /// Live was written to, and what was written is not in what was to go live. Nothing was changed.
    #[error("live was written to since {since}{}", lines(.written))]
    LiveWritten {
        /// Since when.
        since: WrittenSince,
        /// Where.
        written: Vec<LostWrites>,
    },
    /// The locks could not be had in time. Nothing was changed.
    #[error("could not take the locks within {} s, {attempts} tries{}", waited.as_secs(), lines(.blockers))]
    LockDeadline {
        /// The deadline.
        waited: Duration,
        /// How many tries.
        attempts: u32,
        /// Who was in the way of the last one.
        blockers: Vec<Blocker>,
        /// How the last one failed.
        source: StatementError,
    },
    /// Under lock the swap took longer than its budget, again and again. Nothing was changed.
    #[error("the swap took longer than its budget of {} ms under lock in {attempts} tries", budget.as_millis())]
    TooSlow {
        /// The budget.
        budget: Duration,
        /// How many tries.
        attempts: u32,
    },
    /// Transactions with a snapshot older than the load did not end in time. Nothing was changed.
    #[error("transactions older than the load were still open after {} s{}", waited.as_secs(), lines(.holders))]
    OldSnapshots {
        /// The deadline.
        waited: Duration,
        /// Whose.
        holders: Vec<Blocker>,
    },
    /// Standbys were further behind than they may be. Nothing was changed.
    #[error("standbys were still too far behind after {} s: {}", waited.as_secs(), standbys.join(", "))]
    StandbysBehind {
        /// The deadline.
        waited: Duration,
        /// Their names.
        standbys: Vec<String>,
    },
    /// Standbys may be only so far behind, and the role may not see how far they are. Nothing was changed.
    #[error("this role may not see how far standbys are behind: {}", standbys.join(", "))]
    StandbysHidden {
        /// Their names.
        standbys: Vec<String>,
    },
    /// Autovacuum was at work on relations of the swap, to prevent wraparound: it gives way to nobody. Nothing was changed.
    #[error("autovacuum was still at work to prevent wraparound after {} s{}", waited.as_secs(), lines(.workers))]
    AntiWraparound {
        /// The deadline.
        waited: Duration,
        /// Which workers, on what.
        workers: Vec<Blocker>,
    },
    /// A statement failed. Nothing was changed.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The connection was lost while the swap was being committed.
    #[error("the connection was lost while the swap of release {release} was being committed")]
    OutcomeUnknown {
        /// The release's record, which tells the outcome.
        release: i64,
        /// What the connection said.
        source: DatabaseError,
    },
}

fn lines<T: fmt::Display>(items: &[T]) -> String {
    items
        .iter()
        .flat_map(|item| ["\n  ".to_owned(), item.to_string()])
        .collect()
}

impl SwapError {
    /// What the operator can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::LockNotHeld { .. } => {
                "see `cutover status` for who holds it; connect directly, not through a transaction-pooling proxy"
            }
            Self::CatalogChanged { .. } => "plan the swap again",
            Self::LiveWritten {
                since: WrittenSince::ItWentLive,
                ..
            } => {
                "take what was written over by hand, or allow it to be lost with --allow-lost-writes (it stays in the backup \
                 set that live becomes)"
            }
            Self::LiveWritten { .. } => {
                "bring the writes into the sources and release again, or allow them to be lost (they stay in the backup set)"
            }
            Self::LockDeadline { .. } => {
                "let the sessions named finish or end them, or raise the deadline; then run again"
            }
            Self::TooSlow { .. } => "raise the budget for the time under lock, or swap at a quieter time",
            Self::OldSnapshots { .. } => {
                "let the transactions named finish or end them, raise the deadline for them (`[swap] snapshot_deadline`), or let \
                 them find the new tables empty (`[swap] old_snapshots = \"ignore\"`, --ignore-old-snapshots)"
            }
            Self::StandbysBehind { .. } => {
                "see why they are behind (a paused replay, a long query there), or raise the bound or the deadline"
            }
            Self::AntiWraparound { .. } => {
                "let it finish, it must not be cancelled; `vacuum_cost_delay` and `maintenance_work_mem` decide how fast it is, \
                 and VACUUM (FREEZE) at a quiet time comes before it"
            }
            Self::StandbysHidden { .. } => "GRANT pg_read_all_stats to the role, or take the bound away",
            Self::Statement(error) => error.remedy(),
            Self::OutcomeUnknown { .. } => "ask `cutover status`: the records tell whether it went live",
        }
    }
}
