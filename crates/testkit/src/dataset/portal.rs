//! Makes the portal, and brings it to another month.

use anyhow::{Context as _, Result};
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

use super::PortalSpec;
use super::people::{UNKNOWN_COUNTRY, countries};
use super::portal_rows::write_rows;
use super::site::catalogue_rows;
use super::transaction::in_transaction;

const ROLES: &str = include_str!("sql/roles.sql");
const SCHEMA: &str = include_str!("sql/portal.sql");
const GRANTS: &str = include_str!("sql/portal_grants.sql");
const TRUNCATE: &str = include_str!("sql/portal_truncate.sql");

/// Makes the upstream database's schema `portal` and fills it, in one transaction. Memory does not grow with the scale.
///
/// The role [`PORTAL_READER`](super::PORTAL_READER) may read it.
///
/// # Errors
/// The server's; nothing is left behind then.
pub async fn create_portal(client: &Client, spec: &PortalSpec) -> Result<()> {
    client
        .batch_execute(ROLES)
        .await
        .context("could not create the roles")?;
    in_transaction(client, async || {
        client
            .batch_execute("CREATE EXTENSION IF NOT EXISTS postgis")
            .await?;
        client
            .batch_execute(SCHEMA)
            .await
            .context("could not create the portal's tables")?;
        fill_countries(client).await?;
        loosen_geometry(client, spec).await?;
        client.batch_execute(GRANTS).await?;
        write_rows(client, spec).await
    })
    .await?;
    client
        .batch_execute("ANALYZE")
        .await
        .context("could not analyze the portal")
}

/// Replaces the portal's rows by those of another specification, in one transaction.
///
/// # Errors
/// The server's; the portal is as it was then.
pub async fn switch_portal_month(client: &Client, spec: &PortalSpec) -> Result<()> {
    in_transaction(client, async || {
        client
            .batch_execute(TRUNCATE)
            .await
            .context("could not empty the portal's tables")?;
        loosen_geometry(client, spec).await?;
        write_rows(client, spec).await
    })
    .await?;
    client
        .batch_execute("ANALYZE")
        .await
        .context("could not analyze the portal")
}

/// A column of one reference system would refuse some of the faults.
async fn loosen_geometry(client: &Client, spec: &PortalSpec) -> Result<()> {
    let column_type = if spec.faults == super::FaultSet::none() {
        "geometry(Geometry, 4326)"
    } else {
        "geometry"
    };
    let sql = format!("ALTER TABLE portal.spatial_data ALTER COLUMN geom TYPE {column_type}");
    client
        .batch_execute(&sql)
        .await
        .context("could not set the type of the portal's geometries")
}

async fn fill_countries(client: &Client) -> Result<()> {
    let countries = countries()?;
    let unknown = (UNKNOWN_COUNTRY.to_owned(), "Nowhere".to_owned());
    let rows = countries
        .into_iter()
        .map(|country| (country.iso_3, country.name))
        .chain([unknown]);
    let (codes, names): (Vec<String>, Vec<String>) = rows.unzip();
    anyhow::ensure!(
        codes.len() == catalogue_rows::COUNTRIES.unsigned_abs() as usize + 1,
        "countries.csv has changed size"
    );
    let sql = "INSERT INTO portal.iso3 SELECT n, code, jsonb_build_object('en', name) \
               FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS c (code, name, n)";
    let parameters: [&(dyn ToSql + Sync); 2] = [&codes, &names];
    client
        .execute(sql, &parameters)
        .await
        .context("could not fill the portal's countries")?;
    Ok(())
}
