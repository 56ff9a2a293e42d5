//! Where a program's rows go.

use std::fmt;

use bytes::BytesMut;
use cutover_core::Sql;
use tokio_postgres::Transaction;

use super::Field;
use crate::copy_in::CopyIn;
use crate::error::ImportError;
use crate::frames::{Frames, Piece};
use crate::plan::ProgramFields;
use crate::progress::Progress;
use crate::{ImportPlan, text_rows};

/// Rows gathered before they are sent: enough to make sending cheap, little enough to be nothing.
const BATCH_BYTES: usize = 64 << 10;

/// Takes the rows that a program makes, and streams them into the table.
///
/// It holds some 64 kB of rows, or one larger one: [`RowSink::send`] waits while the server is slower than the program, or a
/// [`Throttle`](crate::Throttle) says so.
pub struct RowSink<'a> {
    plan: &'a ImportPlan,
    fields: &'a ProgramFields,
    writer: CopyIn<'a>,
    told: Box<dyn FnMut(u64, u64) + Send + 'a>,
    batch: BytesMut,
    batch_rows: u64,
    /// Rows that were sent here.
    rows: u64,
    limit: u64,
    state: State,
}

enum State {
    Open,
    /// Within [`RowSink::send`]; beyond it: its future was dropped.
    Sending,
    /// The sample is complete.
    Full,
    Failed(ImportError),
}

/// No more rows are taken: the sample is complete, or the import has failed, and says itself why. For a program to return.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("no more rows are taken")]
pub struct SinkClosed(());

/// What a program can do wrong.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("it sent a row of {sent} values for its {columns} columns")]
    Width { sent: usize, columns: usize },
    #[error("it gave up a `send` before that was done, so rows may be lost")]
    GaveUp,
}

impl fmt::Debug for RowSink<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowSink")
            .field("importer", &self.plan.importer())
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl<'a> RowSink<'a> {
    pub(crate) fn new(
        plan: &'a ImportPlan,
        write: &'a Sql,
        fields: &'a ProgramFields,
        target: &'a Transaction<'a>,
        progress: &'a mut Progress<'_>,
    ) -> Self {
        Self {
            plan,
            fields,
            writer: CopyIn::new(target, write, &Frames::text(), plan.settings.segment_limit()),
            told: Box::new(|rows, bytes| progress.sent(rows, bytes)),
            batch: BytesMut::with_capacity(BATCH_BYTES),
            batch_rows: 0,
            rows: 0,
            limit: plan.import.sample_rows().unwrap_or(u64::MAX),
            state: State::Open,
        }
    }

    /// Sends a row: a value for each of the source's columns, in their order.
    ///
    /// # Cancel safety
    /// None: an import in which this was dropped before it was done fails, since rows may be missing.
    ///
    /// # Errors
    /// [`SinkClosed`] when no more rows are wanted, be it that the table refused one: return it. The import tells what was wrong,
    /// whatever the program makes of this error.
    pub async fn send(&mut self, row: &[&dyn Field]) -> Result<(), SinkClosed> {
        match self.state {
            State::Open => {}
            State::Sending => return Err(self.fail(Fault::GaveUp)),
            State::Full | State::Failed(_) => return Err(SinkClosed(())),
        }
        if row.len() != self.fields.sent {
            return Err(self.fail(Fault::Width {
                sent: row.len(),
                columns: self.fields.sent,
            }));
        }
        if self.rows == self.limit {
            self.state = State::Full;
            return Err(SinkClosed(()));
        }
        self.rows += 1;
        self.batch_rows += 1;
        let wanted = self.fields.wanted.iter().map(|position| row[*position].text());
        text_rows::append(&mut self.batch, wanted);
        if self.batch.len() < BATCH_BYTES {
            return Ok(());
        }
        self.pass_on().await
    }

    /// Sends what was gathered.
    async fn pass_on(&mut self) -> Result<(), SinkClosed> {
        let data = self.batch.split().freeze();
        let piece = Piece {
            rows: std::mem::take(&mut self.batch_rows),
            whole: data.len(),
            data,
        };
        self.state = State::Sending;
        self.plan.settings.may_send(piece.data.len()).await;
        match self.writer.send(piece).await {
            Ok(_) => {
                self.state = State::Open;
                (self.told)(self.writer.sent_rows(), self.writer.sent_bytes());
                Ok(())
            }
            Err(refused) => {
                let error = ImportError::refused(&self.plan.import, &self.plan.columns, refused);
                self.state = State::Failed(error);
                Err(SinkClosed(()))
            }
        }
    }

    fn fail(&mut self, fault: Fault) -> SinkClosed {
        self.state = State::Failed(ImportError::program(&self.plan.import, self.rows, fault));
        SinkClosed(())
    }

    /// Ends the COPY when the program has `ended`; rows taken and bytes sent.
    pub(super) async fn end(
        mut self,
        ended: Result<(), Box<dyn std::error::Error + Send + Sync>>,
    ) -> Result<(u64, u64), ImportError> {
        match (&self.state, ended) {
            (State::Open, Err(error)) => {
                return Err(ImportError::program(&self.plan.import, self.rows, error));
            }
            (State::Sending, _) => {
                self.fail(Fault::GaveUp);
            }
            (State::Open | State::Full | State::Failed(_), _) => {}
        }
        if !matches!(self.state, State::Failed(_)) && !self.batch.is_empty() {
            // What is wrong with it is kept.
            let _closed = self.pass_on().await;
        }
        if let State::Failed(error) = self.state {
            return Err(error);
        }
        let bytes = self.writer.sent_bytes();
        let refused = |refused| ImportError::refused(&self.plan.import, &self.plan.columns, refused);
        let rows = self.writer.finish().await.map_err(refused)?;
        Ok((rows, bytes))
    }
}
