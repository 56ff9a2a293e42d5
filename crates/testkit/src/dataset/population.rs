//! Which sites exist in a month, and in which version.

use super::PortalSpec;
use super::dice::{Dice, Purpose};

const SITES_AT_SCALE_ONE: f64 = 300_000.0;
/// Sites below this index are awkward or faulty on purpose; no chance changes or removes them.
const RESERVED: u64 = 64;

/// Sites that are awkward on purpose, in every month and at every scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AwkwardSite {
    /// Single and double quotes in its name.
    Quotes,
    /// Backslashes in its name, `\N` and `\.` among them.
    Backslash,
    /// An original name in Arabic.
    Arabic,
    /// An empty original name beside a supplementary text that is NULL.
    EmptyBesideNull,
    /// A status year of 0.
    YearZero,
    /// Three parcels, whose ids have a `_`.
    SeveralParcels,
    /// A multipolygon on both sides of the antimeridian.
    Antimeridian,
    /// A multipolygon with one tiny part.
    TinyPart,
    /// Belongs to a country whose code does not exist, and to no other.
    UnknownCountry,
    /// Belongs to three countries.
    ThreeCountries,
    /// Archived: in the portal, never published.
    Archived,
    /// Restricted: in the portal, never published.
    Restricted,
    /// A marine area with very many vertices: 600,000 at scale 1.0.
    Giant,
    /// A multipoint in month 0, a polygon from month 1 on.
    PointThenPolygon,
}

impl AwkwardSite {
    /// Its id, in the portal and live.
    #[must_use]
    pub fn site_id(self) -> i64 {
        site_id(self.index())
    }

    pub(super) fn index(self) -> u64 {
        match self {
            Self::Quotes => 0,
            Self::Backslash => 1,
            Self::Arabic => 2,
            Self::EmptyBesideNull => 3,
            Self::YearZero => 4,
            Self::SeveralParcels => 5,
            Self::Antimeridian => 6,
            Self::TinyPart => 7,
            Self::UnknownCountry => 8,
            Self::ThreeCountries => 9,
            Self::Archived => 10,
            Self::Restricted => 11,
            Self::Giant => 12,
            Self::PointThenPolygon => TURNING.start,
        }
    }

    pub(super) fn at(index: u64) -> Option<Self> {
        [
            Self::Quotes,
            Self::Backslash,
            Self::Arabic,
            Self::EmptyBesideNull,
            Self::YearZero,
            Self::SeveralParcels,
            Self::Antimeridian,
            Self::TinyPart,
            Self::UnknownCountry,
            Self::ThreeCountries,
            Self::Archived,
            Self::Restricted,
            Self::Giant,
        ]
        .into_iter()
        .find(|site| site.index() == index)
    }
}

/// Sites that turn from point to polygon: the first with month 1, the next with month 2, and so on.
const TURNING: std::ops::Range<u64> = 48..RESERVED;

/// The month in which the site at `index` turns from point to polygon, if it is one that does.
pub(super) fn turning_month(index: u64) -> Option<u64> {
    TURNING.contains(&index).then(|| index - TURNING.start + 1)
}

pub(super) fn site_id(index: u64) -> i64 {
    1000 + i64::try_from(index).unwrap_or(i64::MAX) // an index is a count of rows
}

/// One site that exists, and the month of its last change, 0 when it never changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) index: u64,
    pub(super) version: u32,
}

/// The sites of a specification's month, by index.
pub(super) fn members(spec: &PortalSpec) -> impl Iterator<Item = Member> {
    let growth = growth_per_month(spec);
    let (seed, month) = (spec.seed, spec.month);
    let ever = first_month_sites(spec) + growth * u64::from(month);
    let first = first_month_sites(spec);
    (0..ever).filter_map(move |index| {
        let born = if index < first {
            0
        } else {
            (index - first) / growth + 1
        };
        let mut version = 0;
        for later in 1..=month {
            if u64::from(later) <= born || index < RESERVED {
                continue;
            }
            let fate = Dice::new(seed, Purpose::Fate, index, later).unit();
            if fate < 0.003 {
                return None;
            }
            if fate < 0.023 {
                version = later;
            }
        }
        Some(Member { index, version })
    })
}

pub(super) fn first_month_sites(spec: &PortalSpec) -> u64 {
    scaled(SITES_AT_SCALE_ONE, spec, 100)
}

fn growth_per_month(spec: &PortalSpec) -> u64 {
    scaled(SITES_AT_SCALE_ONE / 100.0, spec, 1)
}

/// How many of something there are at the specification's scale, at least `least`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to what fits, and not negative"
)]
pub(super) fn scaled(at_scale_one: f64, spec: &PortalSpec, least: u64) -> u64 {
    ((at_scale_one * spec.scale).clamp(0.0, 1e12) as u64).max(least)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn versions(month: u32) -> BTreeMap<u64, u32> {
        let spec = PortalSpec::new(42, 0.05).in_month(month);
        members(&spec)
            .map(|member| (member.index, member.version))
            .collect()
    }

    #[test]
    fn a_month_changes_two_percent_adds_one_and_removes_a_third_of_one() {
        let (before, after) = (versions(3), versions(4));
        let gone = before.keys().filter(|index| !after.contains_key(index)).count();
        let new = after.keys().filter(|index| !before.contains_key(index)).count();
        let changed = after
            .iter()
            .filter(|(index, version)| before.get(index).is_some_and(|old| old != *version))
            .count();
        assert_eq!(new, 150);
        assert!((20..80).contains(&gone), "{gone} of {}", before.len());
        assert!((230..390).contains(&changed), "{changed} of {}", before.len());
    }
}
