//! Makes the live database: foreign tables, views over them, and the application's tables, all still empty.

use anyhow::{Context as _, Result};
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

use super::people::{AUTHORITIES, REGIONS, authority, countries};
use super::transaction::in_transaction;
use super::{LIVE_OWNER, PORTAL_READER};

/// How the live server reaches the portal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalConnection {
    /// Host name or address, as seen by the live server.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The portal's database.
    pub database: String,
    /// A role that may read it.
    pub user: String,
    /// That role's password.
    pub password: String,
}

impl PortalConnection {
    /// The portal in a database of a throwaway cluster, read as [`PORTAL_READER`].
    #[must_use]
    pub fn to(cluster: &crate::Cluster, database: &crate::TestDatabase) -> Self {
        Self {
            host: cluster.host().to_owned(),
            port: cluster.port(),
            database: database.name().to_owned(),
            user: PORTAL_READER.to_owned(),
            password: PORTAL_READER.to_owned(),
        }
    }
}

/// Makes everything of the live database in one transaction; the portal must be there. The client is a superuser's.
///
/// [`LIVE_OWNER`] owns all of it and can run a whole release; [`LIVE_READER`](super::LIVE_READER) may read. The tables of the
/// release set are empty and its materialized views unpopulated, until [`load_live`](super::load_live) or a release.
///
/// # Errors
/// The server's; nothing is left behind then.
pub async fn create_live(client: &Client, portal: &PortalConnection) -> Result<()> {
    client
        .batch_execute(include_str!("sql/roles.sql"))
        .await
        .context("could not create the roles")?;
    in_transaction(client, async || {
        let superuser: String = client
            .query_one("SELECT quote_ident(current_user)", &[])
            .await?
            .get(0);
        let foreign = include_str!("sql/live_foreign.sql")
            .replace("{host}", &literal(&portal.host))
            .replace("{port}", &literal(&portal.port.to_string()))
            .replace("{database}", &literal(&portal.database))
            .replace("{user}", &literal(&portal.user))
            .replace("{password}", &literal(&portal.password))
            .replace("{superuser}", &superuser);
        client
            .batch_execute(&foreign)
            .await
            .context("could not make the foreign tables over the portal")?;
        analyze_foreign_tables(client).await?;
        client
            .batch_execute(&format!("SET LOCAL ROLE {LIVE_OWNER}"))
            .await?;
        let tables = include_str!("sql/live_tables.sql");
        client
            .batch_execute(tables)
            .await
            .context("could not create the live tables")?;
        let columns = include_str!("sql/standard_columns.sql");
        let views = include_str!("sql/live_views.sql").replace("{standard_columns}", columns.trim_end());
        client
            .batch_execute(&views)
            .await
            .context("could not create the views over the portal")?;
        fill_outside_tables(client).await?;
        let grants = include_str!("sql/live_grants.sql");
        client
            .batch_execute(grants)
            .await
            .context("could not grant what the application may read")?;
        Ok(())
    })
    .await?;
    client
        .batch_execute("ANALYZE")
        .await
        .context("could not analyze the live database")
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Without statistics the planner may fetch a table once per row of another. The geometries are left out: reading them all
/// for their size is too dear.
async fn analyze_foreign_tables(client: &Client) -> Result<()> {
    let sql = "SELECT format('ANALYZE portal_fdw.%I', relname) FROM pg_class \
               WHERE relnamespace = 'portal_fdw'::regnamespace AND relkind = 'f' AND relname <> 'spatial_data' ORDER BY 1";
    for row in client.query(sql, &[]).await? {
        let statement: String = row.get(0);
        client
            .batch_execute(&statement)
            .await
            .with_context(|| format!("could not run {statement}"))?;
    }
    Ok(())
}

async fn fill_outside_tables(client: &Client) -> Result<()> {
    let context = "could not fill the tables outside the release set";
    client
        .batch_execute(include_str!("sql/live_outside_rows.sql"))
        .await
        .context(context)?;

    let (codes, names): (Vec<&str>, Vec<&str>) = REGIONS.into_iter().unzip();
    let sql = "INSERT INTO regions (iso, name) SELECT * FROM unnest($1::text[], $2::text[])";
    client.execute(sql, &[&codes, &names]).await.context(context)?;

    let countries = countries()?;
    let column = |field: fn(&super::people::Country) -> &str| countries.iter().map(field).collect::<Vec<_>>();
    let (codes, names) = (column(|country| &country.iso_3), column(|country| &country.name));
    let regions = column(|country| &country.region);
    let sql = "INSERT INTO countries (iso_3, name, region_id) \
               SELECT c.code, c.name, r.id FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS c (code, name, region, n) \
               JOIN regions r ON r.iso = c.region ORDER BY c.n";
    let parameters: [&(dyn ToSql + Sync); 3] = [&codes, &names, &regions];
    client.execute(sql, &parameters).await.context(context)?;

    let authorities: Vec<String> = (1..=AUTHORITIES).map(authority).collect();
    let sql = "INSERT INTO management_authorities (name) SELECT * FROM unnest($1::text[])";
    client.execute(sql, &[&authorities]).await.context(context)?;
    Ok(())
}
