//! Where two edges meet.

use std::cmp::Ordering;

use super::orientation::orientation;
use super::planar::{Bounds, Xy};

/// An edge from one vertex to the next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    pub(super) from: Xy,
    pub(super) to: Xy,
}

/// What two edges have in common.
#[derive(Debug, Clone, Copy)]
pub(super) enum Meeting {
    Nothing,
    /// One point inside both.
    Crossing,
    /// One point, which is an end of at least one of them, exactly as that vertex is.
    Vertex(Xy),
    /// A stretch that begins in this vertex.
    Stretch(Xy),
}

impl Segment {
    pub(super) fn bounds(self) -> Bounds {
        Bounds::around(self.from, self.to)
    }

    /// Whether the vertex lies on the edge, its ends included.
    pub(super) fn contains(self, at: Xy) -> bool {
        self.bounds().contains(at)
            && orientation(self.from, self.to, at) == Ordering::Equal
            && orientation(self.to, self.from, at) == Ordering::Equal
    }

    /// Decided by orientations alone: no point is computed.
    pub(super) fn meeting(self, other: Self) -> Meeting {
        let (p, q) = (self, other);
        if !p.bounds().meets(&q.bounds()) {
            return Meeting::Nothing;
        }
        let on_one_side = |a: Ordering, b: Ordering| a == b && a != Ordering::Equal;
        let (q_from, q_to) = (orientation(p.from, p.to, q.from), orientation(p.from, p.to, q.to));
        if on_one_side(q_from, q_to) {
            return Meeting::Nothing;
        }
        let (p_from, p_to) = (orientation(q.from, q.to, p.from), orientation(q.from, q.to, p.to));
        if on_one_side(p_from, p_to) {
            return Meeting::Nothing;
        }
        let on_line = [q_from, q_to, p_from, p_to].map(|side| side == Ordering::Equal);
        match on_line {
            [true, true, true, true] => p.collinear_meeting(q),
            [false, false, false, false] => Meeting::Crossing,
            // Common ends first: orientations in double-doubles need not agree with each other.
            _ if p.from == q.from || p.from == q.to => Meeting::Vertex(p.from),
            _ if p.to == q.from || p.to == q.to => Meeting::Vertex(p.to),
            [true, ..] => Meeting::Vertex(q.from),
            [_, true, ..] => Meeting::Vertex(q.to),
            [_, _, true, _] => Meeting::Vertex(p.from),
            [_, _, _, true] => Meeting::Vertex(p.to),
        }
    }

    fn collinear_meeting(self, other: Self) -> Meeting {
        let (p, q) = (self, other);
        let (p_bounds, q_bounds) = (p.bounds(), q.bounds());
        let (q_begins, q_ends) = (p_bounds.contains(q.from), p_bounds.contains(q.to));
        let (p_begins, p_ends) = (q_bounds.contains(p.from), q_bounds.contains(p.to));
        if q_begins && q_ends {
            return Meeting::Stretch(q.from);
        }
        if p_begins && p_ends {
            return Meeting::Stretch(p.from);
        }
        let q_end = match (q_begins, q_ends) {
            (true, _) => q.from,
            (_, true) => q.to,
            _ => return Meeting::Nothing,
        };
        let p_end = match (p_begins, p_ends) {
            (true, _) => p.from,
            (_, true) => p.to,
            _ => return Meeting::Nothing,
        };
        if q_end == p_end {
            Meeting::Vertex(q_end)
        } else {
            Meeting::Stretch(q_end)
        }
    }

    /// The point where two edges cross, in doubles: no better than they are, and only told, never used.
    pub(super) fn crossing(self, other: Self) -> Xy {
        let at = self.lines_crossing(other);
        if self.bounds().contains(at) && other.bounds().contains(at) {
            at
        } else {
            self.nearest_end(other)
        }
    }

    /// In homogeneous coordinates, around the middle of what the boxes have in common.
    #[expect(
        clippy::manual_midpoint,
        reason = "the place is GEOS' to the last bit, also where the sum overflows"
    )]
    fn lines_crossing(self, other: Self) -> Xy {
        let (p, q) = (self.bounds(), other.bounds());
        let most = |a: f64, b: f64| if a > b { a } else { b };
        let least = |a: f64, b: f64| if a < b { a } else { b };
        let middle = Xy {
            x: (most(p.min.x, q.min.x) + least(p.max.x, q.max.x)) / 2.0,
            y: (most(p.min.y, q.min.y) + least(p.max.y, q.max.y)) / 2.0,
        };
        let line = |segment: Self| {
            let (from_x, from_y) = (segment.from.x - middle.x, segment.from.y - middle.y);
            let (to_x, to_y) = (segment.to.x - middle.x, segment.to.y - middle.y);
            [from_y - to_y, to_x - from_x, from_x * to_y - to_x * from_y]
        };
        let ([px, py, pw], [qx, qy, qw]) = (line(self), line(other));
        let weight = px * qy - qx * py;
        Xy {
            x: (py * qw - qy * pw) / weight + middle.x,
            y: (qx * pw - px * qw) / weight + middle.y,
        }
    }

    /// The end of either that is nearest to the other.
    fn nearest_end(self, other: Self) -> Xy {
        let mut nearest = self.from;
        let mut least = other.distance(self.from);
        for (end, segment) in [(self.to, other), (other.from, self), (other.to, self)] {
            let distance = segment.distance(end);
            if distance < least {
                (nearest, least) = (end, distance);
            }
        }
        nearest
    }

    fn distance(self, at: Xy) -> f64 {
        let (from, to) = (self.from, self.to);
        if from == to {
            return at.distance_squared(from).sqrt();
        }
        let (dx, dy) = (to.x - from.x, to.y - from.y);
        let length_squared = dx * dx + dy * dy;
        let along = ((at.x - from.x) * dx + (at.y - from.y) * dy) / length_squared;
        if along <= 0.0 {
            return at.distance_squared(from).sqrt();
        }
        if along >= 1.0 {
            return at.distance_squared(to).sqrt();
        }
        let aside = ((from.y - at.y) * dx - (from.x - at.x) * dy) / length_squared;
        aside.abs() * length_squared.sqrt()
    }
}
