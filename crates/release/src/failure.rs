//! In which class a failure falls, and what to do about it.

use cutover_core::Phase;
use cutover_importer::ImportError;
use cutover_swap::SwapError;

use crate::{ReleaseError, StopReason};

/// The classes of failure; the CLI has an exit status for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// The request or the release file makes no sense.
    Usage,
    /// The server cannot be reached, or not used safely.
    Connection,
    /// Another release or rollback holds the lock.
    Busy,
    /// The sources are not fit to be imported.
    Preflight,
    /// Staging could not be built or filled.
    Build,
    /// What was built is not fit to go live.
    Validation,
    /// A required hook stopped the release before its swap.
    Vetoed,
    /// What exists cannot be swapped: dependents, changes, an unknown stamp.
    Refused,
    /// The swap did not get its chance in time; nothing changed.
    Timeout,
    /// The connection was lost at the commit of the swap: `status` settles what happened.
    Unknown,
    /// Stopped by Ctrl-C or `abort`.
    Stopped,
    /// Nothing holds that could be told to go.
    NotHolding,
    /// Anything else.
    Other,
}

impl ReleaseError {
    /// The class of failure. Exhaustive on purpose: a new kind of error must be given its class here.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Name(_)
            | Self::Selection(_)
            | Self::Label(_)
            | Self::Template { .. }
            | Self::UnknownImporter { .. }
            | Self::UnknownRust { .. }
            | Self::NotSupported { .. }
            | Self::Partial { .. }
            | Self::MomentPassed { .. }
            | Self::StagingTakenUp
            | Self::Secret(_)
            | Self::HookRequest { .. }
            | Self::Log(_)
            | Self::Notify(_) => FailureClass::Usage,
            Self::Connect(_) | Self::Unsafe(_) | Self::Migration(_) | Self::Pool(_) => {
                FailureClass::Connection
            }
            Self::Statement(error) if error.database_error().is_connection_lost() => FailureClass::Connection,
            Self::Busy { .. } | Self::JustFreed { .. } | Self::LockLost { .. } | Self::DoesNotStop { .. } => {
                FailureClass::Busy
            }
            Self::PreflightRun(_) | Self::Preflight { .. } | Self::Import(ImportError::Checked { .. }) => {
                FailureClass::Preflight
            }
            Self::Clone(_) | Self::Staging(_) | Self::Import(_) | Self::Leftover { .. } => {
                FailureClass::Build
            }
            Self::Hook(_) => FailureClass::Vetoed,
            Self::Structure(_) | Self::Gates { .. } => FailureClass::Validation,
            Self::Catalog(_)
            | Self::UnknownStamp { .. }
            | Self::NothingToTakeUp { .. }
            | Self::NothingToResume { .. }
            | Self::FileChanged { .. }
            | Self::StagingReady { .. }
            | Self::SwapRefused(_)
            | Self::Orphans { .. }
            | Self::OrphansOfRollback { .. }
            | Self::Rollback(_) => FailureClass::Refused,
            Self::Swap(error) | Self::SwapBack(error) => swap_class(error),
            Self::Stopped { .. } | Self::StoppedHolding { .. } | Self::StoppedRollback { .. } => {
                FailureClass::Stopped
            }
            Self::NothingHolds { .. } => FailureClass::NotHolding,
            Self::Statement(_) | Self::StagedFacts { .. } | Self::Retention(_) => FailureClass::Other,
        }
    }

    /// What the operator can do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Name(_) => "choose a [release] name of 1 to 63 bytes".to_owned(),
            Self::Selection(_) => "see `cutover release --help` for the phases and their order".to_owned(),
            Self::Label(_) => "give a label that matches [release] label_pattern, or leave it out".to_owned(),
            Self::Template { .. } => "mend the release file".to_owned(),
            Self::UnknownImporter { .. } => "name importers as [[import]] name spells them".to_owned(),
            Self::UnknownRust { .. } => {
                "run it with the program that has this code (`Cutover::importer`), and mend the name if that is wrong; the command \
                 `cutover` has none"
                    .to_owned()
            }
            Self::NotSupported { .. } => {
                "take it out of the release file, or wait for the version that can".to_owned()
            }
            Self::Partial { .. } => {
                "add --stop-after validate_and_manifest or --dry-run, or import everything".to_owned()
            }
            Self::MomentPassed { .. } => {
                "give --not-before (CUTOVER_NOT_BEFORE) a moment to come, or leave it out to go live at once".to_owned()
            }
            Self::Secret(_) => "set the variable".to_owned(),
            Self::HookRequest { .. } => "correct [[hook]] http, or the variable it names".to_owned(),
            Self::Hook(error) => format!("do what it asks for, or mend it; {}", go_on_after_veto(error.phase)),
            Self::Log(_) => "check [log] path and the rights on its folder".to_owned(),
            Self::Notify(error) => error.remedy().to_owned(),
            Self::Connect(error) => error.remedy().to_owned(),
            Self::Pool(error) => error.remedy().to_owned(),
            Self::Unsafe(error) => error.remedy().to_owned(),
            Self::Migration(error) => error.remedy().to_owned(),
            Self::Catalog(error) => error.remedy().to_owned(),
            Self::Statement(error) => error.remedy().to_owned(),
            Self::JustFreed { .. } => "try again".to_owned(),
            Self::Busy { .. } => "wait for it, or stop it with `cutover abort`".to_owned(),
            Self::LockLost { phase } => {
                format!("see the server's log for the lost session; {}", go_on(*phase))
            }
            Self::StagingReady { .. } => {
                "put it live with `cutover resume`, or remove it with `cutover abort`; a release \
                 with --discard-staging removes it and begins anew"
                    .to_owned()
            }
            Self::NothingToResume { .. } => "see `cutover status`; `cutover release` begins anew".to_owned(),
            Self::FileChanged { .. } => {
                "restore the file, or say --allow-changed-file: what is in staging already stays as it is; `cutover abort` \
                 removes it"
                    .to_owned()
            }
            Self::NothingToTakeUp { .. } => "run all phases, or start at refresh_views".to_owned(),
            Self::PreflightRun(error) => error.remedy().to_owned(),
            Self::Preflight { .. } => {
                "mend the sources, or make a check only warn with severity = \"warn\"".to_owned()
            }
            Self::Clone(_) | Self::SwapRefused(_) => "see each reason's own remedy".to_owned(),
            Self::Orphans { .. } => {
                "delete or mend these rows, or keep what they refer to in the release".to_owned()
            }
            Self::OrphansOfRollback { .. } => {
                "delete or mend these rows, or roll back with --allow-orphans: they stay, and the key stays NOT VALID"
                    .to_owned()
            }
            Self::Rollback(error) => error.remedy().to_owned(),
            Self::Retention(error) => error.remedy().to_owned(),
            Self::StagingTakenUp => {
                "add build_staging to the phases, or leave --no-checkpoints out".to_owned()
            }
            Self::Staging(error) => error.remedy().to_owned(),
            Self::Import(error) => error.remedy().to_owned(),
            Self::Structure(refused) => mend_or_declare(refused),
            Self::Gates { .. } => "mend the sources, or the limits in [[validate]]".to_owned(),
            // What may be live is not ready to go live.
            Self::Swap(error) if !matches!(error, SwapError::OutcomeUnknown { .. }) => {
                format!("{}; {}", error.remedy(), go_on(Phase::FinaliseSwap))
            }
            Self::Swap(error) | Self::SwapBack(error) => error.remedy().to_owned(),
            Self::UnknownStamp { .. } => "see `cutover backups`".to_owned(),
            Self::Stopped {
                reason: StopReason::Interrupted,
                phase,
            } => go_on(*phase),
            Self::StoppedHolding {
                reason: StopReason::Interrupted,
            } => go_on(Phase::FinaliseSwap),
            Self::StoppedRollback { .. } => "live is as it was; roll back again when it suits".to_owned(),
            Self::NothingHolds { .. } => {
                "see `cutover status`; a release holds with --hold or [swap] hold, once everything is ready".to_owned()
            }
            Self::Stopped {
                reason: StopReason::Aborted,
                ..
            }
            | Self::StoppedHolding {
                reason: StopReason::Aborted,
            } => "staging was removed; live is as it was".to_owned(),
            Self::DoesNotStop { .. } => "end its process, or terminate its session on the server".to_owned(),
            Self::StagedFacts { .. } => {
                "was the record written by another version? See `cutover status`".to_owned()
            }
            Self::Leftover { .. } => {
                "look at what they are; drop or rename them if they are of no use, then run again".to_owned()
            }
        }
    }
}

