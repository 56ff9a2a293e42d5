//! Security labels, which a provider loaded into the server gives meaning to.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A security label of a relation, a column or a sequence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SecurityLabel {
    /// The provider's name, as it registered itself.
    pub provider: String,
    /// The label.
    pub label: String,
}

impl fmt::Display for SecurityLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of provider {:?}", self.label, self.provider)
    }
}
