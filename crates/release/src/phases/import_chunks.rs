//! Importers that are loaded chunk by chunk, each chunk with its checkpoint, and taken up behind the last one.

use cutover_core::release_file::{Import as FileImport, ImportSource, ImportWay, UnknownValue};
use cutover_importer::{Import, ImportError, ImportOutcome, ImportPlan, Journal, LoadSettings};
use tokio_postgres::{Client, IsolationLevel};

use super::import::{begin, run_steps};
use crate::ReleaseError;
use crate::aliases::twin_aliases;
use crate::run::{Run, session_error};

impl Run<'_> {
    /// Whether rows pass through the client in chunks: to be taken up, or to have refused ones set aside.
    pub(super) fn is_chunked(&self, import: &FileImport) -> bool {
        let can_be_taken_up =
            !import.key.is_empty() && self.options.checkpoints && self.options.sample.is_none();
        let through_the_client =
            import.way != ImportWay::Server && !matches!(import.source, ImportSource::Csv(_));
        through_the_client && (sets_aside(import) || can_be_taken_up || looks_up_strictly(import))
    }

    /// Loads what the importer's checkpoints do not have yet.
    pub(super) async fn run_in_chunks(
        &self,
        import: &FileImport,
        planned: Import,
        settings: &LoadSettings,
    ) -> Result<ImportOutcome, ReleaseError> {
        let mut target = self.client().await?;
        let mut source = self.client().await?;
        let row = source
            .query_one("SELECT pg_catalog.pg_backend_pid()", &[])
            .await
            .map_err(|error| session_error("ask for the process of a session of", error))?;
        let pid: i32 = row.get(0);
        let outcome = self
            .run_in_chunks_on(import, planned, settings, &mut target, &mut source)
            .await;
        if matches!(outcome, Err(ReleaseError::Import(ImportError::Silent { .. }))) {
            // It waits for its portal, and would notice only after that answers that nobody listens any more.
            let ended = self
                .session
                .execute("SELECT pg_catalog.pg_terminate_backend($1)", &[&pid])
                .await;
            if let Err(error) = ended {
                tracing::warn!(pid, %error, "could not end the session that reads");
            }
        }
        if outcome.is_err() {
            // It may still be receiving rows: such a connection is closed, not given back to the pool.
            drop(deadpool_postgres::Client::take(source));
        }
        outcome
    }

    async fn run_in_chunks_on(
        &self,
        import: &FileImport,
        planned: Import,
        settings: &LoadSettings,
        target: &mut Client,
        source: &mut Client,
    ) -> Result<ImportOutcome, ReleaseError> {
        let mut journal = Journal::of(&self.records, self.release);
        let mut planned = planned.in_chunks();
        if !self.options.checkpoints {
            journal = journal.without_checkpoints();
            planned = planned.in_one_transaction();
        }
        let mut settings = settings.clone();
        if let Some(bytes) = self.options.chunk_bytes {
            settings = settings.chunk_bytes(bytes);
        }
        if let Some(longest) = import.max_silence {
            settings = settings.source_silence(longest);
        }
        let so_far = journal.so_far(&*target, &import.name).await?;
        let planned = planned.after(so_far.last_key.clone());
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
        let apart = self.check_apart(&plan, &so_far).await?;
        let mut outcome = plan
            .run_in_chunks(target, &reading, &journal, &self.events)
            .await?;
        outcome.checks.extend(apart);
        reading
            .rollback()
            .await
            .map_err(|error| session_error("end reading in", error))?;
        Ok(outcome)
    }
}

/// Whether a value that a lookup does not find is a matter of its row.
fn looks_up_strictly(import: &FileImport) -> bool {
    let mut lookups = import.source.lookups();
    lookups.any(|(_, lookup)| lookup.unknown == UnknownValue::Reject)
}

/// Whether rows that the table refuses may be set aside.
pub(super) fn sets_aside(import: &FileImport) -> bool {
    import.max_rejects.is_some() || import.max_reject_share.is_some()
}
