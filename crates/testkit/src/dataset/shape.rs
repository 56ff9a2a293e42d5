//! The geometry of a site: sound whatever its size, unless a fault is asked for.

use super::PortalSpec;
use super::dice::{Dice, Purpose};
use super::ewkb::{Geometry, Position, Ring, Rings};
use super::fault::Fault;
use super::population::{AwkwardSite, scaled};
use super::site::{Parcel, Site};

const WGS84: u32 = 4326;
const WEB_MERCATOR: u32 = 3857;

/// The EWKB of a row's geometry.
pub(super) fn ewkb(spec: &PortalSpec, site: &Site, parcel: &Parcel) -> Vec<u8> {
    let srid = if site.fault == Some(Fault::WrongSrid) {
        WEB_MERCATOR
    } else {
        WGS84
    };
    geometry(spec, site, parcel).to_ewkb(srid)
}

fn geometry(spec: &PortalSpec, site: &Site, parcel: &Parcel) -> Geometry {
    let stream = site.index * 16 + u64::from(parcel.number);
    let mut dice = Dice::new(spec.seed, Purpose::Shape, stream, site.shape_version);
    // Parcels lie side by side.
    let place = [
        site.place[0] + f64::from(parcel.number) * 2.5 * site.radius,
        site.place[1],
    ];
    let place = [place[0].clamp(-175.0, 175.0), place[1].clamp(-80.0, 80.0)];
    if !site.is_polygon {
        let points = (0..=dice.below(4)).map(|_| {
            [
                place[0] + dice.between(-1.0, 1.0) * site.radius,
                place[1] + dice.between(-1.0, 1.0) * site.radius,
            ]
        });
        return Geometry::MultiPoint(points.collect());
    }
    if let Some(fault) = site.fault
        && let Some(geometry) = faulty(fault, &mut dice, place)
    {
        return geometry;
    }
    match site.awkward {
        Some(AwkwardSite::Antimeridian) => {
            let rectangle = |west: f64, east: f64| vec![rectangle([west, -18.0], [east, -16.0])];
            Geometry::MultiPolygon(vec![rectangle(178.5, 180.0), rectangle(-180.0, -178.0)])
        }
        Some(AwkwardSite::TinyPart) => {
            let whole = vec![star(&mut dice, place, site.radius, 80)];
            let corner = [place[0] + 2.0 * site.radius, place[1]];
            let speck = vec![rectangle(corner, [corner[0] + 1e-9, corner[1] + 1e-9])];
            Geometry::MultiPolygon(vec![whole, speck])
        }
        Some(AwkwardSite::Giant) => {
            let vertices = scaled(600_000.0, spec, 1000).min(600_000);
            Geometry::MultiPolygon(vec![vec![star(
                &mut dice,
                place,
                site.radius,
                u32::try_from(vertices).unwrap_or(1000),
            )]])
        }
        _ => ordinary(&mut dice, place, site.radius),
    }
}

fn ordinary(dice: &mut Dice, place: Position, radius: f64) -> Geometry {
    let vertices = if dice.chance(0.0001) {
        30_000 + dice.below(30_000)
    } else {
        whole(dice.log_normal(100.0, 1.48).clamp(5.0, 30_000.0))
    };
    if vertices < 24 || !dice.chance(0.3) {
        let mut rings = vec![star(dice, place, radius, vertices)];
        if vertices >= 24 && dice.chance(0.1) {
            rings.push(hole(dice, place, radius, vertices / 6));
        }
        return Geometry::Polygon(rings);
    }
    let parts = 1 + dice.below(vertices / 12).min(7);
    let part_radius = radius / f64::from(parts);
    let polygons = (0..parts).map(|part| {
        let place = [place[0] + f64::from(part) * 2.2 * part_radius, place[1]];
        let mut rings = vec![star(dice, place, part_radius, vertices / parts)];
        if vertices / parts >= 24 && dice.chance(0.2) {
            rings.push(hole(dice, place, part_radius, 8 + vertices / parts / 8));
        }
        rings
    });
    Geometry::MultiPolygon(polygons.collect())
}

/// A ring around `centre` that sees all of itself from there: simple for any radii. Between 0.55 and 1 of `radius` wide.
fn star(dice: &mut Dice, centre: Position, radius: f64, vertices: u32) -> Ring {
    const BUMPS: u32 = 32;
    let bumps: Vec<f64> = (0..BUMPS).map(|_| dice.between(0.6, 0.95)).collect();
    let bump = |at: u32| bumps[(at % BUMPS) as usize];
    // A coast is rough at every scale, not a comb: no spike is much longer than the next step.
    let roughness = (10.0 / f64::from(vertices)).min(0.05);
    let mut ring: Ring = (0..vertices)
        .map(|vertex| {
            let turn = (f64::from(vertex) + 0.4 * dice.unit()) / f64::from(vertices);
            let position = turn * f64::from(BUMPS);
            let before = whole(position);
            let share = position - f64::from(before);
            let smooth = bump(before) * (1.0 - share) + bump(before + 1) * share;
            let [x, y] = direction(turn);
            let distance = radius * (smooth + roughness * dice.between(-1.0, 1.0));
            [centre[0] + x * distance, centre[1] + y * distance]
        })
        .collect();
    ring.push(ring[0]);
    ring
}

/// A hole well inside a star of at least 24 vertices.
fn hole(dice: &mut Dice, centre: Position, radius: f64, vertices: u32) -> Ring {
    let mut ring = star(dice, centre, radius * 0.3, vertices.max(5));
    ring.reverse();
    ring
}

/// A point of the unit circle, in the order of `turn` from 0 to 1. Rational, hence the same on every platform.
fn direction(turn: f64) -> Position {
    let quarter = whole(turn * 4.0).min(3);
    let t = turn * 4.0 - f64::from(quarter);
    let (x, y) = ((1.0 - t * t) / (1.0 + t * t), 2.0 * t / (1.0 + t * t));
    match quarter {
        0 => [x, y],
        1 => [-y, x],
        2 => [-x, -y],
        _ => [y, -x],
    }
}

fn rectangle([west, south]: Position, [east, north]: Position) -> Ring {
    vec![
        [west, south],
        [east, south],
        [east, north],
        [west, north],
        [west, south],
    ]
}

fn faulty(fault: Fault, dice: &mut Dice, place: Position) -> Option<Geometry> {
    let [x, y] = place;
    let polygon = |rings: Rings| Some(Geometry::Polygon(rings));
    let square = rectangle(place, [x + 1.0, y + 1.0]);
    match fault {
        Fault::SelfIntersection => polygon(vec![vec![
            [x, y],
            [x + 1.0, y + 1.0],
            [x + 1.0, y],
            [x, y + 1.0],
            [x, y],
        ]]),
        Fault::HoleOutsideShell => polygon(vec![square, rectangle([x + 2.0, y], [x + 3.0, y + 1.0])]),
        Fault::EmptyGeometry => polygon(Vec::new()),
        Fault::NotANumber => {
            let mut ring = star(dice, place, 0.5, 12);
            ring[4][1] = f64::NAN;
            polygon(vec![ring])
        }
        Fault::PastAntimeridian => polygon(vec![rectangle([179.5, y], [180.5, y + 1.0])]),
        Fault::WrongSrid | Fault::DuplicateKey => None,
    }
}

/// The whole part of a number that is neither negative nor large.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, and is meant to cut"
)]
fn whole(number: f64) -> u32 {
    number as u32
}
