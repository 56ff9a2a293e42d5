//! What the swap writes in its own transaction, and what it leaves to be done after it.

use tokio_postgres::GenericClient;

use super::Records;
use crate::catalog::WriteCounts;
use crate::{ObjectName, Stamp, StatementError};

/// What the swap writes, in its own transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwapRecord {
    /// The release or rollback that goes live.
    pub release: i64,
    /// The backup set that holds what was live.
    pub backup: Stamp,
    /// For a rollback: the backup set that goes live again and ceases to be one.
    pub restored: Option<Stamp>,
    /// What had been written to what goes live, so that a rollback can tell what was written since.
    pub writes: WriteCounts,
}

impl Records {
    /// Writes that a release or rollback is what readers see from now on. To be called inside the swap's
    /// transaction, after [`add_backup`](Self::add_backup).
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be written, or hold no such release of this set.
    pub async fn record_swap(
        &self,
        client: &impl GenericClient,
        swap: &SwapRecord,
    ) -> Result<(), StatementError> {
        let failed = self.failed("record the swap of");
        let name = self.release_set.as_str();
        client
            .execute(
                "UPDATE cutover.release SET current = false WHERE name = $1 AND current",
                &[&name],
            )
            .await
            .map_err(&failed)?;
        let writes = serde_json::json!(swap.writes);
        // RETURNING, so that a record that is not there fails the swap instead of leaving none current.
        client
            .query_one(
                "UPDATE cutover.release SET current = true, swapped_at = pg_catalog.clock_timestamp(), \
                        updated_at = pg_catalog.clock_timestamp(), backup_stamp = $3, restored_stamp = $4, writes = $5, \
                        staged = NULL \
                  WHERE id = $1 AND name = $2 RETURNING id",
                &[
                    &swap.release,
                    &name,
                    &swap.backup.as_str(),
                    &swap.restored.as_ref().map(Stamp::as_str),
                    &writes,
                ],
            )
            .await
            .map_err(&failed)?;
        if let Some(restored) = &swap.restored {
            self.forget_backup(client, restored).await?;
        }
        Ok(())
    }

    /// Returns once a swap that was committed without waiting for the disk is as durable as the session's
    /// `synchronous_commit` asks for: whatever is committed after it is on disk, and on synchronous standbys, no sooner than
    /// it is. Not to be called inside a transaction.
    ///
    /// # Locks
    /// The row of the release, for a moment. Not those of the swap.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be written.
    pub async fn make_swap_durable(
        &self,
        client: &impl GenericClient,
        release: i64,
    ) -> Result<(), StatementError> {
        client
            .execute(
                "UPDATE cutover.release SET updated_at = pg_catalog.clock_timestamp() WHERE id = $1",
                &[&release],
            )
            .await
            .map_err(self.failed("make durable the swap of"))?;
        Ok(())
    }

    /// What had been written to the relations that are live now when they went live; `None` before the first swap.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be read.
    pub async fn writes_when_live(
        &self,
        client: &impl GenericClient,
    ) -> Result<Option<WriteCounts>, StatementError> {
        let row = client
            .query_opt(
                "SELECT writes FROM cutover.release WHERE name = $1 AND current",
                &[&self.release_set.as_str()],
            )
            .await
            .map_err(self.failed("read what had been written before the swap of"))?;
        // Written by `record_swap`; what cannot be read back tells nothing.
        Ok(row
            .and_then(|row| row.get::<_, Option<serde_json::Value>>(0))
            .and_then(|writes| serde_json::from_value(writes).ok()))
    }

    /// Keeps which foreign keys from outside have to be validated once the release is live. They are named before the
    /// swap adds them `NOT VALID`, so that a kill right after it forgets none.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be written.
    pub async fn set_keys_to_validate(
        &self,
        client: &impl GenericClient,
        release: i64,
        keys: &[ObjectName],
    ) -> Result<(), StatementError> {
        let keys = serde_json::json!(keys);
        client
            .execute(
                "UPDATE cutover.release SET keys_to_validate = $2 WHERE id = $1",
                &[&release, &keys],
            )
            .await
            .map_err(self.failed("keep the foreign keys to validate of"))?;
        Ok(())
    }

    /// The foreign keys from outside that the current release's swap added `NOT VALID` and nobody validated yet.
    ///
    /// # Errors
    /// [`StatementError`] when the records or the catalog cannot be read.
    pub async fn keys_to_validate(
        &self,
        client: &impl GenericClient,
    ) -> Result<Vec<ObjectName>, StatementError> {
        let rows = client
            .query(
                "SELECT k.key FROM cutover.release r \
                   CROSS JOIN LATERAL pg_catalog.jsonb_array_elements(r.keys_to_validate) k (key) \
                   JOIN pg_catalog.pg_namespace n ON n.nspname = k.key #>> '{of,schema}' \
                   JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = k.key #>> '{of,name}' \
                   JOIN pg_catalog.pg_constraint f ON f.conrelid = c.oid AND f.conname = k.key ->> 'name' \
                  WHERE r.name = $1 AND r.current AND NOT f.convalidated",
                &[&self.release_set.as_str()],
            )
            .await
            .map_err(self.failed("look for foreign keys to validate of"))?;
        // Written by `set_keys_to_validate`; what cannot be read back is no key of ours.
        Ok(rows
            .iter()
            .filter_map(|row| serde_json::from_value(row.get(0)).ok())
            .collect())
    }
}
