//! The reference dataset: a portal that supplies it, month by month, and the live database that publishes it.

mod dice;
mod ewkb;
mod fault;
mod live;
mod load;
mod people;
mod population;
mod portal;
mod portal_rows;
mod shape;
mod site;
mod statistics;
mod transaction;
mod world;

pub use fault::{Fault, FaultSet};
pub use live::{PortalConnection, create_live};
pub use load::{RowsFrom, TableRows, live_rows, load_live};
pub use population::AwkwardSite;
pub use portal::{create_portal, switch_portal_month};
pub use statistics::write_csvs;
pub use world::World;

/// Owns the live relations and runs the releases; its password is its name.
pub const LIVE_OWNER: &str = "wdpa_owner";
/// The application: may read the live relations and nothing else; its password is its name.
pub const LIVE_READER: &str = "wdpa_reader";
/// What the live database logs in to the portal as; its password is its name.
pub const PORTAL_READER: &str = "portal_reader";

/// The tables of the release set, in the order of its release file.
pub const RELEASE_TABLES: [&str; 16] = [
    "sources",
    "green_list_statuses",
    "no_take_statuses",
    "country_statistics",
    "global_statistics",
    "pame_evaluations",
    "pame_sources",
    "pame_statistics",
    "story_map_links",
    "protected_areas",
    "protected_area_parcels",
    "countries_protected_areas",
    "countries_protected_area_parcels",
    "countries_pame_evaluations",
    "protected_areas_sources",
    "protected_area_parcels_sources",
];

/// The materialized views of the release set, each after those it reads.
pub const RELEASE_MATVIEWS: [&str; 9] = [
    "portal_iso3_agg",
    "portal_parent_iso3_agg",
    "portal_int_crit_agg",
    "portal_standard_points",
    "portal_standard_polygons",
    "portal_standard_sources",
    "portal_standard_pame_sources",
    "portal_standard_pame",
    "portal_standard_greenlist",
];

/// Which dataset: the same specification gives the same bytes, on every platform.
#[derive(Debug, Clone, PartialEq)]
pub struct PortalSpec {
    /// Where all randomness comes from.
    pub seed: u64,
    /// 1.0 is the real size, some 300,000 sites; there are never fewer than 100.
    pub scale: f64,
    /// How many months the dataset has evolved: each changes 2 % of the sites, adds 1 % and removes 0.3 %.
    pub month: u32,
    /// What is wrong with it, for the preflight to find.
    pub faults: FaultSet,
}

impl PortalSpec {
    /// A sound dataset in its first month, 0.
    #[must_use]
    pub fn new(seed: u64, scale: f64) -> Self {
        Self {
            seed,
            scale,
            month: 0,
            faults: FaultSet::none(),
        }
    }

    /// The same dataset in another month.
    #[must_use]
    pub fn in_month(&self, month: u32) -> Self {
        Self {
            month,
            ..self.clone()
        }
    }

    /// The same dataset with faults.
    #[must_use]
    pub fn with_faults(&self, faults: FaultSet) -> Self {
        Self {
            faults,
            ..self.clone()
        }
    }

    /// What its month is called in labels, file names and statistics: `Sep2025` for month 0, and so on.
    #[must_use]
    pub fn month_label(&self) -> String {
        const NAMES: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        let months = self.month.saturating_add(8);
        let name = NAMES
            .iter()
            .cycle()
            .nth((months % 12) as usize)
            .copied()
            .unwrap_or_default();
        format!("{name}{}", 2025 + months / 12)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_called_by_name_across_years() {
        let labels = [0, 1, 3, 4, 16].map(|month| PortalSpec::new(1, 0.0).in_month(month).month_label());
        assert_eq!(labels, ["Sep2025", "Oct2025", "Dec2025", "Jan2026", "Jan2027"]);
    }
}
