//! Carrying an import plan out.

use std::time::Duration;

use cutover_core::{Events, Sql};
use tokio_postgres::{Client, IsolationLevel, Transaction};

use crate::error::ImportError;
use crate::plan::{ImportPlan, Transfer};
use crate::preflight::CheckReport;
use crate::progress::Progress;
use crate::{RowSink, Source, WayChosen, csv_file, pipe, program};

/// What an import did.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ImportOutcome {
    /// Rows that the table took.
    pub rows: u64,
    /// Bytes that passed through the client; 0 when the server moved the rows itself.
    pub bytes: u64,
    /// Rows that were set aside, since the table refused them.
    pub rejected: u64,
    /// How long it took.
    pub took: Duration,
    /// The way the rows travelled, and why.
    pub way: WayChosen,
    /// What the checks found that were made on its rows, within what they tolerate.
    pub checks: Vec<CheckReport>,
}

impl ImportPlan {
    /// Imports inside the caller's transaction, so that a checkpoint can commit together with the rows.
    ///
    /// Table and source are looked at again under the lock; a plan that no longer fits is refused. `source` is as
    /// for [`ImportPlan::read`]; a `REPEATABLE READ` transaction gives all importers that share it one state of the
    /// source. The settings are `SET LOCAL` and hold until the transactions end.
    ///
    /// Events: started and finished. Progress comes at most twice a second, and only where the rows pass through
    /// the client: nothing cheap tells how far an `INSERT … SELECT` is. `ImportFinished` means that the server took
    /// the rows; they are committed when the caller commits.
    ///
    /// # Locks
    /// `ROW EXCLUSIVE` on the table, `ACCESS SHARE` on the relations that the source reads.
    ///
    /// # Cancel safety
    /// A dropped future leaves the transaction unfinished: dropping or rolling it back undoes every row. The server
    /// may work on the statement until it notices. After an error or a drop, a source session may still be sending:
    /// close that connection instead of using it again.
    ///
    /// # Errors
    /// [`ImportError::RowRefused`] and [`ImportError::Csv`] name the row; [`ImportError::Program`] tells behind which row a
    /// program failed; [`ImportError::Checked`] when checks of the rows
    /// found more than they tolerate; [`ImportError::Stale`];
    /// [`ImportError::Statement`] keeps the SQLSTATE. The transaction holds none of the rows then that could be
    /// committed; roll it back.
    pub async fn run_in(
        &self,
        target: &Transaction<'_>,
        source: Option<&Transaction<'_>>,
        events: &Events,
    ) -> Result<ImportOutcome, ImportError> {
        self.check_unchanged(target, source).await?;
        let mut progress = Progress::start(events, self, self.way());
        let mut checks = Vec::new();
        let (rows, bytes) = match &self.transfer {
            Transfer::Insert(sql) => {
                let failed = ImportError::failed(&self.import, "fill");
                self.settings.may_send(0).await;
                (target.execute(sql.as_str(), &[]).await.map_err(failed)?, 0)
            }
            Transfer::Pipe { read, write } => {
                let source = self.source_of(source)?;
                let passed = pipe::run(self, (read, write), source, target, &mut progress, events).await?;
                checks = passed.checks;
                (passed.rows, passed.bytes)
            }
            Transfer::Csv { write, fields } => {
                let Source::Csv(csv) = self.import.source() else {
                    return Err(ImportError::stale(&self.import));
                };
                csv_file::load(self, csv, write, fields, target, &mut progress).await?
            }
            Transfer::Program { write, fields } => {
                let Source::Program(program) = self.import.source() else {
                    return Err(ImportError::stale(&self.import));
                };
                let sink = RowSink::new(self, write, fields, target, &mut progress);
                program::load(program.as_ref(), source, sink).await?
            }
        };
        Ok(ImportOutcome {
            rows,
            bytes,
            rejected: 0,
            took: progress.finish(rows, bytes),
            way: self.way().clone(),
            checks,
        })
    }

    /// Imports in a transaction of its own and commits it.
    ///
    /// Locks, events and errors are those of [`ImportPlan::run_in`]. The source is read in a `READ ONLY`,
    /// `REPEATABLE READ` transaction.
    ///
    /// # Cancel safety
    /// Dropped before the commit: rolled back. Dropped during the commit: unknown until somebody looks.
    ///
    /// # Errors
    /// As for [`ImportPlan::run_in`].
    pub async fn run(
        &self,
        target: &mut Client,
        source: Option<&mut Client>,
        events: &Events,
    ) -> Result<ImportOutcome, ImportError> {
        let failed = |purpose| ImportError::failed(&self.import, purpose);
        let begun = target.transaction().await.map_err(failed("begin to fill"))?;
        let reading = match source {
            Some(session) => Some(
                session
                    .build_transaction()
                    .read_only(true)
                    .isolation_level(IsolationLevel::RepeatableRead)
                    .start()
                    .await
                    .map_err(failed("begin to read the source of"))?,
            ),
            None => None,
        };
        let outcome = self.run_in(&begun, reading.as_ref(), events).await?;
        begun.commit().await.map_err(failed("commit the rows of"))?;
        Ok(outcome)
    }

    /// Locks the table against changes of its shape and compares what the plan was computed from.
    pub(crate) async fn check_unchanged(
        &self,
        target: &Transaction<'_>,
        source: Option<&Transaction<'_>>,
    ) -> Result<(), ImportError> {
        let failed = |purpose| ImportError::failed(&self.import, purpose);
        if let Some(setup) = self.script().steps.first() {
            // The lock timeout must hold before the lock is asked for.
            target
                .batch_execute(setup.sql.as_str())
                .await
                .map_err(failed("set up the session to fill"))?;
        }
        let lock = Sql::text("LOCK TABLE ")
            .name(self.import.into_table())
            .then(" IN ROW EXCLUSIVE MODE");
        target
            .batch_execute(lock.as_str())
            .await
            .map_err(failed("lock"))?;
        let fresh = Self::read(&self.import, &self.settings, target, source).await?;
        if fresh.digest() == self.digest() && fresh.way == self.way {
            Ok(())
        } else {
            Err(ImportError::stale(&self.import))
        }
    }

    pub(crate) fn source_of<'a, 'b>(
        &self,
        source: Option<&'a Transaction<'b>>,
    ) -> Result<&'a Transaction<'b>, ImportError> {
        source.ok_or_else(|| {
            ImportError::way(
                &self.import,
                "it was planned as a COPY pipe, and it needs the second connection to read the source",
            )
        })
    }
}
