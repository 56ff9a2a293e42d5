//! One difference between two relations.

use std::fmt;

use cutover_core::ObjectName;
use serde::{Deserialize, Serialize};

/// One way in which a relation is not what the one it is compared with is.
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

impl Difference {
    pub(super) fn missing(object: ObjectName) -> Self {
        let change = Change::Missing;
        Self { object, change }
    }

    pub(super) fn extra(object: ObjectName) -> Self {
        let change = Change::Extra;
        Self { object, change }
    }
}

/// A sentence that stands alone, with nothing left out.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

pub(super) fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}
