//! Each rule by example, with PostGIS as witness.

use anyhow::{Context as _, Result};
use cutover_geometry::InvalidReason::{
    DisconnectedInterior, HoleOutsideShell, InvalidCoordinate, NestedHoles, NestedShells, RingNotClosed,
    RingSelfIntersection, SelfIntersection, TooFewPoints,
};
use cutover_geometry::{Ewkb, InvalidReason, RingRule, Validator};

use super::figure::Figure;
use super::server::{Server, Verdict};

type Expected = Option<InvalidReason>;

/// Text, the verdict by OGC's rule, and by ESRI's.
const CORPUS: &[(&str, Expected, Expected)] = &[
    // Valid, and not by accident.
    ("POINT(1 2)", None, None),
    ("LINESTRING(0 0, 1 1, 0 1, 1 0)", None, None),
    ("POLYGON((0 0, 4 0, 4 4, 0 4, 0 0))", None, None),
    ("POLYGON((0 0, 0 4, 4 4, 4 0, 0 0))", None, None),
    (
        "POLYGON ZM ((0 0 1 5, 4 0 2 5, 4 4 3 5, 0 4 4 5, 0 0 9 9))",
        None,
        None,
    ),
    (
        "POLYGON((0 0, 0 0, 4 0, 4 0, 4 4, 4 4, 4 4, 0 4, 0 0, 0 0))",
        None,
        None,
    ),
    ("POLYGON((0 0, 2 0, 4 0, 4 4, 0 4, 0 0))", None, None),
    (
        "POLYGON((0 0, 9 0, 9 9, 0 9, 0 0), (0 0, 2 1, 1 2, 0 0))",
        None,
        None,
    ),
    (
        "POLYGON((0 0, 9 0, 9 9, 0 9, 0 0), (1 1, 2 1, 1 2, 1 1), (2 1, 3 1, 3 2, 2 1))",
        None,
        None,
    ),
    // Holes that all touch in one point enclose nothing.
    (
        "POLYGON((0 0, 9 0, 9 9, 0 9, 0 0), (4 4, 2 1, 1 2, 4 4), (4 4, 8 4, 8 5, 4 4), (4 4, 4 8, 3 8, 4 4))",
        None,
        None,
    ),
    // A vertex of a hole on an edge of the shell.
    (
        "POLYGON((0 0, 9 0, 9 9, 0 9, 0 0), (4 0, 5 2, 3 2, 4 0))",
        None,
        None,
    ),
    (
        "MULTIPOLYGON(((0 0, 4 0, 4 4, 0 4, 0 0)), ((4 4, 8 4, 8 8, 4 8, 4 4)))",
        None,
        None,
    ),
    // An island in a hole, touching it in two vertices.
    (
        "MULTIPOLYGON(((0 0, 9 0, 9 9, 0 9, 0 0), (1 4, 4 1, 8 4, 4 8, 1 4)), ((1 4, 4 3, 8 4, 4 5, 1 4)))",
        None,
        None,
    ),
    (
        "GEOMETRYCOLLECTION(POLYGON((0 0, 4 0, 4 4, 0 0)), POLYGON((1 1, 5 1, 5 5, 1 1)))",
        None,
        None,
    ),
    (
        "GEOMETRYCOLLECTION(POINT EMPTY, MULTIPOLYGON(EMPTY), GEOMETRYCOLLECTION EMPTY)",
        None,
        None,
    ),
    ("MULTIPOLYGON(EMPTY, ((0 0, 1 0, 1 1, 0 0)))", None, None),
    ("MULTILINESTRING(EMPTY, (0 0, 1 1))", None, None),
    ("MULTIPOINT(1 1, 1 1, EMPTY)", None, None),
    // Too few points.
    (
        "LINESTRING(1 1, 1 1, 1 1)",
        Some(TooFewPoints),
        Some(TooFewPoints),
    ),
    (
        "MULTILINESTRING((0 0, 1 1), (2 2, 2 2))",
        Some(TooFewPoints),
        Some(TooFewPoints),
    ),
    (
        "POLYGON((0 0, 1 1, 1 1, 0 0))",
        Some(TooFewPoints),
        Some(TooFewPoints),
    ),
    (
        "POLYGON((0 0, 9 0, 9 9, 0 0), (1 1, 1 1, 1 1, 1 1))",
        Some(TooFewPoints),
        Some(TooFewPoints),
    ),
    // Edges that cross, overlap, or go back; with a spike, what is found last is that its foot touches.
    (
        "POLYGON((0 0, 1 1, 1 0, 0 1, 0 0))",
        Some(SelfIntersection),
        Some(SelfIntersection),
    ),
    (
        "POLYGON((0 0, 4 0, 4 4, 4 8, 4 4, 0 4, 0 0))",
        Some(RingSelfIntersection),
        Some(SelfIntersection),
    ),
    (
        "POLYGON((0 0, 1 0, 2 0, 0 0))",
        Some(SelfIntersection),
        Some(SelfIntersection),
    ),
    (
        "POLYGON((0 0, 9 0, 9 9, 0 9, 0 0), (8 1, 11 1, 11 2, 8 2, 8 1))",
        Some(SelfIntersection),
        Some(SelfIntersection),
    ),
    (
        "POLYGON((0 0, 9 0, 9 9, 0 9, 0 0), (0 1, 0 2, 1 2, 1 1, 0 1))",
        Some(SelfIntersection),
        Some(SelfIntersection),
    ),
    // A hole that crosses the shell in a vertex only, where it touches itself too.
    (
        "POLYGON((0 0, 9 0, 9 4, 9 9, 0 9, 0 0), (9 4, 12 3, 12 5, 9 4, 8 3, 8 5, 9 4))",
        Some(SelfIntersection),
        Some(SelfIntersection),
    ),
    (
        "POLYGON((0 0, 4 0, 4 4, 0 4, 0 0), (0 0, 4 0, 4 4, 0 4, 0 0))",
        Some(SelfIntersection),
        Some(SelfIntersection),
    ),
    (
        "MULTIPOLYGON(((0 0, 4 0, 4 4, 0 4, 0 0)), ((4 0, 8 0, 8 4, 4 4, 4 0)))",
        Some(SelfIntersection),
        Some(SelfIntersection),
    ),
    (
        "MULTIPOLYGON(((0 0, 4 0, 4 4, 0 4, 0 0)), ((0 0, 4 0, 4 4, 0 4, 0 0)))",
        Some(SelfIntersection),
        Some(SelfIntersection),
    ),
    // A ring that touches itself: from outside, which ESRI takes for a hole, and from inside, which cuts.
    (
        "POLYGON((0 0, 9 0, 9 9, 0 9, 0 0, 3 5, 5 3, 0 0))",
        Some(RingSelfIntersection),
        None,
    ),
    (
        "POLYGON((0 0, 4 4, 8 0, 8 8, 4 4, 0 8, 0 0))",
        Some(RingSelfIntersection),
        Some(DisconnectedInterior),
    ),
    (
        "POLYGON((0 0, 9 0, 4 4, 9 9, 0 9, 4 4, 0 0))",
        Some(RingSelfIntersection),
        Some(DisconnectedInterior),
    ),
    (
        "POLYGON((0 0, 4 0, 8 0, 8 4, 4 0, 0 4, 0 0))",
        Some(RingSelfIntersection),
        Some(DisconnectedInterior),
    ),
    // Holes.
    (
        "POLYGON((0 0, 4 0, 4 4, 0 4, 0 0), (6 1, 7 1, 7 2, 6 1))",
        Some(HoleOutsideShell),
        Some(HoleOutsideShell),
    ),
    (
        "POLYGON((0 0, 9 0, 9 9, 5 5, 0 9, 0 0), (4 8, 6 8, 5 7, 4 8))",
        Some(HoleOutsideShell),
        Some(HoleOutsideShell),
    ),
    (
        "POLYGON((0 0, 9 0, 9 9, 5 5, 0 9, 0 0), (5 5, 6 8, 4 8, 5 5))",
        Some(HoleOutsideShell),
        Some(HoleOutsideShell),
    ),
    (
        "POLYGON((0 0, 9 0, 9 9, 0 9, 0 0), (1 1, 8 1, 8 8, 1 8, 1 1), (2 2, 3 2, 3 3, 2 2))",
        Some(NestedHoles),
        Some(NestedHoles),
    ),
    (
        "POLYGON((0 0, 9 0, 9 9, 0 9, 0 0), (1 1, 8 1, 8 8, 1 8, 1 1), (1 1, 3 2, 3 3, 1 1))",
        Some(NestedHoles),
        Some(NestedHoles),
    ),
    // Shells.
    (
        "MULTIPOLYGON(((0 0, 9 0, 9 9, 0 9, 0 0)), ((1 1, 2 1, 2 2, 1 1)))",
        Some(NestedShells),
        Some(NestedShells),
    ),
    (
        "MULTIPOLYGON(((1 1, 2 1, 2 2, 1 1)), ((0 0, 9 0, 9 9, 0 9, 0 0)))",
        Some(NestedShells),
        Some(NestedShells),
    ),
    (
        "MULTIPOLYGON(((0 0, 9 0, 9 9, 0 9, 0 0)), ((0 0, 9 9, 2 1, 0 0)))",
        Some(NestedShells),
        Some(NestedShells),
    ),
    // Interiors cut by touches: twice by one hole, by a cycle of holes, by a chain from edge to edge.
    (
        "POLYGON((0 0, 9 0, 9 9, 0 9, 0 0), (0 4, 9 4, 5 5, 0 4))",
        Some(DisconnectedInterior),
        Some(DisconnectedInterior),
    ),
    (
        "POLYGON((0 0, 9 0, 9 9, 0 9, 0 0), (2 2, 5 1, 5 2, 2 2), (5 2, 6 5, 5 5, 5 2), (5 5, 2 2, 2 4, 5 5))",
        Some(DisconnectedInterior),
        Some(DisconnectedInterior),
    ),
    (
        "POLYGON((0 0, 9 0, 9 9, 0 9, 0 0), (0 4, 4 3, 4 4, 0 4), (4 4, 9 4, 9 4, 7 5, 4 4))",
        Some(DisconnectedInterior),
        Some(DisconnectedInterior),
    ),
    // The first invalid element is told.
    (
        "GEOMETRYCOLLECTION(POINT(1 1), MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 6, 6 5, 5 6, 5 5))), LINESTRING(1 1, 1 1))",
        Some(SelfIntersection),
        Some(SelfIntersection),
    ),
    // Keys that rise and fall have the sort of GEOS' boxes turn to a heap, whose order of equal keys tells the place.
    (
        "MULTIPOLYGON(((48 10, -1 10, 0 0, 1 8, 2 0, 3 6, 4 0, 5 4, 6 0, 7 5, 8 0, 9 8, 10 0, \
         11 4, 12 0, 13 8, 14 0, 15 8, 16 -1, 17 4, 18 0, 19 4, 20 0, 21 6, 22 0, 23 4, 24 0, \
         25 4, 26 0, 27 9, 28 0, 29 5, 30 0, 31 9, 32 0, 33 2, 34 0, 35 2, 36 0, 37 5, 38 0, \
         39 5, 40 0, 41 2, 42 0, 45 1, 46 0, 48 10)), ((44 10, -1 10, 0 0, 1 6, 2 0, 3 8, 4 0, \
         5 7, 6 0, 7 3, 8 0, 9 5, 10 0, 11 6, 12 0, 13 3, 14 0, 15 9, 16 0, 17 9, 18 0, 19 3, \
         20 0, 21 7.260545279002027, 22 0, 23 7, 24 0, 25 8, 28 0, 29 8, 30 0, 31 4, 32 0, 33 3, \
         34 0, 35 3, 36 0, 37 6, 38 0, 39 6, 40 0, 41 4, 42 0, 44 10)))",
        Some(SelfIntersection),
        Some(SelfIntersection),
    ),
];

