//! One row a release or rollback: its state, its phase, and whether it is what readers see.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_postgres::{GenericClient, Row};

use super::Records;
use crate::{Digest, Phase, Sql, Stamp, StatementError};

/// How far a release has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseState {
    /// At work, if its lock is held; else its process died and nobody has noticed yet.
    Running,
    /// Stopped where it was asked to, staging kept.
    Stopped,
    /// All phases done.
    Completed,
    /// A phase failed, staging kept.
    Failed,
    /// Stopped by `abort`, staging removed.
    Aborted,
    /// Its process died; found by the next one.
    Abandoned,
}

impl ReleaseState {
    /// The state's name, as records and JSON spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
            Self::Abandoned => "abandoned",
        }
    }

    /// Reads back what [`as_str`](Self::as_str) wrote; the table's check constraint allows nothing else.
    fn parse(text: &str) -> Self {
        match text {
            "running" => Self::Running,
            "stopped" => Self::Stopped,
            "completed" => Self::Completed,
            "aborted" => Self::Aborted,
            "abandoned" => Self::Abandoned,
            _ => Self::Failed,
        }
    }
}

impl fmt::Display for ReleaseState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whether new data went live or a backup set came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseKind {
    /// New data.
    Release,
    /// A backup set.
    Rollback,
}

/// A release as recorded.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ReleaseRecord {
    /// Its number.
    pub id: i64,
    /// Its label.
    pub label: String,
    /// New data, or a backup set put back.
    pub kind: ReleaseKind,
    /// How far it has come.
    pub state: ReleaseState,
    /// The phase it is in, or ended in.
    pub phase: Option<Phase>,
    /// Whether its data is what readers see.
    pub current: bool,
    /// When its data went live.
    pub swapped_at: Option<Timestamp>,
    /// The backup set that holds what was live before it.
    pub backup_stamp: Option<Stamp>,
    /// For a rollback: the backup set it put live again.
    pub restored_stamp: Option<Stamp>,
    /// The digest of the release file.
    pub config_digest: Option<String>,
    /// What the staging crate needs to finish, compare, swap or drop the staging set.
    #[serde(skip)]
    pub staged: Option<Value>,
    /// The manifest.
    #[serde(skip)]
    pub manifest: Option<Value>,
    /// Why it failed.
    pub error: Option<String>,
    /// The machine it ran on.
    pub host: Option<String>,
    /// Its process there.
    pub client_pid: Option<i32>,
    /// Its server process that holds the lock.
    pub backend_pid: Option<i32>,
    /// When somebody asked it to stop.
    pub abort_requested: Option<Timestamp>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was last heard of.
    pub updated_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// What [`record`] reads.
const SELECT: &str = "SELECT id, label, kind, state, phase, current, swapped_at, backup_stamp, restored_stamp, config_digest, \
     staged, manifest, error, host, client_pid, backend_pid, abort_requested, started_at, updated_at, finished_at \
     FROM cutover.release ";

fn record(row: &Row) -> ReleaseRecord {
    let stamp = |column| {
        row.get::<_, Option<&str>>(column)
            .and_then(|text| text.parse().ok())
    };
    ReleaseRecord {
        id: row.get("id"),
        label: row.get("label"),
        kind: if row.get::<_, &str>("kind") == "rollback" {
            ReleaseKind::Rollback
        } else {
            ReleaseKind::Release
        },
        state: ReleaseState::parse(row.get("state")),
        phase: row
            .get::<_, Option<&str>>("phase")
            .and_then(|text| text.parse().ok()),
        current: row.get("current"),
        swapped_at: row.get("swapped_at"),
        backup_stamp: stamp("backup_stamp"),
        restored_stamp: stamp("restored_stamp"),
        config_digest: row.get("config_digest"),
        staged: row.get("staged"),
        manifest: row.get("manifest"),
        error: row.get("error"),
        host: row.get("host"),
        client_pid: row.get("client_pid"),
        backend_pid: row.get("backend_pid"),
        abort_requested: row.get("abort_requested"),
        started_at: row.get("started_at"),
        updated_at: row.get("updated_at"),
        finished_at: row.get("finished_at"),
    }
}

