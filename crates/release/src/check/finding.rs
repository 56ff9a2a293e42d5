//! What a check found.

use std::fmt;

use serde::Serialize;

use super::disk::DiskPrediction;

/// All findings of a check, the concerns in a fixed order.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CheckReport {
    /// Each with what it is about.
    pub findings: Vec<Finding>,
    /// What the next release takes on disk; `None` where that cannot be told.
    pub disk: Option<DiskPrediction>,
}

impl CheckReport {
    pub(super) fn new(mut findings: Vec<Finding>, disk: Option<DiskPrediction>) -> Self {
        findings.sort_by_key(|finding| finding.concern);
        Self { findings, disk }
    }

    /// Whether a release would be refused, or fail, as things are.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.count(CheckSeverity::Error) > 0
    }

    /// How many there are of a severity.
    #[must_use]
    pub fn count(&self, severity: CheckSeverity) -> usize {
        let of_it = |finding: &&Finding| finding.severity == severity;
        self.findings.iter().filter(of_it).count()
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What it is about.
    pub concern: Concern,
    /// How bad it is.
    pub severity: CheckSeverity,
    /// What is so.
    pub what: String,
    /// What to do about it; absent where nothing is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    pub(super) fn new(
        concern: Concern,
        severity: CheckSeverity,
        what: impl Into<String>,
        remedy: Option<String>,
    ) -> Self {
        Self {
            concern,
            severity,
            what: what.into(),
            remedy,
        }
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckSeverity {
    /// As it should be.
    Ok,
    /// It stops nothing, and somebody should know it.
    Warning,
    /// A release would be refused, or fail.
    Error,
}

/// What a finding is about, in the order of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Concern {
    /// The server, its version, the role, what stands between.
    Connection,
    /// The server's clock and this machine's.
    Clock,
    /// What the role may do beside building and swapping: records, other sessions, prewarming.
    Rights,
    /// Whether the set can be cloned: kinds, rights, event triggers, publications, the lock table.
    Structure,
    /// Whether it can change places: dependents, rights on them, the lock table.
    Swap,
    /// Names that staging or backups have to cut.
    Names,
    /// The schemas of staging and backups, and who may look into them.
    Schemas,
    /// What importers and checks read, and what is refreshed for them.
    Sources,
    /// Foreign servers: whether they answer, how fast, what is installed there.
    ForeignServer,
    /// The portal, where importers read it past the foreign data wrapper.
    Portal,
    /// Standbys, replication slots, the archive of the write-ahead log.
    Replication,
    /// What a release takes on disk, and what is free.
    Disk,
    /// Vacuums that give way to nobody.
    Vacuum,
    /// The hooks of the release file.
    Hooks,
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connection => "connection",
            Self::Clock => "clock",
            Self::Rights => "rights",
            Self::Structure => "structure",
            Self::Swap => "swap",
            Self::Names => "names",
            Self::Schemas => "schemas",
            Self::Sources => "sources",
            Self::ForeignServer => "foreign server",
            Self::Portal => "portal",
            Self::Replication => "replication",
            Self::Disk => "disk",
            Self::Vacuum => "vacuum",
            Self::Hooks => "hooks",
        })
    }
}

impl fmt::Display for CheckSeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}
