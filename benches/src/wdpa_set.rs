//! The reference dataset, live and staged.

use anyhow::{Context as _, Result};
use cutover_core::catalog::CatalogSnapshot;
use cutover_core::{Events, Ident, NamingPolicy};
use cutover_staging::{CloneOptions, ClonePlan, MatviewPlan, PostDataOptions};
use cutover_testkit::Cluster;
use cutover_testkit::dataset::{LIVE_OWNER, PortalSpec, RELEASE_MATVIEWS, RELEASE_TABLES, World};
use tokio_postgres::{Client, NoTls};

/// How many indexes the set is brought to.
const INDEXES: i64 = 200;

/// The live database of the reference dataset with 200 indexes on the release set's 16 tables, and the set's twins in
/// staging: the same rows, of another month.
pub struct WdpaSet {
    world: World,
    url: String,
}

impl WdpaSet {
    /// Makes all of it.
    ///
    /// # Errors
    /// The server's.
    pub async fn create(cluster: &Cluster, scale: f64) -> Result<Self> {
        let world = World::create(cluster, cluster, PortalSpec::new(1, scale)).await?;
        world.load().await?;
        let live = world.live();
        let grant = format!("GRANT CREATE ON DATABASE {} TO {LIVE_OWNER}", live.name());
        live.execute(&grant).await?;
        let url = cluster.url_for(LIVE_OWNER, LIVE_OWNER, live.name());
        let set = Self { world, url };
        let mut client = set.connect().await?;
        add_indexes(&client).await.context("could not add indexes")?;
        stage(&mut client).await.context("could not stage the set")?;
        set.world.live().execute("VACUUM (FREEZE, ANALYZE)").await?;
        set.world.live().execute("CHECKPOINT").await?;
        Ok(set)
    }

    /// Tables, then materialized views.
    #[must_use]
    pub fn members() -> Vec<&'static str> {
        RELEASE_TABLES.into_iter().chain(RELEASE_MATVIEWS).collect()
    }

    /// Portal and live.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// A session of the set's owner.
    ///
    /// # Errors
    /// When the server does not accept it.
    pub async fn connect(&self) -> Result<Client> {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await?;
        // Errors reach whoever uses the client.
        drop(tokio::spawn(connection));
        Ok(client)
    }
}

/// One column after the other, as long as there are too few.
async fn add_indexes(client: &Client) -> Result<()> {
    let tables: &[&str] = &RELEASE_TABLES;
    let present = "SELECT count(*) FROM pg_index WHERE indrelid = ANY ($1::text[]::regclass[])";
    let members = WdpaSet::members();
    let present: i64 = client.query_one(present, &[&members]).await?.get(0);
    let statements = "SELECT format('CREATE INDEX ON %I (%I)', c.relname, a.attname) \
          FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
         WHERE c.oid = ANY ($1::text[]::regclass[]) AND a.attnum > 0 AND NOT a.attisdropped \
           AND a.atttypid IN ('bigint'::regtype, 'integer'::regtype, 'text'::regtype, 'boolean'::regtype, \
                              'double precision'::regtype, 'date'::regtype, 'varchar'::regtype) \
         ORDER BY a.attnum, c.relname LIMIT $2";
    // Another round over the same columns where one is not enough: equal indexes under names of their own.
    let mut missing = INDEXES - present;
    while missing > 0 {
        let rows = client.query(statements, &[&tables, &missing]).await?;
        for row in &rows {
            client.batch_execute(row.get(0)).await?;
        }
        missing -= i64::try_from(rows.len())?;
    }
    Ok(())
}

async fn stage(client: &mut Client) -> Result<()> {
    let (naming, options) = (NamingPolicy::default(), CloneOptions::default().lightweight(true));
    let members: Vec<Ident> = WdpaSet::members()
        .into_iter()
        .map(|member| Ok(Ident::new(member)?))
        .collect::<Result<_>>()?;
    let tx = client.build_transaction().read_only(true).start().await?;
    let snapshot = CatalogSnapshot::read(&tx, &Ident::new("public")?, &members).await?;
    tx.commit().await?;
    let views = MatviewPlan::compute(&snapshot, &naming, &options)?;
    let tables = ClonePlan::compute(&snapshot, &naming, &options)?;
    let staged = views.run(client, &Events::none()).await?;
    for view in RELEASE_MATVIEWS {
        let refresh = format!("REFRESH MATERIALIZED VIEW staging_{view}; ANALYZE staging_{view}");
        client.batch_execute(&refresh).await?;
    }
    let staged = staged.and(tables.run(client, &Events::none()).await?);
    for table in RELEASE_TABLES {
        let columns = "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute \
                       WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''";
        let columns: String = client.query_one(columns, &[&table]).await?.get(0);
        let copy = format!("INSERT INTO staging_{table} ({columns}) SELECT {columns} FROM {table}");
        client
            .batch_execute(&copy)
            .await
            .with_context(|| format!("could not copy {table}"))?;
    }
    let month = "UPDATE staging_country_statistics SET month = 'Oct2025'; UPDATE staging_global_statistics SET month = 'Oct2025'";
    client.batch_execute(month).await?;
    let options = PostDataOptions::default();
    Ok(staged.run_post_data(client, &options, &Events::none()).await?)
}
