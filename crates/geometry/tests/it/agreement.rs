//! PostGIS as the judge: it makes the bytes and says what is in them.

use anyhow::{Context as _, Result};
use cutover_geometry::{Dimensions, Ewkb, EwkbErrorKind, Extent, Facts, MAX_DEPTH};
use cutover_geometry::{decode_hex, encode_geo, encode_hex, encode_postgis};
use cutover_testkit::Cluster;
use postgis::ewkb as postgis_ewkb;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use tokio_postgres::{Client, Row};

use crate::shape::samples;

/// WKT and, for what WKT cannot say, hexadecimal EWKB: PostGIS reads both, the latter without any check of shape.
const VALUES: &[&str] = &[
    "POINT(10 -20)",
    "POINT(-0.0 1e-300)",
    "POINT Z (1 2 3)",
    "POINT M (1 2 3)",
    "POINT ZM (1 2 3 4)",
    "LINESTRING(0 0, 1 1, 2 0)",
    "LINESTRING M (0 0 7, 1 1 8)",
    "POLYGON((0 0, 4 0, 4 4, 0 4, 0 0))",
    "POLYGON((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 2 1, 2 2, 1 2, 1 1))",
    "POLYGON ZM ((0 0 1 2, 4 0 1 2, 4 4 1 2, 0 0 1 2))",
    "POLYGON((179 0, -179 0, -179 1, 179 1, 179 0))",
    "MULTIPOINT(1 2, 3 4)",
    "MULTIPOINT Z (1 2 3, 4 5 6)",
    "MULTIPOINT(1 2, EMPTY)",
    "MULTIPOINT(EMPTY, EMPTY)",
    "MULTILINESTRING((0 0, 1 1), EMPTY, (5 5, 6 6, 7 7))",
    "MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)), ((5 5, 9 5, 9 9, 5 5), (6 5.5, 7 5.5, 7 6, 6 5.5)))",
    "MULTIPOLYGON M (((0 0 1, 1 0 2, 1 1 3, 0 0 1)), EMPTY)",
    "GEOMETRYCOLLECTION(POINT(1 2), LINESTRING(0 0, -3 8))",
    "GEOMETRYCOLLECTION ZM (POINT ZM (1 2 3 4), POLYGON ZM EMPTY)",
    "GEOMETRYCOLLECTION Z (POINT EMPTY, POINT Z (1 2 3))",
    "GEOMETRYCOLLECTION(MULTIPOINT(1 1, EMPTY), GEOMETRYCOLLECTION(POLYGON((0 0, 1 0, 1 1, 0 0)), GEOMETRYCOLLECTION EMPTY))",
    "GEOMETRYCOLLECTION(POINT EMPTY, GEOMETRYCOLLECTION(MULTIPOLYGON EMPTY, POLYGON EMPTY), MULTIPOINT(EMPTY))",
    "POINT EMPTY",
    "POINT Z EMPTY",
    "POINT ZM EMPTY",
    "LINESTRING EMPTY",
    "LINESTRING M EMPTY",
    "POLYGON EMPTY",
    "MULTIPOINT EMPTY",
    "MULTILINESTRING EMPTY",
    "MULTIPOLYGON EMPTY",
    "GEOMETRYCOLLECTION EMPTY",
    "GEOMETRYCOLLECTION Z EMPTY",
    // A line of one vertex, and a ring that is not closed.
    "010200000001000000000000000000F03F000000000000F03F",
    "01030000000100000002000000000000000000F03F000000000000F03F00000000000000400000000000000040",
    // A point with a NaN for X only, and one with NaN for X and Y, and a Z.
    "0101000000000000000000F87F000000000000F03F",
    "0101000080000000000000F87F000000000000F87F0000000000000840",
];

const FACTS: &str = "GeometryType(g) AS type_name, ST_SRID(g) AS srid, ST_Zmflag(g)::int AS zm,
    ST_NPoints(g) AS vertices, ST_IsEmpty(g) AS is_empty,
    ST_XMin(g) AS min_x, ST_YMin(g) AS min_y, ST_XMax(g) AS max_x, ST_YMax(g) AS max_y";

async fn connect() -> Result<Client> {
    Cluster::shared().database().await?.connect().await
}

/// Every fact PostGIS has a function for.
#[track_caller]
fn assert_same_facts(facts: &Facts, row: &Row, value: &str) {
    // PostGIS says M in the name, if there is no Z.
    let suffix = if facts.dimensions == Dimensions::Xym {
        "M"
    } else {
        ""
    };
    assert_eq!(
        format!("{}{suffix}", facts.geometry_type),
        row.get::<_, String>("type_name"),
        "{value}"
    );
    assert_eq!(facts.srid.unwrap_or(0), row.get::<_, i32>("srid"), "{value}");
    let zm = match facts.dimensions {
        Dimensions::Xy => 0,
        Dimensions::Xym => 1,
        Dimensions::Xyz => 2,
        Dimensions::Xyzm => 3,
    };
    assert_eq!(zm, row.get::<_, i32>("zm"), "{value}");
    assert_eq!(
        i32::try_from(facts.vertices).unwrap(),
        row.get::<_, i32>("vertices"),
        "{value}"
    );
    assert_eq!(facts.is_empty(), row.get::<_, bool>("is_empty"), "{value}");
    if facts.non_finite.count == 0 {
        assert_eq!(facts.extent, extent(row), "{value}");
    }
}

