//! Rings cut into monotone chains: runs of edges that all head for the same quadrant.
//!
//! The box around a chain, or any part of it, is that around its two ends, and edges of one chain never meet but in
//! the vertices they share. So two chains are searched for edges that meet by halving, and one chain for the edges
//! at a place.

use std::ops::Range;

use super::planar::{Bounds, Xy};

/// Consecutive edges of a ring; `vertices` are indexes into those of all rings.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    pub(super) first: usize,
    /// The chain's last vertex, which is the first of the next chain.
    pub(super) last: usize,
    pub(super) ring: usize,
}

/// Appends the chains of the ring whose vertices are `noded`, the last of them equal to the first. Vertices that follow each
/// other are different.
pub(super) fn append_chains(vertices: &[Xy], noded: &Range<usize>, ring: usize, chains: &mut Vec<Chain>) {
    let mut append = |first: usize, last: usize| {
        chains.push(Chain { first, last, ring });
    };
    let mut first = noded.start;
    let mut heading = None;
    for (at, edge) in (noded.start..).zip(vertices[noded.clone()].windows(2)) {
        let quadrant = (edge[1].x >= edge[0].x, edge[1].y >= edge[0].y);
        match heading {
            Some(heading) if heading != quadrant => {
                append(first, at);
                first = at;
            }
            _ => {}
        }
        heading = Some(quadrant);
    }
    append(first, noded.end - 1);
}

impl Chain {
    /// The box around all edges.
    #[inline]
    pub(super) fn bounds(&self, vertices: &[Xy]) -> Bounds {
        Bounds::around(vertices[self.first], vertices[self.last])
    }

    /// The edges, by their first vertex, whose Y span `y`.
    pub(super) fn edges_at_y(&self, vertices: &[Xy], y: f64) -> Range<usize> {
        self.edges_at(vertices, y, |vertex| vertex.y)
    }

    /// The edges, by their first vertex, whose boxes contain the place.
    pub(super) fn edges_around(&self, vertices: &[Xy], at: Xy) -> Range<usize> {
        let by_x = self.edges_at(vertices, at.x, |vertex| vertex.x);
        let by_y = self.edges_at_y(vertices, at.y);
        by_x.start.max(by_y.start)..by_x.end.min(by_y.end)
    }

    fn edges_at(&self, vertices: &[Xy], value: f64, ordinate: impl Fn(&Xy) -> f64) -> Range<usize> {
        let vertices = &vertices[self.first..=self.last];
        let rises = ordinate(&vertices[0]) <= ordinate(&vertices[vertices.len() - 1]);
        let (before, beyond) = if rises {
            (
                vertices.partition_point(|vertex| ordinate(vertex) < value),
                vertices.partition_point(|vertex| ordinate(vertex) <= value),
            )
        } else {
            (
                vertices.partition_point(|vertex| ordinate(vertex) > value),
                vertices.partition_point(|vertex| ordinate(vertex) >= value),
            )
        };
        if before == vertices.len() || beyond == 0 {
            return 0..0;
        }
        self.first + before.saturating_sub(1)..self.first + beyond.min(vertices.len() - 1)
    }
}
