//! Random geometries that are near the edge between valid and invalid.

use rand::{Rng, RngExt as _};

use super::figure::{Figure, Ring};

/// One of many kinds, then perhaps spoilt.
pub(crate) fn figure(random: &mut impl Rng) -> Figure {
    let mut figure = match random.random_range(0..20) {
        0..4 => polygons(random, |random| vec![grid_ring(random)]),
        4..7 => polygons(random, grid_rings),
        7..10 => polygons(random, lattice_of_holes),
        10..12 => polygons(random, petals),
        12..14 => polygons(random, star_with_holes),
        14..16 => polygons(random, near_collinear),
        16 => Figure::Polygons(
            (0..random.random_range(2..5))
                .map(|_| boxes_in_boxes(random))
                .collect(),
        ),
        17 => Figure::Polygons(
            (0..random.random_range(2..9))
                .map(|_| lattice_cell(random))
                .collect(),
        ),
        18 => match random.random_range(0..4) {
            0 => Figure::Polygon(large_star(random)),
            _ => polygons(random, comb),
        },
        _ => others(random),
    };
    if random.random_bool(0.5) {
        spoil(random, &mut figure);
    }
    if random.random_bool(0.15) {
        rescale(random, &mut figure);
    }
    figure
}

/// One polygon or several.
fn polygons<R: Rng>(random: &mut R, polygon: impl Fn(&mut R) -> Vec<Ring>) -> Figure {
    match random.random_range(0..10) {
        0..7 => Figure::Polygon(polygon(random)),
        7..9 => Figure::Polygons((0..random.random_range(0..4)).map(|_| polygon(random)).collect()),
        _ => {
            let element = Figure::Polygon(polygon(random));
            Figure::Collection(vec![
                others(random),
                Figure::Polygons(vec![polygon(random)]),
                element,
            ])
        }
    }
}

fn others(random: &mut impl Rng) -> Figure {
    let mut line = |most: usize| -> Ring {
        (0..random.random_range(0..most))
            .map(|_| {
                [
                    f64::from(random.random_range(0..2)),
                    f64::from(random.random_range(0..2)),
                ]
            })
            .collect()
    };
    let lines = vec![line(4), line(3), line(5)];
    match random.random_range(0..3) {
        0 => Figure::Points(lines.concat()),
        1 => Figure::Lines(lines),
        _ => Figure::Collection(vec![Figure::Points(Vec::new()), Figure::Lines(lines)]),
    }
}

fn closed(mut ring: Ring) -> Ring {
    ring.extend(ring.first().copied());
    ring
}

fn grid_vertex(random: &mut impl Rng, size: i32) -> [f64; 2] {
    [
        f64::from(random.random_range(0..=size)),
        f64::from(random.random_range(0..=size)),
    ]
}

/// Vertices anywhere on a small grid: crossings, overlaps and touches of every kind.
fn grid_ring(random: &mut impl Rng) -> Ring {
    let size = random.random_range(1..8);
    let most = if random.random_bool(0.1) { 60 } else { 8 };
    closed(
        (0..random.random_range(3..most))
            .map(|_| grid_vertex(random, size))
            .collect(),
    )
}

/// Triangles and quadrilaterals on a grid inside a box, which is often left.
fn grid_rings(random: &mut impl Rng) -> Vec<Ring> {
    let size = random.random_range(3..12);
    let mut rings = vec![rectangle([0, 0, size, size], random.random_bool(0.5))];
    for _ in 0..random.random_range(1..5) {
        let corner = grid_vertex(random, size - 1);
        let mut near = || {
            let [dx, dy] = grid_vertex(random, 3);
            [
                (corner[0] + dx).min(f64::from(size)),
                (corner[1] + dy).min(f64::from(size)),
            ]
        };
        let ring = vec![near(), near(), near()];
        rings.push(closed(ring));
    }
    rings
}

/// With vertices at every integer on its edges, or only at its corners.
fn rectangle([min_x, min_y, max_x, max_y]: [i32; 4], all: bool) -> Ring {
    let step = |from: i32, to: i32| -> Vec<i32> {
        let vertices = (0..(to - from).abs()).map(|at| from + at * (to - from).signum());
        vertices.take(if all { usize::MAX } else { 1 }).collect()
    };
    let mut ring = Vec::new();
    ring.extend(step(min_x, max_x).into_iter().map(|x| [x, min_y]));
    ring.extend(step(min_y, max_y).into_iter().map(|y| [max_x, y]));
    ring.extend(step(max_x, min_x).into_iter().map(|x| [x, max_y]));
    ring.extend(step(max_y, min_y).into_iter().map(|y| [min_x, y]));
    closed(ring.into_iter().map(|at| at.map(f64::from)).collect())
}

