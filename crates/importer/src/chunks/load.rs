//! Rows into the table as they come, kept until the table has taken them; refused ones are found and set aside.

use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cutover_core::records::Reject;
use cutover_core::{DatabaseError, Sql};
use serde_json::{Map, Value};
use tokio_postgres::Transaction;

use super::chain::Chain;
use super::fault::is_rows_fault;
use super::incoming::{Ended, Incoming};
use super::journal::Journal;
use super::plan::ChunkPlan;
use super::printed::Printer;
use super::row_format::{HeldRows, Taken};
use super::sums::{Sums, Tally};
use super::whole_rows::Broken;
use crate::copy_in::Refused;
use crate::copy_position::copy_position;
use crate::copy_sink::CopySink;
use crate::error::ImportError;
use crate::preflight::CheckReport;
use crate::preflight::in_passing::Tee;
use crate::{ImportPlan, Source};

/// A chunk ends after this time too, so that little is lost where rows are slow to come.
const CHUNK_TIME: Duration = Duration::from_secs(30);
/// Rows of one key may make a chunk this many times as large, since they are not parted.
const ONE_KEY: usize = 4;
/// A COPY is not made smaller than this where rows are refused.
const FEWEST_ROWS: usize = 64;

/// Opens what one COPY does, to be undone alone.
pub(super) const BEGIN_PART: &str = "SAVEPOINT part";
const NEXT_PART: &str = "RELEASE SAVEPOINT part; SAVEPOINT part";
const UNDO_PART: &str = "ROLLBACK TO SAVEPOINT part";

/// How far the source was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// As many rows as one COPY should hold.
    PartFull,
    /// As many bytes as a chunk should hold, up to the end of a key.
    ChunkFull,
    /// The end of the source.
    End,
}

/// Brings rows of one source into one table.
pub(super) struct Load<'a> {
    plan: &'a ImportPlan,
    chunks: &'a ChunkPlan,
    write: &'a Sql,
    journal: &'a Journal<'a>,
    /// What this and the other ranges have come to.
    sums: &'a Sums<'a>,
    range: usize,
    chunk_limit: usize,
    pub(super) rows: Incoming,
    printer: Printer<'a>,
    held: HeldRows,
    /// Rows that the source says are to be set aside, with why; kept until the COPY is over.
    unfit: Vec<(Bytes, String)>,
    unfit_bytes: usize,
    /// Rows that one COPY may hold: fewer where rows are refused, since what was sent beside one is sent again.
    part_rows: usize,
    /// The last row read.
    last: Option<Bytes>,
    pub(super) tally: Tally,
    /// The checks of the rows, until they have ended.
    pub(super) tee: Option<Tee<'a>>,
    /// What they found.
    pub(super) checks: Vec<CheckReport>,
}

impl<'a> Load<'a> {
    pub(super) fn new(chain: &Chain<'a>, range: usize, rows: Incoming, tally: Tally) -> Self {
        Self {
            plan: chain.plan,
            chunks: chain.chunks,
            write: chain.write,
            journal: chain.journal,
            sums: chain.sums,
            range,
            chunk_limit: chain.chunk_limit,
            rows,
            printer: Printer::new(chain.plan, chain.chunks),
            held: HeldRows::default(),
            unfit: Vec::new(),
            unfit_bytes: 0,
            part_rows: usize::MAX,
            last: None,
            tally,
            tee: None,
            checks: Vec::new(),
        }
    }

    /// The key of the last row read, as texts; `None` where it comes out of a file, whose place is told instead.
    pub(super) async fn last_key(
        &mut self,
        tx: &Transaction<'_>,
    ) -> Result<Option<Vec<Option<String>>>, ImportError> {
        let (Some(row), Incoming::Stream(_)) = (&self.last, &self.rows) else {
            return Ok(None);
        };
        let key = self.printer.key(tx, row).await;
        key.map(Some)
            .map_err(ImportError::failed(&self.plan.import, "print a key of"))
    }