fn extent(row: &Row) -> Option<Extent> {
    Some(Extent {
        min_x: row.get::<_, Option<f64>>("min_x")?,
        min_y: row.get::<_, Option<f64>>("min_y")?,
        max_x: row.get::<_, Option<f64>>("max_x")?,
        max_y: row.get::<_, Option<f64>>("max_y")?,
    })
}

#[tokio::test]
async fn facts_agree_for_every_type_order_and_flavour() -> Result<()> {
    let client = connect().await?;
    let statement = format!(
        "SELECT {FACTS}, ST_AsEWKB(g, 'NDR') AS ewkb_ndr, ST_AsEWKB(g, 'XDR') AS ewkb_xdr,
                ST_AsBinary(g, 'NDR') AS iso_ndr, ST_AsBinary(g, 'XDR') AS iso_xdr, g::text AS hex
         FROM (SELECT ST_SetSRID($1::text::geometry, $2) AS g) AS value"
    );
    let statement = client.prepare(&statement).await?;
    for value in VALUES {
        for srid in [0, 4326] {
            let row = client
                .query_one(&statement, &[value, &srid])
                .await
                .context(*value)?;
            for column in ["ewkb_ndr", "ewkb_xdr"] {
                let bytes: &[u8] = row.get(column);
                let parsed = Ewkb::parse(bytes).with_context(|| format!("{value} as {column}"))?;
                assert_same_facts(&parsed.facts(), &row, value);
            }
            for column in ["iso_ndr", "iso_xdr"] {
                let bytes: &[u8] = row.get(column);
                let parsed = Ewkb::parse(bytes).with_context(|| format!("{value} as {column}"))?;
                assert_eq!(parsed.srid(), None, "ISO WKB has no place for it");
                let mut facts = parsed.facts();
                facts.srid = Some(srid).filter(|srid| *srid > 0);
                assert_same_facts(&facts, &row, value);
            }
            let hex: &str = row.get("hex");
            assert_eq!(encode_hex(row.get("ewkb_ndr")), hex);
            assert_eq!(decode_hex(hex)?, row.get::<_, &[u8]>("ewkb_ndr"));
        }
    }
    Ok(())
}

#[tokio::test]
async fn facts_agree_for_generated_values() -> Result<()> {
    let client = connect().await?;
    let mut runner = TestRunner::deterministic();
    let generated: Vec<Vec<u8>> = (0..500)
        .map(|_| samples().new_tree(&mut runner).unwrap().current())
        // PostGIS does not agree with itself on these, see below.
        .filter(|sample| !sample.shape.has_hollow_polygon())
        .map(|sample| sample.encode())
        .collect();
    assert!(generated.len() > 250, "{} are left", generated.len());
    let texts: Vec<String> = generated.iter().map(|bytes| encode_hex(bytes)).collect();
    let statement = format!(
        "SELECT {FACTS} FROM (SELECT hex::geometry AS g, at FROM unnest($1::text[]) WITH ORDINALITY AS u (hex, at))
         AS value ORDER BY at"
    );
    let rows = client.query(&statement, &[&texts]).await?;
    assert_eq!(rows.len(), generated.len());
    for ((row, bytes), text) in rows.iter().zip(&generated).zip(&texts) {
        assert_same_facts(&Ewkb::parse(bytes)?.facts(), row, text);
    }
    Ok(())
}

/// `ST_IsEmpty` says no and `ST_NPoints` says none of a polygon whose shell has no vertex; what PostGIS sends, and
/// we therefore read, is `POLYGON EMPTY`.
#[tokio::test]
async fn a_polygon_without_a_shell_is_sent_as_empty() -> Result<()> {
    let client = connect().await?;
    for hex in [
        "01030000000100000000000000",
        // With a hole of one vertex.
        "01030000000200000000000000010000000000000000000840000000000000F03F",
    ] {
        let sql = "SELECT ST_IsEmpty(g), ST_NPoints(g), ST_AsEWKB(g, 'NDR') FROM (SELECT $1::text::geometry AS g) AS value";
        let row = client.query_one(sql, &[&hex]).await?;
        assert!(!row.get::<_, bool>(0), "ST_IsEmpty");
        assert_eq!(row.get::<_, i32>(1), 0, "ST_NPoints");
        assert_eq!(encode_hex(row.get(2)), "010300000000000000");
        assert!(Ewkb::parse(row.get(2))?.facts().is_empty());
    }
    Ok(())
}

