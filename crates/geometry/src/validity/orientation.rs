//! On which side of a line a vertex lies, by the arithmetic of GEOS.
//!
//! The verdict has to be that of GEOS for every input, so it is decided as there: in doubles where a bound on their
//! rounding error proves the sign, else in double-doubles (T. J. Dekker, "A floating-point technique for extending
//! the available precision", 1971), which hold some 106 bits. For vertices of like magnitude that is exact: a test
//! compares it with `robust`, which is exact always. Where magnitudes differ wildly, or products leave the range of
//! a double, GEOS may take a vertex for collinear that is not, and so does this.

use std::cmp::Ordering;
use std::ops::{Add, Mul, Neg, Sub};

use super::planar::Xy;

/// `Greater` when `q` lies to the left of the line from `a` to `b`, `Less` to its right, `Equal` when on it.
#[inline]
pub(super) fn orientation(a: Xy, b: Xy, q: Xy) -> Ordering {
    beyond_doubt(a, b, q).unwrap_or_else(|| in_double_doubles(a, b, q))
}

/// The same in doubles; `None` where rounding may have changed it.
#[inline]
pub(super) fn beyond_doubt(a: Xy, b: Xy, q: Xy) -> Option<Ordering> {
    // Above the relative rounding error of the determinant, (3 + 16 * 2^-53) * 2^-53 (J. R. Shewchuk, "Adaptive
    // precision floating-point arithmetic and fast robust geometric predicates", 1997).
    const ERROR: f64 = 1e-15;
    let left = (a.x - q.x) * (b.y - q.y);
    let right = (a.y - q.y) * (b.x - q.x);
    let determinant = left - right;
    // Of unlike signs, or the first of them zero: nothing cancels.
    let sum = if left > 0.0 {
        if right <= 0.0 {
            return Some(sign(determinant));
        }
        left + right
    } else if left < 0.0 {
        if right >= 0.0 {
            return Some(sign(determinant));
        }
        -left - right
    } else {
        return Some(sign(determinant));
    };
    let bound = ERROR * sum;
    (determinant >= bound || -determinant >= bound).then(|| sign(determinant))
}

fn sign(value: f64) -> Ordering {
    value.partial_cmp(&0.0).unwrap_or(Ordering::Equal)
}

/// Whether a ring of so many edges, at least three, and as many vertices and the first once more, runs counterclockwise. By its
/// highest cap: where it is pointed, the turn there, where flat, its direction.
#[expect(clippy::float_cmp, reason = "flat means exactly flat")]
pub(crate) fn is_counterclockwise(edges: usize, vertex: impl Fn(usize) -> Xy) -> bool {
    let mut high = 0;
    let mut before = vertex(0);
    let mut top = before;
    for index in 1..=edges {
        let at = vertex(index);
        if at.y > before.y && at.y >= top.y {
            (high, top) = (index, at);
        }
        before = at;
    }
    if high == 0 {
        return false; // flat
    }
    let mut falling = (high + 1) % edges;
    while falling != high && vertex(falling).y == top.y {
        falling = (falling + 1) % edges;
    }
    let (rise, fall) = (vertex(high - 1), vertex(falling));
    let cap_end = vertex(falling.checked_sub(1).unwrap_or(edges - 1));
    if top != cap_end {
        return cap_end.x < top.x;
    }
    rise != top && fall != top && rise != fall && orientation(rise, top, fall) == Ordering::Greater
}

#[cold]
fn in_double_doubles(a: Xy, b: Xy, q: Xy) -> Ordering {
    let difference = |x: f64, y: f64| DoubleDouble::from(x) + DoubleDouble::from(-y);
    let (dx1, dy1) = (difference(b.x, a.x), difference(b.y, a.y));
    let (dx2, dy2) = (difference(q.x, b.x), difference(q.y, b.y));
    (dx1 * dy2 - dy1 * dx2).sign()
}

