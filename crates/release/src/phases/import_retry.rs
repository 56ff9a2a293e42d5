//! An importer whose source is lost is tried again.

use cutover_core::release_file::Import as FileImport;
use cutover_core::{EventKind, millis};
use cutover_importer::{ImportOutcome, LoadSettings, pause_before_retry};

use crate::ReleaseError;
use crate::release::with_causes;
use crate::run::Run;

impl Run<'_> {
    /// Runs an importer, and again after a pause when the connection to its source was lost: a portal that restarts is no
    /// reason to give up hours of work. What its checkpoints have stays, everything else was rolled back. Tries in vain are
    /// counted from the last chunk on. The state of the source is another one after each.
    pub(super) async fn run_importer_with_patience(
        &self,
        import: &FileImport,
        settings: &LoadSettings,
    ) -> Result<ImportOutcome, ReleaseError> {
        let mut tries_in_vain = 0;
        let mut chunks = self.chunks_of(import).await?;
        loop {
            let error = match self.run_importer(import, settings).await {
                Err(ReleaseError::Import(error)) => error,
                ended => return ended,
            };
            let worth_another =
                error.is_source_lost() || (tries_in_vain > 0 && error.is_source_unreachable());
            if !worth_another {
                return Err(error.into());
            }
            let chunks_now = self.chunks_of(import).await?;
            tries_in_vain = if chunks_now > chunks { 1 } else { tries_in_vain + 1 };
            chunks = chunks_now;
            let Some(pause) = pause_before_retry(tries_in_vain) else {
                return Err(error.into());
            };
            let error = ReleaseError::from(error);
            tracing::warn!(importer = import.name, error = %with_causes(&error), "source lost");
            self.events.emit(EventKind::ImportSourceLost {
                importer: import.name.clone(),
                error: with_causes(&error),
                retry_in_ms: millis(pause),
            });
            tokio::time::sleep(pause).await;
        }
    }

    /// How many chunks of an importer are in.
    pub(super) async fn chunks_of(&self, import: &FileImport) -> Result<i64, ReleaseError> {
        let so_far = self
            .records
            .import_so_far(&*self.session, self.release, &import.name)
            .await?;
        Ok(so_far.chunks)
    }
}