    /// Loads a chunk, or everything where that is one transaction, into `tx`, which stands at the savepoint.
    pub(super) async fn chunk(&mut self, tx: &Transaction<'_>) -> Result<Reached, ImportError> {
        let began = Instant::now();
        let bytes_before = self.tally.bytes;
        loop {
            let reached = self.part(tx, began, bytes_before).await?;
            if self.sums.are_too_many_rejected() {
                return Err(self.sums.too_many());
            }
            if reached != Reached::PartFull {
                return Ok(reached);
            }
            self.batch(tx, NEXT_PART).await?;
        }
    }

    /// One COPY, and what follows where it is refused.
    async fn part(
        &mut self,
        tx: &Transaction<'_>,
        chunk_began: Instant,
        bytes_before: u64,
    ) -> Result<Reached, ImportError> {
        let limit = self.chunk_limit;
        self.held.clear(limit);
        let mut copy: Option<CopySink> = None;
        let reached = loop {
            let Some(row) = self.next_row().await? else {
                break Reached::End;
            };
            let taken = usize::try_from(self.tally.bytes - bytes_before).unwrap_or(usize::MAX);
            let chunk_bytes = taken.saturating_add(self.held.bytes() + self.unfit_bytes);
            let is_full = chunk_bytes >= limit || chunk_began.elapsed() >= CHUNK_TIME;
            if let Some(reached) = self.stop_before(&row, is_full) {
                self.rows.put_back(row);
                break reached;
            }
            if self.chunks.whole_because.is_none() && chunk_bytes >= limit.saturating_mul(ONE_KEY) {
                return Err(ImportError::one_key(&self.plan.import, chunk_bytes));
            }
            self.plan.settings.may_send(row.len()).await;
            if let Some(why) = self.chunks.verdict(&row) {
                self.unfit_bytes += row.len();
                self.unfit.push((row.clone(), why));
                self.last = Some(row);
                continue;
            }
            let pieces = self.chunks.for_table(&row);
            self.held.push(pieces.iter().map(AsRef::as_ref), self.rows.line());
            if let Some(tee) = &mut self.tee {
                tee.look(&row, 1, row.len()).await?;
            }
            let copy = match &mut copy {
                Some(copy) => copy,
                none => none.insert(self.begin_copy(tx).await?),
            };
            for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
                copy.send(piece).await.map_err(|error| self.refused(error))?;
            }
            self.last = Some(row);
            self.sums.sent(
                self.range,
                self.tally.rows + self.held.len() as u64,
                self.tally.bytes + self.held.bytes() as u64,
            );
        };
        if let Some(copy) = copy {
            match copy.finish(self.rows.frame().1).await {
                Ok(taken) => {
                    self.tally.rows += taken;
                    self.tally.bytes += self.held.bytes() as u64;
                    self.part_rows = self.part_rows.saturating_add(self.part_rows / 4);
                }
                Err(error) => self.settle(tx, error).await?,
            }
        }
        self.set_unfit_aside(tx).await?;
        Ok(reached)
    }

    /// Whether a COPY, or the chunk with it, ends before this row.
    fn stop_before(&self, row: &Bytes, chunk_is_full: bool) -> Option<Reached> {
        if self.held.is_empty() && self.unfit.is_empty() {
            // A part holds a row at least, and a chunk begins with a part.
            return None;
        }
        if self.sums.would_be_too_many_rejected_and_named(self.unfit.len()) {
            return Some(Reached::PartFull);
        }
        if chunk_is_full {
            if self.chunks.whole_because.is_some() {
                return Some(Reached::PartFull);
            }
            if self.may_go_on_at(row) {
                return Some(Reached::ChunkFull);
            }
        }
        (self.held.len() >= self.part_rows).then_some(Reached::PartFull)
    }

    /// Whether an import can be taken up at this row, which was given last.
    fn may_go_on_at(&self, row: &[u8]) -> bool {
        match &self.rows {
            Incoming::Stream(_) => !self.is_of_last_key(row),
            Incoming::File(rows) => rows.place().is_some(),
        }
    }

    /// Rows of one key are not parted: the import is taken up behind a key.
    fn is_of_last_key(&self, row: &[u8]) -> bool {
        let Some(last) = &self.last else { return false };
        let (row, last) = (self.chunks.format.fields(row), self.chunks.format.fields(last));
        self.chunks.key.iter().all(|at| row.get(*at) == last.get(*at))
    }

    /// Finds the refused rows among those held: the table takes or refuses ever smaller parts. Where the server says
    /// which row it was, the cut is made around that; otherwise (foreign keys, triggers at the end) in the middle. A row
    /// is set aside when it was refused alone.
    async fn settle(
        &mut self,
        tx: &Transaction<'_>,
        error: tokio_postgres::Error,
    ) -> Result<(), ImportError> {
        let Taken { data, ends, lines } = self.held.take();
        let start_of = |row: usize| row.checked_sub(1).map_or(0, |before| ends[before]);
        let mut open: Vec<Range<usize>> = std::iter::once(0..ends.len()).collect();
        let mut refusal = Some(error);
        while let Some(mut rows) = open.pop() {
            if rows.is_empty() {
                continue;
            }
            if refusal.is_none() && rows.len() > self.part_rows {
                open.push(rows.start + self.part_rows..rows.end);
                rows.end = rows.start + self.part_rows;
            }
            let bytes = data.slice(start_of(rows.start)..start_of(rows.end));
            let verdict = match refusal.take() {
                Some(error) => Err(error),
                None => self.copy(tx, bytes.clone()).await?,
            };
            let error = match verdict {
                Ok(taken) => {
                    self.tally.rows += taken;
                    self.tally.bytes += bytes.len() as u64;
                    self.part_rows = self.part_rows.saturating_add(self.part_rows / 4);
                    self.batch(tx, NEXT_PART).await?;
                    continue;
                }
                Err(error) if error.code().is_some_and(is_rows_fault) => error,
                Err(error) => return Err(self.refused(error)),
            };
            self.batch(tx, UNDO_PART).await?;
            if rows.len() == 1 {
                let line = lines.get(rows.start).copied();
                self.set_aside(tx, &bytes, error, line).await?;
                self.batch(tx, NEXT_PART).await?;
                if self.sums.are_too_many_rejected_and_named() {
                    return Err(self.sums.too_many());
                }
            } else {
                self.part_rows = (self.part_rows.min(rows.len()) / 2).max(FEWEST_ROWS);
                open.extend(cut(&rows, self.row_named(error)).into_iter().rev());
            }
        }
        Ok(())
    }

    /// Which row of a COPY the server names, counted from 0.
    fn row_named(&self, error: tokio_postgres::Error) -> Option<usize> {
        let error = DatabaseError::from(error);
        let (line, _) = copy_position(&error, self.plan.import.into_table(), &self.plan.columns)?;
        usize::try_from(line).ok()?.checked_sub(1)
    }

    /// Sets the rows aside that the source says are to be.
    async fn set_unfit_aside(&mut self, tx: &Transaction<'_>) -> Result<(), ImportError> {
        self.unfit_bytes = 0;
        for (row, why) in std::mem::take(&mut self.unfit) {
            // What was done before stays when a row cannot be printed.
            self.batch(tx, NEXT_PART).await?;
            self.keep_aside(tx, &row, (why, None), None).await?;
        }
        Ok(())
    }

    /// Sets a row aside that the table has refused, out of this line of a file.
    async fn set_aside(
        &mut self,
        tx: &Transaction<'_>,
        row: &[u8],
        error: tokio_postgres::Error,
        line: Option<u64>,
    ) -> Result<(), ImportError> {
        let import = &self.plan.import;
        let error = DatabaseError::from(error);
        let column = copy_position(&error, import.into_table(), &self.plan.columns).and_then(|(_, at)| at);
        let message = error
            .inner()
            .as_db_error()
            .map_or_else(|| error.to_string(), |error| error.message().to_owned());
        let reason = match column {
            Some(column) => format!("column {column}: {message}"),
            None => message,
        };
        let sqlstate = error.sqlstate().map(|state| state.code().to_owned());
        self.keep_aside(tx, row, (reason, sqlstate), line).await
    }

    async fn keep_aside(
        &mut self,
        tx: &Transaction<'_>,
        row: &[u8],
        (reason, sqlstate): (String, Option<String>),
        line: Option<u64>,
    ) -> Result<(), ImportError> {
        let import = &self.plan.import;
        let whole = match self.printer.row(tx, row).await {
            Ok(whole) => whole,
            Err(error) if error.code().is_some_and(is_rows_fault) => {
                self.batch(tx, UNDO_PART).await?;
                self.printer.undecoded(row)
            }
            Err(error) => return Err(ImportError::failed(import, "print a refused row of")(error)),
        };
        let reject = Reject {
            importer: import.name().to_owned(),
            key: self.printer.key_of(&whole).or_else(|| line.map(line_as_key)),
            reason: match (import.source(), line) {
                (Source::Csv(csv), Some(line)) => format!("{}, line {line}: {reason}", csv.name()),
                _ => reason,
            },
            sqlstate,
            row: Some(whole),
        };
        self.journal
            .add_reject(tx, &reject)
            .await
            .map_err(|error| ImportError::journal(import, error))?;
        self.tally.rejected += 1;
        self.tally.bytes += row.len() as u64;
        self.sums.reject(reject);
        Ok(())
    }

    /// One COPY of rows that are there already. The outer error is not the table's.
    async fn copy(
        &self,
        tx: &Transaction<'_>,
        rows: Bytes,
    ) -> Result<Result<u64, tokio_postgres::Error>, ImportError> {
        let mut copy = self.begin_copy(tx).await?;
        copy.send(rows).await.map_err(|error| self.refused(error))?;
        Ok(copy.finish(self.rows.frame().1).await)
    }

    async fn begin_copy(&self, tx: &Transaction<'_>) -> Result<CopySink, ImportError> {
        CopySink::begin(tx, self.write, self.rows.frame().0)
            .await
            .map_err(|error| self.refused(error))
    }

    /// The next row, to be looked at only.
    pub(super) async fn next_row(&mut self) -> Result<Option<Bytes>, ImportError> {
        self.rows.next().await.map_err(|ended| self.broken(ended))
    }

    fn broken(&self, ended: Ended) -> ImportError {
        let import = &self.plan.import;
        match ended {
            Ended::Stream(Broken::Off(error)) => ImportError::source_broke(import, error),
            Ended::Stream(Broken::Silent(silence)) => ImportError::silent(import, silence),
            Ended::File(error) => ImportError::csv(import, error),
        }
    }

    /// The COPY failed for no row's fault.
    fn refused(&self, error: tokio_postgres::Error) -> ImportError {
        let refused = Refused {
            error,
            rows_before: self.tally.rows + self.tally.rejected,
        };
        ImportError::refused(&self.plan.import, &self.plan.columns, refused)
    }

    async fn batch(&self, tx: &Transaction<'_>, sql: &'static str) -> Result<(), ImportError> {
        tx.batch_execute(sql)
            .await
            .map_err(ImportError::failed(&self.plan.import, "fill"))
    }
}

/// What names a row of a file whose importer has no key.
fn line_as_key(line: u64) -> Map<String, Value> {
    Map::from_iter([("line".to_owned(), Value::String(line.to_string()))])
}

/// The parts that refused rows are tried again in.
fn cut(rows: &Range<usize>, named: Option<usize>) -> Vec<Range<usize>> {
    match named {
        Some(row) if row < rows.len() => {
            let row = rows.start + row;
            vec![rows.start..row, row..row + 1, row + 1..rows.end]
        }
        _ => {
            let middle = rows.start + rows.len() / 2;
            vec![rows.start..middle, middle..rows.end]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_leave_no_row_out() {
        assert_eq!(cut(&(10..20), Some(3)), [10..13, 13..14, 14..20]);
        assert_eq!(cut(&(10..20), Some(9)), [10..19, 19..20, 20..20]);
        assert_eq!(cut(&(10..12), None), [10..11, 11..12]);
        assert_eq!(cut(&(10..13), Some(3)), [10..11, 11..13]);
    }
}
