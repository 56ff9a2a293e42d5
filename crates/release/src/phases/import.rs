//! `import_core` and `import_related`: the importers fill staging, each in a transaction with its checkpoint, or in
//! chunks.

use std::collections::BTreeSet;
use std::num::NonZeroU64;

use cutover_core::records::{Checkpoint, ImportSoFar, ImporterState};
use cutover_core::release_file::{Import as FileImport, ImportPhase, ImportSource, ImportWay};
use cutover_core::{Ident, QualifiedName, Step};
use cutover_importer::preflight::CheckReport;
use cutover_importer::{Import, ImportOutcome, ImportPlan, LoadSettings, Throttle};
use tokio_postgres::{Client, IsolationLevel, Transaction};

use super::import_totals::Totals;
use super::{counted, phase_of};
use crate::additions::adds;
use crate::aliases::twin_aliases;
use crate::run::{Run, session_error};
use crate::{ReleaseError, StopReason};

/// What the importers of a phase did.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    importers: Vec<String>,
    rows: u64,
    bytes: u64,
    rejected: u64,
    checks: Vec<CheckReport>,
}

impl Loaded {
    pub(super) fn add(&mut self, importer: &str, outcome: ImportOutcome) {
        self.importers.push(importer.to_owned());
        self.rows += outcome.rows;
        self.bytes += outcome.bytes;
        self.rejected += outcome.rejected;
        self.checks.extend(outcome.checks);
    }
}

