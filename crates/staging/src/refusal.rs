//! What is found in the catalog and not cloned: refused by name, all of it at once.

use std::fmt;

use cutover_core::ObjectName;
use serde::Serialize;

/// One thing that stands in the way of a clone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Refusal {
    /// What is refused.
    pub object: ObjectName,
    /// Why: a phrase that follows the object's name.
    pub why: String,
    /// What the operator can do about it.
    pub remedy: &'static str,
}

impl Refusal {
    pub(crate) fn new(object: ObjectName, why: impl Into<String>, remedy: &'static str) -> Self {
        Self {
            object,
            why: why.into(),
            remedy,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}; {}", self.object, self.why, self.remedy)
    }
}

/// A set that cannot be cloned as it is. Nothing was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloneError {
    /// Everything that stands in the way, never empty.
    pub refusals: Vec<Refusal>,
}

impl fmt::Display for CloneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the release set cannot be cloned:")?;
        for refusal in &self.refusals {
            write!(f, "\n  {refusal}")?;
        }
        Ok(())
    }
}

impl std::error::Error for CloneError {}
