//! `preflight`: the sources are checked before anything is imported.

use cutover_importer::preflight::{CheckReport, PreflightPlan, PreflightReport, PreflightSettings};

use super::counted;
use crate::ReleaseError;
use crate::release::with_causes;
use crate::run::Run;

impl Run<'_> {
    /// Runs all checks and fails when one that must hold does not.
    ///
    /// Locks: `ACCESS SHARE` on what the checks read.
    pub(super) async fn preflight(&mut self) -> Result<String, ReleaseError> {
        let report = self.check_sources().await?;
        self.write_findings(&report).await;
        self.warnings = report
            .checks
            .iter()
            .filter(|check| !check.is_fatal() && check.violations() > 0)
            .map(|check| (check.check.clone(), check.violations()))
            .collect();
        let (checks, violations) = (report.checks.len(), violations(&report));
        self.preflight = Some(report.clone());
        if report.is_fatal() {
            return Err(ReleaseError::Preflight {
                report: Box::new(report),
            });
        }
        let checks = counted(checks, "check");
        Ok(match violations {
            0 => format!("{checks}, no violations"),
            n => format!("{checks}; allowed: {}", counted(n, "violation")),
        })
    }

    /// Writes what was found to files, where the release file asks for it. That this fails is no reason to stop, nor to hide
    /// what was found.
    async fn write_findings(&self, report: &PreflightReport) {
        let Some(folder) = &self.cutover.file.preflight().findings else {
            return;
        };
        let (folder, report) = (self.cutover.folder.join(folder), report.clone());
        let failure = match tokio::task::spawn_blocking(move || report.write_findings(&folder)).await {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => with_causes(&error),
            Err(error) => with_causes(&error),
        };
        self.warn(failure);
    }

    async fn check_sources(&self) -> Result<PreflightReport, ReleaseError> {
        let checks = self.cutover.checks(&self.template)?;
        let settings = PreflightSettings::new(self.search_path().await?);
        let plan = PreflightPlan::read(&self.pool, &checks, &settings).await?;
        Ok(plan.run(&self.pool, &self.events).await)
    }
}

/// Violations over all checks.
fn violations(report: &PreflightReport) -> u64 {
    report.checks.iter().map(CheckReport::violations).sum()
}
