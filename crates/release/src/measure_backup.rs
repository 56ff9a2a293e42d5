//! The rows of a backup set that comes back, beside those of live: for whoever hears of the rollback.

use std::time::{Duration, Instant};

use cutover_core::records::Records;
use cutover_core::{EventKind, Events, ObjectKind, QualifiedName, RowsMeasured, Sql, Stamp};
use tokio_postgres::Client;

use crate::run::session_error;
use crate::{Cutover, ReleaseError};

/// How long counting may hold up a rollback: whoever takes a release back is in a hurry.
const PATIENCE: Duration = Duration::from_secs(5);

impl Cutover {
    /// Counts as many tables and materialized views as time allows, and tells of these; what cannot be counted is left out.
    ///
    /// # Locks
    /// `ACCESS SHARE` on one pair at a time, of live and its backup.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub(crate) async fn measure_backup(
        &self,
        client: &mut Client,
        records: &Records,
        stamp: &Stamp,
        events: &Events,
    ) -> Result<(), ReleaseError> {
        let mut objects = records.backup_objects(client, stamp).await?;
        objects.retain(|object| {
            let has_rows = matches!(
                object.kind,
                ObjectKind::Table | ObjectKind::PartitionedTable | ObjectKind::MaterializedView
            );
            object.of_relation.is_none() && has_rows
        });
        objects.sort_by(|a, b| a.live.cmp(&b.live));
        let began = Instant::now();
        let mut relations = Vec::new();
        for object in objects {
            let Some(left) = PATIENCE
                .checked_sub(began.elapsed())
                .filter(|left| left.as_millis() > 0)
            else {
                break;
            };
            match count_both(client, &object.live, &object.backup, left).await {
                Ok((live_rows, rows)) => relations.push(RowsMeasured {
                    relation: object.live.name.as_str().to_owned(),
                    live_rows,
                    rows,
                }),
                Err(error) => tracing::debug!(relation = %object.live, %error, "not counted"),
            }
        }
        if !relations.is_empty() {
            events.emit(EventKind::Measured { relations });
        }
        // A transaction that failed was rolled back; one that could not be, the next statement tells.
        client
            .batch_execute("")
            .await
            .map_err(|error| session_error("count the backup set in", error))
    }
}

async fn count_both(
    client: &mut Client,
    live: &QualifiedName,
    backup: &QualifiedName,
    patience: Duration,
) -> Result<(u64, u64), tokio_postgres::Error> {
    let tx = client.transaction().await?;
    let settings = Sql::text(
        "SET LOCAL row_security = off; SET LOCAL lock_timeout = 100; SET LOCAL statement_timeout = ",
    )
    .number(i64::try_from(patience.as_millis()).unwrap_or(i64::MAX));
    tx.batch_execute(settings.as_str()).await?;
    let sql = Sql::text("SELECT (SELECT pg_catalog.count(*) FROM ")
        .name(live)
        .then("), (SELECT pg_catalog.count(*) FROM ")
        .name(backup)
        .then(")");
    let row = tx.query_one(sql.as_str(), &[]).await?;
    tx.commit().await?;
    let count = |column| u64::try_from(row.get::<_, i64>(column)).unwrap_or(0);
    Ok((count(0), count(1)))
}
