//! Which way rings run.

use crate::validity::Xy;
use crate::view::LineString;

/// Which way the rings of all polygons of a value run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RingOrientation {
    /// Shells clockwise and holes counterclockwise, as `ST_IsPolygonCW` asks and ESRI writes.
    Clockwise,
    /// Shells counterclockwise and holes clockwise, as `ST_IsPolygonCCW` asks and RFC 7946 (GeoJSON) wants.
    Counterclockwise,
    /// Neither: rings differ, or a shell has no area; or it cannot be told, of rings that are not closed.
    Mixed,
}

/// What the rings seen so far allow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Orientations {
    is_empty: bool,
    may_be_clockwise: bool,
    may_be_counterclockwise: bool,
}

impl Orientations {
    pub(crate) const NONE: Self = Self {
        is_empty: true,
        may_be_clockwise: true,
        may_be_counterclockwise: true,
    };

    /// A hole without area goes with either.
    pub(crate) fn add(&mut self, ring: &LineString<'_>, is_shell: bool) {
        let (forwards, sum) = area(ring.xys());
        // PostGIS asks of either direction. They are opposite where rounding, of at most 2^27 vertices, leaves no doubt.
        let is_sure = forwards.abs() > sum * 1e-7 && ring.xys().next() == ring.xys().next_back();
        let backwards = if is_sure {
            -forwards
        } else {
            area(ring.xys().rev()).0
        };
        self.is_empty = false;
        self.may_be_clockwise &= (forwards > 0.0) == is_shell;
        self.may_be_counterclockwise &= (backwards > 0.0) == is_shell;
    }

    pub(crate) fn get(self) -> Option<RingOrientation> {
        match (self.may_be_clockwise, self.may_be_counterclockwise) {
            _ if self.is_empty => None,
            (true, false) => Some(RingOrientation::Clockwise),
            (false, true) => Some(RingOrientation::Counterclockwise),
            _ => Some(RingOrientation::Mixed),
        }
    }
}

/// Twice the area, above zero where the ring runs clockwise, by PostGIS' sum of trapezoids; and the sum of their sizes.
fn area(mut vertices: impl Iterator<Item = Xy>) -> (f64, f64) {
    let (Some(mut before), Some(mut at)) = (vertices.next(), vertices.next()) else {
        return (0.0, 0.0);
    };
    let left = before.x;
    let (mut area, mut sum) = (0.0, 0.0);
    for after in vertices {
        let trapezoid = (at.x - left) * (before.y - after.y);
        area += trapezoid;
        sum += trapezoid.abs();
        (before, at) = (at, after);
    }
    (area, sum)
}
