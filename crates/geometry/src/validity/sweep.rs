//! A proof that rings are valid: that no two edges have a point in common but neighbours their vertex, and that each ring lies
//! where it may. It takes n log n whatever the shape.
//!
//! Boxes tell little of long slanting edges: of a ragged ring each meets those of many others. Then a line is swept over
//! the plane (M. I. Shamos, D. Hoey, "Geometric intersection problems", 1976): of the edges under the line in their
//! order, only those next to each other need to be compared. The order is trusted only while each orientation is told by
//! doubles beyond doubt; whatever touches, crosses or comes close ends the proof, and the boxes decide.
//!
//! What bounds the time: n corners are sorted; each is placed among the edges under the line by halving, and makes the
//! line compare at most two pairs of neighbours. (Edges are moved to make room: at most [`BLOCK`] of them, and a list of
//! blocks once in many insertions, which counts from a hundred million vertices on.) Where a ring begins, the edge below
//! tells which ring is around it: that edge's own, where its inside is above the edge, else the one around that ring.

use std::cmp::Ordering;
use std::ops::Range;

use super::enclosure::Enclosures;
use super::orientation::beyond_doubt;
use super::planar::Xy;
use super::rings::Rings;
use super::segments::Segment;

/// With fewer vertices boxes are faster, whatever the shape.
const MANY_VERTICES: usize = 400;
/// Small rings are told apart by their boxes.
const LONG_RING: usize = 64;
/// Chains of so few edges are hardly better than the edges alone.
const SHORT_CHAIN: usize = 6;

/// Whether a sweep is likely to be faster than the boxes of chains.
pub(super) fn is_ragged(rings: &Rings) -> bool {
    let vertices = rings.vertices().len();
    vertices >= MANY_VERTICES
        && vertices >= rings.len() * LONG_RING
        && vertices < rings.chains().len() * SHORT_CHAIN
}

/// Whether validity is proved. `false` says nothing.
pub(super) fn proves_validity(rings: &Rings) -> bool {
    if (0..rings.len()).any(|ring| rings.is_thinned(ring)) {
        return false;
    }
    let vertices = rings.vertices();
    if !vertices
        .iter()
        .all(|vertex| is_plain(vertex.x) && is_plain(vertex.y))
    {
        return false;
    }
    let mut corners: Vec<Corner> = (0..rings.len())
        .flat_map(|ring| corners_of(rings.noded(ring)))
        .collect();
    corners.sort_unstable_by(|one, other| in_order(vertices[one.next], vertices[other.next]));
    if corners
        .windows(2)
        .any(|pair| vertices[pair[0].next] == vertices[pair[1].next])
    {
        return false;
    }
    let mut sweep = Sweep {
        vertices,
        under_line: Line::default(),
        enclosures: Enclosures::of(rings),
    };
    corners.iter().all(|&corner| sweep.pass(corner).is_some())
}

/// Whether products of differences neither overflow nor underflow. Where they do, GEOS takes edges for touching that are far
/// apart, and only a comparison of all pairs finds the same.
fn is_plain(ordinate: f64) -> bool {
    ordinate == 0.0 || (1e-60..1e60).contains(&ordinate.abs())
}

/// A vertex by the edges that meet there, each named by its first vertex.
#[derive(Debug, Clone, Copy)]
struct Corner {
    previous: usize,
    /// The edge that begins in the vertex, so the vertex too.
    next: usize,
}

fn corners_of(noded: Range<usize>) -> impl Iterator<Item = Corner> {
    let last = noded.end - 2;
    (noded.start..=last).map(move |next| Corner {
        previous: if next == noded.start { last } else { next - 1 },
        next,
    })
}

/// By X, and along a vertical by Y.
fn in_order(one: Xy, other: Xy) -> Ordering {
    let by = |a: f64, b: f64| a.partial_cmp(&b).unwrap_or(Ordering::Equal);
    by(one.x, other.x).then(by(one.y, other.y))
}

struct Sweep<'a> {
    vertices: &'a [Xy],
    under_line: Line,
    enclosures: Enclosures<'a>,
}

