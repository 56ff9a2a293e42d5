#![doc = include_str!("../README.md")]

mod build; // catalog facts -> steps that make twins; no connection
mod changes; // how a month is meant to differ from live
mod check; // whether a set can be cloned without losing anything
mod clone_plan; // the twins of tables
mod deferred; // what is made after the rows are there, as values
mod diff; // structural comparison of live and staging
mod drop; // dropping staging without CASCADE
mod error; // what can go wrong while a plan runs
mod in_the_way; // names that are taken already
mod late; // materialized views over the set's own tables
mod lock_budget;
mod matview_plan; // the twins of materialized views
mod options; // what the caller may choose
mod pipeline; // statements sent without waiting for each answer
mod post_data; // carrying out what was deferred
mod references; // proof that staging does not refer to live
mod refusal; // what is refused, by name
mod retry; // trying again when a lock was not to be had
mod rights; // whether the session may make the twins all that live is
mod run; // carrying out a build
mod staged; // the pairing of live and staging
mod staging_schema; // where staging is not beside live

pub use changes::{DeclaredChange, DeclaredChanges, Expected, StructureRefused};
pub use clone_plan::ClonePlan;
pub use deferred::{Deferral, DeferredAction, DeferredStep, ForeignKey, PartitionedKey, TriggerState};
pub use diff::{Change, Difference, RelationDiff, StructuralDiff};
pub use drop::drop_staging;
pub use error::StagingError;
pub use matview_plan::MatviewPlan;
pub use options::{CloneOptions, SequenceStart};
pub use post_data::{PostDataOptions, Workers};
pub use refusal::{CloneError, Refusal};
pub use retry::LockPatience;
pub use staged::{PartPair, Reprinted, StagedMember, StagedSet};
