//! Chunk after chunk of one range, each with its checkpoint.

use cutover_core::records::{Checkpoint, ImportSoFar};
use cutover_core::{Events, Sql};
use tokio_postgres::{Client, IsolationLevel, Transaction};

use super::incoming::Incoming;
use super::journal::Journal;
use super::load::{BEGIN_PART, Load, Reached};
use super::plan::ChunkPlan;
use super::sums::{Sums, Tally};
use super::whole_rows::WholeRows;
use crate::error::ImportError;
use crate::plan::ImportPlan;
use crate::preflight::CheckReport;
use crate::preflight::in_passing::Tee;

/// How chunks of an import are loaded, of whatever range.
pub(super) struct Chain<'a> {
    pub(super) plan: &'a ImportPlan,
    pub(super) chunks: &'a ChunkPlan,
    pub(super) write: &'a Sql,
    pub(super) journal: &'a Journal<'a>,
    pub(super) sums: &'a Sums<'a>,
    /// How many bytes a chunk holds.
    pub(super) chunk_limit: usize,
    /// What the chunks are planned by: chunks of different digests do not belong together.
    pub(super) digest: &'a str,
    pub(super) events: &'a Events,
}

/// A range whose rest is to be loaded.
pub(super) struct Rest<'a> {
    /// Its number.
    pub(super) range: usize,
    /// Its rows.
    pub(super) rows: Incoming,
    pub(super) so_far: &'a ImportSoFar,
    /// The checks of its rows.
    pub(super) tee: Option<Tee<'a>>,
}

impl<'a> Chain<'a> {
    /// Loads the rest of a range, and returns what the checks of its rows found.
    pub(super) async fn load(
        &self,
        rest: Rest<'a>,
        target: &mut Client,
    ) -> Result<Vec<CheckReport>, ImportError> {
        let plan = self.plan;
        let failed = |purpose| ImportError::failed(&plan.import, purpose);
        let range = i32::try_from(rest.range).unwrap_or(i32::MAX);
        let before = Tally::of(rest.so_far);
        let mut committed = before;
        let mut load = Load::new(self, rest.range, rest.rows, before);
        load.tee = rest.tee;
        for chunk in rest.so_far.chunks.. {
            let tx = begin(target).await.map_err(failed("begin to fill"))?;
            self.begin_chunk(&tx).await?;
            let range_ends = load.chunk(&tx).await? == Reached::End;
            let ending = if range_ends {
                Some(self.sums.open.lock().await)
            } else {
                None
            };
            let done = ending.as_deref() == Some(&1);
            let (last_key, place) = if range_ends {
                (None, None)
            } else {
                (load.last_key(&tx).await?, load.rows.place().cloned())
            };
            if done && self.sums.are_too_many_rejected_in_the_end(rest.range, load.tally) {
                return Err(self.sums.too_many());
            }
            let checked = load.settle_checks(&tx, done, self.events).await?;
            let tally = load.tally;
            let checkpoint = Checkpoint {
                range,
                chunk,
                checked,
                rejected: whole(tally.rejected - committed.rejected),
                done,
                last_key,
                place,
                plan: Some(self.digest.to_owned()),
                ..Checkpoint::whole(
                    plan.importer(),
                    whole(tally.rows - committed.rows),
                    whole(tally.bytes - committed.bytes),
                )
            };
            self.journal
                .add_checkpoint(&tx, &checkpoint)
                .await
                .map_err(|error| ImportError::journal(&plan.import, error))?;
            if done {
                tx.batch_execute("SET LOCAL synchronous_commit TO DEFAULT")
                    .await
                    .map_err(failed("commit the rows of"))?;
            }
            tx.commit().await.map_err(failed("commit the rows of"))?;
            self.sums.commit(rest.range, tally);
            committed = tally;
            if let Some(tee) = &mut load.tee {
                tee.note_commit();
            }
            if let Some(mut open) = ending {
                *open -= 1;
                break;
            }
        }
        Ok(load.checks)
    }

    /// The rows that a statement reads.
    pub(super) async fn read(&self, read: &Sql, source: &Transaction<'_>) -> Result<Incoming, ImportError> {
        let (import, silence) = (&self.plan.import, self.plan.settings.longest_silence());
        // Its answer comes with the first rows.
        let stream = match silence {
            Some(longest) => tokio::time::timeout(longest, source.copy_out(read.as_str()))
                .await
                .map_err(|_elapsed| ImportError::silent(import, longest))?,
            None => source.copy_out(read.as_str()).await,
        };
        let stream = stream.map_err(|error| ImportError::source_broke(import, error))?;
        let rows = WholeRows::new(stream, self.chunks.format, silence);
        Ok(Incoming::Stream(Box::new(rows)))
    }

    async fn begin_chunk(&self, tx: &Transaction<'_>) -> Result<(), ImportError> {
        let setup = self.plan.script().steps.first().map(|step| step.sql.as_str());
        let all = format!(
            "{};\nSET LOCAL synchronous_commit = off;\n{BEGIN_PART}",
            setup.unwrap_or_default()
        );
        tx.batch_execute(&all).await.map_err(ImportError::failed(
            &self.plan.import,
            "set up the session to fill",
        ))
    }
}

pub(super) async fn begin(client: &mut Client) -> Result<Transaction<'_>, tokio_postgres::Error> {
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