impl Records {
    /// Opens the record of a release or rollback and returns its number. The caller holds the release lock, so
    /// whatever is still recorded as running is dead: it becomes `abandoned`.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be written.
    pub async fn open(
        &self,
        client: &impl GenericClient,
        kind: ReleaseKind,
        label: &str,
        config: Option<&Digest>,
        host: &str,
        client_pid: u32,
    ) -> Result<i64, StatementError> {
        let failed = self.failed("open the record of");
        self.abandon_dead(client).await?;
        let kind = match kind {
            ReleaseKind::Release => "release",
            ReleaseKind::Rollback => "rollback",
        };
        let row = client
            .query_one(
                "INSERT INTO cutover.release (name, label, kind, state, config_digest, host, client_pid, backend_pid) \
                 VALUES ($1, $2, $3, 'running', $4, $5, $6, pg_catalog.pg_backend_pid()) RETURNING id",
                &[
                    &self.release_set.as_str(),
                    &label,
                    &kind,
                    &config.map(Digest::as_str),
                    &host,
                    &i32::try_from(client_pid).ok(),
                ],
            )
            .await
            .map_err(&failed)?;
        Ok(row.get(0))
    }

    /// Whoever holds the release lock is the only one at work: what else is recorded as running has died.
    async fn abandon_dead(&self, client: &impl GenericClient) -> Result<(), StatementError> {
        client
            .execute(
                "UPDATE cutover.release \
                    SET state = 'abandoned', finished_at = pg_catalog.clock_timestamp(), \
                        updated_at = pg_catalog.clock_timestamp(), \
                        error = coalesce(error, 'its process ended without a word') \
                  WHERE name = $1 AND state = 'running'",
                &[&self.release_set.as_str()],
            )
            .await
            .map_err(self.failed("mark what died of"))?;
        Ok(())
    }

    /// Takes up the record of a release that stopped, failed or was abandoned: it runs again, on this session. The
    /// caller holds the release lock, so whatever else is still recorded as running becomes `abandoned`.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be written.
    pub async fn reopen(
        &self,
        client: &impl GenericClient,
        release: i64,
        host: &str,
        client_pid: u32,
    ) -> Result<(), StatementError> {
        self.abandon_dead(client).await?;
        client
            .execute(
                "UPDATE cutover.release SET state = 'running', error = NULL, finished_at = NULL, \
                        abort_requested = NULL, host = $2, client_pid = $3, \
                        backend_pid = pg_catalog.pg_backend_pid(), updated_at = pg_catalog.clock_timestamp() WHERE id = $1",
                &[&release, &host, &i32::try_from(client_pid).ok()],
            )
            .await
            .map_err(self.failed("take up the record of"))?;
        // A hold that its process did not live to end is over: nobody waits for a go.
        client
            .execute(
                "UPDATE cutover.hold SET ended_at = pg_catalog.clock_timestamp() WHERE release = $1 AND ended_at IS NULL",
                &[&release],
            )
            .await
            .map_err(self.failed("end the last hold of"))?;
        self.forget_last_words(client, release).await
    }

    /// Notes the phase that a release enters.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be written.
    pub async fn enter_phase(
        &self,
        client: &impl GenericClient,
        release: i64,
        phase: Phase,
    ) -> Result<(), StatementError> {
        client
            .execute(
                "UPDATE cutover.release SET phase = $2, phase_started_at = pg_catalog.clock_timestamp(), \
                        updated_at = pg_catalog.clock_timestamp() WHERE id = $1",
                &[&release, &phase.as_str()],
            )
            .await
            .map_err(self.failed("note the phase of"))?;
        Ok(())
    }

    /// Keeps what the staging crate needs to finish, compare, swap or drop the staging set; `None` once it is gone.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be written.
    pub async fn set_staged(
        &self,
        client: &impl GenericClient,
        release: i64,
        staged: Option<&Value>,
    ) -> Result<(), StatementError> {
        client
            .execute(
                "UPDATE cutover.release SET staged = $2, updated_at = pg_catalog.clock_timestamp() WHERE id = $1",
                &[&release, &staged],
            )
            .await
            .map_err(self.failed("keep the staging facts of"))?;
        Ok(())
    }

