//! What a running release is at: how far its importers are, what it waits for. Overwritten while it runs, for whoever asks
//! from elsewhere.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_postgres::{GenericClient, Row};

use super::Records;
use crate::{Blocker, Phase, QualifiedName, StatementError};

/// The migration that brought the tables.
const SINCE_VERSION: i32 = 5;

/// How an importer of a release stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImporterState {
    /// It has not begun.
    Waiting,
    /// It is at work.
    Running,
    /// Its release was stopped, or its process died, before it was done.
    Stopped,
    /// It failed.
    Failed,
    /// All its rows are committed.
    Done,
}

impl ImporterState {
    /// The state's name, as records and JSON spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Done => "done",
        }
    }

    /// Reads back what [`as_str`](Self::as_str) wrote; the table's check constraint allows nothing else.
    fn parse(text: &str) -> Self {
        match text {
            "waiting" => Self::Waiting,
            "running" => Self::Running,
            "failed" => Self::Failed,
            "done" => Self::Done,
            _ => Self::Stopped,
        }
    }
}

/// What the process that runs an importer tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImporterNews {
    /// Its name.
    pub importer: String,
    /// How it stands.
    pub state: ImporterState,
    /// The way its rows travel, and why.
    pub way: Option<String>,
    /// Rows expected, where the source's statistics say so.
    pub expected_rows: Option<i64>,
    /// Rows so far, where they can be seen.
    pub rows: Option<i64>,
    /// Bytes so far, where they pass through the client.
    pub bytes: Option<i64>,
    /// Rows set aside.
    pub rejected: i64,
    /// Rows a second over the last half minute.
    pub rows_per_s: Option<i64>,
    /// Bytes a second over the last half minute.
    pub bytes_per_s: Option<i64>,
    /// How long the rows still expected take, in milliseconds.
    pub left_ms: Option<i64>,
}

impl ImporterNews {
    /// An importer of which nothing is known yet.
    #[must_use]
    pub fn of(importer: impl Into<String>, state: ImporterState) -> Self {
        Self {
            importer: importer.into(),
            state,
            way: None,
            expected_rows: None,
            rows: None,
            bytes: None,
            rejected: 0,
            rows_per_s: None,
            bytes_per_s: None,
            left_ms: None,
        }
    }
}

/// How far an importer has come, as the records tell it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ImporterProgress {
    /// Its name.
    pub importer: String,
    /// The phase it belongs to.
    pub phase: Option<Phase>,
    /// How it stands; one that was at work when its release ended is `stopped`.
    pub state: ImporterState,
    /// The way its rows travel, and why.
    pub way: Option<String>,
    /// Rows so far, as its process told last; absent where they cannot be seen before the end.
    pub rows: Option<i64>,
    /// Rows expected, an estimate of the source's planner.
    pub expected_rows: Option<i64>,
    /// Bytes that passed through the client.
    pub bytes: Option<i64>,
    /// Rows in its checkpoints: what is kept whatever happens.
    pub committed_rows: i64,
    /// Rows set aside.
    pub rejected: i64,
    /// Rows a second over the last half minute, while it is at work.
    pub rows_per_s: Option<i64>,
    /// Bytes a second over the last half minute, while it is at work.
    pub bytes_per_s: Option<i64>,
    /// How long the rows still expected take, in milliseconds, while it is at work.
    pub left_ms: Option<i64>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When its process last told of it.
    pub updated_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// What a running release waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Waiting {
    /// Locks, old snapshots or standbys.
    #[serde(rename = "for")]
    pub kind: WaitKind,
    /// Since when, without a break.
    pub since: Timestamp,
    /// When it last told.
    pub updated_at: Timestamp,
    /// Who or what is in the way.
    #[serde(flatten)]
    pub obstacle: Obstacle,
}

/// Who or what a release waits for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Obstacle {
    /// The last attempt for the locks, counted from 1.
    #[serde(default)]
    pub attempt: Option<u32>,
    /// The relation that was not free.
    #[serde(default)]
    pub relation: Option<QualifiedName>,
    /// The sessions in the way: of locks those that hold them, of snapshots those that are too old.
    #[serde(default, alias = "holders")]
    pub blockers: Vec<Blocker>,
    /// The standbys that are too far behind.
    #[serde(default)]
    pub standbys: Vec<String>,
}

/// What kind of thing a release waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WaitKind {
    /// The locks of the swap.
    Locks,
    /// Transactions whose snapshot is older than the load.
    Snapshots,
    /// Standbys that are too far behind.
    Standbys,
}

impl WaitKind {
    /// The kind's name, as records and JSON spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Locks => "locks",
            Self::Snapshots => "snapshots",
            Self::Standbys => "standbys",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Locks, Self::Snapshots, Self::Standbys]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

fn progress(row: &Row) -> ImporterProgress {
    ImporterProgress {
        importer: row.get("importer"),
        phase: row.get::<_, &str>("phase").parse().ok(),
        state: ImporterState::parse(row.get("state")),
        way: row.get("way"),
        rows: row.get("rows"),
        expected_rows: row.get("expected_rows"),
        bytes: row.get("bytes"),
        committed_rows: row.get("committed_rows"),
        rejected: row.get("rejected"),
        rows_per_s: row.get("rows_per_s"),
        bytes_per_s: row.get("bytes_per_s"),
        left_ms: row.get("left_ms"),
        started_at: row.get("started_at"),
        updated_at: row.get("updated_at"),
        finished_at: row.get("finished_at"),
    }
}

