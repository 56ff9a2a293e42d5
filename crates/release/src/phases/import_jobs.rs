//! Importers side by side: which wait for which, and how many run at once.

use std::collections::BTreeSet;

use cutover_core::Ident;
use cutover_core::records::ImporterState;
use cutover_core::release_file::{Import as FileImport, ImportSource};
use cutover_importer::{ImportOutcome, LoadSettings};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio_postgres::error::SqlState;

use super::import::Loaded;
use crate::ReleaseError;
use crate::release::with_causes;
use crate::run::Run;

impl Run<'_> {
    /// Runs importers, `[load] jobs` at once, each after those that it waits for. All in one task: what takes time is the work of
    /// the servers, a session for each importer.
    ///
    /// After one has failed none is begun, and those under way are worked to their end: they may be hours of work, and
    /// whoever does not want to wait can stop the release, which cancels them. The first error is returned.
    pub(super) async fn side_by_side(
        &self,
        selected: &[&FileImport],
        done: &BTreeSet<String>,
        settings: &LoadSettings,
    ) -> Result<Loaded, ReleaseError> {
        let jobs = usize::try_from(self.cutover.file.load().jobs)
            .unwrap_or(usize::MAX)
            .max(1);
        let mut queue = Queue::new(selected, |table| {
            self.cutover.staging(table).name.as_str().to_owned()
        });
        for (index, import) in selected.iter().enumerate() {
            if done.contains(&import.name) {
                queue.begun.insert(index);
                queue.done.insert(index);
            }
        }
        let mut running = FuturesUnordered::new();
        let mut loaded = Loaded::default();
        let mut failed: Option<ReleaseError> = None;
        loop {
            while failed.is_none()
                && running.len() < jobs
                && let Some(next) = queue.next()
            {
                let import = selected[next];
                running.push(async move { (next, self.run_importer_and_analyse(import, settings).await) });
            }
            let Some((index, ended)) = running.next().await else {
                break;
            };
            let name = &selected[index].name;
            match ended {
                Ok(outcome) => {
                    queue.done.insert(index);
                    self.recorder.progress.ended(name, ImporterState::Done);
                    loaded.add(name, outcome);
                }
                Err(error) => {
                    self.recorder.progress.ended(name, ImporterState::Failed);
                    if !running.is_empty() {
                        tracing::warn!(importer = name, error = %with_causes(&error), "importer failed beside others");
                    }
                    if failed.is_none() && !running.is_empty() && !was_cancelled(&error) {
                        self.warn(format!(
                            "importer {name} failed; no other is begun, and those under way ({}) are worked to their end: {}",
                            running.len(),
                            with_causes(&error)
                        ));
                    }
                    failed.get_or_insert(error);
                }
            }
        }
        failed.map_or(Ok(loaded), Err)
    }

    async fn run_importer_and_analyse(
        &self,
        import: &FileImport,
        settings: &LoadSettings,
    ) -> Result<ImportOutcome, ReleaseError> {
        let ended = Box::pin(self.run_importer_with_patience(import, settings)).await;
        self.keep_findings(import, &ended).await;
        let outcome = ended?;
        // Importers that come after join what this one loaded.
        self.analyse(&self.cutover.staging(&import.into)).await?;
        Ok(outcome)
    }
}

/// Whether its statement was cancelled. That is how a release is stopped, all its importers at once: then none is worked to its
/// end, and that it was stopped is the one thing to tell.
fn was_cancelled(error: &ReleaseError) -> bool {
    let sqlstate = match error {
        ReleaseError::Import(error) => error.sqlstate(),
        ReleaseError::Statement(error) => error.sqlstate(),
        ReleaseError::Stopped { .. } => return true,
        _ => None,
    };
    sqlstate == Some(&SqlState::QUERY_CANCELED)
}

/// Importers in the order of the file or of `after`, as indexes.
#[derive(Debug)]
struct Queue {
    /// For each, those that must be done before.
    waits: Vec<BTreeSet<usize>>,
    begun: BTreeSet<usize>,
    done: BTreeSet<usize>,
}

