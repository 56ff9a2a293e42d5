//! Whether a place is inside a ring or a polygon, on its edge, or outside.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::{ControlFlow, Range};

use super::chains::Chain;
use super::corner::{Corner, Undecided};
use super::orientation::{is_counterclockwise, orientation};
use super::planar::{Bounds, Xy};
use super::rings::Rings;
use super::segments::Segment;
use super::tree::Tree;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Location {
    Outside,
    Boundary,
    Inside,
}

/// Rings that are asked often, or have many chains, get a tree of their chains.
const CHAINS_WORTH_A_TREE: usize = 32;
const QUESTIONS_WORTH_A_TREE: usize = 4;

/// Answers where places lie in respect of the rings of one geometry.
pub(super) struct Locator<'a> {
    rings: &'a Rings,
    /// By the first and the last of the rings asked for.
    indexes: HashMap<(usize, usize), Index>,
    counterclockwise: HashMap<usize, bool>,
    /// Boxes looked at.
    steps: usize,
}

#[derive(Default)]
struct Index {
    questions: usize,
    tree: Option<Tree>,
}

impl Index {
    /// Counts the question.
    fn is_worth_a_tree(&mut self) -> bool {
        self.questions += 1;
        self.questions >= QUESTIONS_WORTH_A_TREE
    }
}

impl<'a> Locator<'a> {
    pub(super) fn new(rings: &'a Rings) -> Self {
        Self {
            rings,
            indexes: HashMap::new(),
            counterclockwise: HashMap::new(),
            steps: 0,
        }
    }

    /// How many boxes were looked at since this was asked last.
    pub(super) fn take_steps(&mut self) -> usize {
        std::mem::take(&mut self.steps)
    }

    /// Of `at` in respect of the area that these rings bound, of which one follows the other.
    pub(super) fn locate(&mut self, at: Xy, rings: Range<usize>) -> Location {
        let mut ray = Ray {
            at,
            crossings: 0,
            is_on_edge: false,
        };
        if rings.clone().any(|ring| self.rings.is_thinned(ring)) {
            for ring in rings {
                for edge in self.rings.given(ring).windows(2) {
                    ray.count(edge[0], edge[1]);
                }
            }
            return ray.location();
        }
        let reached = Bounds {
            min: at,
            max: Xy {
                x: f64::INFINITY,
                y: at.y,
            },
        };
        let vertices = self.rings.vertices();
        self.chains_meeting(rings, &reached, |chain| ray.count_chain(vertices, chain));
        ray.location()
    }

    /// Whether ring `inner` lies in ring `outer`, given that they do not cross: its first vertex tells, and where that
    /// is on the edge, the way it takes from there.
    pub(super) fn is_nested(&mut self, inner: usize, outer: usize) -> Result<bool, Undecided> {
        let vertices = self.rings.given(inner);
        let start = vertices[0];
        match self.locate(start, outer..outer + 1) {
            Location::Outside => Ok(false),
            Location::Inside => Ok(true),
            Location::Boundary => {
                let next = vertices
                    .iter()
                    .copied()
                    .find(|&vertex| vertex != start)
                    .ok_or(Undecided)?;
                let mut corner = self.corner(outer, start)?;
                if self.is_counterclockwise(outer) {
                    std::mem::swap(&mut corner.before, &mut corner.after);
                }
                corner.has_on_right(next)
            }
        }
    }

    /// Of a ring of at least four vertices.
    pub(super) fn is_counterclockwise(&mut self, ring: usize) -> bool {
        let rings = self.rings;
        let is_known = self.counterclockwise.entry(ring);
        *is_known.or_insert_with(|| {
            let vertices = rings.given(ring);
            is_counterclockwise(vertices.len() - 1, |index| vertices[index])
        })
    }

    /// The ring's way through a place on it, the first time it passes there.
    fn corner(&mut self, ring: usize, at: Xy) -> Result<Corner, Undecided> {
        let (vertices, edge) = self.first_edge_at(ring, at).ok_or(Undecided)?;
        let last = vertices.len() - 1;
        // An end of the edge may be the place itself, and so may be vertices around it.
        let mut backward = (0..=edge).rev().chain((edge + 1..last).rev());
        let before = backward.find(|&index| vertices[index] != at).ok_or(Undecided)?;
        let mut forward = (edge + 1..=last).chain(0..=edge);
        let after = forward.find(|&index| vertices[index] != at).ok_or(Undecided)?;
        Ok(Corner {
            at,
            before: vertices[before],
            after: vertices[after],
        })
    }

