//! Writes to live that are not in what goes live: they would be lost.

use std::fmt;

use serde::Serialize;
use tokio_postgres::GenericClient;

use cutover_core::StatementError;
use cutover_core::catalog::{WriteCounts, Writes};

use crate::error::SwapError;
use crate::plan::SwapPlan;

/// Since when writes to live are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WrittenSince {
    /// A swap: what goes live was cloned from live then.
    StagingWasBuilt,
    /// A rollback: what goes live is older than that.
    ItWentLive,
}

impl fmt::Display for WrittenSince {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StagingWasBuilt => "staging was built",
            Self::ItWentLive => "it went live",
        })
    }
}

/// A live relation with writes that are not in what goes live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LostWrites {
    /// Its name.
    pub relation: String,
    /// What was written.
    pub writes: Writes,
}

impl fmt::Display for LostWrites {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.writes {
            Writes::Rows(1) => write!(f, "{}: 1 row", self.relation),
            Writes::Rows(rows) => write!(f, "{}: {rows} rows", self.relation),
            _ => write!(f, "{}: unknown, its counters were reset", self.relation),
        }
    }
}

impl SwapPlan {
    /// What was written to live since the counters given to [`refuse_writes_since`](Self::refuse_writes_since) were
    /// read; nothing where none were given.
    ///
    /// # Errors
    /// [`StatementError`] when the statistics cannot be read.
    pub async fn lost_writes(&self, client: &impl GenericClient) -> Result<Vec<LostWrites>, StatementError> {
        let Some(before) = &self.writes else {
            return Ok(Vec::new());
        };
        let now = WriteCounts::read(client, &before.oids()).await?;
        let written = before.written_until(&now).into_iter();
        Ok(written
            .map(|(oid, writes)| LostWrites {
                relation: self.live_name(oid),
                writes,
            })
            .collect())
    }

    /// What [`SwapPlan::run`](crate::SwapPlan::run) asks before it takes a lock, and again under its locks.
    ///
    /// # Errors
    /// [`SwapError::LiveWritten`] where [`SwapPlan::lost_writes`] finds any.
    pub async fn refuse_lost_writes(&self, client: &impl GenericClient) -> Result<(), SwapError> {
        let written = self.lost_writes(client).await?;
        if written.is_empty() {
            return Ok(());
        }
        let since = match self.restores {
            None => WrittenSince::StagingWasBuilt,
            Some(_) => WrittenSince::ItWentLive,
        };
        Err(SwapError::LiveWritten { since, written })
    }

    fn live_name(&self, oid: u32) -> String {
        let object = self.backup_objects.iter().find(|object| object.oid == oid);
        object.map_or_else(|| format!("oid {oid}"), |object| object.live.to_string())
    }
}