/// Diamonds at random places of a lattice, so that neighbours touch each other and those at the border the shell:
/// chains, cycles and cuts.
fn lattice_of_holes(random: &mut impl Rng) -> Vec<Ring> {
    let (columns, rows) = (random.random_range(1..6), random.random_range(1..6));
    let density = random.random_range(0.1..0.9);
    let mut rings = vec![rectangle([0, 0, 2 * columns, 2 * rows], random.random_bool(0.5))];
    for column in 0..columns {
        for row in 0..rows {
            if !random.random_bool(density) {
                continue;
            }
            let (x, y) = (f64::from(2 * column + 1), f64::from(2 * row + 1));
            let mut diamond = vec![[x - 1.0, y], [x, y - 1.0], [x + 1.0, y], [x, y + 1.0]];
            if random.random_bool(0.3) {
                // Drawn back from some of its neighbours.
                diamond[random.random_range(0..4)] = [x + 0.25, y + 0.25];
            }
            diamond.rotate_left(random.random_range(0..4));
            rings.push(closed(diamond));
        }
    }
    rings
}

/// Triangles that meet in one point: as one ring, as holes, or as a shell and holes.
fn petals(random: &mut impl Rng) -> Vec<Ring> {
    let count = random.random_range(2..7);
    let centre = grid_vertex(random, 4);
    let mut petals: Vec<Ring> = (0..count)
        .map(|petal| {
            let at = |share: f64| {
                let turn = std::f64::consts::TAU * (f64::from(petal) + share) / f64::from(count);
                [
                    (centre[0] + 4.0 * turn.cos()).round(),
                    (centre[1] + 4.0 * turn.sin()).round(),
                ]
            };
            vec![centre, at(0.2), at(0.7)]
        })
        .collect();
    if random.random_bool(0.5) {
        let swapped = random.random_range(0..petals.len());
        petals.swap(0, swapped);
    }
    match random.random_range(0..3) {
        0 => vec![closed(petals.concat())],
        1 => {
            let mut rings = vec![rectangle([-8, -8, 12, 12], false)];
            rings.extend(petals.into_iter().map(closed));
            rings
        }
        _ => {
            // The shell goes through the point too.
            let mut rings = vec![closed(vec![
                centre,
                [20.0, -20.0],
                [20.0, 20.0],
                [-20.0, 20.0],
                [-20.0, -20.0],
            ])];
            rings.extend(petals.into_iter().map(closed));
            rings
        }
    }
}

/// A star of doubles with smaller stars as holes.
fn star_with_holes(random: &mut impl Rng) -> Vec<Ring> {
    let count = if random.random_bool(0.2) { 200 } else { 20 };
    let mut rings = vec![star(random, [0.0, 0.0], 10.0, count)];
    for _ in 0..random.random_range(0..4) {
        let centre = [random.random_range(-7.0..7.0), random.random_range(-7.0..7.0)];
        rings.push(star(random, centre, 1.5, 8));
    }
    if random.random_bool(0.2) {
        rings.truncate(1);
        let touching = rings[0][0];
        rings.push(closed(vec![touching, [0.0, 0.1], [0.1, 0.0]]));
    }
    rings
}

/// Ragged and long, mostly valid; now and then a vertex is on another edge, beyond it, or where another vertex is.
fn large_star(random: &mut impl Rng) -> Vec<Ring> {
    let mut ring = star(random, [0.0, 0.0], 10.0, 900);
    let count = ring.len() - 1;
    if count > 8 && random.random_bool(0.6) {
        let at = random.random_range(1..count);
        let other = (at + random.random_range(2..5)) % (count - 1);
        ring[at] = match random.random_range(0..3) {
            0 => ring[other],
            1 => on_edge(random, ring[other], ring[other + 1]),
            _ => ring[at].map(|ordinate| ordinate * 0.7),
        };
    }
    vec![ring]
}

fn star(random: &mut impl Rng, centre: [f64; 2], size: f64, most: u32) -> Ring {
    let count = random.random_range(3..most);
    let vertices = (0..count).map(|index| {
        let turn = std::f64::consts::TAU * f64::from(index) / f64::from(count);
        let radius = size * random.random_range(0.6..1.0);
        [centre[0] + radius * turn.cos(), centre[1] + radius * turn.sin()]
    });
    closed(vertices.collect())
}

/// Vertices on or a few units in the last place beside the edges of a triangle.
fn near_collinear(random: &mut impl Rng) -> Vec<Ring> {
    let mut corner = || [random.random_range(-1.0..1.0), random.random_range(-1.0..1.0)];
    let corners: [[f64; 2]; 3] = [corner(), corner(), corner()];
    let on_edge = |random: &mut _, edge: usize| on_edge(random, corners[edge], corners[(edge + 1) % 3]);
    let mut shell = Vec::new();
    for (edge, &corner) in corners.iter().enumerate() {
        shell.push(corner);
        shell.extend((0..2).map(|_| on_edge(random, edge)));
    }
    let mut rings = vec![closed(shell)];
    for edge in 0..random.random_range(0..3) {
        let hole = vec![
            on_edge(random, edge),
            on_edge(random, (edge + 1) % 3),
            on_edge(random, (edge + 2) % 3),
        ];
        rings.push(closed(hole));
    }
    rings
}

