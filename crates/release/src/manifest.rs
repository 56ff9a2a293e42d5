//! The manifest: what a release consists of, kept with its record.

use std::collections::BTreeMap;

use cutover_core::release_file::Label;
use cutover_core::{EventKind, ObjectName, Phase, RowsMeasured};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ChangesOf, GroupFacts, HookReport};

/// The version of the shape of [`Manifest`].
pub const MANIFEST_SCHEMA_VERSION: u32 = 1;

/// What a release consists of. Written before the swap, kept in `cutover.release.manifest`; as JSON it is what
/// `docs/manifest.schema.json` of the repository describes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Manifest {
    /// Version of this shape; grows when a field changes its meaning or goes.
    pub schema_version: u32,
    /// The release set.
    pub release_set: String,
    /// The label.
    pub label: Label,
    /// When it was written.
    pub written_at: Timestamp,
    /// The digest of the release file.
    pub config_digest: String,
    /// The program that wrote it.
    pub cutover_version: String,
    /// `server_version_num` of the target.
    pub server_version_num: u32,
    /// Versions of the target's extensions by name.
    #[serde(default)]
    pub extensions: BTreeMap<String, String>,
    /// The phases before this one, as they last ran.
    #[serde(default)]
    pub phases: Vec<PhaseTook>,
    /// What checks of the sources, and of rows on their way, found: violations by check.
    #[serde(default)]
    pub checks: BTreeMap<String, u64>,
    /// Tables and materialized views by live name.
    pub relations: BTreeMap<String, RelationFacts>,
    /// What went live with the set although the release file does not name it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub companions: Vec<ObjectName>,
    /// Rows by importer.
    pub importers: BTreeMap<String, u64>,
    /// Rows set aside by importer, where there are any.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rejected: BTreeMap<String, u64>,
    /// How the release file declared the structure to change, and how it did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<ChangesOf>,
    /// Whether prepared statements of long-lived sessions go on after the swap: no member's columns change.
    #[serde(default)]
    pub plan_safe: bool,
    /// The hooks of this run until it was written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<HookReport>,
    /// Violations found by preflight checks that only warn, or tolerate so many, by check.
    pub warnings: BTreeMap<String, u64>,
}

impl Manifest {
    /// The rows of its relations, as an event.
    pub(crate) fn measured(&self) -> EventKind {
        let rows = |(relation, facts): (&String, &RelationFacts)| RowsMeasured {
            relation: relation.clone(),
            live_rows: facts.live_rows,
            rows: facts.rows,
        };
        EventKind::Measured {
            relations: self.relations.iter().map(rows).collect(),
        }
    }

    pub(crate) fn to_value(&self, release: i64) -> Result<serde_json::Value, crate::ReleaseError> {
        serde_json::to_value(self).map_err(|source| crate::ReleaseError::StagedFacts { release, source })
    }
}

/// How long a phase took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PhaseTook {
    /// The phase.
    pub phase: Phase,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// A member as it is about to go live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RelationFacts {
    /// Rows in staging.
    pub rows: u64,
    /// Rows live at that moment.
    pub live_rows: u64,
    /// Size of the staging twin with indexes and TOAST, in bytes.
    pub bytes: u64,
    /// The sum of its rows' hashes in staging, where the release file asks for it. An audit with checksums has the same of what is
    /// live, on servers of one major version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// How its rows are spread over the values of columns, where a gate asks for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupFacts>,
}

impl RelationFacts {
    pub(crate) fn new(rows: u64, live_rows: u64, bytes: u64) -> Self {
        Self {
            rows,
            live_rows,
            bytes,
            checksum: None,
            groups: Vec::new(),
        }
    }

    /// The change against live as a share: 0.02 for two per cent more. `None` when live is empty.
    #[must_use]
    pub fn change(&self) -> Option<f64> {
        change(self.rows, self.live_rows)
    }
}

/// The change against live as a share; `None` when live has none.
#[expect(
    clippy::cast_precision_loss,
    reason = "a share for people; tables have fewer than 2^52 rows"
)]
pub(crate) fn change(rows: u64, live_rows: u64) -> Option<f64> {
    (live_rows > 0).then(|| (rows as f64 - live_rows as f64) / live_rows as f64)
}
