//! Clones one table with everything on it, fills the twin, and compares the two by the catalog.
//!
//! `cargo run -p cutover-examples --bin clone_one_table [URL]`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use anyhow::{Result, ensure};
use cutover_core::catalog::CatalogSnapshot;
use cutover_core::{Events, Ident, NamingPolicy};
use cutover_examples::Place;
use cutover_staging::{CloneOptions, ClonePlan, PostDataOptions, StructuralDiff};

const LIVE: &str = "
CREATE SCHEMA cutover_example;
CREATE TABLE cutover_example.sites (
    id   bigserial PRIMARY KEY,
    name text NOT NULL CHECK (name <> ''),
    area numeric(12, 2) DEFAULT 0
) WITH (fillfactor = 90);
CREATE INDEX large_sites_by_name ON cutover_example.sites (lower(name)) WHERE area > 500;
COMMENT ON TABLE cutover_example.sites IS 'protected sites';
GRANT SELECT ON cutover_example.sites TO PUBLIC;
INSERT INTO cutover_example.sites (name, area) SELECT 'site ' || n, n FROM generate_series(1, 1000) n;
";

#[tokio::main]
async fn main() -> Result<()> {
    let place = Place::find(std::env::args().nth(1)).await?;
    let mut session = place.session(LIVE).await?;
    let schema = Ident::new("cutover_example")?;
    let name = Ident::new("sites")?;
    let events = Events::none();

    // Plan: nothing is changed yet.
    let tx = session.transaction().await?;
    let before = CatalogSnapshot::read(&tx, &schema, &[name]).await?;
    tx.commit().await?;
    let plan = ClonePlan::compute(&before, &NamingPolicy::default(), &CloneOptions::default())?;
    println!("{plan}");

    // Run: the bare twin, its rows, then the indexes and keys that were put off until the rows were there.
    let staged = plan.run(&mut session, &events).await?;
    let fill = "INSERT INTO cutover_example.staging_sites TABLE cutover_example.sites";
    let rows = session.execute(fill, &[]).await?;
    staged
        .run_post_data(&mut *session, &PostDataOptions::default(), &events)
        .await?;

    // Prove it.
    let twin = &staged.members[0].staging;
    let tx = session.transaction().await?;
    let after = CatalogSnapshot::read(&tx, &schema, std::slice::from_ref(&twin.name)).await?;
    tx.commit().await?;
    let differences = StructuralDiff::between(&before.relations[0], &after.relations[0], &staged);
    ensure!(
        differences.is_empty(),
        "the twin is not what live is:\n{differences}"
    );
    println!("-- {twin} has {rows} rows and differs from live in nothing");
    Ok(())
}
