//! Checkpoints: chunks of an import that are committed, each together with its rows.

use serde::Serialize;
use serde_json::Value;
use tokio_postgres::{GenericClient, Row};

use super::Records;
use crate::StatementError;

/// A committed chunk of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checkpoint {
    /// The importer.
    pub importer: String,
    /// The range of its key that the chunk is of, counted from 0; 0 where it is loaded by one.
    pub range: i32,
    /// The chunk, counted from 0 in its range.
    pub chunk: i64,
    /// Rows in it.
    pub rows: i64,
    /// Bytes that passed through the client; 0 when the server moved the rows itself.
    pub bytes: i64,
    /// Rows of it that the table refused and that were set aside.
    pub rejected: i64,
    /// Whether it was the importer's last, of all ranges.
    pub done: bool,
    /// The key of its last row, as texts; the importer goes on behind it. `None` where it cannot, and where the range ends.
    #[serde(skip_serializing)]
    pub last_key: Option<Vec<Option<String>>>,
    /// Where in its file it ends; the importer goes on there. `None` where it reads no file, and at the end.
    #[serde(skip_serializing)]
    pub place: Option<FilePlace>,
    /// A digest over what decides which rows come in which order: chunks of different digests do not belong together.
    #[serde(skip_serializing)]
    pub plan: Option<String>,
    /// What checks found in its rows, in the importer's own words; `None` where none was made on them.
    #[serde(skip_serializing)]
    pub checked: Option<Value>,
}

impl Checkpoint {
    /// An importer that is done, in one chunk.
    #[must_use]
    pub fn whole(importer: impl Into<String>, rows: i64, bytes: i64) -> Self {
        Self {
            importer: importer.into(),
            range: 0,
            chunk: 0,
            rows,
            bytes,
            rejected: 0,
            done: true,
            last_key: None,
            place: None,
            plan: None,
            checked: None,
        }
    }
}

/// A place in a file, and what the file was up to there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePlace {
    /// Bytes before it.
    pub byte: i64,
    /// The line that begins there, counted from 1.
    pub line: i64,
    /// The SHA-256 of the bytes before it, in lower-case hex.
    pub digest: String,
}

impl FilePlace {
    /// Out of three columns that are all NULL where there is no place.
    fn of(row: &Row, first: usize) -> Option<Self> {
        let byte: Option<i64> = row.get(first);
        Some(Self {
            byte: byte?,
            line: row.get(first + 1),
            digest: row.get(first + 2),
        })
    }
}

/// How far an importer, or one range of it, has come, by its checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportSoFar {
    /// Chunks committed; in one range, the next one's number.
    pub chunks: i64,
    /// Rows in them.
    pub rows: i64,
    /// Bytes that passed through the client for them.
    pub bytes: i64,
    /// Rows that were set aside.
    pub rejected: i64,
    /// Whether the importer is done.
    pub done: bool,
    /// The key of the last row of the last chunk; `None` where there is none, and where the range has ended.
    pub last_key: Option<Vec<Option<String>>>,
    /// Where in its file the last chunk ends; `None` where it reads no file, and at the end.
    pub place: Option<FilePlace>,
    /// What the chunks were planned by.
    pub plan: Option<String>,
    /// What checks found in the rows of each chunk, in their order.
    pub checked: Vec<Option<Value>>,
}

impl Records {
    /// Writes a checkpoint. To be called in the transaction that holds the chunk's rows.
    ///
    /// Of two transactions that write the same chunk, only one commits: whoever takes up an import whose last commit is
    /// still on its way waits here for it, and is refused.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be written; `23505` when the chunk is committed already.
    pub async fn add_checkpoint(
        &self,
        client: &impl GenericClient,
        release: i64,
        checkpoint: &Checkpoint,
    ) -> Result<(), StatementError> {
        let place = checkpoint.place.as_ref();
        client
            .execute(
                "INSERT INTO cutover.checkpoint \
                     (release, importer, range, chunk, rows, bytes, rejected, done, last_key, plan, checked, \
                      file_byte, file_line, file_digest) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
                &[
                    &release,
                    &checkpoint.importer,
                    &checkpoint.range,
                    &checkpoint.chunk,
                    &checkpoint.rows,
                    &checkpoint.bytes,
                    &checkpoint.rejected,
                    &checkpoint.done,
                    &checkpoint.last_key,
                    &checkpoint.plan,
                    &checkpoint.checked,
                    &place.map(|place| place.byte),
                    &place.map(|place| place.line),
                    &place.map(|place| &place.digest),
                ],
            )
            .await
            .map_err(self.failed("write a checkpoint of"))?;
        Ok(())
    }

