//! What the preflight found.

use std::fmt;

use cutover_core::Ident;
use geo::Point;
use serde::{Serialize, Serializer};

use super::check::Severity;
use super::plan::CannotRun;

/// Every finding of every check.
///
/// `Display` prints it for people, `Serialize` as JSON, [`PreflightReport::to_geojson`] for a map.
#[derive(Debug, Clone, Serialize)]
pub struct PreflightReport {
    /// One report per check, in the order of the checks.
    pub checks: Vec<CheckReport>,
}

/// What one check found.
#[derive(Debug, Clone, Serialize)]
pub struct CheckReport {
    /// The check's name.
    pub check: String,
    /// Whether violations stop a release.
    pub severity: Severity,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: CheckOutcome,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// How a check ended.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum CheckOutcome {
    /// It looked at every row.
    Ran {
        /// What it found, by reason; empty when all is well.
        findings: Vec<Finding>,
    },
    /// It could not look.
    CouldNotRun {
        /// Why.
        error: CannotRun,
    },
}

/// All violations of one check that have the same reason.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// What is wrong.
    pub reason: String,
    /// How many rows (for `unique`: keys) have it.
    pub count: u64,
    /// The first few of them.
    pub offenders: Vec<Offender>,
}

/// One offending row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Offender {
    /// The key's columns and their values as text; `None` is NULL.
    pub key: Vec<(String, Option<String>)>,
    /// More about this row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Where in the geometry, in its own coordinates; `[x, y]` in JSON.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "position")]
    pub place: Option<Point<f64>>,
}

#[expect(clippy::ref_option, reason = "serde hands over the field as it is")]
fn position<S: Serializer>(place: &Option<Point<f64>>, serializer: S) -> Result<S::Ok, S::Error> {
    place.map(|point| [point.x(), point.y()]).serialize(serializer)
}

impl PreflightReport {
    /// Whether a release must not go on: a check of severity [`Severity::Error`] found violations or could not run.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        self.checks.iter().any(CheckReport::is_fatal)
    }
}

impl CheckReport {
    /// How many violations it found, of all reasons.
    #[must_use]
    pub fn violations(&self) -> u64 {
        self.findings().iter().map(|finding| finding.count).sum()
    }

    /// What it found, by reason; empty also when it could not run.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        match &self.outcome {
            CheckOutcome::Ran { findings } => findings,
            CheckOutcome::CouldNotRun { .. } => &[],
        }
    }

    /// Whether it stops a release.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        let bad = match &self.outcome {
            CheckOutcome::Ran { findings } => !findings.is_empty(),
            CheckOutcome::CouldNotRun { .. } => true,
        };
        bad && self.severity == Severity::Error
    }
}

impl fmt::Display for PreflightReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            let mark = match (&check.outcome, check.is_fatal()) {
                (CheckOutcome::Ran { findings }, _) if findings.is_empty() => "ok",
                (_, true) => "FAILED",
                (_, false) => "warning",
            };
            writeln!(f, "{mark:<8} {}", check.check)?;
            match &check.outcome {
                CheckOutcome::Ran { findings } => {
                    for finding in findings {
                        write!(f, "{finding}")?;
                    }
                }
                CheckOutcome::CouldNotRun { error } => {
                    writeln!(f, "           could not run: {error}")?;
                    writeln!(f, "           remedy: {}", error.remedy())?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>10} {}", self.count, self.reason)?;
        for offender in &self.offenders {
            writeln!(f, "{:>13} {offender}", "-")?;
        }
        let more = self.count.saturating_sub(self.offenders.len() as u64);
        if more > 0 && !self.offenders.is_empty() {
            writeln!(f, "{:>13} and {more} more", "-")?;
        }
        Ok(())
    }
}

impl fmt::Display for Offender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key: Vec<String> = self
            .key
            .iter()
            .map(|(column, value)| match value {
                Some(value) => format!("{column}={value}"),
                None => format!("{column} is NULL"),
            })
            .collect();
        f.write_str(if key.is_empty() { "(no key)" } else { "" })?;
        f.write_str(&key.join(", "))?;
        if let Some(detail) = &self.detail {
            write!(f, ": {detail}")?;
        }
        match self.place {
            Some(place) => write!(f, " at ({} {})", coordinate(place.x()), coordinate(place.y())),
            None => Ok(()),
        }
    }
}

/// Without three hundred zeros where a coordinate is garbage.
fn coordinate(value: f64) -> String {
    if value.abs() < 1e12 {
        value.to_string()
    } else {
        format!("{value:e}")
    }
}

/// Gathers violations by reason; keeps the first few of each and counts the rest.
#[derive(Debug)]
pub(super) struct Findings {
    max_keys: usize,
    found: Vec<Finding>,
}

impl Findings {
    pub(super) fn new(max_keys: usize) -> Self {
        Self {
            max_keys,
            found: Vec::new(),
        }
    }

    /// Counts one violation; `offender` is only called while offenders of this reason are kept.
    pub(super) fn add(&mut self, reason: &str, offender: impl FnOnce() -> Offender) {
        let position = self.found.iter().position(|finding| finding.reason == reason);
        let position = position.unwrap_or_else(|| {
            self.found.push(Finding {
                reason: reason.to_owned(),
                count: 0,
                offenders: Vec::new(),
            });
            self.found.len() - 1
        });
        let finding = &mut self.found[position];
        finding.count += 1;
        if finding.offenders.len() < self.max_keys {
            finding.offenders.push(offender());
        }
    }

    /// By falling count, then by reason, so that two runs read the same.
    pub(super) fn into_vec(mut self) -> Vec<Finding> {
        self.found
            .sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.reason.cmp(&b.reason)));
        self.found
    }
}

/// The key's columns with their values.
pub(super) fn key_of(columns: &[Ident], values: Vec<Option<String>>) -> Vec<(String, Option<String>)> {
    columns
        .iter()
        .map(|column| column.as_str().to_owned())
        .zip(values)
        .collect()
}
