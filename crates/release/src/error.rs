//! What can go wrong with a release.

use cutover_core::catalog::CatalogError;
use cutover_core::records::MigrationError;
use cutover_core::release_file::{ChangedSetting, LabelError, SecretError, TemplateError};
use cutover_core::{
    ConnectError, DatabaseError, IdentError, LockHolder, ObjectName, Phase, QualifiedName, Stamp,
    StatementError, UnsafeSession,
};
use cutover_importer::ImportError;
use cutover_importer::preflight::{PreflightError, PreflightReport};
use jiff::Timestamp;

use crate::{FailureClass, GateFailure, HookError, JsonLogError, NotifyError, SelectionError, StopReason};

/// A release, or another call, that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// The release set's name cannot name a lock.
    #[error("the release set's name cannot be used")]
    Name(#[source] IdentError),
    /// The phases selected cannot work together.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// The label does not match.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// A query or path with placeholders could not be filled in.
    #[error("could not fill in the placeholders of {what} `{name}`")]
    Template {
        /// `import` or `check`.
        what: &'static str,
        /// Which.
        name: String,
        /// Why.
        source: TemplateError,
    },
    /// An importer named by a flag is not in the release file.
    #[error("the release file has no importer {given:?}; it has: {}", known.join(", "))]
    UnknownImporter {
        /// The name given.
        given: String,
        /// The importers there are.
        known: Vec<String>,
    },
    /// The release file names Rust code that the program which runs it does not have.
    #[error(
        "importer {importer} is Rust code named {rust:?}, which this program does not have; it has: {}",
        if known.is_empty() { "none".to_owned() } else { known.join(", ") }
    )]
    UnknownRust {
        /// The importer.
        importer: String,
        /// The name in the release file.
        rust: String,
        /// What the program has registered.
        known: Vec<String>,
    },
    /// The release file asks for something that this version cannot do.
    #[error("`{name}`: {what} is not supported by this version")]
    NotSupported {
        /// What.
        what: &'static str,
        /// Where.
        name: String,
    },
    /// A variable that a hook's request asks for is not set.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A hook's request cannot be sent, whatever answers. Its values may be secrets and are not repeated.
    #[error("hook `{hook}`: {problem}")]
    HookRequest {
        /// The hook.
        hook: String,
        /// What is wrong.
        problem: String,
    },
    /// A required hook failed before the release was live.
    #[error(transparent)]
    Hook(Box<HookError>),
    /// The log file cannot be written.
    #[error(transparent)]
    Log(#[from] JsonLogError),
    /// Somebody who is to be told cannot be.
    #[error(transparent)]
    Notify(#[from] NotifyError),
    /// The server cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The session is of a kind that no release can be run on.
    #[error(transparent)]
    Unsafe(#[from] UnsafeSession),
    /// The record store cannot be used.
    #[error(transparent)]
    Migration(#[from] MigrationError),
    /// The catalog does not hold what the release file names.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A statement failed.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// A pooled session could not be had.
    #[error("could not get a session from the pool")]
    Pool(#[source] Box<ConnectError>),
    /// Another release or rollback runs.
    #[error("release set {release_set:?} is locked by {}", describe_holder(holder, *phase, host.as_deref(), *client_pid))]
    Busy {
        /// The release set.
        release_set: String,
        /// The session that holds the lock.
        holder: Box<LockHolder>,
        /// The phase it is in, from its record.
        phase: Option<Phase>,
        /// The machine it runs on, from its record.
        host: Option<String>,
        /// Its process there, from its record.
        client_pid: Option<i32>,
    },
    /// The lock was taken, and free again when its holder was looked for.
    #[error("release set {release_set:?} was locked until just now")]
    JustFreed {
        /// The release set.
        release_set: String,
    },
    /// The lock's session lost the lock, so somebody else may be at work.
    #[error("the session no longer holds the release lock before {phase}")]
    LockLost {
        /// The phase that was about to begin.
        phase: Phase,
    },
    /// There is nothing to take up: the selected phases need what earlier ones build.
    #[error("there is no staging to take up: {why}")]
    NothingToTakeUp {
        /// Why.
        why: String,
    },
    /// No release stopped half-way.
    #[error("there is nothing to resume: {why}")]
    NothingToResume {
        /// Why.
        why: String,
    },
    /// What is to be resumed was begun by a release file that said otherwise what it consists of.
    #[error(
        "the release file has changed since release {release} of {label} began: its tables, checks, imports or changes{}",
        lines_below(changes)
    )]
    FileChanged {
        /// The release.
        release: i64,
        /// Its label.
        label: String,
        /// Each setting that has changed; empty where a version began it that did not keep them.
        changes: Vec<ChangedSetting>,
    },
    /// What begins anew, a release or a preflight, would remove staging that is ready to go live.
    #[error("release {release} of {label} is built, validated and waits for its swap; this would remove it")]
    StagingReady {
        /// The release.
        release: i64,
        /// Its label.
        label: String,
    },
    /// The moment before which the release is not to go live was over when it was started: more likely a slip of the pen than
    /// a wish to go live at once.
    #[error("the moment to wait for, {moment}, is in the past: it is {now} by the server's clock")]
    MomentPassed {
        /// What was asked for.
        moment: Timestamp,
        /// The server's time.
        now: Timestamp,
    },
    /// A dry run or a partial import was asked to go live.
    #[error("a release with {what} must not go live")]
    Partial {
        /// What makes it partial.
        what: &'static str,
    },
    /// The checks could not be run.
    #[error(transparent)]
    PreflightRun(#[from] PreflightError),
    /// The checks found violations.
    #[error("{} of {} checks of the sources failed\n{report}", report.checks.iter().filter(|check| check.is_fatal()).count(), report.checks.len())]
    Preflight {
        /// All of them.
        report: Box<PreflightReport>,
    },
    /// Staging could not be built, filled, finished or dropped.
    #[error(transparent)]
    Clone(#[from] cutover_staging::CloneError),
    /// Staging could not be built, filled, finished or dropped.
    #[error(transparent)]
    Staging(#[from] cutover_staging::StagingError),
    /// An importer failed.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// Staging differs from live in structure, otherwise than declared.
    #[error(transparent)]
    Structure(Box<cutover_staging::StructureRefused>),
    /// Gates of `[[validate]]` are shut.
    #[error("{} checks of the new release failed\n{}", failures.len(), lines(failures))]
    Gates {
        /// All of them.
        failures: Vec<GateFailure>,
    },
    /// The swap of a release, or its rehearsal, was refused or failed: what is staged is kept, and ready.
    #[error(transparent)]
    Swap(#[from] cutover_swap::SwapError),
    /// The swap of a rollback was refused or failed.
    #[error(transparent)]
    SwapBack(cutover_swap::SwapError),
    /// The swap cannot be planned: everything that stands against it.
    #[error(transparent)]
    SwapRefused(Box<cutover_swap::SwapRefused>),
    /// Rows outside the set would lose what they refer to.
    #[error(
        "rows outside the set refer to rows that the new release does not have\n{}",
        lines(orphans)
    )]
    Orphans {
        /// By foreign key.
        orphans: Vec<cutover_swap::OrphanedRows>,
    },
    /// Rows outside the set would lose what they refer to if live were taken back.
    #[error(
        "rows outside the set refer to rows that backup set {stamp} does not have\n{}",
        lines(orphans)
    )]
    OrphansOfRollback {
        /// The backup set.
        stamp: Stamp,
        /// By foreign key.
        orphans: Vec<cutover_swap::OrphanedRows>,
    },
    /// The rollback cannot be planned.
    #[error(transparent)]
    Rollback(Box<cutover_swap::RollbackError>),
    /// Backup sets could not be dropped.
    #[error(transparent)]
    Retention(Box<cutover_swap::DropError>),
    /// Without checkpoints, importers would add their rows a second time.
    #[error("importers cannot run again over staging that is taken up")]
    StagingTakenUp,
    /// No backup set bears this stamp.
    #[error("there is no backup set {stamp}; there are: {}", list(known))]
    UnknownStamp {
        /// The stamp given.
        stamp: Stamp,
        /// The stamps there are.
        known: Vec<Stamp>,
    },
    /// The release was asked to stop.
    #[error("{} in phase {phase}", match reason { StopReason::Interrupted => "interrupted", StopReason::Aborted => "aborted" })]
    Stopped {
        /// Who asked.
        reason: StopReason,
        /// The phase it was in.
        phase: Phase,
    },
    /// The rollback was asked to stop before the backup set was live.
    #[error("the rollback was {} before its swap", match reason { StopReason::Interrupted => "interrupted", StopReason::Aborted => "aborted" })]
    StoppedRollback {
        /// Who asked.
        reason: StopReason,
    },
    /// The release was asked to stop while everything was ready and it waited before its swap.
    #[error("{} while it held before the swap", match reason { StopReason::Interrupted => "interrupted", StopReason::Aborted => "aborted" })]
    StoppedHolding {
        /// Who asked.
        reason: StopReason,
    },
    /// No release waits for a go.
    #[error("there is nothing to say go to: {why}")]
    NothingHolds {
        /// What is going on instead.
        why: String,
    },
    /// The release that was asked to stop did not do so in time.
    #[error("release {release} was asked to stop and still holds its lock after {seconds} s (pid {pid})")]
    DoesNotStop {
        /// The release.
        release: i64,
        /// Its server process.
        pid: i32,
        /// How long was waited, in seconds.
        seconds: u64,
    },
    /// What a record says about staging could not be read.
    #[error("the staging facts in the record of release {release} cannot be read")]
    StagedFacts {
        /// The release.
        release: i64,
        /// Why.
        source: serde_json::Error,
    },
    /// A staging relation that is in the way and in no record.
    #[error("{} exists and no record says that it is staging", names(relations))]
    Leftover {
        /// Which.
        relations: Vec<QualifiedName>,
    },
}

fn describe_holder(
    holder: &LockHolder,
    phase: Option<Phase>,
    host: Option<&str>,
    client_pid: Option<i32>,
) -> String {
    let host = host
        .filter(|host| !host.is_empty())
        .map(|host| format!(", host {host:?}"))
        .unwrap_or_default();
    let process = client_pid
        .map(|pid| format!(" process {pid}"))
        .unwrap_or_default();
    let since = holder
        .since
        .map(|since| format!(" since {since}"))
        .unwrap_or_default();
    let phase = phase
        .map(|phase| format!(", in phase {phase}"))
        .unwrap_or_default();
    let LockHolder {
        pid,
        application,
        user,
        ..
    } = holder;
    format!("pid {pid} ({application:?}, user {user:?}{host}{process}){since}{phase}")
}

fn list(stamps: &[Stamp]) -> String {
    if stamps.is_empty() {
        return "none".to_owned();
    }
    stamps
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

fn lines_below<T: std::fmt::Display>(items: &[T]) -> String {
    if items.is_empty() {
        String::new()
    } else {
        format!("\n{}", lines(items))
    }
}

fn lines<T: std::fmt::Display>(items: &[T]) -> String {
    items
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

fn names(relations: &[QualifiedName]) -> String {
    relations
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

impl From<cutover_staging::StructureRefused> for ReleaseError {
    fn from(refused: cutover_staging::StructureRefused) -> Self {
        Self::Structure(Box::new(refused))
    }
}

impl ReleaseError {
    /// What a command ends with that failed with this and was, or was not, asked to stop: when it was, its statements were
    /// cancelled, and what it failed with is no news then, unless nobody knows whether it went live.
    pub(crate) fn after_asking_to_stop(
        self,
        asked: Option<StopReason>,
        stopped: impl FnOnce(StopReason) -> Self,
    ) -> Self {
        match asked {
            Some(reason) if self.class() != FailureClass::Unknown => stopped(reason),
            _ => self,
        }
    }

    /// Who asked the release to stop, when that is why it ended.
    pub(crate) fn stopped_because(&self) -> Option<StopReason> {
        match self {
            Self::Stopped { reason, .. }
            | Self::StoppedHolding { reason }
            | Self::StoppedRollback { reason } => Some(*reason),
            _ => None,
        }
    }

    pub(crate) fn not_supported(what: &'static str, name: &str) -> Self {
        Self::NotSupported {
            what,
            name: name.to_owned(),
        }
    }

    /// A statement of ours that failed.
    pub(crate) fn statement(
        purpose: &'static str,
        object: ObjectName,
        error: impl Into<DatabaseError>,
    ) -> Self {
        Self::Statement(StatementError::new(purpose, object, error))
    }
}
