//! `cleanup_and_retention`: drops the backup sets that retention no longer keeps.

use cutover_swap::{Retention, retention_plan};

use super::counted;
use crate::run::Run;
use crate::{Cutover, ReleaseError};

impl Run<'_> {
    /// Locks: `ACCESS EXCLUSIVE` on one backup relation at a time, and on the tables its foreign keys refer to, in
    /// short tries. A kill leaves whole relations; the next run finishes.
    pub(super) async fn cleanup_and_retention(&mut self) -> Result<String, ReleaseError> {
        let retention = self.cutover.retention();
        let mut client = self.client().await?;
        let plan = retention_plan(&mut client, &self.records, retention).await?;
        let dropped = plan
            .run(
                &mut client,
                &self.records,
                &self.cutover.lock_policy(),
                &self.events,
            )
            .await
            .map_err(|error| ReleaseError::Retention(Box::new(error)))?;
        let kept = self.records.backup_sets(&*self.session).await?.len();
        Ok(match dropped.len() {
            0 => format!("{} kept", counted(kept, "backup set")),
            n => format!("{} dropped, {kept} kept", counted(n, "backup set")),
        })
    }
}

impl Cutover {
    /// What `keep_backups` and `keep_backups_for` say.
    fn retention(&self) -> Retention {
        self.retention_beside(0)
    }

    /// What they leave of the sets that are there now, when a swap has made one more.
    pub(crate) fn retention_after_a_swap(&self) -> Retention {
        self.retention_beside(1)
    }

    fn retention_beside(&self, newer: usize) -> Retention {
        let release = self.file.release();
        let keep = usize::try_from(release.keep_backups).unwrap_or(usize::MAX);
        let newest = Retention::newest(keep.saturating_sub(newer));
        release
            .keep_backups_for
            .map_or(newest, |age| newest.for_at_least(age))
    }
}
