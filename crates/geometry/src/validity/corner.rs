//! Which way edges leave a vertex that they share.

use std::cmp::Ordering;

use super::orientation::orientation;
use super::planar::Xy;

/// Two vertices that must differ, for an edge to leave in some direction, are the same: rings were cut too short
/// where vertices are too close. GEOS raises an error.
#[derive(Debug, Clone, Copy)]
pub(super) struct Undecided;

/// Two edges that end in one vertex, by their other ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Corner {
    pub(super) at: Xy,
    pub(super) before: Xy,
    pub(super) after: Xy,
}

impl Corner {
    /// Whether the edges to `a` and `b` leave into different sides of the corner.
    pub(super) fn is_crossed(self, a: Xy, b: Xy) -> Result<bool, Undecided> {
        let (low, high, _) = self.ordered()?;
        Ok(self.is_between(a, low, high)? != self.is_between(b, low, high)?)
    }

    /// Whether the edge to `to` leaves to the right of the way from `before` through the vertex to `after`.
    pub(super) fn has_on_right(self, to: Xy) -> Result<bool, Undecided> {
        let (low, high, in_order) = self.ordered()?;
        Ok(self.is_between(to, low, high)? == in_order)
    }

    /// Both ends by their angle, and whether they were in that order.
    fn ordered(self) -> Result<(Xy, Xy, bool), Undecided> {
        Ok(if self.is_beyond(self.before, self.after)? {
            (self.after, self.before, false)
        } else {
            (self.before, self.after, true)
        })
    }

    fn is_between(self, to: Xy, low: Xy, high: Xy) -> Result<bool, Undecided> {
        Ok(self.is_beyond(to, low)? && !self.is_beyond(to, high)?)
    }

    /// Whether the angle to `a`, counted from the X axis, is greater than that to `b`.
    fn is_beyond(self, a: Xy, b: Xy) -> Result<bool, Undecided> {
        Ok(match self.quadrant(a)?.cmp(&self.quadrant(b)?) {
            Ordering::Greater => true,
            Ordering::Less => false,
            Ordering::Equal => orientation(self.at, b, a) == Ordering::Greater,
        })
    }

    /// Counted as angles are; an axis belongs to the quadrant on its positive side.
    fn quadrant(self, to: Xy) -> Result<u8, Undecided> {
        if to == self.at {
            return Err(Undecided);
        }
        Ok(match (to.x >= self.at.x, to.y >= self.at.y) {
            (true, true) => 0,
            (false, true) => 1,
            (false, false) => 2,
            (true, false) => 3,
        })
    }
}
