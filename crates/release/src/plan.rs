//! What a release would do, computed from the catalog as it is, with nothing done.

use cutover_core::{Phase, Plan};
use cutover_staging::{ClonePlan, MatviewPlan};
use cutover_swap::StandbyReport;

use crate::boxed::BoxFuture;
use crate::report::PhasePlan;
use crate::{Cutover, PlanReport, ReleaseError};

impl Cutover {
    /// Plans a release from live as it is: the clone, what follows the load, the swap with its locks. Reads only, and
    /// refuses what a release would refuse.
    ///
    /// The swap is planned as if staging were there: a clone has the same parts as live, under the names that the
    /// naming policy gives them, but for the declared changes; what those add is not in it, for only its name is known.
    /// By how many ranges each importer is to be loaded, and how many connections that takes, is told as the release file has it. How
    /// rows travel is decided when the importers run, and told by their events.
    ///
    /// # Locks
    /// `ACCESS SHARE` on system catalogs, and for a moment on views that are deparsed.
    ///
    /// # Errors
    /// [`ReleaseError::Clone`] and [`ReleaseError::SwapRefused`] with everything that stands in the way;
    /// [`ReleaseError::UnknownRust`].
    pub async fn plan(&self) -> Result<PlanReport, ReleaseError> {
        let run: BoxFuture<'_, _> = Box::pin(self.run_plan());
        run.await
    }

    async fn run_plan(&self) -> Result<PlanReport, ReleaseError> {
        self.refuse_unknown_rust(self.file.imports())?;
        let mut session = self.connect_safely("plan").await?;
        let live = self.read_live(&mut session).await?;
        let search_path = self.search_path(&session).await?;
        let standbys = StandbyReport::read(&*session, self.schema()).await?;
        session.close().await;

        let facts = self.template_facts(&self.choose_label(None)?);
        let options = self.clone_options(self.changes_to_make(&facts, search_path)?);
        let mut plans = Vec::new();
        let mut warnings: Vec<String> = Vec::new();
        let mut add = |phase, plan: Plan| {
            if !plan.steps.is_empty() {
                plans.push(PhasePlan { phase, plan });
            }
        };
        if !self.matviews().is_empty() {
            let plan = MatviewPlan::compute(&live, &self.naming, &options)?;
            warnings.extend(plan.notices().iter().cloned());
            if !plan.is_empty() {
                add(Phase::RefreshViews, plan.pre_data().clone());
                add(Phase::RefreshViews, plan.changes().clone());
            }
        }
        let clone = ClonePlan::compute(&live, &self.naming, &options)?;
        // What is of the database, both say.
        let notices = clone
            .notices()
            .iter()
            .filter(|notice| !warnings.contains(*notice));
        warnings.extend(notices.cloned().collect::<Vec<_>>());
        add(Phase::BuildStaging, clone.pre_data().clone());
        add(Phase::BuildStaging, clone.changes().clone());
        let mut after_load = Plan::new("after the rows are there", clone.pre_data().digest.clone());
        after_load.steps = clone
            .post_data()
            .iter()
            .map(cutover_staging::DeferredStep::step)
            .collect();
        add(Phase::ValidateAndManifest, after_load);

        let swap = self.swap_as_declared(&live)?;
        warnings.extend(swap.warnings);
        warnings.extend(standbys.warnings());
        let plan_safe = swap.plan_safe;
        for plan in [
            swap.rename_indexes,
            swap.lock_incoming,
            swap.take_locks,
            swap.switch,
        ] {
            add(Phase::FinaliseSwap, plan);
        }
        add(Phase::PostSwap, swap.post_swap);
        Ok(PlanReport {
            companions: self.companions(&live),
            changes: self.listed_changes(),
            plan_safe,
            imports: self.planned_imports(),
            checks: self.planned_checks()?,
            additions: self.planned_additions(),
            hooks: self.planned_hooks(),
            warnings,
            plans,
        })
    }
}
