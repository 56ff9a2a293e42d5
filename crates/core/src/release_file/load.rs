//! `[load]`: how much the importers may take of servers and network. (`[[import]]` is a list, so it has no room for it.)

use serde::Serialize;

use super::memory::Memory;
use super::standby_lag::StandbyLag;
use super::table_reader::TableReader;

/// `[load]`: how much the importers may take of servers and network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Load {
    /// How many importers run at once; 1 unless set. Each takes two connections of `target.pool_size`, for each of its ranges.
    pub jobs: u32,
    /// How many ranges of its key an importer is loaded by at once; 1 unless set. `ranges` of an importer goes before. What cannot
    /// be loaded so, is loaded as one.
    pub ranges: u32,
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
    /// How many ranges of an importer are loaded at once where the file does not say: with lz4 one stream keeps two cores busy.
    pub const DEFAULT_RANGES: u32 = 1;
    /// More ranges than this are a mistake.
    pub const MOST_RANGES: u32 = 64;
    /// The connections to the target that each range may take: to read and to write.
    pub const CONNECTIONS: u32 = 2;

    pub(super) fn read(table: &mut TableReader<'_>) -> Self {
        Self {
            jobs: table.or("jobs", Self::DEFAULT_JOBS),
            ranges: table.or("ranges", Self::DEFAULT_RANGES),
            max_rate: table.optional("max_rate"),
            max_standby_lag: table.optional("max_standby_lag"),
        }
    }
}
