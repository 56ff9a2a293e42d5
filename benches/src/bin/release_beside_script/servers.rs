//! The two servers: a portal that has moved on by a month, and live, which shows the month before.

use anyhow::{Context as _, Result};
use cutover_testkit::dataset::{LIVE_OWNER, PortalSpec, RELEASE_MATVIEWS, RELEASE_TABLES, World};
use cutover_testkit::{Cluster, TestDatabase};
use serde::Serialize;

pub(crate) struct Servers {
    pub(crate) world: World,
    pub(crate) live: Cluster,
    _portal: Cluster,
}

/// What is published.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DatasetFacts {
    pub(crate) postgresql: u16,
    pub(crate) scale: f64,
    /// Rows of the largest table.
    pub(crate) sites: u64,
    /// Of tables and materialized views before, with indexes and TOAST.
    pub(crate) live_bytes: u64,
}

impl Servers {
    /// Live waits for its disk as it would elsewhere. The portal is only read.
    pub(crate) async fn start(scale: f64) -> Result<Self> {
        let portal = Cluster::builder().start()?;
        let live = Cluster::builder()
            .setting("fsync", "on")
            .setting("full_page_writes", "on")
            .setting("synchronous_commit", "on")
            .start()?;
        let mut world = World::create(&portal, &live, PortalSpec::new(1, scale)).await?;
        world.load().await?;
        world.switch_to_month(1).await?;
        // Nothing is left that autovacuum would do in the copies.
        world.live().execute("VACUUM ANALYZE").await?;
        world.portal().execute("VACUUM ANALYZE").await?;
        Ok(Self {
            world,
            live,
            _portal: portal,
        })
    }

    /// Live, as it was before any turn; and nothing left to write of its making.
    pub(crate) async fn copy(&self) -> Result<TestDatabase> {
        let copy = self.live.copy_of(self.world.live()).await?;
        // What is granted on a database is not copied.
        let grant = format!("GRANT CREATE ON DATABASE {} TO {LIVE_OWNER}", copy.name());
        copy.execute(&grant).await?;
        copy.execute("CHECKPOINT").await?;
        Ok(copy)
    }

    pub(crate) async fn discard(&self, copy: TestDatabase) -> Result<()> {
        self.live.discard(copy).await
    }

    /// How the set's owner connects to a copy.
    pub(crate) fn url(&self, copy: &TestDatabase) -> String {
        self.live.url_for(LIVE_OWNER, LIVE_OWNER, copy.name())
    }

    pub(crate) async fn facts(&self) -> Result<DatasetFacts> {
        let members = members().map(|member| format!("pg_total_relation_size('{member}')"));
        let sum = members.collect::<Vec<_>>().join(" + ");
        let number = async |sql: &str| -> Result<u64> {
            let text = self.world.live().query_text(sql).await?;
            text.parse().with_context(|| format!("{text} is no number"))
        };
        Ok(DatasetFacts {
            postgresql: self.live.version(),
            scale: self.world.spec().scale,
            sites: number("SELECT count(*) FROM protected_areas").await?,
            live_bytes: number(&format!("SELECT {sum}")).await?,
        })
    }
}

/// Materialized views, then tables: in the order in which they are made.
pub(crate) fn members() -> impl Iterator<Item = &'static str> {
    RELEASE_MATVIEWS.into_iter().chain(RELEASE_TABLES)
}