    /// The vertices of the ring and the first edge among them that contains the place; the edge after it where the place
    /// is the last vertex of that one.
    fn first_edge_at(&mut self, ring: usize, at: Xy) -> Option<(&'a [Xy], usize)> {
        let contains = |vertices: &[Xy], edge: usize| {
            let segment = Segment {
                from: vertices[edge],
                to: vertices[edge + 1],
            };
            segment.contains(at)
        };
        let rings = self.rings;
        let (vertices, edge) = if rings.is_thinned(ring) {
            let given = rings.given(ring);
            (given, (0..given.len() - 1).find(|&edge| contains(given, edge))?)
        } else {
            let (all, noded) = (rings.vertices(), rings.noded(ring));
            let mut first: Option<usize> = None;
            self.chains_meeting(ring..ring + 1, &Bounds { min: at, max: at }, |chain| {
                let found = chain.edges_around(all, at).find(|&edge| contains(all, edge));
                first = first.into_iter().chain(found).min();
            });
            (&all[noded.clone()], first? - noded.start)
        };
        Some((vertices, edge + usize::from(vertices[edge + 1] == at)))
    }

    /// Visits the chains of these rings whose boxes meet `bounds`.
    fn chains_meeting(&mut self, rings: Range<usize>, bounds: &Bounds, mut visit: impl FnMut(&Chain)) {
        let chains = self.rings.chains_of(rings.start).start..self.rings.chains_of(rings.end - 1).end;
        let (all, vertices) = (self.rings.chains(), self.rings.vertices());
        let index = (chains.len() >= CHAINS_WORTH_A_TREE)
            .then(|| self.indexes.entry((rings.start, rings.end)).or_default())
            .and_then(|index| index.is_worth_a_tree().then_some(index));
        let Some(index) = index else {
            self.steps += chains.len();
            all[chains]
                .iter()
                .filter(|chain| chain.bounds(vertices).meets(bounds))
                .for_each(visit);
            return;
        };
        let tree = index.tree.get_or_insert_with(|| {
            let mut tree = Tree::default();
            tree.build(
                chains.start,
                all[chains].iter().map(|chain| chain.bounds(vertices)),
            );
            tree
        });
        let meets = |node: &Bounds| {
            let meets = node.meets(bounds);
            self.steps += usize::from(meets);
            meets
        };
        let _all_of_them: ControlFlow<()> = tree.visit(meets, 0, |chain| {
            visit(&all[chain]);
            ControlFlow::Continue(())
        });
    }
}

/// Counts the edges that a ray from a place in the direction of X crosses: an odd number from inside.
struct Ray {
    at: Xy,
    crossings: usize,
    is_on_edge: bool,
}

impl Ray {
    fn location(&self) -> Location {
        match self.crossings % 2 {
            _ if self.is_on_edge => Location::Boundary,
            0 => Location::Outside,
            _ => Location::Inside,
        }
    }

    /// Of the chain's edges at the height of the ray, those along it are met together.
    fn count_chain(&mut self, vertices: &[Xy], chain: &Chain) {
        let edges = chain.edges_at_y(vertices, self.at.y);
        let Some(last) = edges.clone().last() else { return };
        self.count(vertices[edges.start], vertices[edges.start + 1]);
        if last > edges.start {
            self.count(vertices[last], vertices[last + 1]);
            let between = Bounds::around(vertices[edges.start + 1], vertices[last]);
            self.is_on_edge |= between.contains(self.at);
        }
    }

    /// An edge contains its lower end and not its upper one, so that a vertex is not counted twice.
    #[expect(clippy::float_cmp, reason = "on the ray means exactly on it")]
    fn count(&mut self, from: Xy, to: Xy) {
        let at = self.at;
        if from.x < at.x && to.x < at.x {
            return;
        }
        if to == at {
            self.is_on_edge = true;
        } else if from.y == at.y && to.y == at.y {
            self.is_on_edge |= from.x.min(to.x) <= at.x && at.x <= from.x.max(to.x);
        } else if (from.y > at.y) != (to.y > at.y) {
            let side = orientation(from, to, at);
            match if to.y < from.y { side.reverse() } else { side } {
                Ordering::Equal => self.is_on_edge = true,
                Ordering::Greater => self.crossings += 1,
                Ordering::Less => {}
            }
        }
    }
}
