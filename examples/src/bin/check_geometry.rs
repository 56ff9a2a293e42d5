//! What there is to say of a geometry without a server, and what a preflight finds in a view.
//!
//! `cargo run -p cutover-examples --bin check_geometry [HEX-EWKB | FILE]...`, a file holding one geometry a line.
//! The view is in the database that `CUTOVER_EXAMPLE_URL` names (with PostGIS), or in a throwaway cluster.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use anyhow::{Context as _, Result};
use cutover_core::{Events, Ident, QualifiedName};
use cutover_examples::Place;
use cutover_geometry::{Ewkb, Extent, decode_hex};
use cutover_importer::preflight::{Check, GeometryCheck, PreflightPlan, PreflightSettings};

const VIEW: &str = "
CREATE SCHEMA cutover_example;
CREATE VIEW cutover_example.parks AS SELECT * FROM (VALUES
    (1, 'SRID=4326;POLYGON((0 0, 2 0, 2 2, 0 2, 0 0))'::public.geometry),
    (2, 'SRID=4326;POLYGON((10 50, 12 52, 12 50, 10 52, 10 50))'),   -- a bow-tie
    (3, 'SRID=4326;POLYGON((179 0, 181 0, 181 1, 179 1, 179 0))'),   -- past the antimeridian
    (4, 'SRID=3857;POLYGON((0 0, 2 0, 2 2, 0 2, 0 0))')              -- of another SRID
) AS parks (site_id, geom);
";

#[tokio::main]
async fn main() -> Result<()> {
    for argument in std::env::args().skip(1) {
        let text = if std::path::Path::new(&argument).exists() {
            std::fs::read_to_string(&argument).with_context(|| format!("could not read {argument}"))?
        } else {
            argument
        };
        text.split_whitespace().try_for_each(tell_facts)?;
    }

    let place = Place::find(None).await?;
    drop(place.session(VIEW).await?);
    let pool = place.settings().pool("check geometries", 2).await?;
    let schema = Ident::new("cutover_example")?;
    let parks = QualifiedName::new(schema, Ident::new("parks")?);
    let check = GeometryCheck::new(parks, Ident::new("geom")?, 4326)
        .types(["Polygon", "MultiPolygon"])
        .key([Ident::new("site_id")?]);
    let settings = PreflightSettings::new([Ident::new("public")?]);
    let plan = PreflightPlan::read(&pool, &[Check::geometry(check)], &settings).await?;
    let report = plan.run(&pool, &Events::none()).await;
    println!("{report}");
    for (srid, collection) in report.to_geojson() {
        println!("SRID {srid}: {collection:#}");
    }
    Ok(())
}

/// One walk over the bytes; nothing is copied.
fn tell_facts(hex: &str) -> Result<()> {
    let bytes = decode_hex(hex)?;
    let facts = Ewkb::parse(&bytes)?.facts_within(Extent::LON_LAT);
    println!(
        "{} {}, {} vertices",
        facts.geometry_type, facts.dimensions, facts.vertices
    );
    println!("    SRID: {:?}", facts.srid);
    println!("    extent: {:?}", facts.extent);
    println!("    empty: {}", facts.is_empty());
    println!("    vertices not finite: {}", facts.non_finite.count);
    println!(
        "    vertices outside longitude and latitude: {}\n",
        facts.outside.count
    );
    Ok(())
}
