#![doc = include_str!("../README.md")]

mod attempt; // one transaction that tries to get it through
mod audit; // a release set at one moment, and what differs between two
mod behind; // who waits behind us
mod blocked; // who waits, asked from elsewhere
mod blockers; // who stands in the way
mod dependents; // what outside the set refers to it and how it goes on
mod drop_backups; // dropping what retention does not keep
mod error; // why a planned swap did not happen
mod follow; // views, functions and rules that are replaced in place
mod lock_count; // entries of the server's lock table
mod lock_order; // every lock, in one order
mod lost_writes; // writes to live that are not in what goes live
mod members; // pairs looked up and checked
mod message; // the steps of a stage as one bounded message
mod outside_parts; // policies, rules and defaults outside the set
mod pairing; // what changes places with what
mod pause; // waiting that can be cancelled
mod plan; // two catalog snapshots -> SwapPlan; no connection
mod policy; // how long to wait, how long to let wait
mod post_swap; // foreign keys from outside, validated
mod precheck; // rows outside that would lose what they refer to
mod publications; // what publishes the set
mod query_beginning; // how much of somebody else's query is told
mod read_ahead; // what the locks' statements look up
mod reading; // what several queries read, as of one moment
mod refused; // why a swap cannot be planned
mod rehearse; // a swap, rolled back
mod renames; // live -> backup, incoming -> live, from schema to schema
mod reshaped; // columns that change, and who notices
mod retention; // which backup sets go
mod rollback; // a swap with a backup set
mod run; // tries, until one gets through
mod schemas; // schemas of their own for staging and backups
mod settle; // the outcome after a lost connection
mod snapshots; // transactions older than the load
mod space; // what live, staging and backups take on disk
mod standbys; // servers that replay the swap
mod subscriptions; // what writes to the set from elsewhere
mod temporary; // what other sessions have for themselves
mod ties; // what ties backups of one set to each other, undone first
mod tries; // counting, telling, pausing, giving up
mod unchanged; // proof that no DDL came in between
mod unmanaged; // look-alikes that are not in the records
mod victim; // who gives way in a deadlock
mod window; // when readers may have been held up
mod wraparound; // the one vacuum that gives way to nobody

pub use cutover_core::release_file::OldSnapshots;

pub use audit::{Audit, AuditChange, AuditDiff, AuditError, AuditOptions, RowSum, sum_rows};
pub use behind::WaitedBehind;
pub use blocked::{BlockedSession, blocked_sessions};
pub use drop_backups::DropError;
pub use error::SwapError;
pub use lost_writes::{LostWrites, WrittenSince};
pub use pairing::{Pair, PartPair};
pub use plan::{PlanOptions, SwapPlan};
pub use policy::LockPolicy;
pub use precheck::{OrphanedRows, Precheck};
pub use refused::{Refusal, RefusalKind, SwapRefused};
pub use rehearse::Rehearsal;
pub use reshaped::is_plan_safe;
pub use retention::{KeptReason, KeptSet, Retention, RetentionPlan, SetDrop, drop_plan, retention_plan};
pub use rollback::{RollbackError, rollback_plan};
pub use run::{SwapContext, SwapReport};
pub use settle::{Outcome, SettleError, settle};
pub use space::{RelationSpace, SetSpace, SpaceOf, SpaceReport, space};
pub use standbys::{Lag, LagWatch, Standby, StandbyReplay, StandbyReport, wait_for_replay};
pub use unmanaged::{Unmanaged, unmanaged};
pub use window::LockWindow;
