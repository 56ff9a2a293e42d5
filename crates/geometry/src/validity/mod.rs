//! Validity by OGC Simple Features, with the verdict of PostGIS.
//!
//! The rules, the order in which they are looked at, and every comparison that decides are those of GEOS from 3.10 on, which PostGIS asks;
//! what it does not leave to GEOS (closing rings, empty values) is done as PostGIS 3.3 does it. Tests ask a server.
//!
//! A value is walked twice: for rings GEOS cannot hold, which come first wherever they are, and for all else. The
//! areas go through [`Rings`](rings::Rings), a [`Tree`](tree::Tree) of their chains, and what is found there.

mod chains; // runs of edges that head for one quadrant
mod corner; // which way edges leave a vertex
mod enclosure; // rings around rings, as a sweep sees them
mod intersections; // edges that meet
mod introsort; // equal keys in GEOS' order
mod location; // inside, on the edge, outside
mod nesting; // holes and shells in each other
mod orientation; // left or right of a line
mod patience; // boxes, or a sweep
mod planar;
mod reason;
mod rings; // vertices decoded, with all that is derived of them
mod segments; // two edges
mod sweep; // a proof of validity
mod touches; // rings that touch, as a graph
mod tree; // boxes

pub(crate) use orientation::is_counterclockwise;
pub(crate) use planar::Xy;
pub use reason::{Invalid, InvalidReason};

use corner::Undecided;
use intersections::Intersections;
use location::Locator;
use nesting::Nesting;
use patience::Patience;
use reason::Failure;
use rings::{Rings, check_finite, has_distinct_vertices};
use touches::Touches;
use tree::Tree;

use crate::ewkb::Ewkb;
use crate::view::{Geometry, LineString, Point, Polygon};

/// What a ring may do to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RingRule {
    /// Nothing: OGC's rule, and that of `ST_IsValid` unless told otherwise.
    #[default]
    Ogc,
    /// Touch itself in vertices, where that makes a hole and does not cut the interior into pieces: the rule of ESRI,
    /// flag 1 of `ST_IsValid`.
    SelfTouchMakesHole,
}

impl Ewkb<'_> {
    /// Whether the geometry is valid, as `ST_IsValid` says; else why not, as `ST_IsValidDetail` says.
    ///
    /// For more than one geometry, a [`Validator`] saves the allocations.
    ///
    /// # Errors
    /// The first failure that GEOS would find.
    pub fn validity(&self) -> Result<(), Invalid> {
        Validator::new().check(self)
    }
}

/// Judges one geometry after the other.
///
/// It keeps its memory, which is that of the largest geometry so far: for areas some 40 to 120 bytes a vertex.
///
/// # Time
/// For n vertices of an area that is valid, and whose rings do not come so close that doubles leave in doubt on which side of an
/// edge a vertex lies, time is in proportion to n log n **whatever its shape**. All work on boxes (chains compared, nodes of
/// trees entered, chains that a ray meets) is counted, and none of its steps takes longer than n log n before it looks at the count.
/// When that reaches a fixed number for each vertex, a sweep of n log n proves that no edges meet and that each ring lies
/// where it may, or fails.
///
/// It fails where rings touch, cross or nearly do, so that the boxes have to find what is told. Then time is in proportion to
/// n log n, the pairs of edges whose boxes meet, and the chains met by a ray from each ring within boxes around it: that
/// can be n² for shapes made for it, as it is with GEOS.
///
/// ```
/// use cutover_geometry::{Ewkb, InvalidReason, Validator, decode_hex};
///
/// // A bow tie: POLYGON((0 0, 1 1, 1 0, 0 1, 0 0))
/// let bytes = decode_hex(
///     "01030000000100000005000000\
///      00000000000000000000000000000000\
///      000000000000F03F000000000000F03F\
///      000000000000F03F0000000000000000\
///      0000000000000000000000000000F03F\
///      00000000000000000000000000000000",
/// )?;
/// let mut validator = Validator::new();
/// let invalid = validator.check(&Ewkb::parse(&bytes)?).unwrap_err();
/// assert_eq!(invalid.reason, InvalidReason::SelfIntersection);
/// assert_eq!(invalid.to_string(), "Self-intersection at 0.5 0.5");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Validator {
    rule: RingRule,
    vertices: Vec<Xy>,
    rings: Rings,
    chain_tree: Tree,
    ring_tree: Tree,
    touches: Touches,
}

impl Validator {
    /// By OGC's rules.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What a ring may do to itself; [`RingRule::Ogc`] unless set.
    #[must_use]
    pub fn ring_rule(mut self, rule: RingRule) -> Self {
        self.rule = rule;
        self
    }

    /// Judges the geometry; Z and M do not count.
    ///
    /// # Errors
    /// The first failure that GEOS would find.
    pub fn check(&mut self, value: &Ewkb<'_>) -> Result<(), Invalid> {
        let mut part = Vec::new();
        walk(value.geometry(), &mut part, &mut check_construction)
            .and_then(|()| {
                let most_vertices = value.as_bytes().len() / (8 * value.dimensions().ordinates());
                walk(value.geometry(), &mut part, &mut |geometry| {
                    self.judge(geometry, most_vertices)
                })
            })
            .map_err(|failure| {
                part.extend(failure.element);
                Invalid {
                    reason: failure.reason,
                    location: failure.location.map(|at| [at.x, at.y]),
                    part,
                }
            })
    }

