//! Chunk after chunk, each with its checkpoint.

use cutover_core::records::{Checkpoint, ImportSoFar, Records, Reject};
use cutover_core::{EventKind, Events, StatementError};
use tokio_postgres::{Client, GenericClient, IsolationLevel, Transaction};

use super::load::{BEGIN_PART, Load, Reached, Tally};
use super::plan::ChunkPlan;
use super::whole_rows::WholeRows;
use crate::ImportOutcome;
use crate::error::ImportError;
use crate::plan::{ImportPlan, Transfer};
use crate::preflight::in_passing::Tee;
use crate::progress::Progress;

/// Where an import writes its checkpoints and the rows it sets aside: the record of a release.
#[derive(Debug)]
pub struct Journal<'a> {
    records: &'a Records,
    release: i64,
    checkpoints: bool,
}

impl<'a> Journal<'a> {
    /// The record of this release.
    #[must_use]
    pub fn of(records: &'a Records, release: i64) -> Self {
        Self {
            records,
            release,
            checkpoints: true,
        }
    }

    /// Writes no checkpoint, so nothing can be taken up: for an import that is
    /// [`in_one_transaction`](crate::Import::in_one_transaction).
    #[must_use]
    pub fn without_checkpoints(mut self) -> Self {
        self.checkpoints = false;
        self
    }

    /// How far an importer has come.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be read.
    pub async fn so_far(
        &self,
        client: &impl GenericClient,
        importer: &str,
    ) -> Result<ImportSoFar, StatementError> {
        if self.checkpoints {
            self.records.import_so_far(client, self.release, importer).await
        } else {
            Ok(ImportSoFar::default())
        }
    }

    pub(super) async fn add_reject(
        &self,
        tx: &Transaction<'_>,
        reject: &Reject,
    ) -> Result<(), StatementError> {
        self.records.add_reject(tx, self.release, reject).await
    }

    async fn add_checkpoint(
        &self,
        tx: &Transaction<'_>,
        checkpoint: &Checkpoint,
    ) -> Result<(), StatementError> {
        if self.checkpoints {
            self.records.add_checkpoint(tx, self.release, checkpoint).await
        } else {
            Ok(())
        }
    }
}

