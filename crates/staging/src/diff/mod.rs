//! Structural comparison of a live relation and its staging twin.

mod acl;
mod attached;
mod compare;
mod text;

use std::fmt;

use cutover_core::ObjectName;
use cutover_core::catalog::Relation;
use serde::{Deserialize, Serialize};

pub(crate) use text::reprinted;

use crate::StagedSet;

/// One way in which a twin is not what live is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Difference {
    /// The object, by its live name; by its staging name where live has none.
    pub object: ObjectName,
    /// What is wrong with its twin.
    #[serde(flatten)]
    pub change: Change,
}

/// What is wrong with a twin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// Live has it, staging has not.
    Missing,
    /// Staging has it, live has not.
    Extra,
    /// Both have it, and it is not the same.
    Different {
        /// The property: `type`, `default`, `owner`, …
        property: String,
        /// What it is on live; empty where there is none.
        live: String,
        /// What it is in staging; empty where there is none.
        staging: String,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |text: &str| {
            if text.is_empty() {
                "none".to_owned()
            } else {
                text.to_owned()
            }
        };
        match &self.change {
            Change::Missing => write!(f, "{} is missing in staging", self.object),
            Change::Extra => write!(f, "{} is in staging only", self.object),
            Change::Different {
                property,
                live,
                staging,
            } => write!(
                f,
                "{}: {property} is {} on live, {} in staging",
                self.object,
                or_none(live),
                or_none(staging)
            ),
        }
    }
}

/// Compares a live relation with its staging twin, fact by fact.
///
/// Both come from catalog snapshots read with the set's schema alone on the search path. Names are compared through
/// the pairing that the clone recorded, everything else by the catalog's own typed facts. Where the catalog has only
/// text that the server printed (expressions, triggers, queries), two texts are equal when
///
/// * they are the same once the one place where a paired name must stand is exchanged, or
/// * the clone recorded that this server turned the one into the other (see [`Reprinted`](crate::Reprinted)).
///
/// So a text that changed on either side since the clone is always a difference, and nothing else is.
///
/// Not compared: rows, sizes, planner statistics, where sequences stand, the order of grants.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct StructuralDiff;

impl StructuralDiff {
    /// What must change in `staging` to be what `live` is; empty when the two are alike.
    ///
    /// Objects that wait for [`StagedSet::run_post_data`] count as missing until it has run.
    #[must_use]
    pub fn between(live: &Relation, staging: &Relation, set: &StagedSet) -> Vec<Difference> {
        compare::compare(live, staging, set)
    }
}
