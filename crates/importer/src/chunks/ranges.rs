//! An import in chunks of which several ranges are loaded at once.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use cutover_core::records::ImportSoFar;
use cutover_core::{Digest, Events, Sql};
use futures_util::future::try_join_all;
use tokio_postgres::{Client, Transaction};

use super::chain::{Chain, Rest, begin};
use super::journal::Journal;
use super::key_ranges::{self, KeyRanges};
use super::plan::ChunkPlan;
use super::sums::{Sums, Tally};
use crate::error::ImportError;
use crate::plan::ImportPlan;
use crate::progress::Progress;
use crate::{ImportOutcome, WayChosen};

/// A chunk is not made smaller than this since several ranges are loaded at once.
const LEAST_CHUNK: usize = 4 << 20;

/// A session that writes and a transaction that reads, for one range after the other.
#[expect(missing_debug_implementations, reason = "a transaction has none")]
pub struct RangeSessions<'a> {
    /// Fills the table.
    pub target: &'a mut Client,
    /// Reads the source, in the one state that all read.
    pub source: &'a Transaction<'a>,
}

impl ImportPlan {
    /// Finds where to cut the source into so many ranges, in the state that `source` reads: see [`KeyRanges`]. Fewer where many
    /// rows share a value, or there are few; one where ranges cannot be loaded at once.
    ///
    /// # Locks
    /// `ACCESS SHARE` on the relations that the source reads.
    ///
    /// # Errors
    /// [`ImportError::Source`].
    pub async fn read_ranges(&self, source: &Transaction<'_>, ranges: u32) -> Result<KeyRanges, ImportError> {
        let Some(chunks) = self
            .chunks
            .as_ref()
            .filter(|_| self.one_range_because().is_none())
        else {
            return Ok(KeyRanges::one());
        };
        let Some(read) = &chunks.read else {
            return Ok(KeyRanges::one());
        };
        key_ranges::read(read, &chunks.from, self.expected_rows, ranges, source)
            .await
            .map_err(|error| ImportError::source_broke(&self.import, error))
    }

