//! The checks of importers' rows: what they found, and those that have to be made apart.

use cutover_core::records::ImportSoFar;
use cutover_core::release_file::Import as FileImport;
use cutover_importer::preflight::{CheckReport, PreflightPlan, PreflightReport, PreflightSettings};
use cutover_importer::{ImportError, ImportOutcome, ImportPlan};

use crate::ReleaseError;
use crate::run::Run;

impl Run<'_> {
    /// Makes the checks of an importer that cannot be made on its rows after all, before these move, and returns what they
    /// found.
    pub(super) async fn check_apart(
        &self,
        plan: &ImportPlan,
        so_far: &ImportSoFar,
    ) -> Result<Vec<CheckReport>, ReleaseError> {
        let apart = plan.checks_apart(so_far);
        if apart.is_empty() {
            return Ok(Vec::new());
        }
        for check in &apart {
            self.warn(format!("check {check}: {}", check.noted().unwrap_or_default()));
        }
        // Of the release's own pool the importers may hold all sessions.
        let pool = self.cutover.target.pool(&self.purpose(), 1).await?;
        let settings = PreflightSettings::new(self.search_path().await?);
        let plan = PreflightPlan::read(&pool, &apart, &settings).await?;
        let report = plan.run(&pool, &self.events).await;
        pool.close();
        if report.is_fatal() {
            return Err(ReleaseError::Preflight {
                report: Box::new(report),
            });
        }
        Ok(report.checks)
    }

    /// Writes to files what the checks of an importer found, however it ended, where the release file asks for that.
    pub(super) async fn keep_findings(
        &self,
        import: &FileImport,
        ended: &Result<ImportOutcome, ReleaseError>,
    ) {
        let report = match ended {
            Ok(outcome) if outcome.checks.is_empty() => return,
            Ok(outcome) => PreflightReport {
                checks: outcome.checks.clone(),
            },
            Err(
                ReleaseError::Import(ImportError::Checked { report, .. })
                | ReleaseError::Preflight { report },
            ) => (**report).clone(),
            Err(_) => return,
        };
        self.write_findings(&report, &format!("import-{}", import.name))
            .await;
    }
}
