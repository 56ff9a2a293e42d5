//! Where edges meet that must not, and where rings touch.

use std::ops::ControlFlow;

use super::RingRule;
use super::chains::Chain;
use super::corner::{Corner, Undecided};
use super::patience::Patience;
use super::planar::{Bounds, Xy};
use super::reason::{Failure, InvalidReason};
use super::rings::Rings;
use super::segments::{Meeting, Segment};
use super::sweep;
use super::touches::Touches;
use super::tree::Tree;

/// Compares every two chains whose boxes meet.
///
/// Which failure is told, if there are several, follows from the order of the comparisons, which is that of GEOS:
/// after the first failure, or the second touch of two rings, the rest of the chain is passed over, but of each further
/// chain the first neighbour is still looked at, and what is found last counts.
pub(super) struct Intersections<'a> {
    rings: &'a Rings,
    rule: RingRule,
    touches: &'a mut Touches,
    failure: Option<Failure>,
    double_touch: Option<(Xy, usize)>,
    patience: &'a mut Patience,
}

/// What there is besides touches.
pub(super) struct Found {
    /// Whether the sweep has proved that all is valid, also what else is asked of rings.
    pub(super) is_proved_valid: bool,
    pub(super) failure: Option<Failure>,
    /// Where two rings touch that touch elsewhere too, and the ring.
    pub(super) double_touch: Option<(Xy, usize)>,
}

impl Found {
    const PROVED_VALID: Self = Self {
        is_proved_valid: true,
        failure: None,
        double_touch: None,
    };
}

/// An edge of a ring, by its first vertex.
#[derive(Clone, Copy)]
struct Edge {
    ring: usize,
    first: usize,
}

impl<'a> Intersections<'a> {
    /// Takes touches down in `touches`.
    pub(super) fn find(
        rings: &'a Rings,
        tree: &mut Tree,
        rule: RingRule,
        touches: &'a mut Touches,
        patience: &'a mut Patience,
    ) -> Result<Found, Undecided> {
        if patience.is_at_end() {
            if sweep::proves_validity(rings) {
                return Ok(Found::PROVED_VALID);
            }
            patience.become_endless();
        }
        let mut search = Self {
            rings,
            rule,
            touches,
            failure: None,
            double_touch: None,
            patience,
        };
        let vertices = rings.vertices();
        tree.build(0, rings.chains().iter().map(|chain| chain.bounds(vertices)));
        for index in 0..rings.chains().len() {
            search.compare_with_others(tree, index)?;
            if !search.patience.is_at_end() {
                continue;
            }
            if search.is_free_so_far() && sweep::proves_validity(rings) {
                return Ok(Found::PROVED_VALID);
            }
            search.patience.become_endless();
            if !search.is_done() {
                search.compare_with_others(tree, index)?;
            }
        }
        Ok(Found {
            is_proved_valid: false,
            failure: search.failure,
            double_touch: search.double_touch,
        })
    }

    /// Compares a chain with those after it, until something is found or patience is at an end; once something was found, with
    /// its first neighbour only.
    fn compare_with_others(&mut self, tree: &Tree, index: usize) -> Result<(), Undecided> {
        let bounds = self.rings.chains()[index].bounds(self.rings.vertices());
        let mut nodes = 0;
        let is_wanted = |node: &Bounds| {
            let meets = node.meets(&bounds);
            nodes += usize::from(meets);
            meets
        };
        let found = if self.is_done() {
            tree.visit(is_wanted, 0, |other| {
                ControlFlow::Break(self.compare_later(index, other))
            })
        } else {
            tree.visit(is_wanted, index + 1, |other| {
                let compared = self.compare_later(index, other);
                if compared.is_err() || self.is_done() || self.patience.is_at_end() {
                    return ControlFlow::Break(compared);
                }
                ControlFlow::Continue(())
            })
        };
        self.patience.count(nodes);
        match found {
            ControlFlow::Break(compared) => compared,
            ControlFlow::Continue(()) => Ok(()),
        }
    }

    fn is_free_so_far(&self) -> bool {
        !self.is_done() && self.touches.is_empty()
    }

    fn is_done(&self) -> bool {
        self.failure.is_some() || self.double_touch.is_some()
    }

