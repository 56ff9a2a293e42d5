//! A release from its first phase to its last.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use cutover_core::records::{Records, ReleaseKind, ReleaseState};
use cutover_core::release_file::{HookPoint, Label, changed_settings};
use cutover_core::{Event, EventKind, EventSink, Events, Phase, millis};
use cutover_importer::preflight::PreflightReport;
use jiff::Timestamp;
use tokio_postgres::Client;

use crate::boxed::BoxFuture;
use crate::busy::busy;
use crate::hooks::Hooks;
use crate::inspect::AfterRelease;
use crate::recorder::Recorder;
use crate::report::PhaseReport;
use crate::run::{Run, session_error};
use crate::staged::Staged;
use crate::stop::{Supervisor, stop_pair};
use crate::take_up::{
    find_staging_to_take_up, refuse_another_than_meant, refuse_to_begin_anew, refuse_to_remove_what_is_ready,
};
use crate::{
    Cutover, FailureClass, Manifest, ReleaseError, ReleaseOptions, ReleaseReport, StopReason, StopSignal,
};

impl Cutover {
    /// Publishes a release: runs the selected phases in order and returns when the last one is done.
    ///
    /// # Locks
    /// The release lock, for the whole time. On relations others use: `ACCESS SHARE` while sources are read and live
    /// is cloned; in `finalise_swap`, `ACCESS EXCLUSIVE` on the members and what depends on them for some
    /// milliseconds, see the swap crate; in `post_swap`, `SHARE UPDATE EXCLUSIVE` while foreign keys are validated.
    ///
    /// # Cancel safety
    /// Dropping the future closes the sessions: what ran is rolled back, the record stays `running` and `status`
    /// tells that its process is gone. Prefer [`StopSignal`], which leaves a record that says why.
    ///
    /// # Errors
    /// [`ReleaseError::StagingReady`] where an earlier release waits for its swap and this one would begin anew, unless
    /// `options` allow it; else any [`ReleaseError`]; [`ReleaseError::class`] sorts them. Live is as it was after every error but those of class
    /// [`Unknown`](crate::FailureClass::Unknown), where `status` tells.
    pub async fn release(
        &self,
        options: &ReleaseOptions,
        stop: StopSignal,
        events: &Events,
    ) -> Result<ReleaseReport, ReleaseError> {
        let started = Started::default();
        let listened = events.clone().and(started.clone());
        let ended = self
            .release_and(options, stop, &listened, AfterRelease::KeepStaging)
            .await;
        if let Err(error) = &ended
            && !started.is_so()
        {
            let label = options.label.as_ref().map(ToString::to_string);
            self.tell_that_it_did_not_begin(error, ReleaseKind::Release, label, events);
        }
        Ok(ended?.0)
    }

