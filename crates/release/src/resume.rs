//! Resume: a release that failed, was stopped or died goes on where it stopped.

use cutover_core::records::{Records, ReleaseKind, ReleaseRecord, ReleaseState};
use cutover_core::release_file::{Label, changed_settings};
use cutover_core::{Events, Phase};
use jiff::Timestamp;
use tokio_postgres::Client;

use crate::boxed::BoxFuture;
use crate::busy::busy;
use crate::staged::Staged;
use crate::{Cutover, ReleaseError, ReleaseOptions, ReleaseReport, Selection, StopSignal};

/// What a resumed release does otherwise than when it began. Its label, and whether it is a dry run, are as recorded.
///
/// ```
/// use cutover::ResumeOptions;
///
/// let waits_for_a_go = ResumeOptions::default().hold(true);
/// # let _ = waits_for_a_go;
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct ResumeOptions {
    rest: ReleaseOptions,
    allow_changed_file: bool,
}

impl ResumeOptions {
    /// As [`ReleaseOptions::hold`].
    pub fn hold(mut self, wanted: bool) -> Self {
        self.rest = self.rest.hold(wanted);
        self
    }

    /// As [`ReleaseOptions::not_before`].
    pub fn not_before(mut self, moment: Timestamp) -> Self {
        self.rest = self.rest.not_before(moment);
        self
    }

    /// Goes on although the release file says otherwise now what the release consists of (its tables, checks, imports, changes):
    /// what is in staging already stays as it was made. How it is loaded, goes live and is told of may always change.
    pub fn allow_changed_file(mut self) -> Self {
        self.allow_changed_file = true;
        self
    }

    /// Ends before the swap, as [`ReleaseOptions::dry_run`] does.
    pub fn dry_run(mut self) -> Self {
        self.rest = self.rest.dry_run();
        self
    }
}

impl Cutover {
    /// Goes on with the newest release where it stopped: at the phase, the importer and the chunk. Nothing is imported twice.
    ///
    /// One that stopped before anything of it was kept begins anew, under the same label. One that is live but did not get to
    /// what follows the swap does that. Of a process that died the release lock is free, and so it is resumed like any other.
    ///
    /// # Locks
    /// Those of [`release`](Self::release), for the phases that are left.
    ///
    /// # Cancel safety
    /// As [`release`](Self::release): a resumed release can be resumed.
    ///
    /// # Errors
    /// [`ReleaseError::NothingToResume`] where there is nothing left to do, or it was taken back or aborted;
    /// [`ReleaseError::FileChanged`] unless `options` allow it; [`ReleaseError::Busy`] while it runs; else those of
    /// [`release`](Self::release).
    pub async fn resume(
        &self,
        options: &ResumeOptions,
        stop: StopSignal,
        events: &Events,
    ) -> Result<ReleaseReport, ReleaseError> {
        let run: BoxFuture<'_, _> = Box::pin(async move {
            let rest = self.what_is_left(options).await.inspect_err(|error| {
                self.tell_that_it_did_not_begin(error, ReleaseKind::Release, None, events);
            })?;
            self.release(&rest, stop, events).await
        });
        run.await
    }

    /// What the release would be asked to do. It looks again under the lock whether this is the newest still.
    async fn what_is_left(&self, options: &ResumeOptions) -> Result<ReleaseOptions, ReleaseError> {
        let session = self.connect_safely("resume").await?;
        let left = self.read_what_is_left(&session, options).await;
        session.close().await;
        left
    }

    async fn read_what_is_left(
        &self,
        client: &Client,
        options: &ResumeOptions,
    ) -> Result<ReleaseOptions, ReleaseError> {
        let nothing = |why: String| ReleaseError::NothingToResume { why };
        if Records::version(client).await?.is_none() {
            return Err(nothing("no release was ever run".to_owned()));
        }
        let (lock, records) = (self.lock()?, self.records()?);
        if lock.holder(client).await?.is_some() {
            return Err(busy(client, &lock, &records).await?);
        }
        let Some(record) = records.latest(client, 1).await?.into_iter().next() else {
            return Err(nothing("no release was ever run".to_owned()));
        };
        let staged = Staged::of(&record)?;
        let start = resume_at(&record, staged.as_ref()).map_err(nothing)?;
        let contents = self.file.contents_digest();
        let built_with = staged.as_ref().and_then(|staged| staged.contents.as_deref());
        if built_with.is_some_and(|built_with| built_with != contents.as_str()) && !options.allow_changed_file
        {
            let settings = staged.as_ref().and_then(|staged| staged.settings.as_ref());
            return Err(ReleaseError::FileChanged {
                release: record.id,
                label: record.label,
                changes: settings
                    .map(|before| changed_settings(before, &self.file.contents()))
                    .unwrap_or_default(),
            });
        }
        let rest = options
            .rest
            .clone()
            .label(Label::new(&record.label)?)
            .selection(Selection::all().start_at(start)?)
            .going_on_with(record.id);
        if staged.is_some_and(|staged| staged.dry_run) {
            return Ok(rest.dry_run());
        }
        Ok(rest)
    }
}

/// The phase that a release goes on with; the reason where nothing of it is left to do. The release lock is free, so one that is
/// recorded as running is dead.
fn resume_at(record: &ReleaseRecord, staged: Option<&Staged>) -> Result<Phase, String> {
    let ReleaseRecord { id, label, .. } = record;
    if record.kind == ReleaseKind::Rollback {
        return Err(format!(
            "the newest, release {id}, was a rollback: it is live, or changed nothing"
        ));
    }
    match record.state {
        ReleaseState::Completed => return Err(format!("release {id} of {label} is done")),
        ReleaseState::Aborted => return Err(format!("release {id} of {label} was aborted")),
        _ => {}
    }
    if record.current {
        return Ok(Phase::PostSwap);
    }
    let Some(staged) = staged else {
        // A preflight, or a release that was to do no more.
        if record.state == ReleaseState::Stopped && record.error.is_none() {
            return Err(format!(
                "release {id} of {label} did what it was asked to and kept nothing"
            ));
        }
        return Ok(Phase::RefreshViews);
    };
    if staged.validated && staged.dry_run {
        return Err(format!("release {id} of {label} was a dry run, and is done"));
    }
    if staged.validated {
        return Ok(Phase::FinaliseSwap);
    }
    // Whatever was interrupted half-way is done from its beginning, and what is committed is not done again.
    Ok(match record.phase {
        None | Some(Phase::AcquireLock | Phase::RefreshViews) => Phase::RefreshViews,
        Some(Phase::BuildStaging) if staged.tables.is_some() => Phase::ImportCore,
        Some(phase) if phase > Phase::BuildStaging && staged.tables.is_none() => Phase::BuildStaging,
        Some(phase) => phase.min(Phase::ValidateAndManifest),
    })
}
