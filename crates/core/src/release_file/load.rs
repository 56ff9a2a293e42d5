//! `[load]`: how much the importers may take of servers and network. (`[[import]]` is a list, so it has no room for it.)

use serde::Serialize;

use super::memory::Memory;
use super::standby_lag::StandbyLag;
use super::table_reader::TableReader;

/// `[load]`: how much the importers may take of servers and network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Load {
    /// How many importers run at once; 1 unless set. Each takes two connections of `target.pool_size`.
    pub jobs: u32,
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
    /// How many importers run at once where the file does not say.
    pub const DEFAULT_JOBS: u32 = 1;
    /// The connections to the target that each may take: to read and to write.
    pub const CONNECTIONS: u32 = 2;

    pub(super) fn read(table: &mut TableReader<'_>) -> Self {
        Self {
            jobs: table.or("jobs", Self::DEFAULT_JOBS),
            max_rate: table.optional("max_rate"),
            max_standby_lag: table.optional("max_standby_lag"),
        }
    }
}
