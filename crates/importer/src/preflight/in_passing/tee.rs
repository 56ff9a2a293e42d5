//! The rows of an import, looked at as they pass.

use std::time::Instant;

use cutover_core::Events;
use cutover_core::records::ImportSoFar;
use serde_json::Value;
use tokio_postgres::Transaction;

use super::kept::{self, ByCheck, Kept};
use super::plan::Made;
use crate::chunks::{is_rows_fault, printed};
use crate::error::ImportError;
use crate::preflight::check::Severity;
use crate::preflight::findings::Findings;
use crate::preflight::geometry::batches::{Batches, NotJudged};
use crate::preflight::geometry::native::Judged;
use crate::preflight::report::{CheckReport, PreflightReport};
use crate::preflight::run::{judge_unread, reported};
use crate::{Import, ImportPlan};

/// Key columns that cannot be printed must not take the rows with them.
const BEGIN_PRINTING: &str = "SAVEPOINT cutover_keys";
const UNDO_PRINTING: &str = "ROLLBACK TO SAVEPOINT cutover_keys";
const END_PRINTING: &str = "RELEASE SAVEPOINT cutover_keys";

/// The checks of an import at work on its rows. What they are given they judge on all cores, and they make the source wait
/// while none is free.
pub(crate) struct Tee<'a> {
    import: &'a Import,
    made: Vec<&'a Made>,
    batches: Batches,
    /// For each check, what it has found in rows that it was asked to settle.
    so_far: Vec<Judged>,
    /// Rows that offend and are committed.
    committed: u64,
    began: Instant,
}

impl<'a> Tee<'a> {
    /// For the rows behind the chunks that are in; `None` where there is nothing to check in them.
    pub(crate) fn of(plan: &'a ImportPlan, so_far: &ImportSoFar) -> Option<Self> {
        let made: Vec<&Made> = plan.in_passing.made_behind(so_far).collect();
        let found = |made: &&Made| kept::found_in(so_far, &made.digest, made.check.max_keys);
        let so_far: Vec<Judged> = made.iter().map(found).collect();
        let checks = made.iter().zip(&so_far).map(|(made, so_far)| {
            let findings = so_far.findings.of_rows_behind(so_far.findings.rows());
            (made.looked.clone(), findings)
        });
        let mut tee = Self {
            import: &plan.import,
            batches: Batches::new(checks, plan.settings.workers()),
            made,
            so_far,
            committed: 0,
            began: Instant::now(),
        };
        tee.note_commit();
        (!tee.made.is_empty()).then_some(tee)
    }

    /// Takes in bytes of binary COPY in which so many rows end, the last of them after `whole` bytes.
    pub(crate) async fn look(&mut self, data: &[u8], rows: u64, whole: usize) -> Result<(), ImportError> {
        let added = self.batches.add(data, rows, whole).await;
        added.map(drop).map_err(|error| self.not_judged(error))
    }

    /// Waits until all rows are judged, prints the keys of those that offend and returns what a checkpoint is to keep of those
    /// that came since the last time.
    pub(crate) async fn settle(&mut self, target: &Transaction<'_>) -> Result<Value, ImportError> {
        let settled = self.batches.settle().await;
        let settled = settled.map_err(|error| self.not_judged(error))?;
        let mut kept = ByCheck::new();
        for ((made, so_far), mut judged) in self.made.iter().zip(&mut self.so_far).zip(settled) {
            print_keys(made, &mut judged.findings, target)
                .await
                .map_err(ImportError::failed(
                    self.import,
                    "print the keys of offending rows of",
                ))?;
            kept.insert(made.digest.clone(), Kept::of(&judged));
            so_far.add(judged);
        }
        serde_json::to_value(kept).map_err(|error| ImportError::not_judged(self.import, error))
    }

    /// Whether more rows offend than a check tolerates, whatever rows are still to come.
    pub(crate) fn is_lost(&self) -> bool {
        self.made.iter().zip(&self.so_far).any(|(made, so_far)| {
            let check = &made.check;
            check.severity == Severity::Error
                && check
                    .tolerance
                    .is_exceeded_whatever_comes(so_far.findings.offending())
        })
    }

    /// Notes that the rows settled so far are committed.
    pub(crate) fn note_commit(&mut self) {
        let offending = self.so_far.iter().map(|judged| judged.findings.offending());
        self.committed = offending.max().unwrap_or(0);
    }

    /// Ends the checks once all rows are settled; what could not be read here is judged by the server, in its present state.
    ///
    /// # Errors
    /// [`ImportError::Checked`] where they found more than they tolerate.
    pub(crate) async fn finish(
        self,
        target: &Transaction<'_>,
        events: &Events,
    ) -> Result<Vec<CheckReport>, ImportError> {
        let (import, committed) = (self.import, self.committed);
        let report = self.report(target, events).await?;
        if report.is_fatal() {
            return Err(ImportError::checked(import, report, committed));
        }
        Ok(report.checks)
    }

    /// The error that an import ends with which [is lost](Self::is_lost).
    pub(crate) async fn lost(self, target: &Transaction<'_>, events: &Events) -> ImportError {
        let (import, committed) = (self.import, self.committed);
        match self.report(target, events).await {
            Ok(report) => ImportError::checked(import, report, committed),
            Err(error) => error,
        }
    }

    async fn report(self, target: &Transaction<'_>, events: &Events) -> Result<PreflightReport, ImportError> {
        let import = self.import;
        let mut reports = Vec::new();
        for (made, Judged { mut findings, unread }) in self.made.into_iter().zip(self.so_far) {
            findings.set_rows_in_all(findings.rows());
            judge_unread(&made.looked.check, &made.unread, unread, target, &mut findings)
                .await
                .map_err(ImportError::failed(import, "have the server judge curves of"))?;
            reports.push(reported(&made.check, Ok(findings), self.began, events));
        }
        Ok(PreflightReport { checks: reports })
    }

    fn not_judged(&self, error: NotJudged) -> ImportError {
        ImportError::not_judged(self.import, error)
    }
}

/// Has the server print the keys with their types' own output functions, as it does for a check that reads its rows itself.
async fn print_keys(
    made: &Made,
    findings: &mut Findings,
    target: &Transaction<'_>,
) -> Result<(), tokio_postgres::Error> {
    let mut statement = None;
    for offender in findings.offenders_mut() {
        let Some(key) = offender.unprinted_key.take() else {
            continue;
        };
        let statement = match &mut statement {
            Some(statement) => statement,
            none => {
                target.batch_execute(BEGIN_PRINTING).await?;
                none.insert(target.prepare(made.print_key.as_str()).await?)
            }
        };
        let fields: Vec<Option<&[u8]>> = key.iter().map(Option::as_deref).collect();
        let texts = match printed(target, statement, &fields).await {
            Ok(texts) => texts,
            // Of a row that the table refused for this value.
            Err(error) if error.code().is_some_and(is_rows_fault) => {
                target.batch_execute(UNDO_PRINTING).await?;
                fields.iter().map(|field| field.map(hex)).collect()
            }
            Err(error) => return Err(error),
        };
        for ((_, value), text) in offender.key.iter_mut().zip(texts) {
            *value = text;
        }
    }
    if statement.is_some() {
        target.batch_execute(END_PRINTING).await?;
    }
    Ok(())
}

fn hex(value: &[u8]) -> String {
    let digits: Vec<String> = value.iter().take(64).map(|byte| format!("{byte:02x}")).collect();
    format!("\\x{}", digits.concat())
}
