//! The two servers: a portal with a table of each size, and live, which imports them.

use anyhow::{Result, ensure};
use cutover_benches::ChunkedImport;
use cutover_core::{Ident, QualifiedName};
use cutover_importer::{Import, LoadSettings, Source};
use cutover_testkit::{Cluster, TestDatabase};

const SITES: &str = "(id bigint NOT NULL, name text NOT NULL, area double precision NOT NULL, \
                      geom geometry(Polygon, 4326))";

pub(crate) struct Servers {
    live: TestDatabase,
    live_cluster: Cluster,
    portal: TestDatabase,
    _portal_cluster: Cluster,
}

impl Servers {
    pub(crate) async fn start(sizes: &[u64]) -> Result<Self> {
        let (portal_cluster, live_cluster) = (Cluster::builder().start()?, Cluster::builder().start()?);
        let (portal, live) = (portal_cluster.database().await?, live_cluster.database().await?);
        live.execute(&format!(
            "CREATE SERVER portal FOREIGN DATA WRAPPER postgres_fdw \
                 OPTIONS (host '{}', port '{}', dbname '{}', extensions 'postgis'); \
             CREATE USER MAPPING FOR CURRENT_USER SERVER portal OPTIONS (user '{}', password '{}')",
            portal_cluster.host(),
            portal_cluster.port(),
            portal.name(),
            portal_cluster.superuser(),
            portal_cluster.password(),
        ))
        .await?;
        for rows in sizes {
            // As an upstream database has them: narrow rows under a primary key.
            portal
                .execute(&format!(
                    "CREATE TABLE sites_{rows} {SITES}; \
                     INSERT INTO sites_{rows} SELECT n, 'Site ' || n, 0.5, \
                         ST_MakeEnvelope(n % 359 - 180, n % 179 - 90, n % 359 - 179.5, n % 179 - 89.5, 4326) \
                       FROM generate_series(1, {rows}) AS n; \
                     ALTER TABLE sites_{rows} ADD PRIMARY KEY (id)"
                ))
                .await?;
            portal.execute(&format!("VACUUM ANALYZE sites_{rows}")).await?;
            live.execute(&format!(
                "CREATE FOREIGN TABLE portal_sites_{rows} {SITES} SERVER portal OPTIONS (table_name 'sites_{rows}')"
            ))
            .await?;
        }
        Ok(Self {
            live,
            live_cluster,
            portal,
            _portal_cluster: portal_cluster,
        })
    }

    pub(crate) fn version(&self) -> u16 {
        self.live_cluster.version()
    }

    /// A new table without indexes, as a staging table is; and nothing left to write of the one before.
    pub(crate) async fn empty_target(&self) -> Result<()> {
        self.live.execute("DROP TABLE IF EXISTS sites").await?;
        self.live.execute(&format!("CREATE TABLE sites {SITES}")).await?;
        self.live.execute("CHECKPOINT").await
    }

    pub(crate) async fn import(&self, rows: u64) -> Result<()> {
        let public = |name: String| {
            Ok::<_, anyhow::Error>(QualifiedName::new(Ident::new("public")?, Ident::new(name)?))
        };
        let source = Source::Relation(public(format!("portal_sites_{rows}"))?);
        let import = ChunkedImport {
            live: &self.live,
            import: Import::new("sites", public("sites".to_owned())?, source).key([Ident::new("id")?]),
            settings: LoadSettings::new([Ident::new("public")?]),
            ranges: 1,
        };
        import.run().await
    }

    /// Whether all values arrived.
    pub(crate) async fn check_target(&self, rows: u64) -> Result<()> {
        let checksum = |table: String| {
            format!("SELECT count(*) || ' ' || sum(hashtextextended(t::text, 0)) FROM {table} t")
        };
        let sent = self.portal.query_text(&checksum(format!("sites_{rows}"))).await?;
        let arrived = self.live.query_text(&checksum("sites".to_owned())).await?;
        ensure!(
            arrived == sent,
            "what arrived is not what was sent: {arrived} instead of {sent}"
        );
        Ok(())
    }
}
