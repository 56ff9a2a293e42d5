//! An import in chunks that is read as one stream.

use cutover_core::records::ImportSoFar;
use cutover_core::{EventKind, Events, Sql};
use tokio_postgres::{Client, Transaction};

use super::chain::{Chain, Rest, begin};
use super::incoming::Incoming;
use super::journal::Journal;
use super::key_ranges::KeyRanges;
use super::plan::ChunkPlan;
use super::ranges::digest_of;
use super::sums::{Sums, Tally};
use crate::csv_file::FileRows;
use crate::error::ImportError;
use crate::plan::{ImportPlan, Transfer};
use crate::preflight::in_passing::Tee;
use crate::progress::Progress;
use crate::{ImportOutcome, Source};

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
    /// `source` is one transaction for the whole import: one state of the source. A later run sees another one. A CSV file
    /// needs none: a later run goes on at the place where the last chunk ends, and proves first that the file is the same up to
    /// there, by its digest. What follows may be mended meanwhile.
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
    /// when the chunks committed before belong to another plan, or to ranges;
    /// [`CsvError::Changed`](crate::CsvError::Changed) when the file is not what they were read from; [`ImportError::OneKey`] when too many rows bear
    /// one key; otherwise as [`ImportPlan::run_in`].
    pub async fn run_in_chunks(
        &self,
        target: &mut Client,
        source: Option<&Transaction<'_>>,
        journal: &Journal<'_>,
        events: &Events,
    ) -> Result<ImportOutcome, ImportError> {
        let (chunks, write) = self.in_chunks()?;
        let failed = |purpose| ImportError::failed(&self.import, purpose);
        let in_journal = |error| ImportError::journal(&self.import, error);
        let so_far = journal
            .so_far(target, self.importer())
            .await
            .map_err(in_journal)?;
        let kept = journal
            .kept_ranges(target, self.importer())
            .await
            .map_err(in_journal)?;
        if kept.is_some_and(|ranges| ranges.count() > 1) {
            return Err(ImportError::other_chunks(&self.import, so_far.chunks));
        }
        self.refuse_others_chunks(chunks, &so_far)?;
        let tx = begin(target).await.map_err(failed("begin to fill"))?;
        self.check_unchanged(&tx, source).await?;
        tx.rollback().await.map_err(failed("begin to fill"))?;
        let file = self.open_file(&so_far).await?;

        self.tell_taken_up(&so_far, events);
        let progress = Progress::start(events, self, self.way());
        let sums = Sums::new(self, progress, events, vec![Tally::of(&so_far)], 1);
        let chain = Chain {
            plan: self,
            chunks,
            write,
            journal,
            sums: &sums,
            chunk_limit: self.settings.chunk_limit(),
            digest: &chunks.digest,
            events,
        };
        let rows = match (&self.transfer, file) {
            (_, Some(file)) => Incoming::File(Box::new(file)),
            (Transfer::Pipe { read, .. }, None) => chain.read(read, self.source_of(source)?).await?,
            (_, None) => return Err(ImportError::stale(&self.import)),
        };
        let rest = Rest {
            range: 0,
            rows,
            so_far: &so_far,
            tee: Tee::of(self, &so_far),
        };
        let checks = chain.load(rest, target).await?;
        Ok(sums.finish(self.way().clone(), checks))
    }

    /// Why the import is one transaction and cannot be taken up half way; `None` where each chunk commits, or where it
    /// was not planned in chunks at all.
    #[must_use]
    pub fn one_transaction_because(&self) -> Option<&str> {
        self.chunks.as_ref()?.whole_because.as_deref()
    }

    /// Whether chunks that are in were read by the same query, mapping, key and ranges, so that this plan goes on behind them. There
    /// are several ways to read one source, and the order of texts on two machines is not always the same.
    #[must_use]
    pub fn goes_on_from(&self, so_far: &ImportSoFar, kept: Option<&KeyRanges>) -> bool {
        let one = KeyRanges::one();
        let digest = self
            .chunks
            .as_ref()
            .map(|chunks| digest_of(chunks, kept.unwrap_or(&one)));
        so_far.chunks == 0 || so_far.plan == digest
    }

    /// How rows are cut into chunks, and the statement that writes them.
    pub(super) fn in_chunks(&self) -> Result<(&ChunkPlan, &Sql), ImportError> {
        match (&self.chunks, &self.transfer) {
            (Some(chunks), Transfer::Pipe { write, .. } | Transfer::Csv { write, .. }) => Ok((chunks, write)),
            _ => Err(ImportError::way(
                &self.import,
                "it was not planned in chunks, which needs a file, or a second connection to read the source",
            )),
        }
    }

    /// The file, from where the last chunk ends, where it is one that is read.
    async fn open_file(&self, so_far: &ImportSoFar) -> Result<Option<FileRows>, ImportError> {
        let (Transfer::Csv { fields, .. }, Source::Csv(csv)) = (&self.transfer, self.import.source()) else {
            return Ok(None);
        };
        let limit = self.import.sample_rows().unwrap_or(u64::MAX);
        let from = so_far.place.as_ref();
        let rows = FileRows::open(csv, fields, from, limit, self.settings.chunk_limit()).await;
        rows.map(Some)
            .map_err(|error| ImportError::csv(&self.import, error))
    }

    pub(super) fn tell_taken_up(&self, so_far: &ImportSoFar, events: &Events) {
        if so_far.chunks > 0 {
            events.emit(EventKind::ImportTakenUp {
                importer: self.importer().to_owned(),
                chunks: so_far.chunks.unsigned_abs(),
                rows: so_far.rows.unsigned_abs(),
            });
        }
    }

    /// Chunks of another query, mapping, key or reading of a file would leave rows out, or bring them twice.
    fn refuse_others_chunks(&self, chunks: &ChunkPlan, so_far: &ImportSoFar) -> Result<(), ImportError> {
        let is_next = so_far.chunks == 0
            || (so_far.plan.as_ref() == Some(&chunks.digest)
                && (so_far.last_key.is_some() || so_far.place.is_some())
                && !so_far.done);
        if is_next && so_far.last_key.as_ref() == self.import.key_before() {
            Ok(())
        } else {
            Err(ImportError::other_chunks(&self.import, so_far.chunks))
        }
    }
}
