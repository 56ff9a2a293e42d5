//! Geometries to look at: as GeoJSON holds them, and small enough to be opened.

use cutover_geometry::{Coord, Ewkb, Primitive};
use geo::Point;
use serde_json::{Value, json};

/// Geometries with more vertices are thinned.
const MAX_VERTICES: usize = 2000;

/// This many edges nearest to the place are kept when a geometry is thinned.
const NEAREST: usize = 16;

/// A ring that has to be shown keeps about this many vertices at least.
const FEWEST_OF_RING: usize = 8;

/// An offending geometry, flattened to points, lines and polygons, each vertex X and Y.
///
/// Of a geometry with more than 2,000 vertices every n-th vertex of each line and ring is shown, and the 16 edges nearest to
/// the place; lines and rings that are too short for that are left out, unless one of these edges is theirs. Where
/// that leaves nothing, the first 2,000 vertices are shown.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::preflight) struct Sketch {
    points: Vec<[f64; 2]>,
    lines: Vec<Vec<[f64; 2]>>,
    polygons: Vec<Vec<Vec<[f64; 2]>>>,
    vertices: usize,
    way: Way,
}

/// How much of the geometry is shown.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
enum Way {
    #[default]
    Whole,
    Thinned {
        every: usize,
    },
    Cut,
}

impl Sketch {
    /// `None` where there is nothing to draw: no vertex, or one that is not finite.
    pub(in crate::preflight) fn of(value: &Ewkb<'_>, place: Option<Point<f64>>) -> Option<Self> {
        let facts = value.facts();
        if facts.vertices == 0 || facts.non_finite.count > 0 {
            return None;
        }
        let figures: Vec<Figure> = value.primitives().map(Figure::of).collect();
        let every = facts.vertices.div_ceil(MAX_VERTICES);
        let mut sketch = Self {
            vertices: facts.vertices,
            ..Self::default()
        };
        if every == 1 {
            for figure in figures {
                sketch.add(figure);
            }
            return Some(sketch);
        }
        sketch.way = Way::Thinned { every };
        let near = place.map_or_else(Vec::new, |place| nearest_edges(&figures, place));
        for (number, figure) in figures.iter().enumerate() {
            let near: Vec<&Edge> = near.iter().filter(|edge| edge.figure == number).collect();
            if let Some(thinned) = figure.thinned(number, every, &near) {
                sketch.add(thinned);
            }
        }
        if sketch.shown() == 0 {
            sketch.way = Way::Cut;
            for figure in figures {
                if sketch.shown() + figure.vertices() > MAX_VERTICES && sketch.shown() > 0 {
                    break;
                }
                sketch.add(figure);
            }
        }
        Some(sketch)
    }

    /// Rings that GeoJSON cannot hold, open or of fewer than four vertices, are drawn as lines, and lines of one vertex
    /// as points.
    fn add(&mut self, figure: Figure) {
        match figure.kind {
            Kind::Point => self.points.extend(figure.paths.into_iter().flatten()),
            Kind::Polygon if figure.paths.iter().all(|ring| is_ring(ring)) => {
                self.polygons.push(figure.paths);
            }
            Kind::Line | Kind::Polygon => {
                for path in figure.paths {
                    match path.len() {
                        0 | 1 => self.points.extend(path),
                        _ => self.lines.push(path),
                    }
                }
            }
        }
    }

    /// Vertices shown.
    fn shown(&self) -> usize {
        let rings = self.polygons.iter().flatten();
        self.points.len() + self.lines.iter().chain(rings).map(Vec::len).sum::<usize>()
    }

    /// What is left out, in words; `None` where nothing is.
    pub(in crate::preflight) fn omission(&self) -> Option<String> {
        let (shown, vertices) = (self.shown(), self.vertices);
        match self.way {
            Way::Whole => None,
            Way::Thinned { every } => Some(format!(
                "thinned from {vertices} vertices to {shown}: one in {every} of each line and ring, and the edges nearest to \
                 the place; lines and rings too short for that are left out"
            )),
            Way::Cut => Some(format!("cut: the first {shown} of {vertices} vertices")),
        }
    }

    /// The GeoJSON geometry.
    pub(in crate::preflight) fn to_geojson(&self) -> Value {
        let mut kinds = Vec::new();
        match &self.points[..] {
            [] => {}
            [point] => kinds.push(json!({ "type": "Point", "coordinates": point })),
            points => kinds.push(json!({ "type": "MultiPoint", "coordinates": points })),
        }
        match &self.lines[..] {
            [] => {}
            [line] => kinds.push(json!({ "type": "LineString", "coordinates": line })),
            lines => kinds.push(json!({ "type": "MultiLineString", "coordinates": lines })),
        }
        match &self.polygons[..] {
            [] => {}
            [polygon] => kinds.push(json!({ "type": "Polygon", "coordinates": polygon })),
            polygons => kinds.push(json!({ "type": "MultiPolygon", "coordinates": polygons })),
        }
        match kinds.len() {
            1 => kinds.remove(0),
            _ => json!({ "type": "GeometryCollection", "geometries": kinds }),
        }
    }
}

