//! `preflight`: the sources are checked before anything is imported.

use cutover_importer::preflight::{CheckReport, PreflightPlan, PreflightReport, PreflightSettings};

use super::counted;
use crate::ReleaseError;
use crate::checks_of_imports::Moment;
use crate::release::with_causes;
use crate::run::Run;

impl Run<'_> {
    /// Runs all checks and fails when one that must hold does not.
    ///
    /// Locks: `ACCESS SHARE` on what the checks read.
    pub(super) async fn preflight(&mut self) -> Result<String, ReleaseError> {
        let report = self.check_sources().await?;
        self.write_findings(&report, "preflight").await;
        self.warnings.clear();
        self.note_violations(&report.checks);
        let (checks, violations) = (report.checks.len(), violations(&report));
        self.preflight = Some(report.clone());
        if report.is_fatal() {
            return Err(ReleaseError::Preflight {
                report: Box::new(report),
            });
        }
        let checks = counted(checks, "check");
        let found = match violations {
            0 => format!("{checks}, no violations"),
            n => format!("{checks}; allowed: {}", counted(n, "violation")),
        };
        let geometry = self.cutover.file.preflight().geometry.iter();
        let moments = geometry.map(|check| self.cutover.moment(check, self.options));
        let later = moments.filter(|moment| matches!(moment, Moment::With(_))).count();
        Ok(match later {
            0 => found,
            n => format!("{found}; {n} more on the rows of importers"),
        })
    }

    /// Notes violations that are put up with, for the manifest.
    pub(super) fn note_violations(&mut self, reports: &[CheckReport]) {
        for check in reports {
            if !check.is_fatal() && check.violations() > 0 {
                self.warnings.insert(check.check.clone(), check.violations());
            }
        }
    }

    /// Writes what was found to files, where the release file asks for it. That this fails is no reason to stop, nor to hide
    /// what was found.
    pub(super) async fn write_findings(&self, report: &PreflightReport, name: &str) {
        let Some(folder) = &self.cutover.file.preflight().findings else {
            return;
        };
        let (folder, report, name) = (self.cutover.folder.join(folder), report.clone(), name.to_owned());
        let written = tokio::task::spawn_blocking(move || report.write_findings(&folder, &name));
        let failure = match written.await {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => with_causes(&error),
            Err(error) => with_causes(&error),
        };
        self.warn(failure);
    }

    async fn check_sources(&self) -> Result<PreflightReport, ReleaseError> {
        let checks = self.cutover.checks(&self.template, self.options)?;
        let settings = PreflightSettings::new(self.search_path().await?);
        let plan = PreflightPlan::read(&self.pool, &checks, &settings).await?;
        Ok(plan.run(&self.pool, &self.events).await)
    }
}

/// Violations over all checks.
fn violations(report: &PreflightReport) -> u64 {
    report.checks.iter().map(CheckReport::violations).sum()
}
