//! Rows gathered into batches, which blocking tasks judge on all cores.

use std::num::NonZero;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};

use super::native::{Judge, Judged, Looked, UnexpectedFields};
use crate::preflight::findings::Findings;

/// Rows are handed over when they take this many bytes.
const BATCH_BYTES: usize = 256 << 10;

/// Geometries at work at the same time, in KiB; a larger one is judged alone. The validator takes some ten times as much.
const KIB_AT_WORK: usize = 64 << 10;

/// The cores and the memory that checks share which run at the same time.
#[derive(Debug, Clone)]
pub(crate) struct Workers {
    cores: Arc<Semaphore>,
    kib: Arc<Semaphore>,
}

impl Workers {
    /// As many as there are cores to run on.
    pub(crate) fn on_all_cores() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            cores: Arc::new(Semaphore::new(cores)),
            kib: Arc::new(Semaphore::new(KIB_AT_WORK)),
        }
    }
}

/// Why rows could not be judged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotJudged {
    #[error(transparent)]
    Fields(#[from] UnexpectedFields),
    #[error("the validator broke down")]
    Broken(#[from] JoinError),
}

/// Rows on their way to be judged, by one check or by several.
///
/// A batch is handed over when a core and the memory for it are free, and until then its sender waits: no more is held than
/// one batch being gathered and those at work. In which order they are done does not show in what is found.
///
/// # Cancel safety
/// Dropped, it lets go of the batches at work: each ends by itself within its few rows.
#[derive(Debug)]
pub(in crate::preflight) struct Batches {
    looked: Arc<[Looked]>,
    workers: Workers,
    held: BytesMut,
    /// How many of the bytes held are whole rows, and how many rows.
    whole: usize,
    rows_held: u64,
    /// Rows handed over, and those before the first.
    rows: u64,
    tasks: JoinSet<(Result<Vec<Judged>, UnexpectedFields>, Judge)>,
    /// Validators with their memory.
    idle: Vec<Judge>,
    /// For each check, what was found since that was last taken.
    judged: Vec<Judged>,
}

impl Batches {
    /// For each check, what it looks at and where it puts what it finds.
    pub(in crate::preflight) fn new(
        checks: impl IntoIterator<Item = (Looked, Findings)>,
        workers: &Workers,
    ) -> Self {
        let judged = |findings| Judged { findings, unread: 0 };
        let (looked, judged): (Vec<Looked>, Vec<Judged>) = checks
            .into_iter()
            .map(|(looked, findings)| (looked, judged(findings)))
            .unzip();
        Self {
            looked: looked.into(),
            workers: workers.clone(),
            held: BytesMut::new(),
            whole: 0,
            rows_held: 0,
            rows: judged
                .iter()
                .map(|judged| judged.findings.rows())
                .max()
                .unwrap_or(0),
            tasks: JoinSet::new(),
            idle: Vec::new(),
            judged,
        }
    }

    /// Rows handed over so far, and those before the first.
    pub(in crate::preflight) fn rows(&self) -> u64 {
        self.rows
    }

    /// Gathers bytes in which so many rows end, the last of them after `whole` bytes. Returns whether a batch was handed over.
    pub(in crate::preflight) async fn add(
        &mut self,
        data: &[u8],
        rows: u64,
        whole: usize,
    ) -> Result<bool, NotJudged> {
        if rows > 0 {
            self.whole = self.held.len() + whole;
            self.rows_held += rows;
        }
        self.held.extend_from_slice(data);
        let is_full = self.whole >= BATCH_BYTES;
        if is_full {
            self.hand_over().await?;
        }
        Ok(is_full)
    }

    async fn hand_over(&mut self) -> Result<(), NotJudged> {
        if self.whole == 0 {
            return Ok(());
        }
        let rows = self.held.split_to(self.whole).freeze();
        let rows_before = self.rows;
        self.rows += self.rows_held;
        (self.whole, self.rows_held) = (0, 0);
        let kib = (rows.len() >> 10).clamp(1, KIB_AT_WORK);
        // Neither is ever closed, which is the only error.
        let core = Arc::clone(&self.workers.cores).acquire_owned().await.ok();
        let memory = Arc::clone(&self.workers.kib)
            .acquire_many_owned(u32::try_from(kib).unwrap_or(u32::MAX))
            .await
            .ok();
        while let Some(done) = self.tasks.try_join_next() {
            self.add_judged(done?)?;
        }
        let mut judge = self.idle.pop().unwrap_or_default();
        let looked = Arc::clone(&self.looked);
        let judged = self.judged.iter();
        let findings: Vec<Findings> = judged
            .map(|judged| judged.findings.of_rows_behind(rows_before))
            .collect();
        self.tasks.spawn_blocking(move || {
            let checks = looked.iter().zip(findings);
            let judged = checks.map(|(looked, findings)| judge.look(looked, &rows, findings));
            let judged = judged.collect();
            drop((core, memory));
            (judged, judge)
        });
        Ok(())
    }

    fn add_judged(
        &mut self,
        (judged, judge): (Result<Vec<Judged>, UnexpectedFields>, Judge),
    ) -> Result<(), UnexpectedFields> {
        for (so_far, judged) in self.judged.iter_mut().zip(judged?) {
            so_far.add(judged);
        }
        self.idle.push(judge);
        Ok(())
    }

    /// Waits until all rows that were added are judged; returns for each check what was found in those since the last time.
    pub(in crate::preflight) async fn settle(&mut self) -> Result<Vec<Judged>, NotJudged> {
        self.hand_over().await?;
        while let Some(done) = self.tasks.join_next().await {
            self.add_judged(done?)?;
        }
        let fresh = |judged: &Judged| Judged {
            findings: judged.findings.of_rows_behind(self.rows),
            unread: 0,
        };
        let fresh = self.judged.iter().map(fresh).collect();
        Ok(std::mem::replace(&mut self.judged, fresh))
    }
}