    /// Imports ranges of the first column of the key at once, by as many sessions as there are, each range chunk by chunk as
    /// [`run_in_chunks`](Self::run_in_chunks) does. Ranges beyond the sessions wait for one to be free.
    ///
    /// The ranges are kept in the journal before the first chunk, and stay: a later run takes up each right behind its own last
    /// checkpoint, planned with [`Import::in_kept_ranges`](crate::Import::in_kept_ranges), by however many sessions it has. The
    /// importer is done with the last of them. Limits on refused rows, progress and throttle are those of all ranges together.
    ///
    /// After an error in one range the others stop, each behind its last commit: when this returns no session writes any more.
    ///
    /// All `source` transactions read one state: `REPEATABLE READ`, with one [`SourceSnapshot`](crate::SourceSnapshot). That is
    /// looked at. A later run sees another state.
    ///
    /// Sessions of different ranges do not wait for each other: [`one_range_because`](Self::one_range_because) tells of every
    /// table whose rows could.
    ///
    /// # Locks
    /// As [`run_in_chunks`](Self::run_in_chunks), for each session. Before the first chunk, `SHARE ROW EXCLUSIVE` on the table for
    /// a moment: so it waits for whatever an earlier run left behind to commit.
    ///
    /// # Cancel safety
    /// As [`run_in_chunks`](Self::run_in_chunks).
    ///
    /// # Errors
    /// As [`run_in_chunks`](Self::run_in_chunks): [`ImportError::OtherChunks`] also when there are chunks of other ranges, or of
    /// none; [`ImportError::Way`] when the sessions read different states, or there are several where one range must be loaded
    /// after the other.
    pub async fn run_in_ranges(
        &self,
        ranges: &KeyRanges,
        sessions: &mut [RangeSessions<'_>],
        journal: &Journal<'_>,
        events: &Events,
    ) -> Result<ImportOutcome, ImportError> {
        let (chunks, write) = self.in_chunks()?;
        let Some(read) = &chunks.read else {
            return Err(ImportError::way(
                &self.import,
                "what is one transaction cannot be loaded by ranges",
            ));
        };
        self.refuse_sessions(sessions).await?;
        let so_far = self.begin_ranges(ranges, sessions, journal).await?;
        let digest = digest_of(chunks, ranges);
        self.refuse_other_ranges(&digest, &so_far)?;
        let all_so_far = sum(&so_far);
        self.tell_taken_up(&all_so_far, events);

        let mut open: VecDeque<usize> = (0..)
            .zip(&so_far)
            .filter(|(_, one)| !has_ended(one))
            .map(|(n, _)| n)
            .collect();
        let at_once = sessions.len().min(open.len());
        let way = self.way_by(ranges, at_once);
        let progress = Progress::start(events, self, &way);
        let before = so_far.iter().map(Tally::of).collect();
        let sums = Sums::new(self, progress, events, before, open.len());
        let chain = Chain {
            plan: self,
            chunks,
            write,
            journal,
            sums: &sums,
            chunk_limit: chunk_limit(self.settings.chunk_limit(), at_once),
            digest: &digest,
            events,
        };
        let begun: Vec<Option<usize>> = (0..at_once).map(|_| open.pop_front()).collect();
        let waiting = Mutex::new(open);
        let (chain, waiting, so_far) = (&chain, &waiting, &so_far);
        let working = sessions.iter_mut().zip(begun).map(async |(sessions, begun)| {
            let mut next = begun;
            self.check_session(sessions).await?;
            while let Some(range) = next {
                let so_far = &so_far[range];
                let read = read.statement(&ranges.range(range), so_far.last_key.as_ref());
                let rest = Rest {
                    range,
                    rows: chain.read(&read, sessions.source).await?,
                    so_far,
                    tee: None,
                };
                chain.load(rest, sessions.target).await?;
                next = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            }
            Ok(())
        });
        let ended: Result<Vec<()>, ImportError> = try_join_all(working).await;
        if let Err(error) = ended {
            settle(sessions).await;
            return Err(error);
        }
        Ok(sums.finish(way, Vec::new()))
    }

    async fn refuse_sessions(&self, sessions: &[RangeSessions<'_>]) -> Result<(), ImportError> {
        if sessions.is_empty() {
            return Err(ImportError::way(&self.import, "it has no sessions"));
        }
        if sessions.len() > 1 && self.one_range_because().is_some() {
            return Err(ImportError::way(
                &self.import,
                "its ranges must be loaded one after the other",
            ));
        }
        let mut states: Vec<String> = Vec::new();
        for session in sessions {
            let ask = "SELECT pg_catalog.pg_current_snapshot()::pg_catalog.text || ' ' || \
                              pg_catalog.current_setting('transaction_isolation')";
            let row = session.source.query_one(ask, &[]).await;
            let row = row.map_err(|error| ImportError::source_broke(&self.import, error))?;
            states.push(row.get(0));
        }
        states.dedup();
        let is_one = states.len() == 1 && (sessions.len() == 1 || states[0].ends_with(" repeatable read"));
        if is_one {
            Ok(())
        } else {
            Err(ImportError::way(
                &self.import,
                "its ranges would read different states of the source",
            ))
        }
    }

    /// Keeps the ranges, and reads how far each has come.
    async fn begin_ranges(
        &self,
        ranges: &KeyRanges,
        sessions: &mut [RangeSessions<'_>],
        journal: &Journal<'_>,
    ) -> Result<Vec<ImportSoFar>, ImportError> {
        let in_journal = |error| ImportError::journal(&self.import, error);
        let importer = self.importer();
        let target = &mut *sessions[0].target;
        let kept = journal.kept_ranges(target, importer).await.map_err(in_journal)?;
        let kept = match kept {
            Some(kept) => kept,
            None => self.keep_ranges(ranges, target, journal).await?,
        };
        let mut all = Vec::new();
        for range in 0..i32::try_from(ranges.count()).unwrap_or(i32::MAX) {
            let so_far = journal.range_so_far(target, importer, range).await;
            all.push(so_far.map_err(in_journal)?);
        }
        if kept == *ranges {
            Ok(all)
        } else {
            Err(ImportError::other_chunks(&self.import, sum(&all).chunks))
        }
    }

    /// Keeps ranges for good, where nothing is in yet.
    async fn keep_ranges(
        &self,
        ranges: &KeyRanges,
        target: &mut Client,
        journal: &Journal<'_>,
    ) -> Result<KeyRanges, ImportError> {
        let failed = |purpose| ImportError::failed(&self.import, purpose);
        let in_journal = |error| ImportError::journal(&self.import, error);
        let tx = begin(target).await.map_err(failed("begin to fill"))?;
        self.wait_for_writers(&tx).await?;
        let so_far = journal.so_far(&tx, self.importer()).await.map_err(in_journal)?;
        if so_far.chunks > 0 {
            return Err(ImportError::other_chunks(&self.import, so_far.chunks));
        }
        let kept = journal.keep_ranges(&tx, self.importer(), ranges).await;
        let kept = kept.map_err(in_journal)?;
        tx.commit().await.map_err(failed("begin to fill"))?;
        Ok(kept)
    }

    /// A killed program's last transaction may still be about to commit, with chunks of no range.
    async fn wait_for_writers(&self, tx: &Transaction<'_>) -> Result<(), ImportError> {
        let failed = |purpose| ImportError::failed(&self.import, purpose);
        if let Some(setup) = self.script().steps.first() {
            // The lock timeout must hold before the lock is asked for.
            tx.batch_execute(setup.sql.as_str())
                .await
                .map_err(failed("set up the session to fill"))?;
        }
        let lock = Sql::text("LOCK TABLE ")
            .name(self.import.into_table())
            .then(" IN SHARE ROW EXCLUSIVE MODE");
        tx.batch_execute(lock.as_str()).await.map_err(failed("lock"))
    }

    /// Chunks of another query, mapping, key or range would leave rows out, or bring them twice.
    fn refuse_other_ranges(&self, digest: &str, so_far: &[ImportSoFar]) -> Result<(), ImportError> {
        let all = sum(so_far);
        let are_its = |one: &ImportSoFar| one.chunks == 0 || one.plan.as_deref() == Some(digest);
        if !all.done && so_far.iter().all(are_its) {
            Ok(())
        } else {
            Err(ImportError::other_chunks(&self.import, all.chunks))
        }
    }

    /// Sets the sessions up, and refuses them where table or source is not what was planned.
    async fn check_session(&self, sessions: &mut RangeSessions<'_>) -> Result<(), ImportError> {
        let failed = |purpose| ImportError::failed(&self.import, purpose);
        let tx = begin(sessions.target).await.map_err(failed("begin to fill"))?;
        self.check_unchanged(&tx, Some(sessions.source)).await?;
        tx.rollback().await.map_err(failed("begin to fill"))
    }

    fn way_by(&self, ranges: &KeyRanges, at_once: usize) -> WayChosen {
        let mut way = self.way().clone();
        let key = self.import.key_columns().first();
        if let (Some(key), true) = (key, ranges.count() > 1) {
            way.reason = format!(
                "{}; in {} ranges of {key}, {at_once} at once",
                way.reason,
                ranges.count()
            );
        }
        way
    }
}

/// A range ends with a chunk behind which nothing comes.
fn has_ended(so_far: &ImportSoFar) -> bool {
    so_far.chunks > 0 && so_far.last_key.is_none()
}

fn sum(ranges: &[ImportSoFar]) -> ImportSoFar {
    let of = |part: fn(&ImportSoFar) -> i64| ranges.iter().map(part).sum();
    ImportSoFar {
        chunks: of(|one| one.chunks),
        rows: of(|one| one.rows),
        bytes: of(|one| one.bytes),
        rejected: of(|one| one.rejected),
        done: ranges.iter().any(|one| one.done),
        ..ImportSoFar::default()
    }
}

/// One range is read as one stream is, and may be gone on with as one.
pub(super) fn digest_of(chunks: &ChunkPlan, ranges: &KeyRanges) -> String {
    if ranges.count() == 1 {
        return chunks.digest.clone();
    }
    let bounds = ranges.bounds().iter().map(String::as_bytes);
    let parts = std::iter::once(chunks.digest.as_bytes()).chain(bounds);
    Digest::of(parts).as_str().to_owned()
}

/// All ranges together hold what one holds, as far as that is worth while.
fn chunk_limit(of_one: usize, at_once: usize) -> usize {
    (of_one / at_once.max(1)).max(of_one.min(LEAST_CHUNK))
}

/// Waits until what was on its way to the server has come to its end there, a commit above all. What became of it, the journal
/// says.
async fn settle(sessions: &mut [RangeSessions<'_>]) {
    for session in sessions {
        // A connection that is lost has nothing on its way any more that could be waited for.
        let _ended = session.target.batch_execute("").await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ranges_hold_what_one_holds_down_to_a_size() {
        assert_eq!(chunk_limit(16 << 20, 1), 16 << 20);
        assert_eq!(chunk_limit(16 << 20, 3), (16 << 20) / 3);
        assert_eq!(chunk_limit(16 << 20, 16), LEAST_CHUNK);
        assert_eq!(chunk_limit(5000, 3), 5000);
    }
}
