//! The rows of a COPY, judged in batches on all cores.

use std::num::NonZero;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use cutover_core::{EventKind, Events, Sql};
use futures_util::TryStreamExt;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tokio_postgres::Transaction;

use super::native::{Judge, Judged, UnexpectedFields};
use crate::frames::Frames;
use crate::preflight::check::GeometryCheck;
use crate::preflight::report::Findings;

/// Rows are handed over when they take this many bytes.
const BATCH_BYTES: usize = 256 << 10;

/// Geometries at work at the same time, in KiB; a larger one is judged alone. The validator takes some ten times as much.
const KIB_AT_WORK: usize = 64 << 10;

/// At most two events a second, the first one with the first batch.
const INTERVAL: Duration = Duration::from_millis(500);

/// The cores and the memory that all checks of a preflight share.
#[derive(Debug, Clone)]
pub(in crate::preflight) struct Workers {
    cores: Arc<Semaphore>,
    kib: Arc<Semaphore>,
}

impl Workers {
    /// As many as there are cores to run on.
    pub(in crate::preflight) fn on_all_cores() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            cores: Arc::new(Semaphore::new(cores)),
            kib: Arc::new(Semaphore::new(KIB_AT_WORK)),
        }
    }
}

/// Why a stream was not read to its end.
#[derive(Debug, thiserror::Error)]
pub(in crate::preflight) enum StreamError {
    #[error(transparent)]
    Server(#[from] tokio_postgres::Error),
    #[error(transparent)]
    Fields(#[from] UnexpectedFields),
    #[error("the validator broke down")]
    Broken(#[from] JoinError),
}

/// What is told of the rows while they come.
pub(in crate::preflight) struct Progress<'a> {
    pub(in crate::preflight) events: &'a Events,
    pub(in crate::preflight) check: String,
    pub(in crate::preflight) expected_rows: Option<u64>,
}

/// Has the rows sent and judges each; returns how many could not be read.
///
/// This task reads and cuts the stream into batches; each is judged by a blocking task. A batch is handed over when
/// a core and the memory for it are free, and until then the server waits: no more is held than one batch being
/// read and those at work. In which order they are done does not show in what is found.
///
/// # Cancel safety
/// Dropped, it lets go of the batches at work: each ends by itself within its few rows.
pub(in crate::preflight) async fn judge(
    copy: &Sql,
    check: &Arc<GeometryCheck>,
    transaction: &Transaction<'_>,
    workers: &Workers,
    progress: &Progress<'_>,
    findings: &mut Findings,
) -> Result<u64, StreamError> {
    let mut told: Option<Instant> = None;
    let mut at_work = AtWork {
        check,
        workers,
        tasks: JoinSet::new(),
        idle: Vec::new(),
        findings,
        unread: 0,
    };
    let mut frames = Frames::binary();
    let mut held = BytesMut::new();
    let (mut whole, mut rows_held, mut rows, mut bytes) = (0, 0, 0, 0);
    let mut stream = pin!(transaction.copy_out(copy.as_str()).await?);
    while let Some(message) = stream.try_next().await? {
        let piece = frames.feed(message);
        if piece.rows > 0 {
            whole = held.len() + piece.whole;
            rows_held += piece.rows;
        }
        held.extend_from_slice(&piece.data);
        bytes += piece.data.len() as u64;
        if whole >= BATCH_BYTES {
            at_work.begin(held.split_to(whole).freeze(), rows).await?;
            rows += rows_held;
            (whole, rows_held) = (0, 0);
            if told.is_none_or(|told| told.elapsed() >= INTERVAL) {
                told = Some(Instant::now());
                progress.events.emit(EventKind::CheckProgress {
                    check: progress.check.clone(),
                    rows,
                    bytes,
                    expected_rows: progress.expected_rows,
                });
            }
        }
    }
    at_work.begin(held.split_to(whole).freeze(), rows).await?;
    at_work.end().await
}

struct AtWork<'a> {
    check: &'a Arc<GeometryCheck>,
    workers: &'a Workers,
    tasks: JoinSet<(Result<Judged, UnexpectedFields>, Judge)>,
    /// Validators with their memory.
    idle: Vec<Judge>,
    findings: &'a mut Findings,
    unread: u64,
}

impl AtWork<'_> {
    /// Hands over whole rows, behind `rows_before` others, once there is room for them.
    async fn begin(&mut self, rows: Bytes, rows_before: u64) -> Result<(), StreamError> {
        if rows.is_empty() {
            return Ok(());
        }
        let kib = (rows.len() >> 10).clamp(1, KIB_AT_WORK);
        // Neither is ever closed, which is the only error.
        let core = Arc::clone(&self.workers.cores).acquire_owned().await.ok();
        let memory = Arc::clone(&self.workers.kib)
            .acquire_many_owned(u32::try_from(kib).unwrap_or(u32::MAX))
            .await
            .ok();
        while let Some(done) = self.tasks.try_join_next() {
            self.take(done?)?;
        }
        let mut judge = self.idle.pop().unwrap_or_default();
        let check = Arc::clone(self.check);
        let findings = self.findings.of_rows_behind(rows_before);
        self.tasks.spawn_blocking(move || {
            let judged = judge.look(&check, &rows, findings);
            drop((core, memory));
            (judged, judge)
        });
        Ok(())
    }

    fn take(
        &mut self,
        (judged, judge): (Result<Judged, UnexpectedFields>, Judge),
    ) -> Result<(), UnexpectedFields> {
        let Judged { findings, unread } = judged?;
        self.findings.merge(findings);
        self.unread += unread;
        self.idle.push(judge);
        Ok(())
    }

    /// Waits for all; returns how many rows could not be read.
    async fn end(mut self) -> Result<u64, StreamError> {
        while let Some(done) = self.tasks.join_next().await {
            self.take(done?)?;
        }
        Ok(self.unread)
    }
}
