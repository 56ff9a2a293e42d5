//! `[load]`: how much the importers may take of servers and network. (`[[import]]` is a list, so it has no room for it.)

use serde::Serialize;

use super::memory::Memory;
use super::standby_lag::StandbyLag;
use super::table_reader::TableReader;

/// `[load]`: how much the importers may take of servers and network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Load {
    /// The bytes a second that all importers together send through the client; as many as there are unless set. What the
    /// server moves by itself (`INSERT … SELECT`) is not slowed down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_rate: Option<Memory>,
    /// Importers wait while an attached standby is further behind than this; for none unless set. An `INSERT … SELECT` waits
    /// before it begins, and not while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_standby_lag: Option<StandbyLag>,
}

impl Load {
    pub(super) fn read(table: &mut TableReader<'_>) -> Self {
        Self {
            max_rate: table.optional("max_rate"),
            max_standby_lag: table.optional("max_standby_lag"),
        }
    }
}