/// What helps against a structure that differs, with the section that would declare it.
fn mend_or_declare(refused: &cutover_staging::StructureRefused) -> String {
    let (declaration, remedy) = (refused.declaration(), refused.remedy());
    if declaration.is_empty() {
        remedy.to_owned()
    } else {
        format!("{remedy}:\n{declaration}")
    }
}

/// How to go on after a hook said no: it is asked again.
fn go_on_after_veto(phase: Option<Phase>) -> String {
    match phase {
        Some(Phase::ValidateAndManifest) => {
            "staging is kept and ready: `cutover resume` asks it again and puts it live, `cutover \
             abort` removes it"
                .to_owned()
        }
        phase => go_on(phase.unwrap_or(Phase::AcquireLock)),
    }
}

/// How to go on with what a release has built when it ended in this phase.
fn go_on(phase: Phase) -> String {
    if phase >= Phase::FinaliseSwap {
        return "staging is kept and ready: `cutover resume` puts it live, `cutover abort` removes it"
            .to_owned();
    }
    if phase > Phase::BuildStaging {
        return "staging and checkpoints are kept: `cutover resume` goes on with them, `cutover release` begins anew, \
                `cutover abort` removes them"
            .to_owned();
    }
    "`cutover resume` goes on where it stopped; `cutover abort` removes what it has built".to_owned()
}

fn swap_class(error: &SwapError) -> FailureClass {
    match error {
        SwapError::CatalogChanged { .. }
        | SwapError::LiveWritten { .. }
        | SwapError::StandbysHidden { .. } => FailureClass::Refused,
        SwapError::LockDeadline { .. }
        | SwapError::TooSlow { .. }
        | SwapError::OldSnapshots { .. }
        | SwapError::AntiWraparound { .. }
        | SwapError::StandbysBehind { .. } => FailureClass::Timeout,
        SwapError::OutcomeUnknown { .. } => FailureClass::Unknown,
        SwapError::LockNotHeld { .. } => FailureClass::Busy,
        SwapError::Statement(error) if error.database_error().is_connection_lost() => {
            FailureClass::Connection
        }
        _ => FailureClass::Other,
    }
}
