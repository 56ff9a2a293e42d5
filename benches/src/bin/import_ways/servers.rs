//! The two servers: a portal full of polygons, and live, which imports them.

use std::pin::pin;

use anyhow::{Context as _, Result, ensure};
use cutover_benches::Polygons;
use cutover_testkit::{Cluster, TestDatabase};
use serde::Serialize;
use tempfile::TempDir;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;

const SITES: &str = "(id bigint NOT NULL, name text NOT NULL, area double precision NOT NULL, \
                      geom geometry(Polygon, 4326))";

/// Portal and live, each a cluster of its own with PostgreSQL's default TOAST compression.
pub(crate) struct Servers {
    pub(crate) portal: TestDatabase,
    pub(crate) live: TestDatabase,
    portal_cluster: Cluster,
    pub(crate) live_cluster: Cluster,
    /// For the tools' files.
    pub(crate) directory: TempDir,
    pub(crate) rows: u64,
    /// Over all values in the portal.
    checksum: String,
}

/// What is imported.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SourceFacts {
    pub(crate) postgresql: u16,
    pub(crate) rows: u64,
    /// Of the geometries in EWKB.
    pub(crate) geometry_bytes: u64,
}

impl Servers {
    pub(crate) async fn start(polygons: u64, seed: u64) -> Result<Self> {
        let (portal_cluster, live_cluster) = (Cluster::builder().start()?, Cluster::builder().start()?);
        let (portal, live) = (portal_cluster.database().await?, live_cluster.database().await?);
        fill_portal(&portal, polygons, seed).await?;
        // As anyone would set it up, but that PostGIS is listed: every other option is the default.
        live.execute(&format!(
            "CREATE SERVER portal FOREIGN DATA WRAPPER postgres_fdw \
                 OPTIONS (host '{}', port '{}', dbname '{}', extensions 'postgis'); \
             CREATE USER MAPPING FOR CURRENT_USER SERVER portal OPTIONS (user '{}', password '{}'); \
             CREATE FOREIGN TABLE portal_sites {SITES} SERVER portal OPTIONS (table_name 'sites'); \
             CREATE FOREIGN TABLE portal_sites_10000 {SITES} SERVER portal \
                 OPTIONS (table_name 'sites', fetch_size '10000')",
            portal_cluster.host(),
            portal_cluster.port(),
            portal.name(),
            portal_cluster.superuser(),
            portal_cluster.password(),
        ))
        .await?;
        // Reads everything once, so that the first way finds the portal's caches as warm as the others do.
        let checksum = portal.query_text(&checksum_of("sites")).await?;
        Ok(Self {
            portal,
            live,
            portal_cluster,
            live_cluster,
            directory: TempDir::new()?,
            rows: polygons,
            checksum,
        })
    }

    pub(crate) async fn facts(&self) -> Result<SourceFacts> {
        let sql = "SELECT count(*) FROM sites UNION ALL SELECT sum(length(ST_AsEWKB(geom))) FROM sites";
        let counts = self.portal.query_texts(sql).await?;
        let [Some(rows), Some(bytes)] = counts.as_slice() else {
            anyhow::bail!("the portal is empty")
        };
        let postgresql = self.portal_cluster.version();
        Ok(SourceFacts {
            postgresql,
            rows: rows.parse()?,
            geometry_bytes: bytes.parse()?,
        })
    }

    /// A new table without indexes, as a staging table is; and nothing left to write of the one before.
    pub(crate) async fn empty_target(&self) -> Result<()> {
        self.live.execute("DROP TABLE IF EXISTS sites").await?;
        self.live.execute(&format!("CREATE TABLE sites {SITES}")).await?;
        self.live.execute("CHECKPOINT").await
    }

    /// Has the target's geometries compressed with pglz, whatever the session says.
    pub(crate) async fn keep_pglz(&self) -> Result<()> {
        self.live
            .execute("ALTER TABLE sites ALTER geom SET COMPRESSION pglz")
            .await
    }

    /// Whether all rows arrived; with `every_value`, whether they are the same.
    pub(crate) async fn check_target(&self, every_value: bool) -> Result<()> {
        let arrived = if every_value {
            self.live.query_text(&checksum_of("sites")).await?
        } else {
            self.live.query_text("SELECT count(*) FROM sites").await?
        };
        let whole = if every_value {
            arrived == self.checksum
        } else {
            self.checksum.starts_with(&format!("{arrived} "))
        };
        ensure!(
            whole,
            "what arrived is not what was sent: {arrived} instead of {}",
            self.checksum
        );
        Ok(())
    }

    /// With TOAST.
    pub(crate) async fn target_bytes(&self) -> Result<u64> {
        let bytes = self
            .live
            .query_text("SELECT pg_total_relation_size('sites')")
            .await?;
        bytes.parse().context("a size is a number")
    }
}

async fn fill_portal(portal: &TestDatabase, polygons: u64, seed: u64) -> Result<()> {
    portal.execute(&format!("CREATE TABLE sites {SITES}")).await?;
    let client = portal.connect().await?;
    let sink = client.copy_in("COPY sites FROM STDIN (FORMAT binary)").await?;
    // PostGIS reads EWKB in a binary COPY; the writer only frames it.
    let types = [Type::INT8, Type::TEXT, Type::FLOAT8, Type::BYTEA];
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
    for (id, polygon) in (1..=i64::try_from(polygons)?).zip(Polygons::new(seed)) {
        let (name, area) = (format!("Site {id}"), 0.5);
        writer.as_mut().write(&[&id, &name, &area, &polygon?]).await?;
    }
    writer.finish().await?;
    portal.execute("VACUUM ANALYZE sites").await
}

fn checksum_of(table: &str) -> String {
    format!("SELECT count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)), 0) FROM {table} t")
}