/// The sum of two doubles, of which the second is below the last place of the first.
#[derive(Debug, Clone, Copy)]
struct DoubleDouble {
    high: f64,
    low: f64,
}

impl DoubleDouble {
    /// `Equal` also when it is no number any more.
    fn sign(self) -> Ordering {
        match self.high.partial_cmp(&0.0) {
            Some(Ordering::Equal) => sign(self.low),
            Some(sign) => sign,
            None => Ordering::Equal,
        }
    }
}

impl From<f64> for DoubleDouble {
    fn from(high: f64) -> Self {
        Self { high, low: 0.0 }
    }
}

/// The rounded sum of two doubles, and what rounding took from it.
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_rounded = sum - a;
    (sum, (b - b_rounded) + (a - (sum - b_rounded)))
}

/// The same where `a` is not the smaller.
fn fast_two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    (sum, b + (a - sum))
}

/// The upper and the lower half of the bits.
fn split(a: f64) -> (f64, f64) {
    const SPLITTER: f64 = 134_217_729.0; // 2^27 + 1
    let scaled = SPLITTER * a;
    let high = scaled - (scaled - a);
    (high, a - high)
}

impl Add for DoubleDouble {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let (high, high_rest) = two_sum(self.high, other.high);
        let (low, low_rest) = two_sum(self.low, other.low);
        let (high, rest) = fast_two_sum(high, high_rest + low);
        let (high, low) = fast_two_sum(high, low_rest + rest);
        Self { high, low }
    }
}

impl Neg for DoubleDouble {
    type Output = Self;

    fn neg(self) -> Self {
        Self {
            high: -self.high,
            low: -self.low,
        }
    }
}

impl Sub for DoubleDouble {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for DoubleDouble {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let product = self.high * other.high;
        let ((a_high, a_low), (b_high, b_low)) = (split(self.high), split(other.high));
        // The order of these sums decides the last bit.
        let rest = (((a_high * b_high - product) + a_high * b_low) + a_low * b_high) + a_low * b_low;
        let (high, low) = fast_two_sum(product, rest + (self.high * other.low + self.low * other.high));
        Self { high, low }
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[track_caller]
    fn agrees_with_robust(a: Xy, b: Xy, q: Xy) {
        let coord = |at: Xy| robust::Coord { x: at.x, y: at.y };
        let exact = robust::orient2d(coord(a), coord(b), coord(q));
        assert_eq!(orientation(a, b, q), sign(exact), "{a:?} {b:?} {q:?}");
        assert_eq!(in_double_doubles(a, b, q), sign(exact), "{a:?} {b:?} {q:?}");
    }

    #[test]
    fn exact_for_vertices_on_the_globe_however_close_to_the_line() {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let mut near = 0;
        for _ in 0..20_000 {
            let mut vertex = || Xy {
                x: random.random_range(-180.0..180.0),
                y: random.random_range(-90.0..90.0),
            };
            let (a, b) = (vertex(), vertex());
            let share: f64 = random.random();
            let on = Xy {
                x: a.x + (b.x - a.x) * share,
                y: a.y + (b.y - a.y) * share,
            };
            let q = Xy {
                x: f64::from_bits(on.x.to_bits() + random.random_range(0..3)),
                y: f64::from_bits(on.y.to_bits() + random.random_range(0..3)),
            };
            near += usize::from(beyond_doubt(a, b, q).is_none());
            agrees_with_robust(a, b, q);
            agrees_with_robust(b, q, a);
        }
        assert!(near > 5_000, "the filter decided all but {near}");
    }

    #[test]
    fn collinear_where_products_leave_the_range() {
        let vertex = |x, y| Xy { x, y };
        let tiny = orientation(vertex(0.0, 0.0), vertex(1e-300, 0.0), vertex(0.0, 1e-300));
        assert_eq!(tiny, Ordering::Equal);
        let huge = orientation(vertex(0.0, 0.0), vertex(1e300, 1e300), vertex(2e300, 3e300));
        assert_eq!(huge, Ordering::Equal);
    }
}
