//! The centroid as PostGIS computes it, to the last bit: in the order and by the operations of GEOS.
//!
//! Areas count, each triangle from one vertex to an edge by its size; without any area lengths, without any length points.
//! So of a collection only what has the highest dimension counts, and what is degenerate counts as what it looks like.

use crate::validity::{Xy, is_counterclockwise};
use crate::view::LineString;

/// Sums over everything that was added.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Centroid {
    /// The corner that all triangles of a polygon share: the first vertex of its shell.
    base: Xy,
    /// Twice the area.
    area: f64,
    /// Six times the moments.
    by_area: Moments,
    length: f64,
    by_length: Moments,
    points: f64,
    by_points: Moments,
}

#[derive(Debug, Clone, Copy)]
struct Moments {
    x: f64,
    y: f64,
}

impl Moments {
    const ZERO: Self = Self { x: 0.0, y: 0.0 };

    fn add(&mut self, weight: f64, x: f64, y: f64) {
        self.x += weight * x;
        self.y += weight * y;
    }
}

impl Centroid {
    pub(crate) const NOTHING: Self = Self {
        base: Xy { x: 0.0, y: 0.0 },
        area: 0.0,
        by_area: Moments::ZERO,
        length: 0.0,
        by_length: Moments::ZERO,
        points: 0.0,
        by_points: Moments::ZERO,
    };

    pub(crate) fn add_point(&mut self, at: Xy) {
        self.points += 1.0;
        self.by_points.add(1.0, at.x, at.y);
    }

    pub(crate) fn add_line(&mut self, line: &LineString<'_>) {
        self.add_edges(line.xys());
    }

    /// The first ring of a polygon is its shell. A ring that is not closed counts as if it were.
    pub(crate) fn add_ring(&mut self, ring: &LineString<'_>, is_shell: bool) {
        let (Some(first), Some(last)) = (ring.xys().next(), ring.xys().next_back()) else {
            return;
        };
        if is_shell {
            self.base = first;
        }
        let (edges, closing) = if first == last {
            (ring.len() - 1, None)
        } else {
            (ring.len(), Some(first))
        };
        // A ring that is too short is filled up with its first vertex.
        let vertex = |index: usize| if index < edges { ring.xy(index) } else { first };
        let is_positive = is_counterclockwise(edges.max(3), vertex) != is_shell;
        self.add_triangles(ring.xys().chain(closing), if is_positive { 1.0 } else { -1.0 });
        self.add_edges(ring.xys().chain(closing));
    }

    fn add_triangles(&mut self, mut vertices: impl Iterator<Item = Xy>, sign: f64) {
        let (Some(mut from), base) = (vertices.next(), self.base) else {
            return;
        };
        for to in vertices {
            let area = sign * ((from.x - base.x) * (to.y - base.y) - (to.x - base.x) * (from.y - base.y));
            self.by_area
                .add(area, base.x + from.x + to.x, base.y + from.y + to.y);
            self.area += area;
            from = to;
        }
    }

    /// Edges that follow each other; a point, if they have no length.
    #[expect(
        clippy::manual_midpoint,
        reason = "the sum is GEOS' to the last bit, also where it overflows"
    )]
    fn add_edges(&mut self, mut vertices: impl Iterator<Item = Xy>) {
        let Some(first) = vertices.next() else { return };
        let (mut from, mut length) = (first, 0.0);
        for to in vertices {
            let of_edge = from.distance_squared(to).sqrt();
            if of_edge > 0.0 {
                length += of_edge;
                self.by_length
                    .add(of_edge, (from.x + to.x) / 2.0, (from.y + to.y) / 2.0);
            }
            from = to;
        }
        self.length += length;
        if length == 0.0 {
            self.add_point(first);
        }
    }

    /// `None` for nothing, and where a sum has left the range of a double.
    pub(crate) fn get(&self) -> Option<[f64; 2]> {
        let at = if self.area.abs() > 0.0 {
            [self.by_area.x, self.by_area.y].map(|moment| moment / 3.0 / self.area)
        } else if self.length > 0.0 {
            [self.by_length.x, self.by_length.y].map(|moment| moment / self.length)
        } else {
            [self.by_points.x, self.by_points.y].map(|moment| moment / self.points)
        };
        Some(at).filter(|at| at.iter().all(|ordinate| ordinate.is_finite()))
    }
}
