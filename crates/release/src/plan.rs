//! What a release would do, computed from the catalog as it is, with nothing done.

use cutover_core::catalog::CatalogSnapshot;
use cutover_core::{Ident, NamingPolicy, Phase, Plan, Stamp};
use cutover_staging::{ClonePlan, MatviewPlan};
use cutover_swap::{Pair, PlanOptions, SwapPlan};
use jiff::Timestamp;

use crate::boxed::BoxFuture;
use crate::report::PhasePlan;
use crate::{Cutover, PlanReport, ReleaseError};

impl Cutover {
    /// Plans a release from live as it is: the clone, what follows the load, the swap with its locks. Reads only, and
    /// refuses what a release would refuse.
    ///
    /// The swap is planned as if staging were there: a clone has the same parts as live, under the names that the
    /// naming policy gives them. How rows travel is decided when the importers run, and told by their events.
    ///
    /// # Locks
    /// `ACCESS SHARE` on system catalogs, and for a moment on views that are deparsed.
    ///
    /// # Errors
    /// [`ReleaseError::Clone`] and [`ReleaseError::SwapRefused`] with everything that stands in the way.
    pub async fn plan(&self) -> Result<PlanReport, ReleaseError> {
        let run: BoxFuture<'_, _> = Box::pin(self.run_plan());
        run.await
    }

    async fn run_plan(&self) -> Result<PlanReport, ReleaseError> {
        let mut session = self.connect_safely("plan").await?;
        let live = self.read_set(&mut session, &self.members()).await?;
        session.close().await;

        let options = self.clone_options();
        let mut plans = Vec::new();
        let mut add = |phase, plan: Plan| {
            if !plan.steps.is_empty() {
                plans.push(PhasePlan { phase, plan });
            }
        };
        if !self.matviews().is_empty() {
            let plan = MatviewPlan::compute(&live, &self.naming, &options)?;
            add(Phase::RefreshViews, plan.pre_data().clone());
        }
        let clone = ClonePlan::compute(&live, &self.naming, &options)?;
        add(Phase::BuildStaging, clone.pre_data().clone());
        let mut after_load = Plan::new("after the rows are there", clone.pre_data().digest.clone());
        after_load.steps = clone
            .post_data()
            .iter()
            .map(cutover_staging::DeferredStep::step)
            .collect();
        add(Phase::ValidateAndManifest, after_load);

        let staging = as_if_staged(&live, &self.naming);
        let pairing = Pair::by_policy(&live, &staging, &self.naming);
        let stamp = Stamp::at(Timestamp::now());
        let swap = SwapPlan::compute(
            &live,
            &staging,
            &pairing,
            &stamp,
            &self.naming,
            &PlanOptions::default(),
        )
        .map_err(|refused| ReleaseError::SwapRefused(Box::new(refused)))?;
        for plan in [swap.rename_indexes, swap.take_locks, swap.switch] {
            add(Phase::FinaliseSwap, plan);
        }
        add(Phase::PostSwap, swap.post_swap);
        Ok(PlanReport { plans })
    }
}

/// Live under the names of its staging twins.
fn as_if_staged(live: &CatalogSnapshot, naming: &NamingPolicy) -> CatalogSnapshot {
    let mut staging = live.clone();
    for relation in &mut staging.relations {
        relation.name = naming.staging(&relation.name);
        relation.populated = true;
        for index in &mut relation.indexes {
            index.name = naming.staging(&index.name);
            let constraint: Option<Ident> = index.constraint.as_ref().map(|_| index.name.name.clone());
            index.constraint = constraint;
        }
        for sequence in &mut relation.sequences {
            sequence.name = naming.staging(&sequence.name);
        }
        for statistics in &mut relation.statistics {
            statistics.name = naming.staging(&statistics.name);
        }
    }
    staging.views.clear();
    staging.inbound_foreign_keys.clear();
    staging.other_dependents.clear();
    staging
}
