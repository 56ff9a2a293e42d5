//! What lookups add to tables outside the set, before their importer begins to read.

use cutover_core::EventKind;
use cutover_core::release_file::Import as FileImport;
use cutover_importer::{Addition, Import, ImportPlan, Journal, LoadSettings};
use tokio_postgres::{Client, IsolationLevel};

use super::counted;
use super::import::{begin, run_steps};
use crate::ReleaseError;
use crate::additions::adds;
use crate::aliases::twin_aliases;
use crate::run::{Run, session_error};

impl Run<'_> {
    /// Adds what lookups with `unknown = "add"` would not find, each lookup in a transaction with its record; of a dry run and a sample,
    /// of which nothing goes live, it is only told. It comes before the importer's snapshot, which has to show what was added, and after
    /// the importer was planned: nothing is added for one that cannot be.
    ///
    /// A kill leaves whole lookups. What is there already is not added when the importer is begun again.
    pub(super) async fn add_looked_up(
        &self,
        import: &FileImport,
        planned: &Import,
        settings: &LoadSettings,
    ) -> Result<(), ReleaseError> {
        if !adds(import) {
            return Ok(());
        }
        let mut client = self.client().await?;
        let plan = self.plan_to_look(import, planned, settings, &mut client).await?;
        for addition in plan.additions() {
            self.add_or_tell(import, addition, &mut client).await?;
        }
        Ok(())
    }

    /// Plans an importer whose rows are not read yet.
    async fn plan_to_look(
        &self,
        import: &FileImport,
        planned: &Import,
        settings: &LoadSettings,
        target: &mut Client,
    ) -> Result<ImportPlan, ReleaseError> {
        let mut source = self.client().await?;
        let reading = self.begin_reading(import, &mut source, None).await?;
        let tx = begin(target, IsolationLevel::ReadCommitted).await?;
        let plan = ImportPlan::read(&planned.clone().in_chunks(), settings, &tx, Some(&reading)).await?;
        for looking in [tx, reading] {
            looking
                .rollback()
                .await
                .map_err(|error| session_error("end planning in", error))?;
        }
        Ok(plan)
    }

    async fn add_or_tell(
        &self,
        import: &FileImport,
        addition: &Addition,
        client: &mut Client,
    ) -> Result<(), ReleaseError> {
        let (make, undo) = twin_aliases(&self.aliases_of(import));
        let tx = begin(client, IsolationLevel::ReadCommitted).await?;
        run_steps(&make, &tx).await?;
        let (table, column) = (addition.table(), addition.matching());
        if !self.options.adds_values() {
            let missing = addition.missing(&tx).await?;
            if missing.values > 0 {
                self.warn(format!(
                    "importer {}: a release would add {} to {table} ({column}), as {}; a dry run and a sample do not, so rows that \
                     wait for them have no {}, or are left out where it may not be NULL",
                    import.name,
                    counted(missing.values, "value"),
                    missing.first.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(", "),
                    addition.column(),
                ));
            }
            return tx
                .rollback()
                .await
                .map_err(|error| session_error("end looking for values in", error));
        }
        let added = addition
            .run_in(&tx, &Journal::of(&self.records, self.release))
            .await?;
        run_steps(&undo, &tx).await?;
        tx.commit()
            .await
            .map_err(|error| session_error("commit what was looked up in", error))?;
        if added > 0 {
            self.events.emit(EventKind::ValuesAdded {
                importer: import.name.clone(),
                table: table.clone(),
                column: column.as_str().to_owned(),
                values: added,
            });
        }
        Ok(())
    }
}
