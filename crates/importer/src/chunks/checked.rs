//! The checks of a chunk's rows, ended before it commits.

use cutover_core::Events;
use serde_json::Value;
use tokio_postgres::Transaction;

use super::load::Load;
use crate::error::ImportError;

impl Load<'_> {
    /// Waits for the checks of the chunk's rows and returns what its checkpoint is to keep of them. With the last chunk the
    /// checks end.
    ///
    /// Where more rows offend than are tolerated, whatever comes, the rest of the source is looked at without being imported,
    /// so that everything wrong is told at once.
    pub(super) async fn settle_checks(
        &mut self,
        tx: &Transaction<'_>,
        is_last: bool,
        events: &Events,
    ) -> Result<Option<Value>, ImportError> {
        let Some(mut tee) = self.tee.take() else {
            return Ok(None);
        };
        let kept = tee.settle(tx).await?;
        if is_last {
            self.checks = tee.finish(tx, events).await?;
        } else if tee.is_lost() {
            while let Some(row) = self.next_row().await? {
                tee.look(&row, 1, row.len()).await?;
            }
            tee.settle(tx).await?;
            return Err(tee.lost(tx, events).await);
        } else {
            self.tee = Some(tee);
        }
        Ok(Some(kept))
    }
}
