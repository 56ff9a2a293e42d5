//! Importers that are loaded chunk by chunk, each chunk with its checkpoint, and taken up behind the last one.

use cutover_core::release_file::{Import as FileImport, ImportSource, ImportWay};
use cutover_importer::{ImportOutcome, ImportPlan, Journal, LoadSettings};
use tokio_postgres::{Client, IsolationLevel};

use super::import::{begin, run_steps};
use crate::ReleaseError;
use crate::aliases::twin_aliases;
use crate::run::{Run, session_error};

impl Run<'_> {
    /// Whether rows pass through the client in chunks: to be taken up, or to have refused ones set aside.
    pub(super) fn is_chunked(&self, import: &FileImport) -> bool {
        let sets_aside = import.max_rejects.is_some() || import.max_reject_share.is_some();
        let can_be_taken_up =
            !import.key.is_empty() && self.options.checkpoints && self.options.sample.is_none();
        let through_the_client =
            import.way != ImportWay::Server && !matches!(import.source, ImportSource::Csv(_));
        through_the_client && (sets_aside || can_be_taken_up)
    }

    /// Loads what the importer's checkpoints do not have yet.
    pub(super) async fn run_in_chunks(
        &self,
        import: &FileImport,
        settings: &LoadSettings,
    ) -> Result<ImportOutcome, ReleaseError> {
        let mut target = self.client().await?;
        let mut source = self.client().await?;
        let outcome = self
            .run_in_chunks_on(import, settings, &mut target, &mut source)
            .await;
        if outcome.is_err() {
            // It may still be receiving rows: such a connection is closed, not given back to the pool.
            drop(deadpool_postgres::Client::take(source));
        }
        outcome
    }

    async fn run_in_chunks_on(
        &self,
        import: &FileImport,
        settings: &LoadSettings,
        target: &mut Client,
        source: &mut Client,
    ) -> Result<ImportOutcome, ReleaseError> {
        let mut journal = Journal::of(&self.records, self.release);
        let mut planned = self
            .cutover
            .import(import, &self.template, self.options)?
            .in_chunks();
        if !self.options.checkpoints {
            journal = journal.without_checkpoints();
            planned = planned.in_one_transaction();
        }
        let mut settings = settings.clone();
        if let Some(bytes) = self.options.chunk_bytes {
            settings = settings.chunk_bytes(bytes);
        }
        let so_far = journal.so_far(&*target, &import.name).await?;
        let planned = planned.after(so_far.last_key);
        // Not read-only: the aliases are temporary views. It is rolled back in the end.
        let reading = begin(source, IsolationLevel::RepeatableRead).await?;
        if matches!(import.source, ImportSource::Query { .. }) {
            run_steps(&twin_aliases(&self.twins()).0, &reading).await?;
        }
        let tx = begin(target, IsolationLevel::ReadCommitted).await?;
        let plan = ImportPlan::read(&planned, &settings, &tx, Some(&reading)).await?;
        tx.rollback()
            .await
            .map_err(|error| session_error("end planning in", error))?;
        let outcome = plan
            .run_in_chunks(target, &reading, &journal, &self.events)
            .await?;
        reading
            .rollback()
            .await
            .map_err(|error| session_error("end reading in", error))?;
        Ok(outcome)
    }
}
