//! A swap or rollback whose connection was lost while it was being committed.

use std::time::Duration;

use cutover_core::{ObjectKind, ObjectName};
use cutover_swap::{Outcome, SwapContext, SwapError, SwapPlan, settle};

use crate::report::SwapFigures;
use crate::{Cutover, ReleaseError};

/// How long a lost COMMIT may still be at work on the server before its outcome is asked for.
const PATIENCE: Duration = Duration::from_secs(30);

impl Cutover {
    /// What the records tell of it: its figures where it happened, an ordinary lost connection where it did not, and the
    /// error as it is where nobody can tell yet.
    pub(crate) async fn settle_lost_commit(
        &self,
        context: &SwapContext<'_>,
        plan: &SwapPlan,
        lost: SwapError,
    ) -> Result<SwapFigures, ReleaseError> {
        let Ok(session) = self.target.connect("settle the swap").await else {
            return Err(lost.into());
        };
        let SwapContext {
            lock,
            records,
            release,
            ..
        } = context;
        let outcome = settle(&*session, lock, records, *release, PATIENCE).await;
        session.close().await;
        match (outcome, lost) {
            (Ok(Outcome::Swapped), _) => Ok(SwapFigures::settled(plan)),
            (Ok(Outcome::NotSwapped), SwapError::OutcomeUnknown { source, .. }) => {
                let object = ObjectName::global(ObjectKind::Release, records.release_set());
                Err(ReleaseError::statement("commit the swap of", object, source))
            }
            (_, lost) => Err(lost.into()),
        }
    }
}