impl Records {
    /// Notes the importers of a phase, in their order, before the first of them begins: whether each is still to run.
    /// What an earlier run told of those that are done stays.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be written.
    pub async fn begin_imports(
        &self,
        client: &impl GenericClient,
        release: i64,
        phase: Phase,
        importers: &[(&str, ImporterState)],
    ) -> Result<(), StatementError> {
        let names: Vec<&str> = importers.iter().map(|(name, _)| *name).collect();
        let states: Vec<&str> = importers.iter().map(|(_, state)| state.as_str()).collect();
        client
            .execute(
                "INSERT INTO cutover.import_progress AS p (release, importer, place, phase, state) \
                 SELECT $1, i.importer, i.place, $2, i.state \
                   FROM ROWS FROM (pg_catalog.unnest($3::text[]), pg_catalog.unnest($4::text[])) \
                        WITH ORDINALITY i (importer, state, place) \
                 ON CONFLICT (release, importer) DO UPDATE \
                    SET place = excluded.place, phase = excluded.phase, state = excluded.state, revision = 0, \
                        rows = CASE WHEN excluded.state = 'done' THEN p.rows END, \
                        bytes = CASE WHEN excluded.state = 'done' THEN p.bytes END, \
                        started_at = CASE WHEN excluded.state = 'done' THEN p.started_at END, \
                        finished_at = CASE WHEN excluded.state = 'done' THEN p.finished_at END, \
                        rows_per_s = NULL, bytes_per_s = NULL, left_ms = NULL, \
                        updated_at = pg_catalog.clock_timestamp()",
                &[&release, &phase.as_str(), &names, &states],
            )
            .await
            .map_err(self.failed("note the importers of"))?;
        Ok(())
    }

    /// Overwrites what is told of importers, and what the release waits for. Of two writes at once that of the greater
    /// `revision` stays; a process counts them from 1.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be written.
    pub async fn tell_progress(
        &self,
        client: &impl GenericClient,
        release: i64,
        revision: i64,
        importers: &[ImporterNews],
        waiting: Option<(WaitKind, &Value)>,
    ) -> Result<(), StatementError> {
        // Plain data of ours: it can be written.
        let news = serde_json::to_value(importers).unwrap_or_default();
        let kind = waiting.map(|(kind, _)| kind.as_str());
        let detail = waiting.map(|(_, detail)| detail);
        client
            .execute(
                include_str!("sql/tell_progress.sql"),
                &[&release, &revision, &news, &kind, &detail],
            )
            .await
            .map_err(self.failed("tell the progress of"))?;
        Ok(())
    }

    /// What a process told last that has ended since is not true any more: it waits for nothing and imports nothing.
    pub(super) async fn forget_last_words(
        &self,
        client: &impl GenericClient,
        release: i64,
    ) -> Result<(), StatementError> {
        client
            .execute(
                "WITH waiting AS (DELETE FROM cutover.waiting WHERE release = $1) \
                 UPDATE cutover.import_progress \
                    SET revision = 0, state = CASE state WHEN 'running' THEN 'stopped' ELSE state END WHERE release = $1",
                &[&release],
            )
            .await
            .map_err(self.failed("forget the progress of"))?;
        Ok(())
    }

    /// How far the importers of a release have come, in their order; none where the records are of an older version.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be read.
    pub async fn importer_progress(
        &self,
        client: &impl GenericClient,
        release: i64,
    ) -> Result<Vec<ImporterProgress>, StatementError> {
        if Self::version(client).await? < Some(SINCE_VERSION) {
            return Ok(Vec::new());
        }
        let rows = client
            .query(include_str!("sql/importer_progress.sql"), &[&release])
            .await
            .map_err(self.failed("read the progress of"))?;
        Ok(rows.iter().map(progress).collect())
    }

    /// When a release entered the phase that it is in, or ended in; unknown where the records are of an older version.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be read.
    pub async fn phase_started_at(
        &self,
        client: &impl GenericClient,
        release: i64,
    ) -> Result<Option<Timestamp>, StatementError> {
        if Self::version(client).await? < Some(SINCE_VERSION) {
            return Ok(None);
        }
        let row = client
            .query_opt(
                "SELECT phase_started_at FROM cutover.release WHERE id = $1",
                &[&release],
            )
            .await
            .map_err(self.failed("read the phase of"))?;
        Ok(row.and_then(|row| row.get(0)))
    }

    /// What a release waits for, as it last told; to be believed only while it runs.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be read.
    pub async fn waiting(
        &self,
        client: &impl GenericClient,
        release: i64,
    ) -> Result<Option<Waiting>, StatementError> {
        if Self::version(client).await? < Some(SINCE_VERSION) {
            return Ok(None);
        }
        let row = client
            .query_opt(
                "SELECT kind, detail, since, updated_at FROM cutover.waiting WHERE release = $1 AND kind IS NOT NULL",
                &[&release],
            )
            .await
            .map_err(self.failed("read what is waited for by"))?;
        Ok(row.and_then(|row| {
            Some(Waiting {
                kind: WaitKind::parse(row.get(0))?,
                // What another version wrote may tell less.
                obstacle: serde_json::from_value(row.get::<_, Option<Value>>(1).unwrap_or_default())
                    .unwrap_or_default(),
                since: row.get(2),
                updated_at: row.get(3),
            })
        }))
    }
}