fn is_ring(path: &[[f64; 2]]) -> bool {
    path.len() >= 4 && path.first() == path.last()
}

/// A point, line or polygon, as its vertices.
#[derive(Debug)]
struct Figure {
    kind: Kind,
    /// One of a point or line, and the rings of a polygon.
    paths: Vec<Vec<[f64; 2]>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Point,
    Line,
    Polygon,
}

impl Figure {
    fn of(primitive: Primitive<'_>) -> Self {
        let xy = |vertex: Coord| [vertex.x, vertex.y];
        match primitive {
            Primitive::Point(point) => Self {
                kind: Kind::Point,
                paths: vec![point.coord().map(xy).into_iter().collect()],
            },
            Primitive::LineString(line) => Self {
                kind: Kind::Line,
                paths: vec![line.coords().map(xy).collect()],
            },
            Primitive::Polygon(polygon) => Self {
                kind: Kind::Polygon,
                paths: polygon
                    .rings()
                    .map(|ring| ring.coords().map(xy).collect())
                    .collect(),
            },
        }
    }

    fn vertices(&self) -> usize {
        self.paths.iter().map(Vec::len).sum()
    }

    /// What is left of it, as the `number`th figure; `None` where that is nothing.
    fn thinned(&self, number: usize, every: usize, near: &[&Edge]) -> Option<Self> {
        let near_path = |path: usize| {
            near.iter()
                .filter(move |edge| edge.path == path)
                .map(|edge| edge.from)
        };
        let thin = |path: usize, every: usize| thinned(&self.paths[path], every, near_path(path));
        let paths = match self.kind {
            Kind::Point if number.is_multiple_of(every) || !near.is_empty() => self.paths.clone(),
            Kind::Line if self.vertices() >= every || !near.is_empty() => vec![thin(0, every)],
            Kind::Point | Kind::Line => return None,
            Kind::Polygon => {
                let finely = |path: usize| thin(path, every.min(self.paths[path].len() / FEWEST_OF_RING));
                let is_large = |path: usize| self.paths[path].len() / every >= 3;
                let hole = |path: usize| {
                    let is_near = near_path(path).next().is_some();
                    (is_near || is_large(path)).then(|| finely(path))
                };
                let holes: Vec<_> = (1..self.paths.len()).filter_map(hole).collect();
                if self.paths.is_empty() || (holes.is_empty() && near.is_empty() && !is_large(0)) {
                    return None;
                }
                std::iter::once(finely(0)).chain(holes).collect()
            }
        };
        Some(Self {
            kind: self.kind,
            paths,
        })
    }
}

/// Every so many vertices of a path, its first and last, and both ends of the edges that begin at `near`.
fn thinned(path: &[[f64; 2]], every: usize, near: impl Iterator<Item = usize>) -> Vec<[f64; 2]> {
    let last = path.len().saturating_sub(1);
    let mut kept: Vec<usize> = (0..path.len()).step_by(every.max(1)).collect();
    kept.extend(near.flat_map(|from| [from, from + 1]));
    kept.push(last);
    kept.sort_unstable();
    kept.dedup();
    kept.into_iter()
        .filter_map(|index| path.get(index).copied())
        .collect()
}

/// An edge, or a point of a multi-point.
#[derive(Debug, Clone, Copy)]
struct Edge {
    /// Square of the distance from the place.
    distance: f64,
    figure: usize,
    path: usize,
    /// The vertex that it begins at.
    from: usize,
}

fn nearest_edges(figures: &[Figure], place: Point<f64>) -> Vec<Edge> {
    let mut nearest: Vec<Edge> = Vec::with_capacity(NEAREST + 1);
    for (figure, Figure { paths, .. }) in figures.iter().enumerate() {
        for (path, vertices) in paths.iter().enumerate() {
            for from in 0..vertices.len() {
                let to = vertices[(from + 1).min(vertices.len() - 1)];
                let distance = squared_distance(place, vertices[from], to);
                let position = nearest.partition_point(|edge| edge.distance <= distance);
                if position < NEAREST {
                    nearest.insert(
                        position,
                        Edge {
                            distance,
                            figure,
                            path,
                            from,
                        },
                    );
                    nearest.truncate(NEAREST);
                }
            }
        }
    }
    nearest
}

