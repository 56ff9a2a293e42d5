//! What is live, what is running, what is kept: from the records and the lock, from any machine.

use cutover_core::records::{BackupSet, Checkpoint, Records, ReleaseRecord, ReleaseState};
use cutover_core::{Ident, LockHolder, QualifiedName, ReleaseLock, StatementError};
use cutover_swap::StandbyReport;
use serde::Serialize;
use tokio_postgres::Client;

use crate::Holding;
use crate::staged::Staged;

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
    /// The release set.
    pub release_set: Ident,
    /// Whether anything is going on.
    pub activity: Activity,
    /// What the running release waits for before its swap, when it holds there.
    pub hold: Option<Holding>,
    /// The newest release, where all it lacks is its swap: its staging is built, validated and kept.
    pub ready: Option<i64>,
    /// The release or rollback whose data readers see; `None` before the first.
    pub current: Option<ReleaseRecord>,
    /// The newest releases and rollbacks, newest first.
    pub latest: Vec<ReleaseRecord>,
    /// What the newest one has imported.
    pub checkpoints: Vec<Checkpoint>,
    /// The backup sets, newest first.
    pub backups: Vec<BackupSet>,
    /// Relations that look like staging or backups and are in no record. Nothing ever drops them.
    pub unmanaged: Vec<QualifiedName>,
    /// The standbys, and how far behind they are.
    pub standbys: StandbyReport,
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
    pub(crate) async fn read(
        client: &Client,
        records: &Records,
        unmanaged: Vec<QualifiedName>,
        standbys: StandbyReport,
    ) -> Result<Self, StatementError> {
        let release_set = records.release_set().clone();
        // A database that never saw Cutover has no records, and that is not an error.
        if Records::version(client).await?.is_none() {
            return Ok(Self {
                schema_version: STATUS_SCHEMA_VERSION,
                release_set,
                activity: Activity::Idle,
                hold: None,
                ready: None,
                current: None,
                latest: Vec::new(),
                checkpoints: Vec::new(),
                backups: Vec::new(),
                unmanaged,
                standbys,
            });
        }
        // The lock first: a release that ends in between is then told as running a moment too long, never as dead.
        let holder = ReleaseLock::of(&release_set).holder(client).await?;
        let latest = records.latest(client, LATEST).await?;
        let activity = activity(holder, &latest);
        let checkpoints = match latest.first() {
            Some(newest) => records.checkpoints(client, newest.id).await?,
            None => Vec::new(),
        };
        Ok(Self {
            schema_version: STATUS_SCHEMA_VERSION,
            activity,
            hold: None,
            ready: latest
                .first()
                .filter(|newest| is_ready(newest))
                .map(|newest| newest.id),
            current: records.current(client).await?,
            checkpoints,
            backups: records.backup_sets(client).await?,
            latest,
            unmanaged,
            standbys,
            release_set,
        })
    }
}
