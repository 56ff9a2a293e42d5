//! The phases between taking the lock and giving it back, a file each.

mod build_staging;
mod cleanup_and_retention;
mod finalise_swap;
mod import;
mod post_swap;
mod preflight;
mod refresh_views;
mod validate;

use std::time::Duration;

use cutover_core::Phase;
use cutover_core::release_file::ImportPhase;

pub(crate) use preflight::violations;

use crate::ReleaseError;
use crate::run::Run;

/// How long a lost COMMIT may still be at work on the server before its outcome is asked for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

impl Run<'_> {
    /// Runs a phase and returns one calm line about what it did.
    pub(crate) async fn run_phase(&mut self, phase: Phase) -> Result<String, ReleaseError> {
        match phase {
            // Around all others: see `Cutover::release` and `Run::close`.
            Phase::AcquireLock | Phase::ReleaseLock => Ok(String::new()),
            Phase::RefreshViews => self.refresh_views().await,
            Phase::Preflight => self.preflight().await,
            Phase::BuildStaging => self.build_staging().await,
            Phase::ImportCore => self.import(ImportPhase::Core).await,
            Phase::ImportRelated => self.import(ImportPhase::Related).await,
            Phase::ValidateAndManifest => self.validate_and_manifest().await,
            Phase::FinaliseSwap => self.finalise_swap().await,
            Phase::PostSwap => self.post_swap().await,
            Phase::CleanupAndRetention => self.cleanup_and_retention().await,
        }
    }
}
