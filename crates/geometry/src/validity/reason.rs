//! Why a geometry is invalid, and where.

use std::fmt;

use super::planar::Xy;

/// A rule of OGC Simple Features that a geometry breaks, as GEOS tells them apart.
///
/// [`Display`](fmt::Display) prints what GEOS says, which for most is also what `ST_IsValidReason` says.
/// Rings that are alike are a [`SelfIntersection`](Self::SelfIntersection), as they are to GEOS since 3.10.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum InvalidReason {
    /// A ring's last vertex is not its first.
    RingNotClosed,
    /// A line with fewer than two, or a ring with fewer than three, different vertices.
    TooFewPoints,
    /// An X or Y that is NaN or infinite.
    InvalidCoordinate,
    /// Two edges cross or lie on each other: of one ring, of two rings, or of two polygons.
    SelfIntersection,
    /// A ring touches itself in a vertex.
    RingSelfIntersection,
    /// A hole is not inside its shell.
    HoleOutsideShell,
    /// A hole inside another hole of the polygon.
    NestedHoles,
    /// A polygon inside another of the multi-polygon.
    NestedShells,
    /// The polygon's rings touch so that its interior falls apart.
    DisconnectedInterior,
    /// Two vertices are so close, beside others that are not, that no verdict is found. PostGIS raises an error here.
    Undecided,
}

impl InvalidReason {
    const ALL: [Self; 10] = [
        Self::RingNotClosed,
        Self::TooFewPoints,
        Self::InvalidCoordinate,
        Self::SelfIntersection,
        Self::RingSelfIntersection,
        Self::HoleOutsideShell,
        Self::NestedHoles,
        Self::NestedShells,
        Self::DisconnectedInterior,
        Self::Undecided,
    ];

    /// The words of GEOS.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::RingNotClosed => "Ring is not closed",
            Self::TooFewPoints => "Too few points in geometry component",
            Self::InvalidCoordinate => "Invalid Coordinate",
            Self::SelfIntersection => "Self-intersection",
            Self::RingSelfIntersection => "Ring Self-intersection",
            Self::HoleOutsideShell => "Hole lies outside shell",
            Self::NestedHoles => "Holes are nested",
            Self::NestedShells => "Nested shells",
            Self::DisconnectedInterior => "Interior is disconnected",
            Self::Undecided => "Vertices too close to decide",
        }
    }

    /// The reason that `ST_IsValidReason` or `ST_IsValidDetail` gave; `None` for `Valid Geometry` and for words
    /// that are not known.
    ///
    /// A ring that is not closed, and a ring or line of one or two vertices, is nothing GEOS can hold: PostGIS then
    /// prints GEOS' error instead of a reason.
    #[must_use]
    pub fn from_postgis(text: &str) -> Option<Self> {
        let text = text.strip_prefix("IllegalArgumentException: ").unwrap_or(text);
        if text.starts_with("Points of LinearRing do not form a closed linestring") {
            return Some(Self::RingNotClosed);
        }
        if text.starts_with("Invalid number of points in LinearRing")
            || text.starts_with("point array must contain 0 or >1 elements")
        {
            return Some(Self::TooFewPoints);
        }
        // `ST_IsValidReason` appends the place in brackets.
        let words = text.split('[').next()?;
        Self::ALL.into_iter().find(|reason| reason.text() == words)
    }
}

impl fmt::Display for InvalidReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

/// An invalid geometry: the rule it breaks, and where.
///
/// Only the first failure found is told, in the order in which GEOS looks for them.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{reason}{}", At(self.location))]
#[non_exhaustive]
pub struct Invalid {
    /// The rule.
    pub reason: InvalidReason,
    /// X and Y of the place; `None` where there is none: a ring that is not closed, or with too few vertices to be
    /// one at all.
    pub location: Option<[f64; 2]>,
    /// The element, counted from zero: of the whole, of that element, and so on, down to a point, line or polygon.
    /// Empty where the whole is none of several.
    pub part: Vec<usize>,
}

struct At(Option<[f64; 2]>);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some([x, y]) => write!(f, " at {x} {y}"),
            None => Ok(()),
        }
    }
}

/// A failure within one point, line, polygon or multi-polygon.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure {
    pub(super) reason: InvalidReason,
    pub(super) location: Option<Xy>,
    /// Which polygon of a multi-polygon.
    pub(super) element: Option<usize>,
}

impl Failure {
    pub(super) fn at(reason: InvalidReason, location: Xy) -> Self {
        Self {
            reason,
            location: Some(location),
            element: None,
        }
    }

    pub(super) fn nowhere(reason: InvalidReason) -> Self {
        Self {
            reason,
            location: None,
            element: None,
        }
    }

    pub(super) fn of_element(self, element: usize) -> Self {
        Self {
            element: Some(element),
            ..self
        }
    }
}
