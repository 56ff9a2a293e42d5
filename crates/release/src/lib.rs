#![doc = include_str!("../README.md")]

mod abort; // making a running release stop
mod additions; // lookups that add to tables outside the set
mod aliases; // live names that mean staging twins while rows are imported
mod boxed; // futures with their type left out
mod busy; // who holds the lock
mod changes; // how a month is meant to differ from live
mod check; // what could stand against the next release
mod checks_of_imports; // geometry checks on the rows of importers
mod companions; // what belongs to the set beside what the file names
mod cutover; // the one-call API
mod disk; // what live, staging and backup sets take
mod error; // what can go wrong
mod failure; // in which class, and what to do about it
mod gate; // [[validate]]
mod go; // saying go to a release that holds
mod hold; // waiting before the swap
mod hooks; // what else happens at the points of a release
mod https; // the client of webhooks and hooks
mod importer; // importers written in Rust
mod init; // a release file for a database that has none
mod inspect; // status, backups, preflight
mod json_log; // one event a line, appended to a file
mod lost_commit; // whether it happened
mod manifest; // what a release consists of
mod map; // release file -> importer crate
mod measure_backup; // rows of a backup set that comes back
mod metrics; // a file for Prometheus
mod notify; // who is told of a release, and of what
mod options; // what one run is asked to do
mod phases; // a file each
mod plan; // what a release would do
mod planned_imports; // ranges, connections
mod process_group; // a program with everything that it has started
mod progress; // what a release is at, for whoever asks from elsewhere
mod recorder; // events on their way to the record
mod rehearse; // the swap, rolled back
mod release; // from the first phase to the last
mod report; // what the calls return
mod resume; // going on where a release stopped
mod rollback; // a swap with a backup set
mod run; // a release in progress
mod selection; // which phases run
mod staged; // what is built in staging
mod standbys; // told before a swap, waited for after it
mod status; // what is live, running, kept
mod stop; // Ctrl-C and abort
mod take_up; // what an earlier release has left
mod upkeep; // space, audit, dropping backups and staging

pub use additions::PlannedAddition;
pub use changes::ChangesOf;
pub use check::{
    CheckReport, CheckSeverity, Concern, DiskPrediction, DiskSpace, Finding, FreeFrom, Growth, GrowthFrom,
};
pub use checks_of_imports::PlannedCheck;
pub use cutover::{Cutover, PortalLogin};
pub use cutover_importer::{Field, RowSink, RowsSent, SinkClosed};
pub use cutover_staging::{DeclaredChange, StructureRefused};
pub use disk::DiskUse;
pub use error::ReleaseError;
pub use failure::FailureClass;
pub use gate::GateFailure;
pub use gate::groups::{GroupChange, GroupFacts};
pub use go::{GoReport, Holding};
pub use hooks::{HookError, HookOutcome, HookProblem, HookReport, PlannedHook};
pub use importer::{Importer, ImporterContext};
pub use init::{InitError, InitOptions, Proposal, ProposedImport};
pub use json_log::{JsonLog, JsonLogError};
pub use manifest::{MANIFEST_SCHEMA_VERSION, Manifest, PhaseTook, RelationFacts};
pub use metrics::{MetricsFile, MetricsSink};
pub use notify::{NOTIFICATION_SCHEMA_VERSION, NotificationSink, Notifications, NotifyError};
pub use options::{ReleaseOptions, RollbackOptions};
pub use planned_imports::{PlannedImport, PlannedImports};
pub use rehearse::RehearsalReport;
pub use report::{
    AbortReport, PhasePlan, PhaseReport, PlanReport, ReleaseReport, RollbackPlan, RollbackReport, SwapFigures,
};
pub use resume::ResumeOptions;
pub use selection::{Selection, SelectionError};
pub use status::{Activity, STATUS_SCHEMA_VERSION, Status};
pub use stop::{Stop, StopReason, StopSignal, stop_pair};
pub use upkeep::{BackupChoice, DropReport};