    /// The checkpoints of a release.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be read.
    pub async fn checkpoints(
        &self,
        client: &impl GenericClient,
        release: i64,
    ) -> Result<Vec<Checkpoint>, StatementError> {
        let rows = client
            .query(
                "SELECT importer, range, chunk, rows, bytes, rejected, done, last_key, plan, checked, \
                        file_byte, file_line, file_digest \
                   FROM cutover.checkpoint WHERE release = $1 ORDER BY importer, range, chunk",
                &[&release],
            )
            .await
            .map_err(self.failed("read the checkpoints of"))?;
        Ok(rows
            .iter()
            .map(|row| Checkpoint {
                importer: row.get(0),
                range: row.get(1),
                chunk: row.get(2),
                rows: row.get(3),
                bytes: row.get(4),
                rejected: row.get(5),
                done: row.get(6),
                last_key: row.get(7),
                plan: row.get(8),
                checked: row.get(9),
                place: FilePlace::of(row, 10),
            })
            .collect())
    }

    /// How far one importer of a release has come, all its ranges together.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be read.
    pub async fn import_so_far(
        &self,
        client: &impl GenericClient,
        release: i64,
        importer: &str,
    ) -> Result<ImportSoFar, StatementError> {
        self.so_far(client, release, importer, None).await
    }

    /// How far one range of an importer has come.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be read.
    pub async fn range_so_far(
        &self,
        client: &impl GenericClient,
        release: i64,
        importer: &str,
        range: i32,
    ) -> Result<ImportSoFar, StatementError> {
        self.so_far(client, release, importer, Some(range)).await
    }

    async fn so_far(
        &self,
        client: &impl GenericClient,
        release: i64,
        importer: &str,
        range: Option<i32>,
    ) -> Result<ImportSoFar, StatementError> {
        let row = client
            .query_one(
                "WITH chunks AS (SELECT * FROM cutover.checkpoint \
                                  WHERE release = $1 AND importer = $2 AND range = coalesce($3, range)), \
                      last AS (SELECT last_key, plan, file_byte, file_line, file_digest \
                                 FROM chunks ORDER BY range DESC, chunk DESC LIMIT 1) \
                 SELECT count(*), coalesce(sum(rows), 0)::bigint, coalesce(sum(bytes), 0)::bigint, \
                        coalesce(sum(rejected), 0)::bigint, coalesce(bool_or(done), false), \
                        (SELECT last_key FROM last), (SELECT plan FROM last), \
                        coalesce(array_agg(checked ORDER BY range, chunk), '{}'), \
                        (SELECT file_byte FROM last), (SELECT file_line FROM last), (SELECT file_digest FROM last) \
                   FROM chunks",
                &[&release, &importer, &range],
            )
            .await
            .map_err(self.failed("read the checkpoints of"))?;
        Ok(ImportSoFar {
            chunks: row.get(0),
            rows: row.get(1),
            bytes: row.get(2),
            rejected: row.get(3),
            done: row.get(4),
            last_key: row.get(5),
            plan: row.get(6),
            checked: row.get(7),
            place: FilePlace::of(&row, 8),
        })
    }

    /// Forgets the checkpoints of a release whose staging was rebuilt, its importers' ranges, the rows it set aside, and how far
    /// its importers were.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be written.
    pub async fn clear_checkpoints(
        &self,
        client: &impl GenericClient,
        release: i64,
    ) -> Result<(), StatementError> {
        client
            .execute(
                "WITH rejects AS (DELETE FROM cutover.reject WHERE release = $1), \
                      ranges AS (DELETE FROM cutover.import_ranges WHERE release = $1), \
                      progress AS (DELETE FROM cutover.import_progress WHERE release = $1) \
                 DELETE FROM cutover.checkpoint WHERE release = $1",
                &[&release],
            )
            .await
            .map_err(self.failed("forget the checkpoints of"))?;
        Ok(())
    }
}
