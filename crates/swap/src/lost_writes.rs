//! Writes to live since staging was built: they would be lost.

use std::fmt;

use serde::Serialize;
use tokio_postgres::GenericClient;

use cutover_core::catalog::{WriteCounts, Writes};

use crate::error::SwapError;
use crate::plan::SwapPlan;

/// A live relation that was written to since staging was built.
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
    /// Compares the counters with those the plan was given, if it was.
    pub(crate) async fn refuse_lost_writes(&self, client: &impl GenericClient) -> Result<(), SwapError> {
        let Some(before) = &self.writes else {
            return Ok(());
        };
        let now = WriteCounts::read(client, &before.oids()).await?;
        let written: Vec<LostWrites> = before
            .written_until(&now)
            .into_iter()
            .map(|(oid, writes)| LostWrites {
                relation: self.live_name(oid),
                writes,
            })
            .collect();
        if written.is_empty() {
            Ok(())
        } else {
            Err(SwapError::LiveWritten { written })
        }
    }

    fn live_name(&self, oid: u32) -> String {
        let object = self.backup_objects.iter().find(|object| object.oid == oid);
        object.map_or_else(|| format!("oid {oid}"), |object| object.live.to_string())
    }
}
