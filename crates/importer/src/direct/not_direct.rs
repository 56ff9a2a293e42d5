//! Why a source is read the local way.

use std::fmt;

use cutover_core::DatabaseError;

/// Why a source cannot be read straight from a foreign server; for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotDirect {
    reason: String,
    is_unreachable: bool,
}

impl NotDirect {
    /// The reason, as the end of "not straight from the foreign server: …".
    pub fn because(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            is_unreachable: false,
        }
    }

    /// The same where the server could not be reached, and may be there later.
    pub fn unreachable(reason: impl Into<String>) -> Self {
        Self {
            is_unreachable: true,
            ..Self::because(reason)
        }
    }

    pub(crate) fn is_unreachable(&self) -> bool {
        self.is_unreachable
    }

    pub(super) fn refused(error: tokio_postgres::Error) -> Self {
        Self::because(DatabaseError::from(error).to_string())
    }
}

impl fmt::Display for NotDirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}
