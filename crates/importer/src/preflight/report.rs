//! What the preflight found.

use std::fmt;

use cutover_core::Ident;
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
#[derive(Debug, Clone, Serialize)]
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

/// For so many offenders of a reason the geometry is kept, to be looked at.
const MAX_GEOMETRIES: usize = 20;

/// Gathers violations by reason; keeps the first few of each, in the order of the rows, and counts the rest.
#[derive(Debug)]
pub(super) struct Findings {
    max_keys: usize,
    /// The present row, counted from 1.
    row: u64,
    last_offending: u64,
    offending: u64,
    /// Where all rows were counted, also those that do not come here.
    rows_in_all: Option<u64>,
    found: Vec<Found>,
}

#[derive(Debug)]
struct Found {
    reason: String,
    count: u64,
    /// Each with its row.
    offenders: Vec<(u64, Offender)>,
}

impl Found {
    /// Keeps the geometries of the first few only, however many keys are kept.
    fn forget_geometries(&mut self) {
        for (_, offender) in self.offenders.iter_mut().skip(MAX_GEOMETRIES) {
            offender.geometry = None;
        }
    }
}

impl Findings {
    pub(super) fn new(max_keys: usize) -> Self {
        Self {
            max_keys,
            row: 0,
            last_offending: 0,
            offending: 0,
            rows_in_all: None,
            found: Vec::new(),
        }
    }

    /// Gathers what others find in the rows behind that many; [`merge`](Self::merge) takes it back.
    pub(super) fn of_rows_behind(&self, rows: u64) -> Self {
        Self {
            row: rows,
            last_offending: rows,
            ..Self::new(self.max_keys)
        }
    }

    /// What is added from now on is wrong with the next row.
    pub(super) fn next_row(&mut self) {
        self.row += 1;
    }

    /// Rows looked at.
    pub(super) fn rows(&self) -> u64 {
        self.row
    }

    pub(super) fn set_rows_in_all(&mut self, rows: u64) {
        self.rows_in_all = Some(rows);
    }

    pub(super) fn rows_in_all(&self) -> Option<u64> {
        self.rows_in_all
    }

    /// Rows with at least one violation.
    pub(super) fn offending(&self) -> u64 {
        self.offending
    }

    /// Counts one violation; `offender` is only called while offenders of this reason are kept.
    pub(super) fn add(&mut self, reason: &str, offender: impl FnOnce() -> Offender) {
        if self.last_offending != self.row || self.row == 0 {
            self.last_offending = self.row;
            self.offending += 1;
        }
        let (row, max_keys) = (self.row, self.max_keys);
        let found = self.found_for(reason);
        found.count += 1;
        if found.offenders.len() < max_keys {
            found.offenders.push((row, offender()));
            found.forget_geometries();
        }
    }

    /// Adds what was found in other rows, in whatever order they were looked at.
    pub(super) fn merge(&mut self, other: Self) {
        self.row = self.row.max(other.row);
        self.merge_again(other);
    }

    /// Adds what was found in rows that were counted before.
    pub(super) fn merge_again(&mut self, other: Self) {
        self.offending += other.offending;
        let max_keys = self.max_keys;
        for one in other.found {
            let found = self.found_for(&one.reason);
            found.count += one.count;
            found.offenders.extend(one.offenders);
            found.offenders.sort_by_key(|(row, _)| *row);
            found.offenders.truncate(max_keys);
            found.forget_geometries();
        }
    }

    fn found_for(&mut self, reason: &str) -> &mut Found {
        let position = self.found.iter().position(|found| found.reason == reason);
        let position = position.unwrap_or_else(|| {
            self.found.push(Found {
                reason: reason.to_owned(),
                count: 0,
                offenders: Vec::new(),
            });
            self.found.len() - 1
        });
        &mut self.found[position]
    }

    /// By falling count, then by reason, so that two runs read the same.
    pub(super) fn into_vec(mut self) -> Vec<Finding> {
        self.found
            .sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.reason.cmp(&b.reason)));
        let finding = |found: Found| Finding {
            reason: found.reason,
            count: found.count,
            offenders: found
                .offenders
                .into_iter()
                .map(|(_, offender)| offender)
                .collect(),
        };
        self.found.into_iter().map(finding).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn offender(row: u64) -> Offender {
        Offender {
            key: vec![("id".to_owned(), Some(row.to_string()))],
            ..Offender::default()
        }
    }

    /// What two batches of three rows tell: all rows are bad, every third for two reasons.
    fn batch(whole: &Findings, rows_before: u64) -> Findings {
        let mut findings = whole.of_rows_behind(rows_before);
        for row in rows_before + 1..=rows_before + 3 {
            findings.next_row();
            findings.add("bad", || offender(row));
            if row % 3 == 0 {
                findings.add("worse", || offender(row));
            }
        }
        findings
    }

    #[test]
    fn the_order_in_which_batches_end_does_not_show() {
        let found = |order: [u64; 3]| {
            let mut findings = Findings::new(4);
            for rows_before in order {
                let batch = batch(&findings, rows_before);
                findings.merge(batch);
            }
            assert_eq!((findings.rows(), findings.offending()), (9, 9));
            findings.into_vec()
        };
        let expected = found([0, 3, 6]);
        assert_eq!(expected[0].offenders, [1, 2, 3, 4].map(offender));
        assert_eq!((expected[0].count, expected[1].count), (9, 3));
        assert_eq!(found([6, 0, 3]), expected);
        assert_eq!(found([3, 6, 0]), expected);
    }
}
