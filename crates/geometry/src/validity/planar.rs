//! Vertices in the plane, and boxes around them.

/// The X and Y of a vertex. Zeros of either sign are equal; a NaN equals nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Xy {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

impl Xy {
    pub(super) fn is_finite(self) -> bool {
        self.x.is_finite() && self.y.is_finite()
    }

    /// May underflow to zero and overflow to infinity.
    pub(crate) fn distance_squared(self, other: Self) -> f64 {
        let (dx, dy) = (self.x - other.x, self.y - other.y);
        dx * dx + dy * dy
    }
}

/// A box along the axes, its edges included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bounds {
    pub(super) min: Xy,
    pub(super) max: Xy,
}

impl Bounds {
    /// Meets nothing, and is the other's in every union.
    pub(super) const NOTHING: Self = Self {
        min: Xy {
            x: f64::INFINITY,
            y: f64::INFINITY,
        },
        max: Xy {
            x: f64::NEG_INFINITY,
            y: f64::NEG_INFINITY,
        },
    };

    /// Around the segment from `a` to `b`.
    #[inline]
    pub(super) fn around(a: Xy, b: Xy) -> Self {
        let (min_x, max_x) = if a.x < b.x { (a.x, b.x) } else { (b.x, a.x) };
        let (min_y, max_y) = if a.y < b.y { (a.y, b.y) } else { (b.y, a.y) };
        Self {
            min: Xy { x: min_x, y: min_y },
            max: Xy { x: max_x, y: max_y },
        }
    }

    /// All four comparisons and one branch: which of them fails cannot be foreseen.
    #[expect(clippy::needless_bitwise_bool, reason = "without a branch for each")]
    #[inline]
    pub(super) fn meets(&self, other: &Self) -> bool {
        (self.min.x <= other.max.x)
            & (self.max.x >= other.min.x)
            & (self.min.y <= other.max.y)
            & (self.max.y >= other.min.y)
    }

    pub(super) fn covers(&self, other: &Self) -> bool {
        self.min.x <= other.min.x
            && self.max.x >= other.max.x
            && self.min.y <= other.min.y
            && self.max.y >= other.max.y
    }

    #[inline]
    pub(super) fn contains(&self, at: Xy) -> bool {
        self.min.x <= at.x && self.max.x >= at.x && self.min.y <= at.y && self.max.y >= at.y
    }

    pub(super) fn union(self, other: Self) -> Self {
        let least = |a: f64, b: f64| if b < a { b } else { a };
        let most = |a: f64, b: f64| if b > a { b } else { a };
        Self {
            min: Xy {
                x: least(self.min.x, other.min.x),
                y: least(self.min.y, other.min.y),
            },
            max: Xy {
                x: most(self.max.x, other.max.x),
                y: most(self.max.y, other.max.y),
            },
        }
    }
}
