//! What the release set takes on disk: live, staging and each backup set, by table, index and TOAST.

use serde::Serialize;
use tokio_postgres::GenericClient;

use cutover_core::records::Records;
use cutover_core::{Ident, ObjectKind, ObjectName, QualifiedName, Stamp, StatementError};

use crate::retention::newest_first;

/// What a release set takes on disk, in bytes. The server's own view: WAL, temporary files and what the file system
/// adds are not in it, as SQL cannot see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SpaceReport {
    /// The whole database.
    pub database_bytes: u64,
    /// Live, staging where there is one, then the backup sets, newest first.
    pub sets: Vec<SetSpace>,
}

/// One set of relations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SetSpace {
    /// Which.
    pub set: SpaceOf,
    /// The release whose data it holds, where it is known.
    pub label: Option<String>,
    /// Its relations by name, partitions apart from their parents.
    pub relations: Vec<RelationSpace>,
}

/// Which set takes the space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SpaceOf {
    /// What is live. Dropping it is not for Cutover.
    Live,
    /// What is being built, or was left behind: `cutover drop staging` frees it.
    Staging,
    /// A backup set: `cutover drop backups` frees it.
    Backup(Stamp),
}

/// What one relation takes, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RelationSpace {
    /// The relation.
    pub name: QualifiedName,
    /// Table, partitioned table, view or materialized view.
    pub kind: ObjectKind,
    /// Its own rows, with the free space and visibility maps.
    pub table_bytes: u64,
    /// All its indexes.
    pub index_bytes: u64,
    /// Its TOAST table with that one's index.
    pub toast_bytes: u64,
    /// Rows as the planner estimates them; 0 where it was never analysed.
    pub estimated_rows: u64,
}

impl RelationSpace {
    /// All of it, which is what dropping it frees.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.table_bytes + self.index_bytes + self.toast_bytes
    }
}

impl SetSpace {
    /// All of it, which is what dropping the set frees.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.relations.iter().map(RelationSpace::total_bytes).sum()
    }
}

impl SpaceReport {
    /// The share of the database that `bytes` are, from 0 to 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share is shown with three digits")]
    pub fn share(&self, bytes: u64) -> f64 {
        if self.database_bytes == 0 {
            return 0.0;
        }
        bytes as f64 / self.database_bytes as f64
    }
}

/// Measures the live relations of these names, the staging relations of these names and every recorded backup set.
/// What does not exist is left out.
///
/// # Locks
/// `ACCESS SHARE` on one relation at a time, for a moment: behind somebody's `ACCESS EXCLUSIVE` it waits.
///
/// # Errors
/// [`StatementError`] when the records or sizes cannot be read.
pub async fn space(
    client: &impl GenericClient,
    records: &Records,
    live: &[QualifiedName],
    staging: &[QualifiedName],
) -> Result<SpaceReport, StatementError> {
    let database_bytes: i64 = client
        .query_one(
            "SELECT pg_catalog.pg_database_size(pg_catalog.current_database())",
            &[],
        )
        .await
        .map_err(failed("measure the database of", records))?
        .get(0);
    let recorded = Records::version(client).await?.is_some();
    let label = if recorded {
        records.current(client).await?.map(|record| record.label)
    } else {
        None
    };
    let mut sets = vec![SetSpace {
        set: SpaceOf::Live,
        label,
        relations: measure(client, records, live).await?,
    }];
    let staging = measure(client, records, staging).await?;
    if !staging.is_empty() {
        sets.push(SetSpace {
            set: SpaceOf::Staging,
            label: None,
            relations: staging,
        });
    }
    let backups = if recorded {
        newest_first(records.backup_sets(client).await?)
    } else {
        Vec::new()
    };
    for backup in backups {
        let objects = records.backup_objects(client, &backup.stamp).await?;
        let members = objects.into_iter().filter(|object| object.of_relation.is_none());
        let names: Vec<QualifiedName> = members.map(|object| object.backup).collect();
        sets.push(SetSpace {
            set: SpaceOf::Backup(backup.stamp),
            label: backup.label,
            relations: measure(client, records, &names).await?,
        });
    }
    Ok(SpaceReport {
        database_bytes: whole(database_bytes),
        sets,
    })
}

async fn measure(
    client: &impl GenericClient,
    records: &Records,
    names: &[QualifiedName],
) -> Result<Vec<RelationSpace>, StatementError> {
    let schemas: Vec<&str> = names.iter().map(|name| name.schema.as_str()).collect();
    let names: Vec<&str> = names.iter().map(|name| name.name.as_str()).collect();
    let rows = client
        .query(include_str!("sql/space.sql"), &[&schemas, &names])
        .await
        .map_err(failed("measure the relations of", records))?;
    Ok(rows
        .iter()
        .filter_map(|row| {
            // The server's own names: they are none only when they are longer than this server's can be.
            let ident = |column: usize| Ident::new(row.get::<_, &str>(column)).ok();
            Some(RelationSpace {
                name: QualifiedName::new(ident(0)?, ident(1)?),
                kind: match row.get::<_, &str>(2) {
                    "p" => ObjectKind::PartitionedTable,
                    "v" => ObjectKind::View,
                    "m" => ObjectKind::MaterializedView,
                    _ => ObjectKind::Table,
                },
                table_bytes: whole(row.get(3)),
                index_bytes: whole(row.get(4)),
                toast_bytes: whole(row.get(5)),
                estimated_rows: whole(row.get(6)),
            })
        })
        .collect())
}

fn failed(purpose: &'static str, records: &Records) -> impl Fn(tokio_postgres::Error) -> StatementError {
    let object = ObjectName::global(ObjectKind::Release, records.release_set());
    move |error| StatementError::new(purpose, object.clone(), error)
}

/// A count of the server, never negative.
fn whole(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