    /// Keeps the manifest.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be written.
    pub async fn set_manifest(
        &self,
        client: &impl GenericClient,
        release: i64,
        manifest: &Value,
    ) -> Result<(), StatementError> {
        client
            .execute(
                "UPDATE cutover.release SET manifest = $2, updated_at = pg_catalog.clock_timestamp() WHERE id = $1",
                &[&release, &manifest],
            )
            .await
            .map_err(self.failed("keep the manifest of"))?;
        Ok(())
    }

    /// Closes a record with how it ended.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be written.
    pub async fn close(
        &self,
        client: &impl GenericClient,
        release: i64,
        state: ReleaseState,
        error: Option<&str>,
    ) -> Result<(), StatementError> {
        // A quoted value may hold a NUL, which PostgreSQL's text cannot; the reason must be kept all the same.
        let error = error.map(|text| text.replace('\0', "\u{fffd}"));
        client
            .execute(
                "UPDATE cutover.release SET state = $2, error = $3, \
                        finished_at = pg_catalog.clock_timestamp(), updated_at = pg_catalog.clock_timestamp() \
                  WHERE id = $1",
                &[&release, &state.as_str(), &error],
            )
            .await
            .map_err(self.failed("close the record of"))?;
        Ok(())
    }

    /// The release of this number.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be read.
    pub async fn release(
        &self,
        client: &impl GenericClient,
        release: i64,
    ) -> Result<Option<ReleaseRecord>, StatementError> {
        let sql = Sql::text(SELECT).then("WHERE id = $1");
        let row = client
            .query_opt(sql.as_str(), &[&release])
            .await
            .map_err(self.failed("read the record of"))?;
        Ok(row.as_ref().map(record))
    }

    /// The newest releases and rollbacks of the set, newest first.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be read.
    pub async fn latest(
        &self,
        client: &impl GenericClient,
        limit: u32,
    ) -> Result<Vec<ReleaseRecord>, StatementError> {
        let sql = Sql::text(SELECT).then("WHERE name = $1 ORDER BY id DESC LIMIT $2");
        let rows = client
            .query(sql.as_str(), &[&self.release_set.as_str(), &i64::from(limit)])
            .await
            .map_err(self.failed("read the records of"))?;
        Ok(rows.iter().map(record).collect())
    }

    /// The releases whose staging may still be there, oldest first.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be read.
    pub async fn with_staging(
        &self,
        client: &impl GenericClient,
    ) -> Result<Vec<ReleaseRecord>, StatementError> {
        let sql = Sql::text(SELECT).then("WHERE name = $1 AND staged IS NOT NULL ORDER BY id");
        let rows = client
            .query(sql.as_str(), &[&self.release_set.as_str()])
            .await
            .map_err(self.failed("read the records of"))?;
        Ok(rows.iter().map(record).collect())
    }

    /// The release or rollback whose data readers see; `None` before the first.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be read.
    pub async fn current(
        &self,
        client: &impl GenericClient,
    ) -> Result<Option<ReleaseRecord>, StatementError> {
        let sql = Sql::text(SELECT).then("WHERE name = $1 AND current");
        let row = client
            .query_opt(sql.as_str(), &[&self.release_set.as_str()])
            .await
            .map_err(self.failed("read the current record of"))?;
        Ok(row.as_ref().map(record))
    }

    /// Asks a running release to stop.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be written.
    pub async fn request_abort(
        &self,
        client: &impl GenericClient,
        release: i64,
    ) -> Result<(), StatementError> {
        client
            .execute(
                "UPDATE cutover.release SET abort_requested = coalesce(abort_requested, pg_catalog.clock_timestamp()) \
                  WHERE id = $1 AND state = 'running'",
                &[&release],
            )
            .await
            .map_err(self.failed("ask to stop"))?;
        Ok(())
    }
}
