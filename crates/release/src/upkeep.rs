//! Between releases: what things take, what they are, and dropping what is no longer wanted.

use cutover_core::records::Records;
use cutover_core::{Events, Session, Stamp};
use cutover_swap::{
    Audit, AuditOptions, KeptSet, Retention, RetentionPlan, SpaceReport, drop_plan, retention_plan, space,
};
use serde::Serialize;

use crate::boxed::BoxFuture;
use crate::busy::busy;
use crate::{Cutover, ReleaseError};

/// Which backup sets to drop.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BackupChoice {
    /// Those of these stamps.
    Stamps(Vec<Stamp>),
    /// All that such a retention would not keep.
    Beyond(Retention),
}

/// What dropping backup sets did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DropReport {
    /// The sets that are gone, oldest first.
    pub dropped: Vec<Stamp>,
    /// What that freed, in bytes.
    pub freed_bytes: u64,
    /// The sets that stay because something outside depends on them.
    pub kept: Vec<KeptSet>,
}

impl Cutover {
    /// What live, staging and the backup sets take on disk. Reads only.
    ///
    /// # Locks
    /// `ACCESS SHARE` on one relation at a time, for a moment.
    ///
    /// # Errors
    /// When the database cannot be reached or read.
    pub async fn space(&self) -> Result<SpaceReport, ReleaseError> {
        let mut session = self.target.connect("space").await?;
        let records = self.records()?;
        let live = self.live_members(&mut session).await?;
        let live: Vec<_> = live.iter().map(|member| self.live(member)).collect();
        let staging = self.recorded_staging(&session, &records).await?;
        let report = space(&*session, &records, &live, &staging).await?;
        session.close().await;
        Ok(report)
    }

    /// Takes an audit of the live set: rows, sizes, and every fact of its catalog, to be compared with another.
    ///
    /// # Locks
    /// `ACCESS SHARE` on the members until the last of them is counted.
    ///
    /// # Errors
    /// When the database cannot be reached or read.
    pub async fn audit(&self, options: &AuditOptions) -> Result<Audit, ReleaseError> {
        let mut session = self.target.connect("audit").await?;
        let members = self.live_members(&mut session).await?;
        let audit = Audit::take(&mut session, self.schema(), &members, options).await?;
        session.close().await;
        Ok(audit)
    }

    /// What dropping these backup sets would do. Reads only.
    ///
    /// # Errors
    /// [`ReleaseError::UnknownStamp`] with the stamps there are.
    pub async fn plan_drop(&self, choice: &BackupChoice) -> Result<RetentionPlan, ReleaseError> {
        let mut session = self.target.connect("drop").await?;
        let plan = self.plan_drop_on(&mut session, choice).await?;
        session.close().await;
        Ok(plan)
    }

    /// Drops backup sets, never with `CASCADE`: a set that something outside depends on stays, and is told.
    ///
    /// # Locks
    /// The release lock; `ACCESS EXCLUSIVE` on one backup relation at a time, and on the tables its foreign keys refer
    /// to, in short tries.
    ///
    /// # Cancel safety
    /// What was dropped is dropped; a set is forgotten only after its last relation is gone, so calling this again
    /// finishes it.
    ///
    /// # Errors
    /// [`ReleaseError::UnknownStamp`] before anything is dropped; [`ReleaseError::Busy`] while a release or rollback
    /// runs.
    pub async fn drop_backups(
        &self,
        choice: &BackupChoice,
        events: &Events,
    ) -> Result<DropReport, ReleaseError> {
        let run: BoxFuture<'_, _> = Box::pin(async move {
            let mut session = self.locked("drop").await?;
            let records = self.records()?;
            let plan = self.plan_drop_on(&mut session, choice).await?;
            let dropped = plan
                .run(&mut session, &records, &self.lock_policy(), events)
                .await
                .map_err(|error| ReleaseError::Retention(Box::new(error)))?;
            // The lock goes with the session.
            session.close().await;
            let freed = plan.drops.iter().filter(|set| dropped.contains(&set.stamp));
            Ok(DropReport {
                freed_bytes: freed.map(|set| set.bytes).sum(),
                dropped,
                kept: plan.kept,
            })
        });
        run.await
    }

    /// Removes what releases that failed, were stopped or died left in staging; returns how many relations that were.
    /// A running release is left alone: that is what [`Cutover::abort`] is for.
    ///
    /// # Locks
    /// The release lock; `ACCESS EXCLUSIVE` on staging relations, which nobody else uses.
    ///
    /// # Cancel safety
    /// What was removed is removed; calling this again goes on.
    ///
    /// # Errors
    /// [`ReleaseError::Busy`] while a release or rollback runs.
    pub async fn drop_staging(&self, events: &Events) -> Result<usize, ReleaseError> {
        let run: BoxFuture<'_, _> = Box::pin(async move {
            let mut session = self.locked("drop").await?;
            let records = self.records()?;
            let (removed, _) = self.remove_staging(&mut session, &records, events).await?;
            session.close().await;
            Ok(removed)
        });
        run.await
    }

    /// A session that holds the release lock.
    pub(crate) async fn locked(&self, purpose: &str) -> Result<Session, ReleaseError> {
        let mut session = self.connect_safely(purpose).await?;
        Records::migrate(&mut session).await?;
        let (lock, records) = (self.lock()?, self.records()?);
        if lock.try_acquire(&*session).await? {
            Ok(session)
        } else {
            Err(busy(&session, &lock, &records).await?)
        }
    }

    async fn plan_drop_on(
        &self,
        session: &mut Session,
        choice: &BackupChoice,
    ) -> Result<RetentionPlan, ReleaseError> {
        let records = self.records()?;
        // A database that never saw Cutover has no backup sets.
        let recorded = Records::version(&**session).await?.is_some();
        let known: Vec<Stamp> = if recorded {
            let sets = records.backup_sets(&**session).await?;
            sets.into_iter().map(|set| set.stamp).collect()
        } else {
            Vec::new()
        };
        match choice {
            BackupChoice::Beyond(_) if !recorded => Ok(RetentionPlan::default()),
            BackupChoice::Stamps(stamps) => {
                if let Some(stamp) = stamps.iter().find(|stamp| !known.contains(stamp)) {
                    return Err(ReleaseError::UnknownStamp {
                        stamp: stamp.clone(),
                        known,
                    });
                }
                Ok(drop_plan(session, &records, stamps).await?)
            }
            BackupChoice::Beyond(retention) => Ok(retention_plan(session, &records, *retention).await?),
        }
    }
}