    fn judge(&mut self, geometry: Geometry<'_>, most_vertices: usize) -> Result<(), Failure> {
        match geometry {
            Geometry::Point(point) => judge_point(point),
            Geometry::MultiPoint(points) => each(points.elements(), judge_point),
            Geometry::LineString(line) => self.judge_line(line),
            Geometry::MultiLineString(lines) => each(lines.elements(), |line| self.judge_line(line)),
            Geometry::Polygon(polygon) => {
                self.rings.clear();
                self.rings.reserve(1, most_vertices);
                let judged = self.rings.add(&polygon, 0).and_then(|()| self.judge_rings());
                judged.map_err(|failure| Failure {
                    element: None,
                    ..failure
                })
            }
            Geometry::MultiPolygon(polygons) => {
                self.rings.clear();
                self.rings.reserve(polygons.elements().len(), most_vertices);
                for (element, polygon) in polygons.elements().enumerate() {
                    self.rings.add(&polygon, element)?;
                }
                self.judge_rings()
            }
            Geometry::GeometryCollection(_) => Ok(()), // its elements are walked
        }
    }

    fn judge_line(&mut self, line: LineString<'_>) -> Result<(), Failure> {
        self.vertices.clear();
        line.append_xy(&mut self.vertices);
        check_finite(&self.vertices)?;
        if self.vertices.is_empty() || has_distinct_vertices(&self.vertices, 2) {
            return Ok(());
        }
        Err(Failure::at(InvalidReason::TooFewPoints, self.vertices[0]))
    }

    fn judge_rings(&mut self) -> Result<(), Failure> {
        match self.failure_of_rings() {
            Ok(None) => Ok(()),
            Ok(Some(failure)) => Err(failure),
            Err(Undecided) => Err(Failure::nowhere(InvalidReason::Undecided)),
        }
    }

    fn failure_of_rings(&mut self) -> Result<Option<Failure>, Undecided> {
        let (rings, touches) = (&self.rings, &mut self.touches);
        touches.clear();
        let mut patience = Patience::with(rings);
        let found = Intersections::find(rings, &mut self.chain_tree, self.rule, touches, &mut patience)?;
        if found.failure.is_some() || found.is_proved_valid {
            return Ok(found.failure);
        }

        let mut locator = Locator::new(rings);
        let mut nesting = Nesting {
            rings,
            locator: &mut locator,
            tree: &mut self.ring_tree,
            patience: &mut patience,
            is_touched: !touches.is_empty(),
        };
        if let Some(failure) = nesting.failure()? {
            return Ok(Some(failure));
        }

        let mut cut = found.double_touch;
        if cut.is_none() && self.rule == RingRule::SelfTouchMakesHole {
            cut = touches.inner_self_touch(rings, |ring| locator.is_counterclockwise(ring))?;
        }
        let cut = cut.or_else(|| touches.cycle(rings.len()));
        Ok(cut.map(|(at, ring)| {
            let element = rings.element(rings.polygon(ring));
            Failure::at(InvalidReason::DisconnectedInterior, at).of_element(element)
        }))
    }
}

fn judge_point(point: Point) -> Result<(), Failure> {
    match point.coord() {
        Some(vertex) => check_finite(&[Xy {
            x: vertex.x,
            y: vertex.y,
        }]),
        None => Ok(()),
    }
}

/// Visits what is no collection, in order. After a failure `part` says where in the collections it is.
fn walk(
    geometry: Geometry<'_>,
    part: &mut Vec<usize>,
    visit: &mut impl FnMut(Geometry<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let Geometry::GeometryCollection(geometries) = geometry else {
        return visit(geometry);
    };
    for (index, element) in geometries.elements().enumerate() {
        part.push(index);
        walk(element, part, visit)?;
        part.pop();
    }
    Ok(())
}

fn each<T>(
    elements: impl Iterator<Item = T>,
    mut judge: impl FnMut(T) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for (index, element) in elements.enumerate() {
        judge(element).map_err(|failure| failure.of_element(index))?;
    }
    Ok(())
}

/// Fails for rings which GEOS cannot hold, so that PostGIS never asks it.
fn check_construction(geometry: Geometry<'_>) -> Result<(), Failure> {
    match geometry {
        Geometry::Polygon(polygon) => check_rings(&polygon),
        Geometry::MultiPolygon(polygons) => each(polygons.elements(), |polygon| check_rings(&polygon)),
        _ => Ok(()),
    }
}

fn check_rings(polygon: &Polygon<'_>) -> Result<(), Failure> {
    for (index, ring) in polygon.rings().enumerate() {
        let mut coords = ring.coords();
        let (count, first, last) = (coords.len(), coords.next(), coords.next_back());
        let (Some(first), last) = (first, last.or(first)) else {
            if index == 0 {
                return Ok(()); // Without a shell PostGIS takes the polygon for empty, whatever its holes.
            }
            continue;
        };
        let is_closed = last.is_some_and(|last| (last.x, last.y) == (first.x, first.y));
        // GEOS holds a line of two vertices or more, and a ring of three, which it then finds too few.
        if count >= 2 && !is_closed {
            return Err(Failure::nowhere(InvalidReason::RingNotClosed));
        }
        if count < 3 {
            return Err(Failure::nowhere(InvalidReason::TooFewPoints));
        }
    }
    Ok(())
}