    /// Runs a release; returns what its preflight found as well, when it ran.
    pub(crate) fn release_and<'a>(
        &'a self,
        options: &'a ReleaseOptions,
        stop: StopSignal,
        events: &'a Events,
        after: AfterRelease,
    ) -> BoxFuture<'a, Result<(ReleaseReport, Option<PreflightReport>), ReleaseError>> {
        Box::pin(self.run_release(options, stop, events, after))
    }

    async fn run_release(
        &self,
        options: &ReleaseOptions,
        stop: StopSignal,
        events: &Events,
        after: AfterRelease,
    ) -> Result<(ReleaseReport, Option<PreflightReport>), ReleaseError> {
        let mut label = self.choose_label(options.label.as_ref())?;
        self.check_options(options, &label)?;
        let mut hooks = match after {
            AfterRelease::KeepStaging => self.hooks()?,
            // It is no release.
            AfterRelease::RemoveStaging => Hooks::default(),
        };
        if options.dry_run {
            hooks.leave_out("a dry run only names it");
        }
        let recorder = Recorder::default();
        let events = events.clone().and(recorder.clone());
        let began = Instant::now();

        let mut session = self.connect_safely("release").await?;
        refuse_moment_passed(&session, options).await?;
        Records::migrate(&mut session).await?;
        let (lock, records) = (self.lock()?, self.records()?);
        if !lock.try_acquire(&*session).await? {
            return Err(busy(&session, &lock, &records).await?);
        }
        let newest = records.latest(&*session, 1).await?.into_iter().next();
        let live = records.current(&*session).await?;
        refuse_another_than_meant(newest.as_ref(), options)?;
        match after {
            AfterRelease::RemoveStaging => refuse_to_remove_what_is_ready(&session, &records).await?,
            AfterRelease::KeepStaging => refuse_to_begin_anew(newest.as_ref(), options)?,
        }
        let taken_up = find_staging_to_take_up(newest, options)?;
        let config = self.file.digest();
        let pid = std::process::id();
        let already_live = taken_up.as_ref().is_some_and(|(record, _)| record.current);
        let backup = taken_up
            .as_ref()
            .and_then(|(record, _)| record.backup_stamp.clone());
        let measured = taken_up.as_ref().and_then(|(record, staged)| {
            let manifest = record.manifest.clone().filter(|_| staged.validated)?;
            // One of an earlier version is no reason to fail.
            serde_json::from_value::<Manifest>(manifest).ok()
        });
        let (mut edited, mut was_dry_run) = (false, false);
        let (release, staged) = if let Some((record, mut staged)) = taken_up {
            // From now on it is a release's.
            was_dry_run = staged.dry_run;
            staged.dry_run &= options.dry_run;
            edited = record.config_digest.as_deref() != Some(config.as_str());
            // What was staged keeps the label it was staged under, and another is not put live in its stead.
            if let Some(asked) = options
                .label
                .as_ref()
                .filter(|asked| asked.as_str() != record.label)
            {
                let why = format!("what is staged is {}, not {}", record.label, asked.as_str());
                return Err(ReleaseError::NothingToTakeUp { why });
            }
            label = Label::new(record.label)?;
            records.reopen(&*session, record.id, &self.host, pid).await?;
            (record.id, staged)
        } else {
            let kind = ReleaseKind::Release;
            let opened = records
                .open(&*session, kind, label.as_str(), Some(&config), &self.host, pid)
                .await?;
            (opened, Staged::default())
        };
        events.emit(EventKind::ReleaseStarted {
            release,
            name: self.file.release().name.clone(),
            label: label.as_str().to_owned(),
            operation: ReleaseKind::Release,
            live_since: live.and_then(|live| live.swapped_at),
        });
        if let Some(manifest) = measured {
            events.emit(manifest.measured());
        }
        let mut run = Run::start(self, options, session, release, label, staged, events, recorder).await?;
        run.already_live = already_live;
        run.backup = backup;
        run.hooks = hooks;
        if was_dry_run != run.staged.dry_run {
            run.keep_staged().await?;
        }
        if edited {
            run.warn_of_changes();
        }
        let outcome = match run.note_the_lock(began).await {
            Ok(()) => run.run_phases(stop.clone()).await,
            Err(error) => Err((Phase::AcquireLock, error)),
        };
        let preflight = run.preflight.take();
        Ok((Box::pin(run.end(outcome, after, &stop)).await?, preflight))
    }

    /// Of a release at night nobody else hears. Whoever mistyped a command, or a stamp, has the answer before their eyes.
    pub(crate) fn tell_that_it_did_not_begin(
        &self,
        error: &ReleaseError,
        operation: ReleaseKind,
        label: Option<String>,
        events: &Events,
    ) {
        let is_mistyped =
            error.class() == FailureClass::Usage || matches!(error, ReleaseError::UnknownStamp { .. });
        if !is_mistyped {
            events.emit(EventKind::NotBegun {
                name: self.file.release().name.clone(),
                operation,
                label,
                error: with_causes(error),
                remedy: error.remedy(),
            });
        }
    }

    /// What can be refused before anything is connected.
    fn check_options(&self, options: &ReleaseOptions, label: &Label) -> Result<(), ReleaseError> {
        let known: Vec<&str> = self
            .file
            .imports()
            .iter()
            .map(|import| import.name.as_str())
            .collect();
        for given in options.only.iter().chain(&options.skip) {
            if !known.contains(&given.as_str()) {
                return Err(ReleaseError::UnknownImporter {
                    given: given.clone(),
                    known: known.iter().map(ToString::to_string).collect(),
                });
            }
        }
        if !options.imports_everything()
            && !options.dry_run
            && options.selection.contains(Phase::FinaliseSwap)
        {
            return Err(ReleaseError::Partial {
                what: "a sample, or with importers left out,",
            });
        }
        if !options.checkpoints
            && !options.selection.contains(Phase::BuildStaging)
            && (options.selection.contains(Phase::ImportCore)
                || options.selection.contains(Phase::ImportRelated))
        {
            return Err(ReleaseError::StagingTakenUp);
        }
        // Whatever the file asks for and this version cannot do, is told now and not hours later.
        let template = self.template_facts(label);
        self.checks(&template, options)?;
        for import in self.file.imports() {
            match self.import(import, &template, options) {
                // Whoever has not got the code may still do what comes before and after it.
                Err(ReleaseError::UnknownRust { .. }) if !options.runs(import) => {}
                planned => drop(planned?),
            }
        }
        self.changes_to_make(&template, Vec::new()).map(drop)?;
        Ok(())
    }
}