fn on_edge(random: &mut impl Rng, from: [f64; 2], to: [f64; 2]) -> [f64; 2] {
    let share = random.random::<f64>();
    [0, 1].map(|axis| {
        let exact = from[axis] + (to[axis] - from[axis]) * share;
        f64::from_bits(exact.to_bits().wrapping_add_signed(random.random_range(-2..3)))
    })
}

/// A box, perhaps with a hole, in which the next polygon may lie or which it may touch.
fn boxes_in_boxes(random: &mut impl Rng) -> Vec<Ring> {
    let margin = random.random_range(0..6);
    let all = random.random_bool(0.5);
    let mut rings = vec![rectangle([margin, margin, 20 - margin, 20 - margin], all)];
    if random.random_bool(0.7) {
        let margin = margin + random.random_range(0..3);
        let mut hole = rectangle([margin, margin, 20 - margin, 20 - margin], all);
        if random.random_bool(0.5) {
            // A diamond, whose corners touch the box of that margin.
            hole = closed(vec![
                [f64::from(margin), 10.0],
                [10.0, f64::from(margin)],
                [f64::from(20 - margin), 10.0],
                [10.0, f64::from(20 - margin)],
            ]);
        }
        rings.push(hole);
    }
    rings
}

/// Boxes and triangles of a lattice, which share corners and edges.
fn lattice_cell(random: &mut impl Rng) -> Vec<Ring> {
    let [x, y] = [random.random_range(0..6), random.random_range(0..6)];
    let mut ring = rectangle([x, y, x + 1, y + 1], false);
    if random.random_bool(0.3) {
        ring.remove(1);
    }
    vec![ring]
}

/// A comb whose teeth may touch or cross its back.
fn comb(random: &mut impl Rng) -> Vec<Ring> {
    let teeth = random.random_range(2..40);
    let mut ring = vec![[f64::from(2 * teeth), 10.0], [-1.0, 10.0]];
    for tooth in 0..teeth {
        let depth = if random.random_bool(0.02) {
            10.0
        } else {
            random.random_range(1.0..9.0)
        };
        let root = if random.random_bool(0.9) {
            0.0
        } else {
            random.random_range(-1.0..9.0)
        };
        ring.push([f64::from(2 * tooth), root]);
        ring.push([f64::from(2 * tooth + 1), depth]);
    }
    vec![closed(ring)]
}

/// Repeats, spikes, snaps to other vertices or edges, and now and then what no ring may have.
fn spoil(random: &mut impl Rng, figure: &mut Figure) {
    let mut all = Vec::new();
    figure.each_ring(&mut |ring| all.extend(ring.windows(2).map(|edge| (edge[0], edge[1]))));
    let kind = random.random_range(0..60);
    figure.each_ring(&mut |ring| {
        if ring.len() < 4 || random.random_bool(0.5) {
            return;
        }
        let open = ring.len() - 1;
        let at = random.random_range(0..open);
        let (from, to) = all[random.random_range(0..all.len())];
        match kind {
            0..10 => {
                ring.pop();
                ring.rotate_left(at);
                ring.extend(ring.first().copied());
            }
            10..16 => ring.reverse(),
            16..24 => ring.insert(at + 1, ring[at]),
            24..30 => {
                ring.insert(at + 1, to);
                ring.insert(at + 2, ring[at]);
            }
            30..36 if at > 0 => ring[at] = from,
            36..42 if at > 0 => ring[at] = on_edge(random, from, to),
            42..46 if at > 0 => ring[at] = [0, 1].map(|axis| from[axis].midpoint(to[axis])),
            46..50 => {
                ring.pop();
                ring.rotate_left(at);
                ring.insert(0, ring[0]);
                ring.extend(ring.first().copied());
            }
            50 if at > 0 => ring[at][usize::from(random.random_bool(0.5))] = f64::NAN,
            51 if at > 0 => ring[at][usize::from(random.random_bool(0.5))] = f64::INFINITY,
            52 => ring[0] = [-7.5, 3.25],
            53 => ring.truncate(at),
            54 => {
                ring.truncate(at + 1);
                ring.extend(ring.first().copied());
            }
            55 => ring.clear(),
            56 => *ring = vec![ring[0]; random.random_range(1..6)],
            _ => {}
        }
    });
}

/// Coordinates at the ends of what a double holds, or a few of them there.
fn rescale(random: &mut impl Rng, figure: &mut Figure) {
    const FACTORS: [f64; 9] = [1e-300, 1e-308, 1e-323, 1e-160, 1e-100, 1e100, 1e154, 1e300, 1e306];
    let factor = FACTORS[random.random_range(0..FACTORS.len())];
    let some_only = random.random_bool(0.4);
    let pattern: u64 = random.random();
    let chosen = |vertex: [f64; 2]| {
        // The same vertex is chosen wherever it occurs.
        let hash =
            vertex[0].to_bits().wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ vertex[1].to_bits().rotate_left(17);
        !some_only || (hash ^ pattern).count_ones().is_multiple_of(3)
    };
    figure.each_ring(&mut |ring| {
        for vertex in ring {
            if chosen(*vertex) {
                *vertex = vertex.map(|ordinate| ordinate * factor);
            }
        }
    });
}
