//! A rehearsal of the swap with what stands in staging.

use cutover_core::Events;
use cutover_swap::{Rehearsal, SwapContext};
use serde::Serialize;

use crate::boxed::BoxFuture;
use crate::phases::refuse_orphans;
use crate::staged::Staged;
use crate::{Cutover, ReleaseError};

/// What a rehearsal found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RehearsalReport {
    /// The release whose staging was rehearsed with.
    pub release: i64,
    /// Its label.
    pub label: String,
    /// How it went.
    pub rehearsal: Rehearsal,
    /// What the swap would warn of.
    pub warnings: Vec<String>,
}

impl Cutover {
    /// Does the whole swap on the real catalog with the staging that a stopped release or a dry run left, and rolls it
    /// back: what would refuse it is found, how long the locks are held is measured, who would be in the way is named.
    ///
    /// # Locks
    /// The release lock, and those of a swap, within the same budgets.
    ///
    /// # Cancel safety
    /// Rolled back whenever it is dropped.
    ///
    /// # Errors
    /// [`ReleaseError::NothingToTakeUp`] when nothing stands in staging; else what the swap itself would end with.
    pub async fn rehearse(&self, events: &Events) -> Result<RehearsalReport, ReleaseError> {
        let run: BoxFuture<'_, _> = Box::pin(self.run_rehearsal(events));
        run.await
    }

    async fn run_rehearsal(&self, events: &Events) -> Result<RehearsalReport, ReleaseError> {
        let mut session = self.locked("rehearse").await?;
        let (lock, records) = (self.lock()?, self.records()?);
        let mut found = None;
        for record in records.with_staging(&*session).await? {
            if let Some(staged) = Staged::of(&record)?.filter(|staged| staged.validated) {
                found = Some((record, staged));
            }
        }
        let Some((record, staged)) = found else {
            let why = "no release stands validated in staging, as `cutover release --stop-after validate_and_manifest` leaves it".to_owned();
            return Err(ReleaseError::NothingToTakeUp { why });
        };
        let plan = self.plan_swap(&mut session, &staged).await?;
        refuse_orphans(&session, &plan).await?;
        let observer = self.observer().await;
        let context = SwapContext {
            lock: &lock,
            records: &records,
            release: record.id,
            events,
            observer: observer.as_deref(),
        };
        let rehearsal = plan.rehearse(&mut session, &context, &self.lock_policy()).await?;
        // The lock goes with the session.
        session.close().await;
        let warnings = plan.warnings.into_iter().chain(rehearsal.standbys.warnings());
        Ok(RehearsalReport {
            release: record.id,
            label: record.label,
            warnings: warnings.collect(),
            rehearsal,
        })
    }
}