    fn compare_later(&mut self, index: usize, other: usize) -> Result<(), Undecided> {
        if other <= index {
            return Ok(());
        }
        let (a, b) = (&self.rings.chains()[index], &self.rings.chains()[other]);
        self.compare(a, (a.first, a.last), b, (b.first, b.last))
    }

    /// Halves both chains until single edges are left, passing over what is apart.
    fn compare(
        &mut self,
        a: &'a Chain,
        (a_first, a_last): (usize, usize),
        b: &'a Chain,
        (b_first, b_last): (usize, usize),
    ) -> Result<(), Undecided> {
        self.patience.count_comparison();
        if a_last - a_first == 1 && b_last - b_first == 1 {
            let edge = |chain: &Chain, first| Edge {
                ring: chain.ring,
                first,
            };
            return self.compare_edges(edge(a, a_first), edge(b, b_first));
        }
        let vertices = self.rings.vertices();
        let bounds = |first: usize, last: usize| Bounds::around(vertices[first], vertices[last]);
        if !bounds(a_first, a_last).meets(&bounds(b_first, b_last)) {
            return Ok(());
        }
        let halves = |first: usize, last: usize| {
            let middle = first.midpoint(last);
            [(first, middle), (middle, last)]
                .into_iter()
                .filter(|(first, last)| first < last)
        };
        for a_half in halves(a_first, a_last) {
            for b_half in halves(b_first, b_last) {
                self.compare(a, a_half, b, b_half)?;
            }
        }
        Ok(())
    }

    fn compare_edges(&mut self, a: Edge, b: Edge) -> Result<(), Undecided> {
        let (p, q) = (self.segment(a), self.segment(b));
        match p.meeting(q) {
            Meeting::Nothing => {}
            Meeting::Crossing => self.fail(InvalidReason::SelfIntersection, p.crossing(q), a),
            Meeting::Stretch(at) => self.fail(InvalidReason::SelfIntersection, at, a),
            Meeting::Vertex(_) if self.are_neighbours(a, b) => {}
            Meeting::Vertex(at) if a.ring == b.ring && self.rule == RingRule::Ogc => {
                self.fail(InvalidReason::RingSelfIntersection, at, a);
            }
            // The last vertex of an edge is the first of another.
            Meeting::Vertex(at) if at == p.to || at == q.to => {}
            Meeting::Vertex(at) => self.note_touch(at, a, b)?,
        }
        Ok(())
    }

    fn note_touch(&mut self, at: Xy, a: Edge, b: Edge) -> Result<(), Undecided> {
        let (one, other) = (self.corner(at, a), self.corner(at, b));
        if one.is_crossed(other.before, other.after)? {
            self.fail(InvalidReason::SelfIntersection, at, a);
            return Ok(());
        }
        if a.ring == b.ring {
            self.touches.add_self_touch(a.ring, one, other.before);
        }
        if self.rings.polygon(a.ring) == self.rings.polygon(b.ring)
            && self.touches.add(a.ring, b.ring, at).is_err()
            && a.ring != b.ring
        {
            self.double_touch = Some((at, a.ring));
        }
        Ok(())
    }

    fn fail(&mut self, reason: InvalidReason, at: Xy, edge: Edge) {
        let element = self.rings.element(self.rings.polygon(edge.ring));
        self.failure = Some(Failure::at(reason, at).of_element(element));
    }

    fn segment(&self, edge: Edge) -> Segment {
        let vertices = self.rings.vertices();
        Segment {
            from: vertices[edge.first],
            to: vertices[edge.first + 1],
        }
    }

    /// The edges of the ring on both sides of a place on this edge.
    fn corner(&self, at: Xy, edge: Edge) -> Corner {
        let Segment { from, to } = self.segment(edge);
        let noded = self.rings.noded(edge.ring);
        let before = match at == from {
            true if edge.first == noded.start => self.rings.vertices()[noded.end - 2],
            true => self.rings.vertices()[edge.first - 1],
            false => from,
        };
        Corner {
            at,
            before,
            after: to,
        }
    }

    fn are_neighbours(&self, a: Edge, b: Edge) -> bool {
        let apart = a.first.abs_diff(b.first);
        a.ring == b.ring && (apart <= 1 || apart + 2 >= self.rings.noded(a.ring).len())
    }
}