impl Run<'_> {
    /// Runs the importers of one phase, as many at once as `[load] jobs` says, each after those it waits for.
    ///
    /// Locks: `ROW EXCLUSIVE` on the staging table, `ACCESS SHARE` on the sources.
    ///
    /// A kill leaves whole importers and, of those with a key, whole chunks: rows and checkpoint commit together, and
    /// what has a checkpoint is not imported again when the release is taken up.
    pub(super) async fn import(&mut self, phase: ImportPhase) -> Result<String, ReleaseError> {
        if self.staged.tables.is_none() {
            return Err(ReleaseError::NothingToTakeUp {
                why: "no staging tables were built".to_owned(),
            });
        }
        let done: BTreeSet<String> = if self.options.checkpoints {
            let checkpoints = self.records.checkpoints(&*self.session, self.release).await?;
            checkpoints
                .into_iter()
                .filter(|checkpoint| checkpoint.done)
                .map(|checkpoint| checkpoint.importer)
                .collect()
        } else {
            BTreeSet::new()
        };
        let selected: Vec<&FileImport> = in_order(self.cutover.file.imports(), phase)
            .into_iter()
            .filter(|import| self.options.runs_importer(&import.name))
            .collect();
        if selected.iter().any(|import| !done.contains(&import.name)) {
            self.staged.validated = false;
            let lacks_values = !self.options.adds_values() && selected.iter().any(|import| adds(import));
            self.staged.sampled |= self.options.sample.is_some() || lacks_values;
            self.keep_staged().await?;
        }
        self.note_importers(phase, &selected, &done).await?;
        let taken_over = selected
            .iter()
            .filter(|import| done.contains(&import.name))
            .count();
        let events = self.events.clone();
        self.events = events
            .clone()
            .and(Totals::new(events.clone(), selected.len(), taken_over));
        let loaded = Box::pin(self.run_importers(&selected, &done)).await;
        self.events = events;
        if loaded.is_err() || phase == ImportPhase::Related {
            self.portal_states.end().await;
        }
        let Loaded {
            importers,
            rows,
            bytes,
            rejected,
            checks,
        } = loaded?;
        self.note_violations(&checks);
        self.imported.extend(importers);
        let ran = selected.len() - taken_over;
        let through = if bytes > 0 {
            format!(", {:.2} MB through the client", mega(bytes))
        } else {
            String::new()
        };
        let aside = if rejected > 0 {
            format!(", {} set aside", counted(rejected, "refused row"))
        } else {
            String::new()
        };
        let violations: u64 = checks.iter().map(CheckReport::violations).sum();
        let checked = match (checks.len(), violations) {
            (0, _) => String::new(),
            (n, 0) => format!("; {} of their rows, no violations", counted(n, "check")),
            (n, found) => format!(
                "; {} of their rows; allowed: {}",
                counted(n, "check"),
                counted(found, "violation")
            ),
        };
        let before = if taken_over > 0 {
            format!("; {taken_over} were done already")
        } else {
            String::new()
        };
        Ok(format!(
            "{}, {}{aside}{through}{checked}{before}",
            counted(ran, "importer"),
            counted(rows, "row")
        ))
    }

    /// Notes in the record what is to come.
    async fn note_importers(
        &self,
        phase: ImportPhase,
        selected: &[&FileImport],
        done: &BTreeSet<String>,
    ) -> Result<(), ReleaseError> {
        let importers: Vec<(&str, ImporterState)> = selected
            .iter()
            .map(|import| {
                let state = if done.contains(&import.name) {
                    ImporterState::Done
                } else {
                    ImporterState::Waiting
                };
                (import.name.as_str(), state)
            })
            .collect();
        let phase = phase_of(phase);
        Ok(self
            .records
            .begin_imports(&*self.session, self.release, phase, &importers)
            .await?)
    }

    /// Runs those that are not done, as fast as `[load]` lets them.
    async fn run_importers(
        &self,
        selected: &[&FileImport],
        done: &BTreeSet<String>,
    ) -> Result<Loaded, ReleaseError> {
        let limits = self.cutover.file.load();
        let mut throttle = Throttle::none();
        if let Some(rate) = limits.max_rate.and_then(|rate| NonZeroU64::new(rate.bytes())) {
            throttle = throttle.bytes_per_s(rate);
        }
        let settings = LoadSettings::new(self.search_path().await?);
        let Some(bound) = limits.max_standby_lag else {
            return self
                .side_by_side(selected, done, &settings.throttle(throttle))
                .await;
        };
        let (throttle, gate) = throttle.gate();
        let watch = self.begin_to_watch_standbys(bound, gate).await?;
        let settings = settings.throttle(throttle);
        tokio::select! {
            biased;
            ended = self.side_by_side(selected, done, &settings) => ended,
            never = watch.keep() => match never {},
        }
    }

    pub(super) async fn run_importer(
        &self,
        import: &FileImport,
        settings: &LoadSettings,
    ) -> Result<ImportOutcome, ReleaseError> {
        let mut planned = self.cutover.import(import, &self.template, self.options)?;
        self.add_looked_up(import, &planned, settings).await?;
        let mut client = self.client().await?;
        if let Some(login) = &self.cutover.portal {
            let straight = Box::pin(self.import_straight(import, &planned, settings, login, &mut client));
            match straight.await? {
                Ok(outcome) => return Ok(outcome),
                Err(why) => planned = planned.not_direct(why),
            }
        }
        if self.is_chunked(import) {
            drop(client);
            if matches!(import.source, ImportSource::Csv(_)) {
                return self.run_file_in_chunks(import, planned, settings).await;
            }
            return self.run_in_chunks(import, planned, settings).await;
        }
        let is_rust = matches!(import.source, ImportSource::Rust { .. });
        if import.way != ImportWay::Copy && planned.checks().is_empty() && !is_rust {
            return self
                .run_importer_on(import, &planned, settings, &mut client, None)
                .await;
        }
        let mut source = self.client().await?;
        let running =
            Box::pin(self.run_importer_on(import, &planned, settings, &mut client, Some(&mut source)));
        let outcome = if is_rust {
            self.unless_stopped(import.phase, running).await
        } else {
            running.await
        };
        if outcome.is_err() {
            // It may still be receiving rows: such a connection is closed, not given back to the pool.
            drop(deadpool_postgres::Client::take(source));
        }
        outcome
    }

    /// Code may wait for something else than a statement, which nobody could cancel.
    async fn unless_stopped(
        &self,
        phase: ImportPhase,
        running: impl Future<Output = Result<ImportOutcome, ReleaseError>>,
    ) -> Result<ImportOutcome, ReleaseError> {
        let mut stopping = self.stopping.clone();
        tokio::select! {
            biased;
            outcome = running => outcome,
            () = stopping.asked() => Err(ReleaseError::Stopped {
                reason: StopReason::Interrupted,
                phase: phase_of(phase),
            }),
        }
    }

    async fn run_importer_on(
        &self,
        import: &FileImport,
        planned: &Import,
        settings: &LoadSettings,
        client: &mut Client,
        source: Option<&mut Client>,
    ) -> Result<ImportOutcome, ReleaseError> {
        let is_rust = matches!(import.source, ImportSource::Rust { .. });
        let (make, undo) = twin_aliases(&self.aliases_of(import));
        let source = match source {
            // Not read-only: the aliases are temporary views. It is rolled back in the end.
            Some(source) => Some(begin(source, IsolationLevel::RepeatableRead).await?),
            None => None,
        };
        let tx = begin(client, IsolationLevel::ReadCommitted).await?;
        run_steps(&make, source.as_ref().unwrap_or(&tx)).await?;
        if is_rust && let Some(source) = &source {
            source
                .batch_execute("SET TRANSACTION READ ONLY")
                .await
                .map_err(|error| session_error("begin reading in", error))?;
        }
        let plan = ImportPlan::read(planned, settings, &tx, source.as_ref()).await?;
        let apart = self.check_apart(&plan, &ImportSoFar::default()).await?;
        let mut outcome = plan.run_in(&tx, source.as_ref(), &self.events).await?;
        outcome.checks.extend(apart);
        match source {
            Some(source) => {
                source
                    .rollback()
                    .await
                    .map_err(|error| session_error("end reading in", error))?;
            }
            None => run_steps(&undo, &tx).await?,
        }
        self.commit_importer(tx, &import.name, &outcome).await?;
        Ok(outcome)
    }

    /// Commits the rows of an importer together with its checkpoint.
    pub(super) async fn commit_importer(
        &self,
        tx: Transaction<'_>,
        importer: &str,
        outcome: &ImportOutcome,
    ) -> Result<(), ReleaseError> {
        if self.options.checkpoints {
            self.records
                .add_checkpoint(&tx, self.release, &checkpoint(importer, outcome))
                .await?;
        }
        tx.commit()
            .await
            .map_err(|error| session_error("commit the rows of an importer in", error))
    }

    /// The members that an importer may read by their live names: materialized views, whose twins are filled by now.
    pub(super) fn aliases_of(&self, import: &FileImport) -> Vec<(Ident, QualifiedName)> {
        if !matches!(
            import.source,
            ImportSource::Query { .. } | ImportSource::Rust { .. }
        ) {
            return Vec::new();
        }
        let matviews = self.cutover.matviews().iter();
        matviews
            .map(|matview| (matview.clone(), self.cutover.staging(matview)))
            .collect()
    }
}

