//! Which ordinates a vertex has.

use std::fmt;

/// The ordinates of every vertex of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dimensions {
    /// Planar.
    Xy,
    /// With height.
    Xyz,
    /// With measure.
    Xym,
    /// With height and measure.
    Xyzm,
}

impl Dimensions {
    /// From the two flags of EWKB.
    pub(crate) fn new(has_z: bool, has_m: bool) -> Self {
        match (has_z, has_m) {
            (false, false) => Self::Xy,
            (true, false) => Self::Xyz,
            (false, true) => Self::Xym,
            (true, true) => Self::Xyzm,
        }
    }

    /// Whether vertices have a Z.
    #[must_use]
    pub fn has_z(self) -> bool {
        matches!(self, Self::Xyz | Self::Xyzm)
    }

    /// Whether vertices have an M.
    #[must_use]
    pub fn has_m(self) -> bool {
        matches!(self, Self::Xym | Self::Xyzm)
    }

    /// Ordinates a vertex: 2 to 4.
    #[must_use]
    pub fn ordinates(self) -> usize {
        match self {
            Self::Xy => 2,
            Self::Xyz | Self::Xym => 3,
            Self::Xyzm => 4,
        }
    }
}

impl fmt::Display for Dimensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Xy => "XY",
            Self::Xyz => "XYZ",
            Self::Xym => "XYM",
            Self::Xyzm => "XYZM",
        })
    }
}