impl ImportPlan {
    /// Imports chunk by chunk. Each chunk commits together with its checkpoint, so that a later run, planned with
    /// [`Import::after`](crate::Import::after) the last one's key, goes on right behind it, whatever became of this run.
    /// Rows that the table refuses are set aside in the journal, as far as [`Import::rejects`](crate::Import::rejects)
    /// tolerates it; the rest of their chunk goes in.
    ///
    /// Where the import cannot be cut ([`ImportPlan::one_transaction_because`]), all of it is one transaction.
    ///
    /// Only the last commit waits for the disk: a crash of the server takes away chunks together with their checkpoints.
    ///
    /// `source` is one transaction for the whole import: one state of the source. A later run sees another one.
    ///
    /// # Locks
    /// `ROW EXCLUSIVE` on the table, a chunk at a time; `ACCESS SHARE` on the relations that the source reads, throughout.
    ///
    /// # Cancel safety
    /// The chunks committed stay, and the journal says which. The transaction of `source` is to be ended and its
    /// connection closed, as after an error.
    ///
    /// # Errors
    /// [`ImportError::Checked`] when checks of the rows found more than they tolerate: the chunk in which that was certain is
    /// not committed, those before it are, and a later run goes on counting behind them;
    /// [`ImportError::Rejected`] with the first refused rows, when they are more than tolerated; [`ImportError::OtherChunks`]
    /// when the chunks committed before belong to another plan; [`ImportError::OneKey`] when too many rows bear one key;
    /// otherwise as [`ImportPlan::run_in`].
    pub async fn run_in_chunks(
        &self,
        target: &mut Client,
        source: &Transaction<'_>,
        journal: &Journal<'_>,
        events: &Events,
    ) -> Result<ImportOutcome, ImportError> {
        let (Some(chunks), Transfer::Pipe { read, write }) = (&self.chunks, &self.transfer) else {
            return Err(ImportError::way(
                &self.import,
                "it was not planned in chunks, which needs a second connection to read the source",
            ));
        };
        let failed = |purpose| ImportError::failed(&self.import, purpose);
        let in_journal = |error| ImportError::journal(&self.import, error);
        let so_far = journal
            .so_far(target, self.importer())
            .await
            .map_err(in_journal)?;
        self.refuse_others_chunks(chunks, &so_far)?;
        let tx = begin(target).await.map_err(failed("begin to fill"))?;
        self.check_unchanged(&tx, Some(source)).await?;
        tx.rollback().await.map_err(failed("begin to fill"))?;

        if so_far.chunks > 0 {
            events.emit(EventKind::ImportTakenUp {
                importer: self.importer().to_owned(),
                chunks: so_far.chunks.unsigned_abs(),
                rows: so_far.rows.unsigned_abs(),
            });
        }
        let mut progress = Progress::start(events, self);
        // Its answer comes with the first rows.
        let stream = match self.settings.longest_silence() {
            Some(longest) => tokio::time::timeout(longest, source.copy_out(read.as_str()))
                .await
                .map_err(|_elapsed| ImportError::silent(&self.import, longest))?,
            None => source.copy_out(read.as_str()).await,
        };
        let stream = stream.map_err(|error| ImportError::source_broke(&self.import, error))?;
        let rows = WholeRows::new(stream, chunks.format, self.settings.longest_silence());
        let before = Tally {
            rows: so_far.rows.unsigned_abs(),
            bytes: so_far.bytes.unsigned_abs(),
            rejected: so_far.rejected.unsigned_abs(),
            first: Vec::new(),
        };
        let mut committed = before.clone();
        let mut load = Load::new(self, chunks, write, journal, rows, before);
        load.tee = Tee::of(self, &so_far);
        for chunk in so_far.chunks.. {
            let tx = begin(target).await.map_err(failed("begin to fill"))?;
            self.begin_chunk(&tx).await?;
            let done = load.chunk(&tx, &mut progress).await? == Reached::End;
            let last_key = if done { None } else { load.last_key(&tx).await? };
            let tally = &load.tally;
            let limits = self.import.reject_limits();
            if done && limits.are_exceeded_in_the_end(tally.rejected, tally.rows + tally.rejected) {
                return Err(load.too_many());
            }
            let checked = load.settle_checks(&tx, done, events).await?;
            let tally = &load.tally;
            let checkpoint = Checkpoint {
                chunk,
                checked,
                rejected: whole(tally.rejected - committed.rejected),
                done,
                last_key,
                plan: Some(chunks.digest.clone()),
                ..Checkpoint::whole(
                    self.importer(),
                    whole(tally.rows - committed.rows),
                    whole(tally.bytes - committed.bytes),
                )
            };
            journal
                .add_checkpoint(&tx, &checkpoint)
                .await
                .map_err(in_journal)?;
            if done {
                tx.batch_execute("SET LOCAL synchronous_commit TO DEFAULT")
                    .await
                    .map_err(failed("commit the rows of"))?;
            }
            tx.commit().await.map_err(failed("commit the rows of"))?;
            self.tell_rejects(events, &committed, &load.tally);
            committed = load.tally.clone();
            if let Some(tee) = &mut load.tee {
                tee.note_commit();
            }
            if done {
                break;
            }
        }
        Ok(ImportOutcome {
            rows: committed.rows,
            bytes: committed.bytes,
            rejected: committed.rejected,
            took: progress.finish(committed.rows, committed.bytes),
            way: self.way().clone(),
            checks: load.checks,
        })
    }

    /// Why the import is one transaction and cannot be taken up half way; `None` where each chunk commits, or where it
    /// was not planned in chunks at all.
    #[must_use]
    pub fn one_transaction_because(&self) -> Option<&str> {
        self.chunks.as_ref()?.whole_because.as_deref()
    }

    /// Chunks of another query, mapping or key would leave rows out, or bring them twice.
    fn refuse_others_chunks(&self, chunks: &ChunkPlan, so_far: &ImportSoFar) -> Result<(), ImportError> {
        let is_next = so_far.chunks == 0
            || (so_far.plan.as_ref() == Some(&chunks.digest) && so_far.last_key.is_some() && !so_far.done);
        if is_next && so_far.last_key.as_ref() == self.import.key_before() {
            Ok(())
        } else {
            Err(ImportError::other_chunks(&self.import, so_far.chunks))
        }
    }

    async fn begin_chunk(&self, tx: &Transaction<'_>) -> Result<(), ImportError> {
        let setup = self.script().steps.first().map(|step| step.sql.as_str());
        let all = format!(
            "{};\nSET LOCAL synchronous_commit = off;\n{BEGIN_PART}",
            setup.unwrap_or_default()
        );
        tx.batch_execute(&all)
            .await
            .map_err(ImportError::failed(&self.import, "set up the session to fill"))
    }

    fn tell_rejects(&self, events: &Events, before: &Tally, now: &Tally) {
        if now.rejected == before.rejected {
            return;
        }
        tracing::warn!(
            importer = self.importer(),
            relation = %self.import.into_table(),
            rejected = now.rejected,
            "rows set aside"
        );
        events.emit(EventKind::RowsRejected {
            importer: self.importer().to_owned(),
            rejected: now.rejected,
        });
    }
}

async fn begin(client: &mut Client) -> Result<Transaction<'_>, tokio_postgres::Error> {
    client
        .build_transaction()
        .isolation_level(IsolationLevel::ReadCommitted)
        .read_only(false)
        .start()
        .await
}

fn whole(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
