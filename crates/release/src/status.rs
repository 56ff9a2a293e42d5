//! What is live, what is running, what is kept: from the records and the lock, from any machine.

use cutover_core::records::{
    BackupSet, Checkpoint, ImporterProgress, Records, ReleaseRecord, ReleaseState, Waiting,
};
use cutover_core::{Ident, LockHolder, QualifiedName, ReleaseLock, StatementError};
use cutover_swap::{BlockedSession, StandbyReport};
use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Client;

use crate::staged::Staged;
use crate::{DiskUse, Holding};

/// Whether anything is going on, told from the lock rather than from what a process managed to write.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Activity {
    /// Nothing runs.
    Idle,
    /// A release or rollback runs.
    Running {
        /// The session that holds the lock.
        holder: LockHolder,
        /// Its record.
        release: i64,
    },
    /// Somebody holds the lock without having opened a record: just starting, or a session of something else.
    Locked {
        /// The session that holds the lock.
        holder: LockHolder,
    },
    /// A record says running, yet nobody holds its lock: its process died. The next release sets this right.
    Dead {
        /// Its record.
        release: i64,
    },
}

/// The state of a release set. Its JSON form is versioned: see `schema_version`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// Version of this shape; grows when a field changes its meaning or goes.
    pub schema_version: u32,
    /// When it was read, by the server's clock.
    pub at: Timestamp,
    /// The release set.
    pub release_set: Ident,
    /// Whether anything is going on.
    pub activity: Activity,
    /// When the newest release or rollback entered its phase.
    pub phase_since: Option<Timestamp>,
    /// What the running release waits for before its swap, when it holds there.
    pub hold: Option<Holding>,
    /// What else the running release waits for, as it last told: locks of the swap, old snapshots, standbys.
    pub waiting: Option<Waiting>,
    /// Sessions of the running release that wait for a lock at this moment, and who is in their way.
    pub blocked: Vec<BlockedSession>,
    /// The newest release, where all it lacks is its swap: its staging is built, validated and kept.
    pub ready: Option<i64>,
    /// The release or rollback whose data readers see; `None` before the first.
    pub current: Option<ReleaseRecord>,
    /// The newest releases and rollbacks, newest first.
    pub latest: Vec<ReleaseRecord>,
    /// How far the importers of the newest one have come.
    pub importers: Vec<ImporterProgress>,
    /// What the newest one has imported and committed.
    pub checkpoints: Vec<Checkpoint>,
    /// The backup sets, newest first.
    pub backups: Vec<BackupSet>,
    /// Relations that look like staging or backups and are in no record. Nothing ever drops them.
    pub unmanaged: Vec<QualifiedName>,
    /// The standbys, and how far behind they are.
    pub standbys: StandbyReport,
    /// What is taken on disk; `None` where a member is locked exclusively, so that it cannot be measured.
    pub disk: Option<DiskUse>,
}

/// The version of the shape of [`Status`].
pub const STATUS_SCHEMA_VERSION: u32 = 1;
const LATEST: u32 = 10;

/// What the holder of the lock and the newest records, newest first, tell together.
pub(crate) fn activity(holder: Option<LockHolder>, latest: &[ReleaseRecord]) -> Activity {
    let running = latest.iter().find(|record| record.state == ReleaseState::Running);
    match (holder, running) {
        (Some(holder), Some(record)) if record.backend_pid == Some(holder.pid) => Activity::Running {
            holder,
            release: record.id,
        },
        (Some(holder), _) => Activity::Locked { holder },
        (None, Some(record)) => Activity::Dead { release: record.id },
        (None, None) => Activity::Idle,
    }
}

/// What another version of Cutover has staged, and cannot be read, is not taken up either.
fn is_ready(record: &ReleaseRecord) -> bool {
    matches!(Staged::of(record), Ok(Some(staged)) if staged.validated)
}

impl Status {
    /// What the records and the lock tell; the rest is for the caller to add.
    pub(crate) async fn read(
        client: &Client,
        records: &Records,
        at: Timestamp,
        standbys: StandbyReport,
    ) -> Result<Self, StatementError> {
        let mut status = Self {
            schema_version: STATUS_SCHEMA_VERSION,
            at,
            release_set: records.release_set().clone(),
            activity: Activity::Idle,
            phase_since: None,
            hold: None,
            waiting: None,
            blocked: Vec::new(),
            ready: None,
            current: None,
            latest: Vec::new(),
            importers: Vec::new(),
            checkpoints: Vec::new(),
            backups: Vec::new(),
            unmanaged: Vec::new(),
            standbys,
            disk: None,
        };
        // A database that never saw Cutover has no records, and that is not an error.
        if Records::version(client).await?.is_none() {
            return Ok(status);
        }
        // The lock first: a release that ends in between is then told as running a moment too long, never as dead.
        let holder = ReleaseLock::of(&status.release_set).holder(client).await?;
        status.latest = records.latest(client, LATEST).await?;
        status.activity = activity(holder, &status.latest);
        status.current = records.current(client).await?;
        status.backups = records.backup_sets(client).await?;
        let Some(newest) = status.latest.first() else {
            return Ok(status);
        };
        status.ready = is_ready(newest).then_some(newest.id);
        status.phase_since = records.phase_started_at(client, newest.id).await?;
        status.importers = records.importer_progress(client, newest.id).await?;
        status.checkpoints = records.checkpoints(client, newest.id).await?;
        if let Activity::Running { release, .. } = status.activity {
            status.waiting = records.waiting(client, release).await?;
        }
        Ok(status)
    }

    /// The record of what is under way, or was last.
    #[must_use]
    pub fn newest(&self) -> Option<&ReleaseRecord> {
        self.latest.first()
    }

    /// Whether somebody is at work on the release set at this moment.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        match self.activity {
            Activity::Running { .. } | Activity::Locked { .. } => true,
            Activity::Idle | Activity::Dead { .. } => false,
        }
    }
}