#[tokio::test]
async fn what_is_written_is_what_postgis_would_write() -> Result<()> {
    let client = connect().await?;
    let statement = client
        .prepare(
            "SELECT ST_AsEWKB(g, 'XDR') AS given, ST_AsEWKB(g, 'NDR') AS whole, ST_AsEWKB(ST_Force2D(g), 'NDR') AS planar
             FROM (SELECT ST_SetSRID($1::text::geometry, 4326) AS g) AS value",
        )
        .await?;
    for value in VALUES {
        let row = client.query_one(&statement, &[value]).await?;
        let parsed = Ewkb::parse(row.get("given"))?;
        let whole = match parsed.dimensions() {
            Dimensions::Xy => encode_postgis(&parsed.to_postgis::<postgis_ewkb::Point>()?)?,
            Dimensions::Xyz => encode_postgis(&parsed.to_postgis::<postgis_ewkb::PointZ>()?)?,
            Dimensions::Xym => encode_postgis(&parsed.to_postgis::<postgis_ewkb::PointM>()?)?,
            Dimensions::Xyzm => encode_postgis(&parsed.to_postgis::<postgis_ewkb::PointZM>()?)?,
        };
        assert_eq!(encode_hex(&whole), encode_hex(row.get("whole")), "{value}");
        if let Ok(geometry) = parsed.to_geo() {
            let planar = encode_geo(&geometry, parsed.srid())?;
            assert_eq!(encode_hex(&planar), encode_hex(row.get("planar")), "{value}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn curves_and_surfaces_are_refused_by_the_name_postgis_gives_them() -> Result<()> {
    let client = connect().await?;
    for wkt in [
        "CIRCULARSTRING(0 0, 1 1, 2 0)",
        "COMPOUNDCURVE((0 0, 1 1), CIRCULARSTRING(1 1, 2 2, 3 1))",
        "CURVEPOLYGON(CIRCULARSTRING(0 0, 1 1, 2 0, 1 -1, 0 0))",
        "MULTICURVE((0 0, 1 1))",
        "MULTISURFACE(((0 0, 1 0, 1 1, 0 0)))",
        "POLYHEDRALSURFACE Z (((0 0 0, 0 1 0, 1 1 0, 0 0 0)))",
        "TRIANGLE((0 0, 1 0, 1 1, 0 0))",
        "TIN(((0 0, 1 0, 1 1, 0 0)))",
    ] {
        for order in ["NDR", "XDR"] {
            let sql = "SELECT GeometryType(g), ST_AsEWKB(g, $2::text), ST_AsBinary(g, $2::text)
                       FROM (SELECT $1::text::geometry AS g) AS value";
            let row = client.query_one(sql, &[&wkt, &order]).await.context(wkt)?;
            let name: &str = row.get(0);
            for bytes in [row.get::<_, &[u8]>(1), row.get(2)] {
                let error = Ewkb::parse(bytes).unwrap_err();
                let EwkbErrorKind::UnsupportedType { geometry_type } = error.kind else {
                    anyhow::bail!("{wkt} is refused with {error}");
                };
                assert_eq!(geometry_type.name(), name);
                assert_eq!(error.offset, 1);
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn whatever_depth_postgis_stores_can_be_read() -> Result<()> {
    let client = connect().await?;
    let nested = |levels: usize| {
        let point = "010100000000000000000000000000000000000000";
        format!("{}{point}", "010700000001000000".repeat(levels - 1))
    };
    assert!(Ewkb::parse(&decode_hex(&nested(MAX_DEPTH))?).is_ok());
    let too_deep = nested(MAX_DEPTH + 1);
    let refused = client
        .query_one("SELECT ST_NPoints($1::text::geometry)", &[&too_deep])
        .await;
    let error = refused.expect_err("PostGIS takes more levels than can be read");
    let message = error.as_db_error().context("no answer of the server")?.message();
    assert_eq!(message, "Geometry has too many chained collections");
    Ok(())
}

#[tokio::test]
async fn malformed_bytes_are_refused_by_both() -> Result<()> {
    let client = connect().await?;
    for hex in [
        // No byte order; no type; cut short; a count beyond the end; a point in a multi-polygon; XY inside XYZ.
        "0201000000000000000000000000000000000000000000",
        "016300000000000000",
        "01010000000000000000000000",
        "0102000000FFFFFFFF",
        "010600000001000000010100000000000000000000000000000000000000",
        "010400008001000000010100000000000000000000000000000000000000",
    ] {
        let row = client
            .query_one("SELECT ST_NPoints($1::text::geometry)", &[&hex])
            .await;
        assert!(row.is_err(), "PostGIS takes {hex}");
        assert!(Ewkb::parse(&decode_hex(hex)?).is_err(), "{hex}");
    }
    Ok(())
}