impl Sweep<'_> {
    /// Moves the line over a vertex; `None` when the proof fails.
    fn pass(&mut self, corner: Corner) -> Option<()> {
        let at = self.vertices[corner.next];
        let (a, b) = (corner.previous, corner.next);
        let place = self.place(at, corner)?;
        let below = self.under_line.before(place);
        match (self.segment(a).to == at, self.segment(b).to == at) {
            (false, false) => {
                let turn = beyond_doubt(at, self.segment(a).to, self.segment(b).to)?;
                let (low, high) = match turn {
                    Ordering::Greater => (a, b),
                    Ordering::Less => (b, a),
                    Ordering::Equal => return None,
                };
                self.check(below, Some(low))?;
                self.check(Some(high), self.under_line.get(place))?;
                self.under_line.insert(place, [low, high]);
                let below = below.map(|edge| (edge, self.heads_right(edge)));
                self.enclosures.begin(b, low == b, below)?;
            }
            (true, true) => {
                let first = self.under_line.remove(place)?;
                let second = self.under_line.remove(place)?;
                if (first, second) != (a, b) && (first, second) != (b, a) {
                    return None;
                }
                self.check(below, self.under_line.get(place))?;
            }
            (a_ends, _) => {
                let (ending, beginning) = if a_ends { (a, b) } else { (b, a) };
                if self.under_line.get(place) != Some(ending) {
                    return None;
                }
                self.under_line.replace(place, beginning);
                self.check(below, Some(beginning))?;
                self.check(Some(beginning), self.under_line.after(place))?;
            }
        }
        Some(())
    }

    /// The edge from left to right.
    fn segment(&self, edge: usize) -> Segment {
        let (from, to) = (self.vertices[edge], self.vertices[edge + 1]);
        match in_order(from, to) {
            Ordering::Greater => Segment { from: to, to: from },
            _ => Segment { from, to },
        }
    }

    fn heads_right(&self, edge: usize) -> bool {
        in_order(self.vertices[edge], self.vertices[edge + 1]).is_lt()
    }

    /// Where in the order the vertex is: after all edges that are below it.
    fn place(&self, at: Xy, corner: Corner) -> Option<Place> {
        let mut is_sure = true;
        let place = self.under_line.partition_point(|edge| {
            let Segment { from, to } = self.segment(edge);
            match beyond_doubt(from, to, at) {
                Some(Ordering::Greater) => true,
                Some(Ordering::Less) => false,
                side => {
                    let is_own = edge == corner.previous || edge == corner.next;
                    is_sure &= side.is_some() && is_own;
                    false
                }
            }
        });
        is_sure.then_some(place)
    }

    /// Fails where the two edges, being next to each other, are not surely apart.
    fn check(&self, low: Option<usize>, high: Option<usize>) -> Option<()> {
        let (Some(low), Some(high)) = (low, high) else {
            return Some(());
        };
        let (p, q) = (self.segment(low), self.segment(high));
        let side = |line: Segment, at: Xy| beyond_doubt(line.from, line.to, at).filter(|side| side.is_ne());
        // Vertices are all different, so a common one makes them neighbours in a ring.
        let is_apart = if p.from == q.from {
            side(p, q.to).is_some()
        } else if p.to == q.to {
            side(p, q.from).is_some()
        } else {
            let is_beside = |line: Segment, other: Segment| {
                let side_of_from = side(line, other.from);
                side_of_from.is_some() && side_of_from == side(line, other.to)
            };
            !p.bounds().meets(&q.bounds()) || is_beside(p, q) || is_beside(q, p)
        };
        is_apart.then_some(())
    }
}

/// Edges under the line from bottom to top, in blocks, so that inserting moves few.
#[derive(Default)]
struct Line {
    /// None is empty.
    blocks: Vec<Vec<usize>>,
}

const BLOCK: usize = 256;

/// A block and an index in it; at the end, that after the last of the last block.
#[derive(Debug, Clone, Copy)]
struct Place {
    block: usize,
    index: usize,
}

impl Line {
    fn partition_point(&self, mut is_below: impl FnMut(usize) -> bool) -> Place {
        let whole = self
            .blocks
            .partition_point(|block| block.last().is_some_and(|&last| is_below(last)));
        match self.blocks.get(whole) {
            Some(edges) => Place {
                block: whole,
                index: edges.partition_point(|&edge| is_below(edge)),
            },
            None => Place {
                block: whole.saturating_sub(1),
                index: self.blocks.last().map_or(0, Vec::len),
            },
        }
    }

    fn get(&self, place: Place) -> Option<usize> {
        let block = self.blocks.get(place.block)?;
        let next_block = || self.blocks.get(place.block + 1).and_then(|block| block.first());
        block.get(place.index).or_else(next_block).copied()
    }

    fn before(&self, place: Place) -> Option<usize> {
        match place.index.checked_sub(1) {
            Some(index) => self.blocks.get(place.block)?.get(index).copied(),
            None => self.blocks.get(place.block.checked_sub(1)?)?.last().copied(),
        }
    }

    fn after(&self, place: Place) -> Option<usize> {
        self.get(Place {
            index: place.index + 1,
            ..place
        })
    }

    fn replace(&mut self, place: Place, edge: usize) {
        if let Some(old) = self
            .blocks
            .get_mut(place.block)
            .and_then(|block| block.get_mut(place.index))
        {
            *old = edge;
        }
    }

    fn insert(&mut self, place: Place, edges: [usize; 2]) {
        let Some(block) = self.blocks.get_mut(place.block) else {
            self.blocks.push(edges.to_vec());
            return;
        };
        block.splice(place.index..place.index, edges);
        if block.len() > BLOCK {
            let upper = block.split_off(BLOCK / 2);
            self.blocks.insert(place.block + 1, upper);
        }
    }

    /// Takes out the edge at the place. A block that it empties goes too, and the place is then that of the block after it.
    fn remove(&mut self, place: Place) -> Option<usize> {
        let block = self.blocks.get(place.block)?;
        let (index, at) = if place.index < block.len() {
            (place.block, place.index)
        } else {
            (place.block + 1, 0)
        };
        let block = self.blocks.get_mut(index)?;
        let edge = block.remove(at);
        if block.is_empty() {
            self.blocks.remove(index);
        }
        Some(edge)
    }
}
