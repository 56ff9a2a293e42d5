//! What may be wrong with a portal.

use std::collections::BTreeSet;

use super::population::site_id;

/// One thing wrong with one site, which a preflight must find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Fault {
    /// A polygon whose shell crosses itself.
    SelfIntersection,
    /// A polygon with a hole outside its shell.
    HoleOutsideShell,
    /// A polygon that says it is in another reference system, 3857.
    WrongSrid,
    /// `POLYGON EMPTY`.
    EmptyGeometry,
    /// A polygon with a coordinate that is not a number.
    NotANumber,
    /// Two rows of the same `(site_id, site_pid)`.
    DuplicateKey,
    /// A polygon with longitudes past 180 degrees.
    PastAntimeridian,
}

impl Fault {
    /// Every fault there is.
    pub const ALL: [Self; 7] = [
        Self::SelfIntersection,
        Self::HoleOutsideShell,
        Self::WrongSrid,
        Self::EmptyGeometry,
        Self::NotANumber,
        Self::DuplicateKey,
        Self::PastAntimeridian,
    ];

    /// The site that has it, when it is switched on; sound otherwise. Its `site_pid` is the same number.
    #[must_use]
    pub fn site_id(self) -> i64 {
        site_id(self.site_index())
    }

    pub(super) fn site_index(self) -> u64 {
        // After the awkward sites, before those of chance.
        match self {
            Self::SelfIntersection => 32,
            Self::HoleOutsideShell => 33,
            Self::WrongSrid => 34,
            Self::EmptyGeometry => 35,
            Self::NotANumber => 36,
            Self::DuplicateKey => 37,
            Self::PastAntimeridian => 38,
        }
    }
}

/// The faults that are switched on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaultSet(BTreeSet<Fault>);

impl FaultSet {
    /// A sound portal.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Everything wrong at once.
    #[must_use]
    pub fn all() -> Self {
        Fault::ALL.into_iter().collect()
    }

    /// Whether `fault` is switched on.
    #[must_use]
    pub fn contains(&self, fault: Fault) -> bool {
        self.0.contains(&fault)
    }

    /// The fault of the site at `index`, if it is to have one.
    pub(super) fn of_site(&self, index: u64) -> Option<Fault> {
        self.0.iter().copied().find(|fault| fault.site_index() == index)
    }
}

impl FromIterator<Fault> for FaultSet {
    fn from_iter<I: IntoIterator<Item = Fault>>(faults: I) -> Self {
        Self(faults.into_iter().collect())
    }
}
