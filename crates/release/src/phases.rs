//! The phases between taking the lock and giving it back, a file each.

mod build_staging;
mod cleanup_and_retention;
mod finalise_swap;
mod import;
mod import_additions;
mod import_checks;
mod import_chunks;
mod import_jobs;
mod import_ranges;
mod import_retry;
mod import_totals;
mod portal_state;
mod post_data;
mod post_swap;
mod preflight;
mod prewarm;
mod refresh_views;
mod standby_gate;
mod straight;
mod vacuum;
mod validate;

use cutover_core::Phase;
use cutover_core::release_file::ImportPhase;
pub(crate) use finalise_swap::refuse_orphans;
pub(crate) use portal_state::PortalStates;
pub(crate) use post_swap::is_violation;

use crate::ReleaseError;
use crate::boxed::BoxFuture;
use crate::run::Run;

impl Run<'_> {
    /// Runs a phase and returns one calm line about what it did.
    pub(crate) fn run_phase(&mut self, phase: Phase) -> BoxFuture<'_, Result<String, ReleaseError>> {
        match phase {
            // Around all others: see `Cutover::release` and `Run::close`.
            Phase::AcquireLock | Phase::ReleaseLock => Box::pin(async { Ok(String::new()) }),
            Phase::RefreshViews => Box::pin(self.refresh_views()),
            Phase::Preflight => Box::pin(self.preflight()),
            Phase::BuildStaging => Box::pin(self.build_staging()),
            Phase::ImportCore => Box::pin(self.import(ImportPhase::Core)),
            Phase::ImportRelated => Box::pin(self.import(ImportPhase::Related)),
            Phase::ValidateAndManifest => Box::pin(self.validate_and_manifest()),
            Phase::FinaliseSwap => Box::pin(self.finalise_swap()),
            Phase::PostSwap => Box::pin(self.post_swap()),
            Phase::CleanupAndRetention => Box::pin(self.cleanup_and_retention()),
        }
    }
}

/// The phase that importers run in.
pub(crate) fn phase_of(import: ImportPhase) -> Phase {
    match import {
        ImportPhase::Core => Phase::ImportCore,
        ImportPhase::Related => Phase::ImportRelated,
    }
}

/// A number with its noun.
pub(crate) fn counted(n: impl TryInto<u64>, noun: &str) -> String {
    match n.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {noun}"),
        n => format!("{n} {noun}s"),
    }
}
