//! What differs between two audits.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::{Audit, SHAPE};

/// Two audits that cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// One of them has a shape that this version does not know.
    #[error("the audit has version {found}, and this version of Cutover compares version {SHAPE}")]
    Version {
        /// What it has.
        found: u32,
    },
}

impl AuditError {
    /// What the operator can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        "take both audits with the same version of Cutover"
    }
}

/// One fact that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AuditChange {
    /// The relation, or what outside the set depends on it.
    pub relation: String,
    /// The fact: `rows`, `index sites_pkey: definition`.
    pub fact: String,
    /// What it was; `None` where there was none.
    pub before: Option<String>,
    /// What it is; `None` where there is none.
    pub after: Option<String>,
}

impl AuditChange {
    /// Whether it tells how much there is, rather than of what shape: rows, sizes, checksums, where a sequence stands.
    #[must_use]
    pub fn is_measure(&self) -> bool {
        matches!(self.fact.as_str(), "rows" | "bytes" | "checksum")
            || self.fact.ends_with(": bytes")
            || self.fact.ends_with(": last value")
    }
}

/// Everything that differs between two audits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AuditDiff {
    changes: Vec<AuditChange>,
}

impl AuditDiff {
    /// The changes, by relation and fact.
    #[must_use]
    pub fn changes(&self) -> &[AuditChange] {
        &self.changes
    }

    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Without what a new month changes by its nature: rows, sizes, checksums, where sequences stand.
    #[must_use]
    pub fn structural(mut self) -> Self {
        self.changes.retain(|change| !change.is_measure());
        self
    }
}

impl fmt::Display for AuditDiff {
    /// A line a change: `sites, rows: 1842 → 1850`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
            writeln!(
                f,
                "{}, {}: {} → {}",
                change.relation,
                change.fact,
                value(&change.before),
                value(&change.after)
            )?;
        }
        Ok(())
    }
}

impl Audit {
    /// What is otherwise in `after`.
    ///
    /// A fact that only one of them knows counts as changed, but for checksums, which are taken on request.
    ///
    /// # Errors
    /// [`AuditError::Version`] when one of them was taken by another version of Cutover.
    pub fn diff(&self, after: &Self) -> Result<AuditDiff, AuditError> {
        for audit in [self, after] {
            if audit.audit_version != SHAPE {
                return Err(AuditError::Version {
                    found: audit.audit_version,
                });
            }
        }
        let mut changes = Vec::new();
        let relations: BTreeSet<&String> = self.relations.keys().chain(after.relations.keys()).collect();
        for relation in relations {
            let (was, is) = (self.relations.get(relation), after.relations.get(relation));
            let facts: BTreeSet<&String> = was.into_iter().chain(is).flat_map(|facts| facts.keys()).collect();
            for fact in facts {
                let before = was.and_then(|facts| facts.get(fact));
                let after = is.and_then(|facts| facts.get(fact));
                let not_asked_for = fact == "checksum" && (before.is_none() || after.is_none());
                if before != after && !not_asked_for {
                    changes.push(AuditChange {
                        relation: relation.clone(),
                        fact: fact.clone(),
                        before: before.cloned(),
                        after: after.cloned(),
                    });
                }
            }
        }
        Ok(AuditDiff { changes })
    }
}
