//! What scripts over an ORM do, without the ORM.

use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::Result;
use futures_util::TryStreamExt as _;

use crate::servers::Servers;

/// Attributes row by row, each by a statement of its own; then the geometries; then the centroids.
pub(crate) async fn row_by_row(servers: &Servers) -> Result<Duration> {
    let live = &servers.live;
    live.execute("ALTER TABLE sites ADD latitude double precision, ADD longitude double precision")
        .await?;
    let started = Instant::now();
    let (source, mut target) = (live.connect().await?, live.connect().await?);
    let transaction = target.transaction().await?;
    let insert = transaction
        .prepare("INSERT INTO sites (id, name, area) VALUES ($1, $2, $3)")
        .await?;
    let none: [i64; 0] = [];
    let rows = source
        .query_raw("SELECT id, name, area FROM portal_sites", none)
        .await?;
    let mut rows = pin!(rows);
    while let Some(row) = rows.try_next().await? {
        let (id, name, area): (i64, String, f64) = (row.get(0), row.get(1), row.get(2));
        transaction.execute(&insert, &[&id, &name, &area]).await?;
    }
    transaction
        .batch_execute(
            "UPDATE sites SET geom = p.geom FROM portal_sites p WHERE p.id = sites.id; \
             UPDATE sites SET longitude = ST_X(ST_Centroid(geom)), latitude = ST_Y(ST_Centroid(geom))",
        )
        .await?;
    transaction.commit().await?;
    let took = started.elapsed();
    live.execute("ALTER TABLE sites DROP latitude, DROP longitude")
        .await?;
    Ok(took)
}
