//! What the plans of a release refuse and warn of: all of it, where a release would stop at the first plan.

use cutover_core::Session;
use cutover_core::catalog::CatalogSnapshot;
use cutover_staging::{CloneError, ClonePlan, MatviewPlan};

use super::{Concern, Findings, schemas};
use crate::{Cutover, ReleaseError};

impl Cutover {
    pub(super) async fn check_plans(
        &self,
        session: &Session,
        live: &CatalogSnapshot,
        findings: &mut Findings,
    ) -> Result<(), ReleaseError> {
        let search_path = self.search_path(session).await?;
        self.check_names(live, findings);
        schemas::check(live, findings);
        self.check_clone(live, search_path, findings)?;
        match self.swap_as_declared(live) {
            Ok(plan) => {
                for warning in plan.warnings {
                    findings.warning(Concern::Swap, warning, "see `cutover plan`");
                }
            }
            Err(ReleaseError::SwapRefused(refused)) => {
                for refusal in refused.refusals {
                    let what = format!("{} {}", refusal.object, refusal.reason);
                    findings.error(Concern::Swap, what, refusal.remedy);
                }
            }
            Err(error) => findings.failed(Concern::Swap, &error),
        }
        findings.ok_unless_found(
            Concern::Swap,
            "the set and everything that refers to it can change places",
        );
        Ok(())
    }

    fn check_clone(
        &self,
        live: &CatalogSnapshot,
        search_path: Vec<cutover_core::Ident>,
        findings: &mut Findings,
    ) -> Result<(), ReleaseError> {
        let facts = self.template_facts(&self.choose_label(None)?);
        let options = self.clone_options(self.changes_to_make(&facts, search_path)?);
        let mut notices: Vec<String> = Vec::new();
        let mut refused: Vec<CloneError> = Vec::new();
        match MatviewPlan::compute(live, &self.naming, &options) {
            Ok(plan) => notices.extend(plan.notices().iter().cloned()),
            Err(error) => refused.push(error),
        }
        match ClonePlan::compute(live, &self.naming, &options) {
            Ok(plan) => notices.extend(plan.notices().iter().cloned()),
            Err(error) => refused.push(error),
        }
        // What is of the database, both say.
        let mut told: Vec<String> = Vec::new();
        for refusal in refused.into_iter().flat_map(|error| error.refusals) {
            let what = format!("{} {}", refusal.object, refusal.why);
            if !told.contains(&what) {
                told.push(what.clone());
                findings.error(Concern::Structure, what, refusal.remedy);
            }
        }
        for notice in notices {
            if !told.contains(&notice) {
                told.push(notice.clone());
                findings.warning(Concern::Structure, notice, "see `cutover plan`");
            }
        }
        let members = live.relations.len();
        findings.ok_unless_found(
            Concern::Structure,
            format!("{members} relations can be cloned, with the rights that takes"),
        );
        Ok(())
    }
}
