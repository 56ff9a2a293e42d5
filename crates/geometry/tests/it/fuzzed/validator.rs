//! Of any bytes that are a geometry, else of rings on a small grid drawn from them: a verdict ends without a panic and in
//! memory bounded by the input, and stays when the geometry is written in another way.

use allocation_counter::measure;
use cutover_geometry::{Ewkb, InvalidReason, RingRule, Validator, encode_geo};
use geo::{Coord, Geometry, LineString, MapCoords as _, MultiPolygon, Polygon};

pub(crate) fn check(bytes: &[u8]) {
    if Ewkb::parse(bytes).is_ok() {
        judge(bytes);
        return;
    }
    let figure = drawn(bytes);
    let other = rewritten(&figure, bytes.iter().copied().fold(0, u8::wrapping_add));
    assert_eq!(judged(&other), judged(&figure), "{figure:?} and {other:?}");
}

/// Whether it is valid.
fn judged(figure: &MultiPolygon) -> bool {
    judge(&encode_geo(&Geometry::MultiPolygon(figure.clone()), None).unwrap())
}

fn judge(bytes: &[u8]) -> bool {
    let value = Ewkb::parse(bytes).unwrap();
    let mut is_valid = false;
    let memory = measure(|| {
        let invalid = value.validity().err();
        if let Some(invalid) = &invalid {
            assert_eq!(
                InvalidReason::from_postgis(invalid.reason.text()),
                Some(invalid.reason)
            );
        }
        is_valid = invalid.is_none();
    });
    assert!(
        memory.bytes_max <= 16_384 + 64 * bytes.len() as u64,
        "{memory:?} for {} bytes",
        bytes.len()
    );
    // What touches nothing by OGC's rule touches nothing that ESRI's could allow.
    let by_esri = Validator::new()
        .ring_rule(RingRule::SelfTouchMakesHole)
        .check(&value);
    assert!(!is_valid || by_esri.is_ok(), "{by_esri:?}");
    is_valid
}

/// A vertex a byte; two bytes that are none end a ring and a polygon.
fn drawn(bytes: &[u8]) -> MultiPolygon {
    let polygon = |rings: &[u8]| {
        let mut rings = rings.split(|&byte| byte == 0xFF).map(|ring| {
            let mut vertices: Vec<Coord> = ring
                .iter()
                .map(|byte| Coord {
                    x: f64::from(byte >> 4),
                    y: f64::from(byte & 0xF),
                })
                .collect();
            vertices.extend(vertices.first().copied());
            LineString(vertices)
        });
        let shell = rings.next().unwrap_or_else(LineString::empty);
        Polygon::new(shell, rings.collect())
    };
    MultiPolygon::new(bytes.split(|&byte| byte == 0xFE).map(polygon).collect())
}

/// The same area, or one that is as valid, in one of eight ways; all coordinates stay exact.
fn rewritten(figure: &MultiPolygon, chosen: u8) -> MultiPolygon {
    let each_ring = |change: &dyn Fn(&mut Vec<Coord>)| {
        let changed = |ring: &LineString| {
            let mut vertices = ring.0.clone();
            if vertices.len() > 3 {
                change(&mut vertices);
            }
            LineString(vertices)
        };
        let polygons = figure.iter().map(|polygon| {
            let holes = polygon.interiors().iter().map(changed).collect();
            Polygon::new(changed(polygon.exterior()), holes)
        });
        MultiPolygon::new(polygons.collect())
    };
    let each_vertex = |change: fn(Coord) -> Coord| figure.map_coords(change);
    match chosen % 8 {
        0 => each_ring(&|vertices| {
            vertices.pop();
            let start = usize::from(chosen / 8) % vertices.len();
            vertices.rotate_left(start);
            vertices.push(vertices[0]);
        }),
        1 => each_ring(&|vertices| vertices.reverse()),
        2 => each_ring(&|vertices| vertices.insert(1, vertices[0])),
        3 => each_vertex(|at| Coord {
            x: at.x + 1024.0,
            y: at.y - 2048.0,
        }),
        4 => each_vertex(|at| Coord {
            x: at.x * 65536.0,
            y: at.y * 65536.0,
        }),
        5 => each_vertex(|at| Coord { x: -at.y, y: at.x }),
        6 => {
            let polygons = figure.0.iter().rev().map(|polygon| {
                let holes = polygon.interiors().iter().rev().cloned().collect();
                Polygon::new(polygon.exterior().clone(), holes)
            });
            MultiPolygon::new(polygons.collect())
        }
        _ => MultiPolygon::new(figure.0.iter().cloned().chain(slivers()).collect()),
    }
}

/// Far away, and with boxes that all meet, so that a proof by sweep is tried for the whole.
fn slivers() -> impl Iterator<Item = Polygon> {
    (0..40_u8).map(f64::from).map(|y| {
        let ring = vec![(4096.0, y), (8192.0, y + 40.0), (8192.0, y + 40.5), (4096.0, y)];
        Polygon::new(ring.into(), Vec::new())
    })
}