#[tokio::test]
async fn each_rule_by_example() -> Result<()> {
    let server = Server::open().await?;
    let statement = server
        .client()
        .prepare("SELECT ST_AsEWKB($1::text::geometry)")
        .await?;
    for (wkt, by_ogc, by_esri) in CORPUS {
        let bytes: Vec<u8> = server
            .client()
            .query_one(&statement, &[wkt])
            .await
            .context(*wkt)?
            .get(0);
        for (rule, expected) in [(RingRule::Ogc, by_ogc), (RingRule::SelfTouchMakesHole, by_esri)] {
            let judged = Validator::new().ring_rule(rule).check(&Ewkb::parse(&bytes)?);
            let reason = judged.as_ref().err().map(|invalid| invalid.reason);
            assert_eq!(reason, *expected, "{wkt} by {rule:?}");
            let theirs = server.judge([&bytes], rule).await?;
            assert_eq!(Verdict::ours(&judged), theirs[0], "{wkt} by {rule:?}");
        }
    }
    Ok(())
}

/// What has no WKT that PostGIS would read.
#[tokio::test]
async fn rings_and_lines_that_are_none() -> Result<()> {
    let shell = vec![[0.0, 0.0], [9.0, 0.0], [9.0, 9.0], [0.0, 0.0]];
    let vertex = [1.0, 1.0];
    let line = |count| vec![vertex; count];
    let open = vec![[1.0, 1.0], [2.0, 1.0], [2.0, 2.0], [1.0, 2.0]];
    let nan = vec![[f64::NAN, 1.0], [2.0, 1.0], [2.0, 2.0], [f64::NAN, 1.0]];
    let infinite = vec![[1.0, 1.0], [2.0, f64::NEG_INFINITY], [2.0, 2.0], [1.0, 1.0]];
    let bow_tie = Figure::Polygon(vec![vec![
        [0.0, 0.0],
        [1.0, 1.0],
        [1.0, 0.0],
        [0.0, 1.0],
        [0.0, 0.0],
    ]]);
    let server = Server::open().await?;
    for (figure, expected, part) in [
        (Figure::Lines(vec![line(2), line(1)]), Some(TooFewPoints), vec![0]),
        (Figure::Lines(vec![line(0), line(1)]), Some(TooFewPoints), vec![1]),
        (Figure::Polygon(vec![line(1)]), Some(TooFewPoints), vec![]),
        (Figure::Polygon(vec![line(2)]), Some(TooFewPoints), vec![]),
        (
            Figure::Polygon(vec![shell.clone(), line(1)]),
            Some(TooFewPoints),
            vec![],
        ),
        (
            Figure::Polygon(vec![shell.clone(), open.clone()]),
            Some(RingNotClosed),
            vec![],
        ),
        (Figure::Polygon(vec![nan]), Some(RingNotClosed), vec![]),
        (
            Figure::Polygon(vec![shell.clone(), infinite]),
            Some(InvalidCoordinate),
            vec![],
        ),
        (
            Figure::Points(vec![vertex, [1.0, f64::NAN]]),
            Some(InvalidCoordinate),
            vec![1],
        ),
        (Figure::Points(vec![vertex, [f64::NAN; 2]]), None, vec![]),
        // Without a shell it is empty, and an empty hole is none.
        (Figure::Polygon(vec![line(0), open.clone()]), None, vec![]),
        (Figure::Polygon(vec![shell, line(0)]), None, vec![]),
        // A ring that is not closed comes first, wherever it is.
        (
            Figure::Collection(vec![bow_tie.clone(), Figure::Polygons(vec![vec![], vec![open]])]),
            Some(RingNotClosed),
            vec![1, 1],
        ),
        (
            Figure::Collection(vec![Figure::Polygons(vec![]), Figure::Collection(vec![bow_tie])]),
            Some(SelfIntersection),
            vec![1, 0],
        ),
    ] {
        let bytes = figure.encode();
        let judged = Ewkb::parse(&bytes)?.validity();
        let told = judged.as_ref().err().map(|invalid| invalid.reason);
        assert_eq!(told, expected, "{}", figure.wkt());
        assert_eq!(
            judged
                .as_ref()
                .err()
                .map_or(vec![], |invalid| invalid.part.clone()),
            part,
            "{}",
            figure.wkt()
        );
        let theirs = server.judge([&bytes], RingRule::Ogc).await?;
        assert_eq!(Verdict::ours(&judged), theirs[0], "{}", figure.wkt());
    }
    Ok(())
}