fn checkpoint(importer: &str, outcome: &ImportOutcome) -> Checkpoint {
    let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    Checkpoint::whole(importer, whole(outcome.rows), whole(outcome.bytes))
}

pub(super) async fn begin(
    client: &mut Client,
    isolation: IsolationLevel,
) -> Result<Transaction<'_>, ReleaseError> {
    client
        .build_transaction()
        .isolation_level(isolation)
        .start()
        .await
        .map_err(|error| session_error("begin an import in", error))
}

pub(super) async fn run_steps(steps: &[Step], tx: &Transaction<'_>) -> Result<(), ReleaseError> {
    for (done, step) in steps.iter().enumerate() {
        step.run(tx, done).await?;
    }
    Ok(())
}

/// The importers of a phase, each after those it waits for, else in the file's order. The release file has no cycle:
/// reading it refuses one.
fn in_order(imports: &[FileImport], phase: ImportPhase) -> Vec<&FileImport> {
    let mut waiting: Vec<&FileImport> = imports.iter().filter(|import| import.phase == phase).collect();
    let mut ordered: Vec<&FileImport> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let ready = waiting
            .iter()
            .position(|import| {
                import
                    .after
                    .iter()
                    .all(|name| waiting.iter().all(|other| other.name != *name))
            })
            .unwrap_or(0);
        ordered.push(waiting.remove(ready));
    }
    ordered
}

#[expect(clippy::cast_precision_loss, reason = "megabytes for people")]
pub(super) fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use cutover_core::release_file::RelationRef;

    use super::*;

    fn import(name: &str, after: &[&str]) -> FileImport {
        let table = Ident::new(name).unwrap();
        FileImport::new(
            name,
            table.clone(),
            ImportSource::relation(RelationRef::new(table)),
        )
        .after(after.iter().copied())
    }

    #[test]
    fn importers_run_after_those_they_wait_for() {
        let imports = [import("c", &["b"]), import("a", &[]), import("b", &["a"])];
        let names: Vec<&str> = in_order(&imports, ImportPhase::Core)
            .iter()
            .map(|i| i.name.as_str())
            .collect();
        assert_eq!(names, ["a", "b", "c"]);
    }

    #[test]
    fn importers_of_an_earlier_phase_are_not_waited_for() {
        let imports = [import("b", &["a"]).phase(ImportPhase::Related), import("a", &[])];
        let names: Vec<&str> = in_order(&imports, ImportPhase::Related)
            .iter()
            .map(|i| i.name.as_str())
            .collect();
        assert_eq!(names, ["b"]);
    }
}
