//! What the preflight found.

use std::fmt;

use geo::Point;
use serde::{Serialize, Serializer};

use super::check::Severity;
use super::geometry::ENGINES_DISAGREE;
use super::geometry::sketch::Sketch;
use super::plan::CannotRun;
use super::tolerance::Tolerance;

/// Every finding of every check.
///
/// `Display` prints it for people, `Serialize` as JSON, [`PreflightReport::to_geojson`] for a map, and
/// [`PreflightReport::write_findings`] writes both to files.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PreflightReport {
    /// One report per check, in the order of the checks.
    pub checks: Vec<CheckReport>,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckReport {
    /// The check's name.
    pub check: String,
    /// Whose rows it looked at, or why it read them itself, where that is to be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether violations stop a release.
    pub severity: Severity,
    /// How many violations are tolerated, as the check says it.
    #[serde(skip_serializing_if = "Tolerance::is_none")]
    pub tolerance: Tolerance,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: CheckOutcome,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum CheckOutcome {
    /// It looked at every row.
    Ran {
        /// How many rows that were, where they were counted.
        #[serde(skip_serializing_if = "Option::is_none")]
        rows: Option<u64>,
        /// How many of them have at least one violation (for `unique`: keys).
        offending: u64,
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
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[non_exhaustive]
pub struct Offender {
    /// The key's columns and their values as text; `None` is NULL.
    pub key: Vec<(String, Option<String>)>,
    /// More about this row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The SRID of its geometry; 0 is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub srid: Option<i32>,
    /// Where in the geometry, in its own coordinates; `[x, y]` in JSON.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "position")]
    pub place: Option<Point<f64>>,
    /// The geometry to look at; in GeoJSON only.
    #[serde(skip)]
    pub(super) geometry: Option<Sketch>,
    /// The values of the key in their types' binary format, until the server has printed them.
    #[serde(skip)]
    pub(super) unprinted_key: Option<Vec<Option<Vec<u8>>>>,
}

#[expect(clippy::ref_option, reason = "serde hands over the field as it is")]
fn position<S: Serializer>(place: &Option<Point<f64>>, serializer: S) -> Result<S::Ok, S::Error> {
    place.map(|point| [point.x(), point.y()]).serialize(serializer)
}

impl PreflightReport {
    /// Whether a release must not go on: a check of severity [`Severity::Error`] found more violations than it tolerates
    /// or could not run, or the two engines of a geometry check disagree.
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
            CheckOutcome::Ran { findings, .. } => findings,
            CheckOutcome::CouldNotRun { .. } => &[],
        }
    }

    /// How many rows it looked at have at least one violation (for `unique`: keys).
    #[must_use]
    pub fn offending(&self) -> u64 {
        match self.outcome {
            CheckOutcome::Ran { offending, .. } => offending,
            CheckOutcome::CouldNotRun { .. } => 0,
        }
    }

    /// How many rows (for `unique`: keys) may offend.
    #[must_use]
    pub fn tolerated(&self) -> u64 {
        match self.outcome {
            CheckOutcome::Ran { rows, .. } => self.tolerance.of_rows(rows),
            CheckOutcome::CouldNotRun { .. } => 0,
        }
    }

    /// Whether it stops a release.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        let bad = match &self.outcome {
            CheckOutcome::Ran { offending, .. } => *offending > self.tolerated(),
            CheckOutcome::CouldNotRun { .. } => true,
        };
        self.engines_disagree() || bad && self.severity == Severity::Error
    }

    /// Whether the two engines of a geometry check did not agree on a row: a fault of one of them, which no severity
    /// makes tolerable.
    #[must_use]
    pub fn engines_disagree(&self) -> bool {
        self.findings()
            .iter()
            .any(|finding| finding.reason == ENGINES_DISAGREE)
    }
}

impl fmt::Display for PreflightReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            let mark = match (&check.outcome, check.is_fatal()) {
                (CheckOutcome::Ran { findings, .. }, _) if findings.is_empty() => "ok",
                (_, true) => "FAILED",
                (_, false) => "warning",
            };
            writeln!(f, "{mark:<8} {}", check.check)?;
            if let Some(note) = &check.note {
                writeln!(f, "         {note}")?;
            }
            match &check.outcome {
                CheckOutcome::Ran { findings, rows, .. } => {
                    if !findings.is_empty() && !check.tolerance.is_none() {
                        let offending = check.offending();
                        let of = rows.map(|rows| format!(" of {rows}")).unwrap_or_default();
                        writeln!(
                            f,
                            "         {offending}{of} offend, tolerated: {}",
                            check.tolerance
                        )?;
                    }
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
