//! What must not change the verdict, and bytes that must not cause a panic.

use cutover_geometry::{Ewkb, InvalidReason, Validator};
use rand::RngExt as _;

use super::figure::{Figure, Ring};
use super::{generator, seeded};

fn is_valid(validator: &mut Validator, figure: &Figure) -> bool {
    validator.check(&Ewkb::parse(&figure.encode()).unwrap()).is_ok()
}

fn each_closed_ring(figure: &Figure, change: &mut impl FnMut(&mut Ring)) -> Figure {
    let mut changed = figure.clone();
    changed.each_ring(&mut |ring| {
        if ring.len() > 3 && ring.first() == ring.last() {
            change(ring);
        }
    });
    changed
}

/// Of coordinates whose arithmetic is exact; where it is not, another order of vertices may be another geometry to GEOS.
#[test]
fn start_direction_order_and_place_do_not_matter() {
    let mut random = seeded();
    let mut validator = Validator::new();
    let mut valid = 0;
    for _ in 0..1500 {
        let figure = generator::figure(&mut random);
        let mut is_plain = true;
        figure.clone().each_ring(&mut |ring| {
            is_plain &= ring
                .iter()
                .flatten()
                .all(|ordinate| ordinate.abs() < 1e6 && (ordinate * 16.0).fract() == 0.0);
        });
        if !is_plain {
            continue;
        }
        let expected = is_valid(&mut validator, &figure);
        valid += usize::from(expected);
        let rotated = each_closed_ring(&figure, &mut |ring| {
            ring.pop();
            let start = random.random_range(0..ring.len());
            ring.rotate_left(start);
            ring.extend(ring.first().copied());
        });
        let reversed = each_closed_ring(&figure, &mut |ring| ring.reverse());
        let repeated = each_closed_ring(&figure, &mut |ring| ring.insert(1, ring[0]));
        let each_vertex = |change: &dyn Fn([f64; 2]) -> [f64; 2]| {
            let mut changed = figure.clone();
            changed.each_ring(&mut |ring| {
                for vertex in ring {
                    *vertex = change(*vertex);
                }
            });
            changed
        };
        let moved = each_vertex(&|[x, y]| [x + 1024.0, y - 2048.0]);
        let scaled = each_vertex(&|[x, y]| [x * 65536.0, y * 65536.0]);
        let turned = each_vertex(&|[x, y]| [-y, x]);
        let mut reordered = figure.clone();
        match &mut reordered {
            Figure::Polygon(rings) if rings.len() > 1 => rings[1..].reverse(),
            Figure::Polygons(polygons) => polygons.reverse(),
            _ => {}
        }
        let mut beside_slivers = figure.clone();
        match &mut beside_slivers {
            Figure::Polygon(rings) => beside_slivers = Figure::Polygons(with_slivers(vec![rings.clone()])),
            Figure::Polygons(polygons) => *polygons = with_slivers(polygons.clone()),
            _ => {}
        }
        for changed in [
            rotated,
            reversed,
            repeated,
            moved,
            scaled,
            turned,
            reordered,
            beside_slivers,
        ] {
            assert_eq!(
                is_valid(&mut validator, &changed),
                expected,
                "{} and {}",
                figure.wkt(),
                changed.wkt()
            );
        }
    }
    assert!(valid > 100, "{valid} were valid");
}

/// Far away, with boxes that all meet, so that a proof by sweep is tried for the whole.
fn with_slivers(mut polygons: Vec<Vec<Ring>>) -> Vec<Vec<Ring>> {
    let slivers = (0..60).map(|sliver| {
        let (left, right, y) = (4e6, 8e6, f64::from(sliver));
        vec![vec![[left, y], [right, y + 60.0], [right, y + 60.5], [left, y]]]
    });
    polygons.extend(slivers);
    polygons
}

/// What was judged before leaves nothing behind.
#[test]
fn a_used_validator_judges_like_a_new_one() {
    let mut random = seeded();
    let mut used = Validator::new();
    for _ in 0..2000 {
        let bytes = generator::figure(&mut random).encode();
        let value = Ewkb::parse(&bytes).unwrap();
        // Compared as text, for places that are not finite.
        let (used, new) = (used.check(&value), Validator::new().check(&value));
        assert_eq!(format!("{used:?}"), format!("{new:?}"));
    }
}

#[test]
fn damaged_values_never_panic() {
    let mut random = seeded();
    let mut validator = Validator::new();
    let mut judged = 0;
    for _ in 0..4000 {
        let mut bytes = generator::figure(&mut random).encode();
        for _ in 0..random.random_range(1..5) {
            let at = random.random_range(0..bytes.len());
            match random.random_range(0..4) {
                0 => bytes[at] = random.random(),
                1 => bytes[at] ^= 1 << random.random_range(0..8),
                2 => bytes[at] = 0,
                _ => bytes[at] = 0xFF,
            }
        }
        let Ok(value) = Ewkb::parse(&bytes) else { continue };
        judged += 1;
        if let Err(invalid) = validator.check(&value) {
            assert!(InvalidReason::from_postgis(invalid.reason.text()) == Some(invalid.reason));
        }
    }
    assert!(judged > 1000, "{judged} could be read");
}
