//! What a release has built in staging, as its record keeps it.

use cutover_core::catalog::WriteCounts;
use cutover_core::records::ReleaseRecord;
use cutover_staging::{LockPatience, StagedMember, StagedSet, drop_staging};
use cutover_swap::{Pair, PartPair};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_postgres::Client;

use crate::{Cutover, ReleaseError};

/// What a release has built in staging. Written to its record in the transaction that builds it, so whatever a killed
/// release left behind is in its record.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
pub(crate) struct Staged {
    /// The twins of materialized views that importers may read.
    pub(crate) matviews: Option<StagedSet>,
    /// Whether they are filled.
    pub(crate) filled: bool,
    /// The twins of tables, and of materialized views that read them.
    pub(crate) tables: Option<StagedSet>,
    /// What had been written to live when the tables were cloned.
    #[serde(default)]
    pub(crate) writes: WriteCounts,
    /// Whether an importer brought only a sample, or rows without values that lookups add in a release that goes live.
    #[serde(default)]
    pub(crate) sampled: bool,
    /// Whether the gates were open, with nothing written to staging since.
    pub(crate) validated: bool,
    /// Whether hooks that may stop the release are still to be asked before it goes live.
    #[serde(default)]
    pub(crate) hooks_due: bool,
    /// Whether a dry run built it, to be looked at until the next release begins.
    #[serde(default)]
    pub(crate) dry_run: bool,
    /// The digest of what the release file said that it consists of.
    #[serde(default)]
    pub(crate) contents: Option<String>,
    /// What it said, to tell what has changed since.
    #[serde(default)]
    pub(crate) settings: Option<Value>,
}

impl Staged {
    /// What a record keeps; `None` when its staging is gone, or live.
    pub(crate) fn of(record: &ReleaseRecord) -> Result<Option<Self>, ReleaseError> {
        match &record.staged {
            None => Ok(None),
            Some(value) => {
                serde_json::from_value(value.clone())
                    .map(Some)
                    .map_err(|source| ReleaseError::StagedFacts {
                        release: record.id,
                        source,
                    })
            }
        }
    }

    pub(crate) fn to_value(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(self)
    }

    /// Whether a twin is filled only once the tables are: it was made with them, and has a query.
    pub(crate) fn is_late(&self, member: &StagedMember) -> bool {
        let with_tables = self.tables.iter().flat_map(|set| &set.members);
        member.kind.has_query() && with_tables.into_iter().any(|other| other.oid == member.oid)
    }

    /// All twins as one set.
    pub(crate) fn whole(&self) -> Option<StagedSet> {
        match (self.tables.clone(), self.matviews.clone()) {
            (Some(tables), Some(matviews)) => Some(tables.and(matviews)),
            (tables, matviews) => tables.or(matviews),
        }
    }

    /// What changes places with what, as the clone recorded it.
    pub(crate) fn pairing(&self) -> Vec<Pair> {
        let members = self.whole().map(|set| set.members).unwrap_or_default();
        members
            .into_iter()
            .map(|member| Pair {
                live: member.live.name,
                incoming: member.staging.name,
                parts: member
                    .parts
                    .into_iter()
                    .map(|part| PartPair {
                        kind: part.kind,
                        live: part.live.name,
                        incoming: part.staging.name,
                    })
                    .collect(),
            })
            .collect()
    }
}

impl Cutover {
    /// Drops what a record says was built; returns how many relations that were.
    pub(crate) async fn drop_staged(
        &self,
        client: &mut Client,
        staged: &Staged,
        events: &cutover_core::Events,
    ) -> Result<usize, ReleaseError> {
        let Some(set) = staged.whole() else { return Ok(0) };
        drop_staging(client, &set, &LockPatience::default(), events).await?;
        Ok(set.members.len())
    }
}
