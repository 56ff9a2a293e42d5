//! Looking, without changing anything but what a preflight has to build: status, backups, preflight.

use cutover_core::records::{BackupSet, Records};
use cutover_core::release_file::Label;
use cutover_core::{Events, Phase, QualifiedName, Session};
use cutover_importer::preflight::PreflightReport;
use cutover_swap::{StandbyReport, blocked_sessions, unmanaged};
use tokio_postgres::Client;

use crate::run::session_error;
use crate::staged::Staged;
use crate::{Activity, Cutover, DiskUse, ReleaseError, ReleaseOptions, Selection, Status, StopSignal};

impl Cutover {
    /// What is live, what runs, what is kept. Reads only, and works on a database that never saw Cutover.
    ///
    /// # Errors
    /// When the database cannot be reached or read.
    pub async fn status(&self) -> Result<Status, ReleaseError> {
        let session = self.target.connect("status").await?;
        let status = Box::pin(self.read_status(&session)).await;
        session.close().await;
        status
    }

    async fn read_status(&self, session: &Session) -> Result<Status, ReleaseError> {
        let records = self.records()?;
        let row = session
            .query_one("SELECT pg_catalog.clock_timestamp()", &[])
            .await
            .map_err(|error| session_error("ask for the time of", error))?;
        let standbys = StandbyReport::read(&**session, self.schema()).await?;
        let mut status = Status::read(session, &records, row.get(0), standbys).await?;
        let staging = self.recorded_staging(session, &records).await?;
        let schemas = self.naming.schemas(self.schema());
        let look_alikes = unmanaged(&**session, &schemas, &self.naming, &records, &staging).await?;
        status.unmanaged = look_alikes.into_iter().map(|unmanaged| unmanaged.name).collect();
        if let Activity::Running { holder, release } = &status.activity {
            // Of another role's session the name is not shown to every role.
            if !holder.application.is_empty() {
                status.blocked = blocked_sessions(&**session, &records, &holder.application).await?;
            }
            status.hold = self
                .read_hold(session, &records, *release, holder, &staging)
                .await?;
        }
        let live: Vec<QualifiedName> = self.members().iter().map(|member| self.live(member)).collect();
        status.disk = DiskUse::read(session, &live, &staging, &status.backups).await?;
        Ok(status)
    }

    /// The staging relations that releases built and that are in no backup set and not live.
    pub(crate) async fn recorded_staging(
        &self,
        client: &Client,
        records: &Records,
    ) -> Result<Vec<QualifiedName>, ReleaseError> {
        let mut known = Vec::new();
        if Records::version(client).await?.is_some() {
            for record in records.with_staging(client).await? {
                let set = Staged::of(&record)?.and_then(|staged| staged.whole());
                let members = set.into_iter().flat_map(|set| set.members);
                known.extend(members.map(|member| member.staging));
            }
        }
        Ok(known)
    }

    /// The backup sets, newest first.
    ///
    /// # Errors
    /// When the database cannot be reached or read.
    pub async fn backups(&self) -> Result<Vec<BackupSet>, ReleaseError> {
        let session = self.target.connect("backups").await?;
        let backups = match Records::version(&*session).await? {
            None => Vec::new(),
            Some(_) => self.records()?.backup_sets(&*session).await?,
        };
        session.close().await;
        Ok(backups)
    }

    /// Checks the sources as the next release would find them, and removes what that took.
    ///
    /// The twins of the materialized views are built and filled for it, so it takes as long as the first two phases of
    /// a release, holds the release lock meanwhile, and stands in the records as a release that was stopped, or
    /// failed where violations were found. Like a release it starts afresh: staging that a failed one left is removed
    /// first; staging that is ready for its swap is not.
    ///
    /// # Errors
    /// [`ReleaseError::StagingReady`]; else as for [`Cutover::release`]; violations are no error here, they are in the report.
    pub async fn preflight(
        &self,
        label: Option<&Label>,
        stop: StopSignal,
        events: &Events,
    ) -> Result<PreflightReport, ReleaseError> {
        let mut options = ReleaseOptions::default().selection(Selection::all().stop_after(Phase::Preflight)?);
        if let Some(label) = label {
            options = options.label(label.clone());
        }
        let outcome = self
            .release_and(&options, stop, events, AfterRelease::RemoveStaging)
            .await;
        match outcome {
            Ok((_, Some(report))) => Ok(report),
            Ok((_, None)) => Ok(PreflightReport { checks: Vec::new() }),
            Err(ReleaseError::Preflight { report }) => Ok(*report),
            Err(error) => Err(error),
        }
    }
}

/// What becomes of staging when the selected phases are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterRelease {
    /// It is kept, to be gone on with.
    KeepStaging,
    /// It was only built to be looked at.
    RemoveStaging,
}