/// A moment that passes while the release is built was waited for well enough; one that was over before is a mistake.
async fn refuse_moment_passed(client: &Client, options: &ReleaseOptions) -> Result<(), ReleaseError> {
    let asked = options
        .not_before
        .filter(|_| options.selection.contains(Phase::FinaliseSwap) && !options.dry_run);
    let Some(moment) = asked else { return Ok(()) };
    let row = client
        .query_one("SELECT pg_catalog.clock_timestamp()", &[])
        .await
        .map_err(|error| session_error("ask for the time of", error))?;
    let now: Timestamp = row.get(0);
    if now < moment {
        Ok(())
    } else {
        Err(ReleaseError::MomentPassed { moment, now })
    }
}

impl Run<'_> {
    /// That the release file is another one, and what of the release's contents it changes.
    fn warn_of_changes(&self) {
        let changes = self.staged.settings.as_ref();
        let changes = changes.map(|before| changed_settings(before, &self.cutover.file.contents()));
        let lines: String = changes
            .iter()
            .flatten()
            .flat_map(|change| ["\n".to_owned(), change.to_string()])
            .collect();
        self.warn(format!(
            "the release file is not the one that this staging was built with{lines}"
        ));
    }

    /// The first phase has happened by the time there is a record to note it in.
    async fn note_the_lock(&mut self, began: Instant) -> Result<(), ReleaseError> {
        self.enter(Phase::AcquireLock).await?;
        let summary = format!("lock taken, release {} of {}", self.release, self.label.as_str());
        self.left(Phase::AcquireLock, summary, millis(began.elapsed()))
            .await;
        Ok(())
    }

    async fn run_phases(&mut self, mut stop: StopSignal) -> Result<(), (Phase, ReleaseError)> {
        let mut watcher = self.watcher(Phase::AcquireLock).await?;
        for (point, phase) in [
            (HookPoint::Started, None),
            (HookPoint::PhaseComplete, Some(Phase::AcquireLock)),
        ] {
            let hooks = self.run_hooks(point, phase, &watcher, &stop).await;
            hooks.map_err(|error| (Phase::AcquireLock, error))?;
        }
        for phase in Phase::ALL {
            if matches!(phase, Phase::AcquireLock | Phase::ReleaseLock) {
                continue;
            }
            if !self.is_selected(phase) {
                continue;
            }
            if phase == Phase::FinaliseSwap && self.staged.hooks_due {
                // Staging that is taken up: they said no, or were never asked.
                self.complete(Phase::ValidateAndManifest, &watcher, &stop).await?;
            }
            if phase == Phase::FinaliseSwap
                && let Some(wait) = self.to_wait_for()
            {
                // Of a hold that lasts for days only the lock's session is left.
                watcher.close().await;
                self.hold(wait, &mut stop).await.map_err(|error| (phase, error))?;
                watcher = self.watcher(phase).await?;
            }
            if let Err(error) = self.enter(phase).await {
                if !self.is_live() {
                    return Err((phase, error));
                }
                self.warn_after_swap(phase, &error);
                break;
            }
            let started = Instant::now();
            if phase == Phase::PostSwap {
                // Before all else: whoever caches what was live shows the old release until then.
                let hooks = self.run_hooks(HookPoint::PostSwap, None, &watcher, &stop).await;
                hooks.map_err(|error| (phase, error))?;
            }
            let (records, release, application) =
                (self.records.clone(), self.release, self.application.clone());
            let progress = self.recorder.progress.clone();
            let (tell, told) = stop_pair();
            self.stopping = told;
            let mut supervisor = Supervisor {
                client: &watcher,
                records: &records,
                release,
                application: &application,
                signal: stop.clone(),
                told: Some(tell),
                progress: &progress,
            };
            let (outcome, asked) = match supervisor.asked_to_stop().await {
                Some(reason) => (Err(ReleaseError::Stopped { reason, phase }), Some(reason)),
                None => supervisor.run(self.run_phase(phase)).await,
            };
            match outcome {
                Ok(summary) => {
                    self.left(phase, summary, millis(started.elapsed())).await;
                    self.complete(phase, &watcher, &stop).await?;
                }
                Err(error) => {
                    let error =
                        error.after_asking_to_stop(asked, |reason| ReleaseError::Stopped { reason, phase });
                    if !self.is_live() {
                        return Err((phase, error));
                    }
                    self.warn_after_swap(phase, &error);
                    if asked.is_some() {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Runs the hooks of a phase that is done.
    async fn complete(
        &mut self,
        phase: Phase,
        watcher: &Client,
        stop: &StopSignal,
    ) -> Result<(), (Phase, ReleaseError)> {
        let hooks = self.run_hooks(HookPoint::PhaseComplete, Some(phase), watcher, stop);
        hooks.await.map_err(|error| (phase, error))
    }

    /// Live is new already: what fails now must not make the release look failed.
    fn warn_after_swap(&self, phase: Phase, error: &ReleaseError) {
        self.events.emit(EventKind::Warning {
            message: format!(
                "the release is live, but {phase} was not done: {}; afterwards run `cutover release --only \
                 post_swap,cleanup_and_retention`",
                with_causes(error),
            ),
        });
    }

    /// Closes the record, gives the lock back and tells how it ended.
    async fn end(
        mut self,
        outcome: Result<(), (Phase, ReleaseError)>,
        after: AfterRelease,
        stop: &StopSignal,
    ) -> Result<ReleaseReport, ReleaseError> {
        let (state, mut error) = match outcome {
            Ok(()) if self.is_live() => (ReleaseState::Completed, None),
            Ok(()) => (ReleaseState::Stopped, None),
            Err((phase, error)) => {
                // Before it began, no phase fails.
                if !matches!(error, ReleaseError::StoppedHolding { .. }) {
                    self.events.emit(EventKind::PhaseFailed {
                        phase,
                        error: with_causes(&error),
                        remedy: error.remedy(),
                    });
                }
                let state = match error.stopped_because() {
                    Some(StopReason::Interrupted) => ReleaseState::Stopped,
                    Some(StopReason::Aborted) => {
                        match self.remove_staging().await {
                            Ok(_) => ReleaseState::Aborted,
                            // `abort` waits for the lock and then removes what is left.
                            Err(_) => ReleaseState::Stopped,
                        }
                    }
                    None => ReleaseState::Failed,
                };
                (state, Some(error))
            }
        };
        if after == AfterRelease::RemoveStaging
            && let Err(error) = self.remove_staging().await
        {
            self.warn(format!(
                "{}; `cutover abort` removes staging later",
                with_causes(&error)
            ));
        }
        if let Some(error) = error.take_if(|error| error.class() == FailureClass::Unknown) {
            // Its COMMIT may still be at work: the record says `running` until it is known what became of it.
            return Err(error);
        }
        if state == ReleaseState::Failed
            && let Some(error) = &error
        {
            self.run_hooks_of_failure(&with_causes(error), stop).await;
        }
        let closed = self
            .close(state, error.as_ref().map(|error| with_causes(error)))
            .await;
        // A record that could not be closed is no news beside what went wrong before.
        error.map_or(closed, Err)
    }
}

/// Whether a release has opened its record.
#[derive(Debug, Clone, Default)]
pub(crate) struct Started(Arc<AtomicBool>);

impl Started {
    pub(crate) fn is_so(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl EventSink for Started {
    fn emit(&self, event: &Event) {
        if matches!(event.kind, EventKind::ReleaseStarted { .. }) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// An error and what caused it, each once.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}

impl PhaseReport {
    pub(crate) fn new(phase: Phase, summary: String, took_ms: u64) -> Self {
        Self {
            phase,
            summary,
            took_ms,
        }
    }
}
