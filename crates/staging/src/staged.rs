//! What was staged: the pairing of live and staging, and what is left to do. A release keeps it in its record.

use cutover_core::catalog::RelationKind;
use cutover_core::{Deparsed, Digest, Ident, ObjectKind, ObjectName, QualifiedName};
use serde::{Deserialize, Serialize};

use crate::deferred::DeferredStep;

/// The staging twins of a release set.
///
/// Serialises to a value that a later process can go on from: it holds names and oids, no connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StagedSet {
    /// The schema of live. Where the twins are, their names say.
    pub schema: Ident,
    /// The twins.
    pub members: Vec<StagedMember>,
    /// What is to be done on them after the load; see [`StagedSet::run_post_data`].
    pub post_data: Vec<DeferredStep>,
    /// Over the catalog of live when it was cloned; see [`cutover_core::catalog::read_fingerprint`].
    pub live_fingerprint: Digest,
    /// The oids that the fingerprint covers.
    pub live_oids: Vec<u32>,
}

/// A member of a release set and its staging twin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StagedMember {
    /// The live relation.
    pub live: QualifiedName,
    /// Its oid.
    pub live_oid: u32,
    /// The staging twin.
    pub staging: QualifiedName,
    /// Its oid.
    pub oid: u32,
    /// Table, partitioned table or materialized view.
    pub kind: RelationKind,
    /// The live name of the member that it is a partition of. Partitions come along with their parent; rows are written
    /// to the topmost.
    #[serde(default)]
    pub partition_of: Option<QualifiedName>,
    /// Indexes, sequences and extended statistics: what has a name of its own in the schema.
    pub parts: Vec<PartPair>,
    /// Definitions that the server prints otherwise once it has read them again.
    pub reprinted: Vec<Reprinted>,
}

/// A part of a member that has a schema-wide name, and its twin's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PartPair {
    /// Index, sequence or extended statistics.
    pub kind: ObjectKind,
    /// Its live name. A key that an index backs always bears the index's name.
    pub live: QualifiedName,
    /// Its staging name.
    pub staging: QualifiedName,
}

/// A definition that changes its text, not its meaning, when the server reads what it printed.
///
/// `status IN ('a', 'b')` on a `varchar` column is one: `ARRAY['a'::varchar, …]::text[]` comes back with the casts at the
/// elements. A comparison takes the two texts for equal because this very server turned the one into the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reprinted {
    /// What the text defines.
    pub kind: ObjectKind,
    /// Its name on live.
    pub name: Ident,
    /// The text on live.
    pub live: Deparsed,
    /// What the server printed for the twin.
    pub staging: Deparsed,
}

/// A twin before it exists.
#[derive(Debug, Clone)]
pub(crate) struct PlannedMember {
    pub(crate) live: QualifiedName,
    pub(crate) live_oid: u32,
    pub(crate) staging: QualifiedName,
    pub(crate) kind: RelationKind,
    pub(crate) partition_of: Option<QualifiedName>,
    pub(crate) parts: Vec<PartPair>,
}

impl PartPair {
    pub(crate) fn new(kind: ObjectKind, live: &QualifiedName, staging: &QualifiedName) -> Self {
        Self {
            kind,
            live: live.clone(),
            staging: staging.clone(),
        }
    }
}

impl StagedMember {
    /// The twin as steps and errors name it.
    #[must_use]
    pub fn object(&self) -> ObjectName {
        ObjectName::qualified(self.kind.object_kind(), &self.staging)
    }

    /// The staging name of an index, sequence or statistics object of the member.
    #[must_use]
    pub fn part(&self, kind: ObjectKind, live: &QualifiedName) -> Option<&QualifiedName> {
        self.parts
            .iter()
            .find(|part| part.kind == kind && part.live == *live)
            .map(|part| &part.staging)
    }
}

impl StagedSet {
    /// The twin of the live relation of this name.
    #[must_use]
    pub fn member(&self, live: &Ident) -> Option<&StagedMember> {
        self.members.iter().find(|member| member.live.name == *live)
    }

    /// The schema that the twins are in, all of one set in the same.
    #[must_use]
    pub fn staging_schema(&self) -> &Ident {
        self.members
            .first()
            .map_or(&self.schema, |member| &member.staging.schema)
    }

    /// The oids of the twins.
    #[must_use]
    pub fn oids(&self) -> Vec<u32> {
        self.members.iter().map(|member| member.oid).collect()
    }

    /// Puts the members of another set of the same schema after these, so that tables and materialized views staged in
    /// different phases go on as one. The fingerprint of `other` stands for both when it covers more relations.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.members.extend(other.members);
        self.post_data.extend(other.post_data);
        if other.live_oids.len() > self.live_oids.len() {
            self.live_oids = other.live_oids;
            self.live_fingerprint = other.live_fingerprint;
        }
        self
    }
}