impl Queue {
    /// `imports` stand in an order in which they could run one by one. Two that must not run at once keep that order: they
    /// fill the same table, where their unchecked rows could wait for each other's, or one reads what the other fills.
    fn new(imports: &[&FileImport], staging_name: impl Fn(&Ident) -> String) -> Self {
        let conflict = |one: &FileImport, other: &FileImport| {
            one.into == other.into
                || reads(one, &other.into, &staging_name)
                || reads(other, &one.into, &staging_name)
        };
        let waits = imports.iter().enumerate().map(|(index, import)| {
            (0..index)
                .filter(|before| {
                    let before = imports[*before];
                    import.after.contains(&before.name) || conflict(import, before)
                })
                .collect()
        });
        Self {
            waits: waits.collect(),
            begun: BTreeSet::new(),
            done: BTreeSet::new(),
        }
    }

    /// The first that waits for nobody any more, which is begun with this.
    fn next(&mut self) -> Option<usize> {
        let next = (0..self.waits.len())
            .find(|index| !self.begun.contains(index) && self.waits[*index].is_subset(&self.done))?;
        self.begun.insert(next);
        Some(next)
    }
}

/// Whether an importer reads a table's staging twin. A text that only looks like its name costs no more than a wait.
fn reads(import: &FileImport, table: &Ident, staging_name: impl Fn(&Ident) -> String) -> bool {
    let mut lookups = import.source.lookups();
    if lookups.any(|(_, lookup)| lookup.table.in_schema(table).name == *table) {
        return true;
    }
    match &import.source {
        // In whatever schema it is: one more to wait for at worst.
        ImportSource::Relation { from, .. } => from.in_schema(table).name == *table,
        ImportSource::Query { query, .. } => {
            query.staging_references().any(|name| name == table.as_str())
                || query.source().contains(&staging_name(table))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use cutover_core::release_file::{QueryTemplate, RelationRef};

    use super::*;

    fn relation(name: &str, into: &str, from: &str) -> FileImport {
        let from = RelationRef::new(Ident::new(from).unwrap());
        FileImport::new(name, Ident::new(into).unwrap(), ImportSource::relation(from))
    }

    fn query(name: &str, into: &str, text: &str) -> FileImport {
        let query = QueryTemplate::parse(text).unwrap();
        FileImport::new(name, Ident::new(into).unwrap(), ImportSource::query(query))
    }

    /// In what rounds they run where each round ends before the next begins.
    #[track_caller]
    fn check(imports: &[FileImport], expected: &[&[&str]]) {
        let all: Vec<&FileImport> = imports.iter().collect();
        let mut queue = Queue::new(&all, |table| format!("staging_{}", table.as_str()));
        let mut rounds: Vec<Vec<&str>> = Vec::new();
        loop {
            let round: Vec<usize> = std::iter::from_fn(|| queue.next()).collect();
            if round.is_empty() {
                break;
            }
            rounds.push(round.iter().map(|index| all[*index].name.as_str()).collect());
            queue.done.extend(round);
        }
        assert_eq!(rounds, expected);
    }

    #[test]
    fn the_independent_run_at_once_and_the_others_after_what_they_wait_for() {
        check(
            &[
                relation("a", "a", "portal_a"),
                relation("b", "b", "portal_b").after(["a"]),
                relation("c", "c", "portal_c"),
                relation("d", "d", "portal_d").after(["b", "elsewhere"]),
            ],
            &[&["a", "c"], &["b"], &["d"]],
        );
    }

    #[test]
    fn one_table_is_filled_by_one_at_a_time() {
        check(
            &[
                relation("points", "sites", "portal_points"),
                relation("polygons", "sites", "portal_polygons"),
            ],
            &[&["points"], &["polygons"]],
        );
    }

    #[test]
    fn nobody_reads_what_another_is_filling() {
        check(
            &[
                query("early", "a", "SELECT * FROM staging_b"),
                relation("b", "b", "portal_b"),
                query("late", "c", "SELECT * FROM {{ staging('b') }}"),
                relation("copy", "d", "b"),
            ],
            &[&["early"], &["b"], &["late", "copy"]],
        );
    }
}