/// Of a place from an edge.
fn squared_distance(place: Point<f64>, from: [f64; 2], to: [f64; 2]) -> f64 {
    let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
    let (px, py) = (place.x() - from[0], place.y() - from[1]);
    let length = dx * dx + dy * dy;
    let along = if length > 0.0 {
        ((px * dx + py * dy) / length).clamp(0.0, 1.0)
    } else {
        0.0
    };
    let (x, y) = (px - along * dx, py - along * dy);
    x * x + y * y
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "vertices are kept as they are")]
mod tests {
    use cutover_geometry::encode_geo;
    use geo::{Geometry, LineString, MultiPolygon, Polygon};

    use super::*;

    fn sketch(geometry: impl Into<Geometry>, place: Option<(f64, f64)>) -> Sketch {
        let bytes = encode_geo(&geometry.into(), None).unwrap();
        Sketch::of(&Ewkb::parse(&bytes).unwrap(), place.map(Point::from)).unwrap()
    }

    /// A ring of so many edges around the origin.
    fn circle(edges: u32) -> Vec<(f64, f64)> {
        let vertex = |n: u32| (std::f64::consts::TAU * f64::from(n % edges) / f64::from(edges)).sin_cos();
        (0..=edges).map(vertex).collect()
    }

    #[test]
    fn what_is_small_is_shown_whole() {
        let square = vec![(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 0.0)];
        let whole = sketch(Polygon::new(square.into(), Vec::new()), None);
        assert_eq!(whole.omission(), None);
        assert_eq!(
            whole.to_geojson(),
            json!({ "type": "Polygon", "coordinates": [[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]] })
        );
    }

    #[test]
    fn what_is_large_is_thinned_but_for_the_place() {
        let vertices = circle(100_000);
        let (near, next) = (vertices[33_333], vertices[33_334]);
        let thinned = sketch(Polygon::new(vertices.into(), Vec::new()), Some(near));
        let ring = &thinned.polygons[0][0];
        assert!(is_ring(ring) && ring.len() < 2100, "{}", ring.len());
        let at = ring
            .iter()
            .position(|vertex| *vertex == [near.0, near.1])
            .unwrap();
        assert_eq!(ring[at + 1], [next.0, next.1]);
        assert!(thinned.omission().unwrap().contains("from 100001 vertices"));
    }

    #[test]
    fn of_many_small_parts_those_at_the_place_are_shown_else_the_first() {
        let square = |x: f64| {
            let ring = vec![(x, 0.0), (x + 0.5, 0.0), (x + 0.5, 1.0), (x, 1.0), (x, 0.0)];
            Polygon::new(ring.into(), Vec::new())
        };
        let parts = MultiPolygon::new((0..50_000).map(|x| square(f64::from(x))).collect());
        let at_place = sketch(parts.clone(), Some((700.25, 0.5)));
        assert!(at_place.polygons.len() <= 16, "{}", at_place.polygons.len());
        assert!(
            at_place
                .polygons
                .iter()
                .any(|polygon| polygon[0][0] == [700.0, 0.0])
        );
        let first = sketch(parts, None);
        assert_eq!(first.polygons.len(), 400);
        assert_eq!(
            first.omission().unwrap(),
            "cut: the first 2000 of 250000 vertices"
        );
    }

    #[test]
    fn a_large_hole_keeps_its_small_shell() {
        let shell = vec![(-2.0, -2.0), (2.0, -2.0), (2.0, 2.0), (-2.0, 2.0), (-2.0, -2.0)];
        let thinned = sketch(Polygon::new(shell.into(), vec![circle(9_999).into()]), None);
        assert_eq!(thinned.polygons[0][0].len(), 5);
        assert_eq!(thinned.polygons[0][1].len(), 1668);
    }

    #[test]
    fn what_geojson_cannot_hold_is_drawn_as_lines_and_points() {
        // An open ring, as PostGIS does not store it, and a line of one vertex, as it does.
        let mut shown = Sketch::default();
        let open = vec![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]];
        shown.add(Figure {
            kind: Kind::Polygon,
            paths: vec![open.clone()],
        });
        shown.add(Figure {
            kind: Kind::Line,
            paths: vec![vec![[7.0, 8.0]]],
        });
        assert_eq!(
            (&shown.lines[..], &shown.points[..]),
            (&[open][..], &[[7.0, 8.0]][..])
        );
        assert_eq!(shown.to_geojson()["type"], "GeometryCollection");
    }

    #[test]
    fn nothing_is_drawn_of_what_is_not_finite() {
        let bytes = encode_geo(&LineString::from(vec![(0.0, 0.0), (f64::NAN, 1.0)]).into(), None).unwrap();
        assert_eq!(Sketch::of(&Ewkb::parse(&bytes).unwrap(), None), None);
    }
}
