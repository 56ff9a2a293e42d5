//! Backup sets: what was live, under which names it is kept.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_postgres::GenericClient;

use super::Records;
use crate::{Ident, ObjectKind, QualifiedName, Stamp, StatementError};

/// A relation, index, sequence or statistics object of a backup set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupObject {
    /// What it is.
    pub kind: ObjectKind,
    /// What it was called while live.
    pub live: QualifiedName,
    /// What it is called in the backup set.
    pub backup: QualifiedName,
    /// Its oid, which renames do not change.
    pub oid: u32,
    /// The relation an index, sequence or statistics object belongs to, under its live name.
    pub of_relation: Option<Ident>,
}

/// A backup set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BackupSet {
    /// Its stamp.
    pub stamp: Stamp,
    /// The release whose data it holds; `None` for what was live before the first release.
    pub release: Option<i64>,
    /// That release's label.
    pub label: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its members: tables and materialized views.
    pub relations: i64,
    /// Its size with indexes and TOAST, in bytes.
    pub bytes: i64,
}

impl Records {
    /// Records a new backup set that holds the data of the release that was current until now.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be written.
    pub async fn add_backup(
        &self,
        client: &impl GenericClient,
        stamp: &Stamp,
        objects: &[BackupObject],
    ) -> Result<(), StatementError> {
        let failed = self.failed("record the backup set of");
        let name = self.release_set.as_str();
        client
            .execute(
                "INSERT INTO cutover.backup_set (name, stamp, release, label) \
                 SELECT $1, $2, r.id, r.label FROM (SELECT) one \
                   LEFT JOIN cutover.release r ON r.name = $1 AND r.current",
                &[&name, &stamp.as_str()],
            )
            .await
            .map_err(&failed)?;
        let kinds: Vec<String> = objects.iter().map(|o| o.kind.as_str().to_owned()).collect();
        let live_schemas: Vec<&str> = objects.iter().map(|o| o.live.schema.as_str()).collect();
        let live_names: Vec<&str> = objects.iter().map(|o| o.live.name.as_str()).collect();
        let schemas: Vec<&str> = objects.iter().map(|o| o.backup.schema.as_str()).collect();
        let names: Vec<&str> = objects.iter().map(|o| o.backup.name.as_str()).collect();
        let oids: Vec<u32> = objects.iter().map(|o| o.oid).collect();
        let of: Vec<Option<&str>> = objects
            .iter()
            .map(|o| o.of_relation.as_ref().map(Ident::as_str))
            .collect();
        client
            .execute(
                "INSERT INTO cutover.backup_object \
                     (name, stamp, kind, live_schema, live_name, backup_schema, backup_name, oid, of_relation) \
                 SELECT $1, $2, o.* \
                   FROM ROWS FROM (pg_catalog.unnest($3::text[]), pg_catalog.unnest($4::text[]), \
                                   pg_catalog.unnest($5::text[]), pg_catalog.unnest($6::text[]), \
                                   pg_catalog.unnest($7::text[]), pg_catalog.unnest($8::oid[]), \
                                   pg_catalog.unnest($9::text[])) o",
                &[&name, &stamp.as_str(), &kinds, &live_schemas, &live_names, &schemas, &names, &oids, &of],
            )
            .await
            .map_err(&failed)?;
        Ok(())
    }

    /// Forgets a backup set that was put live again or dropped.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be written.
    pub async fn forget_backup(
        &self,
        client: &impl GenericClient,
        stamp: &Stamp,
    ) -> Result<(), StatementError> {
        client
            .execute(
                "DELETE FROM cutover.backup_set WHERE name = $1 AND stamp = $2",
                &[&self.release_set.as_str(), &stamp.as_str()],
            )
            .await
            .map_err(self.failed("forget a backup set of"))?;
        Ok(())
    }

    /// The backup sets, newest first.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be read.
    pub async fn backup_sets(&self, client: &impl GenericClient) -> Result<Vec<BackupSet>, StatementError> {
        let rows = client
            .query(
                "SELECT s.stamp, s.release, s.label, s.created_at, pg_catalog.count(o.oid), \
                        coalesce(pg_catalog.sum(pg_catalog.pg_total_relation_size(c.oid)), 0)::bigint \
                   FROM cutover.backup_set s \
                   LEFT JOIN cutover.backup_object o ON o.name = s.name AND o.stamp = s.stamp \
                                                    AND o.kind IN ('table', 'partitioned table', 'materialized view') \
                   LEFT JOIN pg_catalog.pg_class c ON c.oid = o.oid \
                  WHERE s.name = $1 GROUP BY s.name, s.stamp ORDER BY s.stamp DESC",
                &[&self.release_set.as_str()],
            )
            .await
            .map_err(self.failed("list the backup sets of"))?;
        Ok(rows
            .iter()
            .filter_map(|row| {
                Some(BackupSet {
                    stamp: row.get::<_, &str>(0).parse().ok()?,
                    release: row.get(1),
                    label: row.get(2),
                    created_at: row.get(3),
                    relations: row.get(4),
                    bytes: row.get(5),
                })
            })
            .collect())
    }

    /// What a backup set consists of, by kind and live name.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be read.
    pub async fn backup_objects(
        &self,
        client: &impl GenericClient,
        stamp: &Stamp,
    ) -> Result<Vec<BackupObject>, StatementError> {
        let failed = self.failed("read a backup set of");
        let rows = client
            .query(
                "SELECT kind, live_schema, live_name, backup_schema, backup_name, oid, of_relation \
                   FROM cutover.backup_object WHERE name = $1 AND stamp = $2 ORDER BY kind, live_name",
                &[&self.release_set.as_str(), &stamp.as_str()],
            )
            .await
            .map_err(&failed)?;
        // Names were checked when they were written; one that is none now is left out, and so never acted upon.
        Ok(rows
            .iter()
            .filter_map(|row| {
                let ident = |column: usize| Ident::new(row.get::<_, &str>(column)).ok();
                Some(BackupObject {
                    kind: kind(row.get(0))?,
                    live: QualifiedName::new(ident(1)?, ident(2)?),
                    backup: QualifiedName::new(ident(3)?, ident(4)?),
                    oid: row.get(5),
                    of_relation: row.get::<_, Option<&str>>(6).and_then(|of| Ident::new(of).ok()),
                })
            })
            .collect())
    }

    /// The oids of everything that any release set of this database keeps in a backup set.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be read.
    pub async fn all_backup_oids(&self, client: &impl GenericClient) -> Result<Vec<u32>, StatementError> {
        if Self::version(client).await?.is_none() {
            return Ok(Vec::new());
        }
        let rows = client
            .query("SELECT oid FROM cutover.backup_object", &[])
            .await
            .map_err(self.failed("list the backed-up relations of"))?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}

fn kind(text: &str) -> Option<ObjectKind> {
    [
        ObjectKind::Table,
        ObjectKind::PartitionedTable,
        ObjectKind::MaterializedView,
        ObjectKind::View,
        ObjectKind::Index,
        ObjectKind::Sequence,
        ObjectKind::ExtendedStatistics,
    ]
    .into_iter()
    .find(|kind| kind.as_str() == text)
}
