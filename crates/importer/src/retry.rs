//! Whether, and when, an import that broke off is worth another try.

use std::time::Duration;

use cutover_core::DatabaseError;
use tokio_postgres::error::SqlState;

use crate::ImportError;

/// Pauses before the tries that follow a lost source: 1, 2, 4, 8 and 10 seconds.
const PAUSES: [u64; 5] = [1, 2, 4, 8, 10];

/// How long to wait before the next try, the first being number 1; `None` when it is time to give up.
#[must_use]
pub fn pause_before_retry(tries_in_vain: usize) -> Option<Duration> {
    let seconds = PAUSES.get(tries_in_vain.checked_sub(1)?)?;
    Some(Duration::from_secs(*seconds))
}

impl ImportError {
    /// Whether the connection to the source was lost while its rows were read, be it ours or that of a foreign data wrapper.
    /// Then another try is worth while: what was not committed is rolled back, and of an import in chunks the rest is read.
    #[must_use]
    pub fn is_source_lost(&self) -> bool {
        match self {
            Self::Source { source, .. } => {
                source.database_error().is_connection_lost() || is_foreign_loss(source.database_error())
            }
            Self::Statement { source, .. } => is_foreign_loss(source.database_error()),
            _ => false,
        }
    }

    /// Whether the source's server could not be reached: after it was lost, it may still be starting.
    #[must_use]
    pub fn is_source_unreachable(&self) -> bool {
        if let Self::OtherChunks {
            not_direct: Some(why),
            ..
        } = self
        {
            // What is in was read straight from it, and the rest waits for it.
            return why.is_unreachable();
        }
        let code = self.sqlstate().map(SqlState::code);
        matches!(code, Some("08001" | "08004" | "HV00N" | "57P03"))
    }
}

/// A foreign server that went away under a session of ours that is still there.
fn is_foreign_loss(error: &DatabaseError) -> bool {
    let code = error.sqlstate().map(SqlState::code);
    !error.is_connection_lost() && matches!(code, Some("08000" | "08003" | "08006" | "57P01" | "57P02"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_end() {
        let pauses: Vec<u64> = (1..)
            .map_while(pause_before_retry)
            .map(|pause| pause.as_secs())
            .collect();
        assert_eq!(pauses, PAUSES);
        assert_eq!(pause_before_retry(0), None);
    }
}
