//! Centroid, ring orientation and repeated vertices, of figures on the edge of validity, as PostGIS tells them.

use anyhow::Result;
use cutover_geometry::{Ewkb, Geometry, RingOrientation, decode_hex, encode_hex};
use cutover_testkit::Cluster;
use tokio_postgres::Row;

use crate::validity::{figure::Figure, generator, seeded};

/// What generators do not make: dimensions mixed, and areas and lengths of nothing.
const VALUES: &[&str] = &[
    "GEOMETRYCOLLECTION(POINT(50 50), LINESTRING(0 0, 4 4), POLYGON((0 0, 1 0, 0 1, 0 0)))",
    "GEOMETRYCOLLECTION(POINT(50 50), LINESTRING(0 0, 4 4, 4 0))",
    "GEOMETRYCOLLECTION(POINT(50 50), LINESTRING(3 3, 3 3))",
    "GEOMETRYCOLLECTION(POINT(50 50), POLYGON((1 1, 1 1, 1 1, 1 1)), LINESTRING(3 3, 3 3))",
    "GEOMETRYCOLLECTION(POINT(50 50), POLYGON((0 0, 4 0, 8 0, 0 0)))",
    "GEOMETRYCOLLECTION(MULTIPOINT(0 0, EMPTY, 1 5), POINT EMPTY)",
    "POLYGON((0 0, 4 0, 4 4, 0 4, 0 0), (0 0, 4 0, 4 4, 0 4, 0 0))",
    "POLYGON((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 1 2, 2 2, 1 1))",
    "POLYGON((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 2 2, 1 2, 1 1))",
    "POLYGON((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 2 2, 1 1, 1 1))",
    "MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 6, 6 5, 5 5)))",
    "MULTIPOLYGON(EMPTY, ((0 0, 1 1, 1 0, 0 0)))",
    "POLYGON((0 0, 2 2, 2 0, 0 2, 0 0))",
    "POLYGON Z ((0 0 9, 2 0 9, 2 3 9, 2 3 8, 0 0 9))",
    "LINESTRING(0 0, 0 0, 3 4, 3 4, 3 4)",
    "POINT(1 2)",
    "POINT EMPTY",
    "POLYGON EMPTY",
    "GEOMETRYCOLLECTION EMPTY",
    // A line of one vertex, and a ring that is not closed.
    "010200000001000000000000000000F03F000000000000F03F",
    "01030000000100000003000000000000000000F03F000000000000F03F0000000000000040000000000000004000000000000000400000000000000000",
];

/// What PostGIS tells, and nothing where GEOS raises an error over rings that are none. PostGIS leaves repeated vertices where
/// fewer would be no line or ring, compares points with each other, and breaks down over an empty one among them.
const SUMMARY: &str = "
CREATE FUNCTION summary(shape geometry, OUT x float8, OUT y float8, OUT clockwise bool, OUT counterclockwise bool, OUT repeated int)
LANGUAGE plpgsql AS $$
BEGIN
    x := ST_X(ST_Centroid(shape));
    y := ST_Y(ST_Centroid(shape));
    clockwise := ST_IsPolygonCW(shape);
    counterclockwise := ST_IsPolygonCCW(shape);
    IF GeometryType(shape) NOT LIKE '%POINT' AND GeometryType(shape) NOT LIKE '%COLLECTION' AND ST_IsValid(shape) THEN
        repeated := ST_NPoints(shape) - ST_NPoints(ST_RemoveRepeatedPoints(ST_Force2D(shape)));
    END IF;
EXCEPTION WHEN OTHERS THEN
    clockwise := NULL;
END
$$";

const STATEMENT: &str = "SELECT s.*, ST_AsEWKB(text::geometry) AS bytes
    FROM unnest($1::text[]) WITH ORDINALITY AS u (text, at), summary(text::geometry) AS s ORDER BY at";

/// Whether PostGIS tells anything.
#[track_caller]
fn check(row: &Row) -> bool {
    let Some(clockwise) = row.get::<_, Option<bool>>("clockwise") else {
        return false;
    };
    let bytes: &[u8] = row.get("bytes");
    let value = Ewkb::parse(bytes).unwrap();
    let (facts, text) = (value.facts(), encode_hex(bytes));
    let centroid = Option::zip(row.get::<_, Option<f64>>("x"), row.get::<_, Option<f64>>("y"))
        .map(|(x, y)| [x, y])
        .filter(|at| at.iter().all(|ordinate| ordinate.is_finite()));
    assert_eq!(facts.centroid, centroid, "{text}");
    let expected = match (clockwise, row.get("counterclockwise")) {
        // There are no rings; or there are, and they are not closed.
        (true, true) => facts
            .ring_orientation
            .filter(|told| *told == RingOrientation::Mixed),
        (true, false) => Some(RingOrientation::Clockwise),
        (false, true) => Some(RingOrientation::Counterclockwise),
        (false, false) => Some(RingOrientation::Mixed),
    };
    assert_eq!(facts.ring_orientation, expected, "{text}");
    if let Some(repeated) = row.get::<_, Option<i32>>("repeated") {
        assert_eq!(i32::try_from(facts.repeated.count).unwrap(), repeated, "{text}");
    }
    true
}

#[tokio::test]
async fn centroids_orientations_and_repetitions_agree() -> Result<()> {
    let client = Cluster::shared().database().await?.connect().await?;
    client.batch_execute("SET client_min_messages = error").await?;
    client.batch_execute(SUMMARY).await?;
    let mut random = seeded();
    let figures = std::iter::repeat_with(|| generator::figure(&mut random)).take(2500);
    let figures: Vec<String> = figures
        .filter(is_judged)
        .map(|mut figure| {
            // PostGIS tells zeros of either sign apart when it looks for repetitions.
            figure.each_ring(&mut |ring| ring.iter_mut().flatten().for_each(|ordinate| *ordinate += 0.0));
            encode_hex(&figure.encode())
        })
        .collect();
    let texts: Vec<&str> = VALUES
        .iter()
        .copied()
        .chain(figures.iter().map(String::as_str))
        .collect();
    let rows = client.query(STATEMENT, &[&texts]).await?;
    assert_eq!(rows.len(), texts.len());
    let told = rows.iter().filter(|row| check(row)).count();
    assert!(told > 1500, "{told} were told");
    Ok(())
}

/// GEOS has no centroid for a polygon with an empty hole, and what is not finite is a matter of its own.
fn is_judged(figure: &Figure) -> bool {
    let mut judged = true;
    figure.clone().each_ring(&mut |ring| {
        judged &= !ring.is_empty() && ring.iter().flatten().all(|ordinate| ordinate.is_finite());
    });
    judged
}

#[test]
fn a_repeated_vertex_is_placed() -> Result<()> {
    // LINESTRING(0 0, 1 2, 1 2, 1 2)
    let bytes = decode_hex(&format!(
        "010200000004000000{}{}",
        "00".repeat(16),
        "000000000000F03F0000000000000040".repeat(3)
    ))?;
    let value = Ewkb::parse(&bytes)?;
    assert!(matches!(value.geometry(), Geometry::LineString(_)));
    let repeated = value.facts().repeated;
    assert_eq!((repeated.count, repeated.first_offset), (2, Some(9 + 2 * 16)));
    Ok(())
}
