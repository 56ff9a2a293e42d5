//! Importers that are loaded chunk by chunk, each chunk with its checkpoint, and taken up behind the last one.

use cutover_core::release_file::{Import as FileImport, ImportSource, ImportWay, UnknownValue};
use cutover_importer::{Import, ImportError, ImportOutcome, ImportPlan, LoadSettings, SourceSnapshot};
use tokio_postgres::{Client, IsolationLevel, Transaction};

use super::import::{begin, run_steps};
use crate::ReleaseError;
use crate::aliases::twin_aliases;
use crate::run::{Run, session_error};

impl Run<'_> {
    /// Whether rows pass through the client in chunks: to be taken up, or to have refused ones set aside.
    pub(super) fn is_chunked(&self, import: &FileImport) -> bool {
        // In a file, places take the place of keys.
        let has_places = matches!(import.source, ImportSource::Csv(_)) || !import.key.is_empty();
        let can_be_taken_up = has_places && self.options.checkpoints && self.options.sample.is_none();
        let through_the_client =
            import.way != ImportWay::Server && !matches!(import.source, ImportSource::Rust { .. });
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
        let mut sources = vec![self.client().await?];
        let mut pids = vec![pid_of(&sources[0]).await?];
        let loading = self.run_in_chunks_on(import, planned, settings, &mut target, &mut sources, &mut pids);
        let outcome = Box::pin(loading).await;
        if matches!(outcome, Err(ReleaseError::Import(ImportError::Silent { .. }))) {
            // It waits for its portal, and would notice only after that answers that nobody listens any more.
            let ended = self
                .session
                .execute(
                    "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.unnest($1::int4[]) pid",
                    &[&pids],
                )
                .await;
            if let Err(error) = ended {
                tracing::warn!(?pids, %error, "could not end the sessions that read");
            }
        }
        if outcome.is_err() {
            // They may still be receiving rows: such a connection is closed, not given back to the pool.
            for source in sources {
                drop(deadpool_postgres::Client::take(source));
            }
        }
        outcome
    }

    /// Loads what the checkpoints of an importer that reads a file do not have yet.
    pub(super) async fn run_file_in_chunks(
        &self,
        import: &FileImport,
        planned: Import,
        settings: &LoadSettings,
    ) -> Result<ImportOutcome, ReleaseError> {
        let mut target = self.client().await?;
        let settings = self.settings_of_chunks(import, settings);
        let beginning = self.beginning_of(import, &target).await?;
        let tx = begin(&mut target, IsolationLevel::ReadCommitted).await?;
        let plan = ImportPlan::read(&beginning.of_file(planned), &settings, &tx, None).await?;
        tx.rollback()
            .await
            .map_err(|error| session_error("end planning in", error))?;
        let apart = self.check_apart(&plan, &beginning.so_far).await?;
        let loading = plan.run_in_chunks(&mut target, None, &beginning.journal, &self.events);
        let mut outcome = Box::pin(loading).await?;
        outcome.checks.extend(apart);
        Ok(outcome)
    }

    async fn run_in_chunks_on(
        &self,
        import: &FileImport,
        planned: Import,
        settings: &LoadSettings,
        target: &mut Client,
        sources: &mut Vec<deadpool_postgres::Client>,
        pids: &mut Vec<i32>,
    ) -> Result<ImportOutcome, ReleaseError> {
        let settings = self.settings_of_chunks(import, settings);
        let beginning = self.beginning_of(import, target).await?;
        let planned = beginning.of(planned);
        let state = if beginning.may_have_ranges() {
            Some(self.state_of_target(&settings).await?)
        } else {
            None
        };
        let mut targets = Vec::new();
        let (plan, ranges) = {
            // Only to look: where there are several ranges, each is read by a session of its own.
            let reading = self
                .begin_reading(import, &mut sources[0], state.as_ref())
                .await?;
            let tx = begin(target, IsolationLevel::ReadCommitted).await?;
            let plan = ImportPlan::read(&planned, &settings, &tx, Some(&reading)).await?;
            tx.rollback()
                .await
                .map_err(|error| session_error("end planning in", error))?;
            let (ranges, at_once) = beginning.ranges(&plan, &reading, state.is_some()).await?;
            if at_once == 1 {
                let outcome = self
                    .load_chunks(&beginning, &plan, &ranges, (target, &reading), (&mut [], &[]))
                    .await?;
                return end(reading, outcome).await;
            }
            for _ in 1..at_once {
                targets.push(self.client().await?);
            }
            reading
                .rollback()
                .await
                .map_err(|error| session_error("end planning in", error))?;
            (plan, ranges)
        };
        for _ in &targets {
            let source = self.client().await?;
            pids.push(pid_of(&source).await?);
            sources.push(source);
        }
        let mut readings = Vec::new();
        for source in sources {
            readings.push(self.begin_reading(import, source, state.as_ref()).await?);
        }
        // They have it.
        drop(state);
        let more = readings.split_off(1);
        let first = readings.remove(0);
        let outcome = self
            .load_chunks(
                &beginning,
                &plan,
                &ranges,
                (target, &first),
                (&mut targets, &more),
            )
            .await?;
        let mut outcome = Ok(outcome);
        for reading in std::iter::once(first).chain(more) {
            outcome = end(reading, outcome?).await;
        }
        outcome
    }

    /// Begins to read in the target's database, in a state that others read, too, where there is one.
    ///
    /// Not read-only: the aliases are temporary views. It is rolled back in the end.
    pub(super) async fn begin_reading<'c>(
        &self,
        import: &FileImport,
        source: &'c mut Client,
        state: Option<&SourceSnapshot>,
    ) -> Result<Transaction<'c>, ReleaseError> {
        let reading = begin(source, IsolationLevel::RepeatableRead).await?;
        if let Some(state) = state {
            state
                .adopt(&reading)
                .await
                .map_err(|error| session_error("begin to read one state of", error))?;
        }
        run_steps(&twin_aliases(&self.aliases_of(import)).0, &reading).await?;
        Ok(reading)
    }
}

/// Whether a value that a lookup does not find is a matter of its row.
fn looks_up_strictly(import: &FileImport) -> bool {
    let mut lookups = import.source.lookups();
    lookups.any(|(_, lookup)| lookup.unknown != UnknownValue::Null)
}

async fn pid_of(client: &Client) -> Result<i32, ReleaseError> {
    let row = client
        .query_one("SELECT pg_catalog.pg_backend_pid()", &[])
        .await
        .map_err(|error| session_error("ask for the process of a session of", error))?;
    Ok(row.get(0))
}

async fn end(reading: Transaction<'_>, outcome: ImportOutcome) -> Result<ImportOutcome, ReleaseError> {
    reading
        .rollback()
        .await
        .map_err(|error| session_error("end reading in", error))?;
    Ok(outcome)
}

/// Whether rows that the table refuses may be set aside.
pub(super) fn sets_aside(import: &FileImport) -> bool {
    import.max_rejects.is_some() || import.max_reject_share.is_some()
}
