//! Rollback: a swap with a backup set.

use cutover_core::records::{Records, ReleaseKind, ReleaseState};
use cutover_core::release_file::HookPoint;
use cutover_core::{EventKind, Events, Phase, Session, Stamp};
use cutover_swap::{RollbackError, StandbyReport, SwapContext, SwapError, SwapPlan, rollback_plan};
use tokio_postgres::Client;

use crate::boxed::BoxFuture;
use crate::busy::busy;
use crate::hooks::{HookFacts, HookReport, HookSite, Hooks, PlannedHook};
use crate::phases::is_violation;
use crate::progress::Progress;
use crate::release::{Started, with_causes};
use crate::report::SwapFigures;
use crate::run::session_purpose;
use crate::stop::{Supervisor, stop_pair};
use crate::{Cutover, ReleaseError, RollbackOptions, RollbackPlan, RollbackReport, StopSignal};

/// How often a rollback is planned again because the catalog changed under it.
const PLANS: usize = 3;

impl Cutover {
    /// Puts a backup set live again, in one transaction; what was live becomes a backup set itself, so this can be
    /// undone in the same way.
    ///
    /// Sequences go along with their tables: ids go on from where the backup set stood. Rows that a release added to
    /// tables outside the set (catalogues) stay.
    ///
    /// # Locks
    /// The release lock, and those of a swap.
    ///
    /// # Cancel safety
    /// As for [`Cutover::release`].
    ///
    /// # Errors
    /// [`ReleaseError::UnknownStamp`] with the stamps there are; [`ReleaseError::Busy`] while a release runs;
    /// [`ReleaseError::OrphansOfRollback`] and [`SwapError::LiveWritten`], unless `options` allow them.
    pub async fn rollback(
        &self,
        stamp: &Stamp,
        options: &RollbackOptions,
        stop: StopSignal,
        events: &Events,
    ) -> Result<RollbackReport, ReleaseError> {
        let started = Started::default();
        let listened = events.clone().and(started.clone());
        let run: BoxFuture<'_, _> = Box::pin(self.run_rollback(stamp, *options, stop, &listened));
        run.await.inspect_err(|error| {
            if !started.is_so() {
                let label = Some(format!("rollback to {stamp}"));
                self.tell_that_it_did_not_begin(error, ReleaseKind::Rollback, label, events);
            }
        })
    }

    /// Plans a rollback with these options, and looks for what would refuse it: [`RollbackPlan::is_refused`]. Reads only, and
    /// needs no release lock.
    ///
    /// # Locks
    /// `ACCESS SHARE` on tables outside with foreign keys to the set, and on the backups that they are checked against.
    ///
    /// # Errors
    /// [`ReleaseError::UnknownStamp`] with the stamps there are; [`ReleaseError::Rollback`] with everything that stands
    /// in the way.
    pub async fn plan_rollback(
        &self,
        stamp: &Stamp,
        options: &RollbackOptions,
    ) -> Result<RollbackPlan, ReleaseError> {
        let run: BoxFuture<'_, _> = Box::pin(self.run_plan_rollback(stamp, *options));
        run.await
    }

    async fn run_plan_rollback(
        &self,
        stamp: &Stamp,
        options: RollbackOptions,
    ) -> Result<RollbackPlan, ReleaseError> {
        let mut session = self.target.connect("plan a rollback").await?;
        let records = self.records()?;
        let label = match Records::version(&*session).await? {
            Some(_) => self.label_of(&session, &records, stamp).await?,
            None => return Err(unknown_stamp(stamp, Vec::new())),
        };
        let plan = self.plan_back(&mut session, &records, stamp).await?;
        let orphans = plan.read_orphans(&*session).await?;
        let writes = plan.lost_writes(&*session).await?;
        session.close().await;
        Ok(RollbackPlan {
            label,
            plan,
            orphans,
            orphans_allowed: options.allow_orphans,
            writes,
            writes_allowed: self.may_lose_writes(options),
            hooks: PlannedHook::at(self.file.hooks(), HookPoint::PostRollback, None),
        })
    }

    fn may_lose_writes(&self, options: RollbackOptions) -> bool {
        options.allow_lost_writes || self.file.swap().allow_lost_writes
    }

    async fn run_rollback(
        &self,
        stamp: &Stamp,
        options: RollbackOptions,
        stop: StopSignal,
        events: &Events,
    ) -> Result<RollbackReport, ReleaseError> {
        let hooks = self.hooks()?;
        let mut session = self.connect_safely("rollback").await?;
        Records::migrate(&mut session).await?;
        let (lock, records) = (self.lock()?, self.records()?);
        let label = self.label_of(&session, &records, stamp).await?;
        if !lock.try_acquire(&*session).await? {
            return Err(busy(&session, &lock, &records).await?);
        }
        let live = records.current(&*session).await?;
        // Before the record is opened, so that what cannot be watched leaves none behind.
        let watcher = self.target.connect("watcher").await?;
        let shown = label.clone().unwrap_or_else(|| format!("before-{stamp}"));
        let release = records
            .open(
                &*session,
                ReleaseKind::Rollback,
                &shown,
                None,
                &self.host,
                std::process::id(),
            )
            .await?;
        events.emit(EventKind::ReleaseStarted {
            release,
            name: self.file.release().name.clone(),
            label: format!("rollback to {stamp}"),
            operation: ReleaseKind::Rollback,
            live_since: live.and_then(|live| live.swapped_at),
        });
        records
            .enter_phase(&*session, release, Phase::FinaliseSwap)
            .await?;
        let application = self
            .name_session(
                &session,
                &session_purpose(&self.file.release().name, "rollback", release),
            )
            .await?;
        let progress = Progress::default();
        let events = &events.clone().and(progress.clone());
        let mut supervisor = Supervisor {
            client: &watcher,
            records: &records,
            release,
            application: &application,
            signal: stop,
            told: None,
            progress: &progress,
        };
        let observer = self.observer().await;
        let context = SwapContext {
            lock: &lock,
            records: &records,
            release,
            events,
            observer: observer.as_deref(),
        };
        let swapped = self.swap_back(&mut session, &context, stamp, options);
        let (outcome, asked) = supervisor.run(Box::pin(swapped)).await;
        let mut outcome = outcome.map_err(|error| {
            error.after_asking_to_stop(asked, |reason| ReleaseError::StoppedRollback { reason })
        });
        let (state, error) = tell_how_it_ended(&outcome, events);
        let mut warnings = Vec::new();
        let mut reports = Vec::new();
        if let Ok(figures) = &mut outcome {
            reports = self
                .run_hooks_of_rollback(&hooks, (&shown, stamp), figures, &mut supervisor, events)
                .await;
            warnings.extend(self.tidy_up_after_rollback(events).await);
            warnings.extend(self.wait_for_standbys(&watcher, figures, events).await);
        }
        events.emit(EventKind::ReleaseFinished {
            release,
            state: state.to_string(),
        });
        let mut closed = records.close(&*session, release, state, error.as_deref()).await;
        if matches!(&closed, Err(error) if error.database_error().is_connection_lost())
            && !matches!(
                &outcome,
                Err(ReleaseError::Swap(SwapError::OutcomeUnknown { .. }))
            )
        {
            // The swap's own session is gone, the other one tells how it ended.
            closed = records.close(&*watcher, release, state, error.as_deref()).await;
        }
        if let Err(error) = closed {
            warnings.push(with_causes(&error));
        }
        // The lock goes with the session.
        session.close().await;
        watcher.close().await;
        let swap = outcome?;
        Ok(RollbackReport {
            release,
            restored: stamp.clone(),
            label,
            swap,
            hooks: reports,
            warnings,
        })
    }

    /// Runs the hooks of a backup set that is live again; nothing can veto that any more.
    async fn run_hooks_of_rollback(
        &self,
        hooks: &Hooks,
        (label, restored): (&str, &Stamp),
        figures: &SwapFigures,
        supervisor: &mut Supervisor<'_>,
        events: &Events,
    ) -> Vec<HookReport> {
        let facts = HookFacts {
            release_set: &self.file.release().name,
            backup: Some(&figures.backup),
            swap: Some(figures),
            label,
            restored: Some(restored),
            ..HookFacts::new(HookPoint::PostRollback, None, supervisor.release)
        };
        let site = HookSite {
            cutover: self,
            events,
            application: supervisor.application,
        };
        let (tell, told) = stop_pair();
        supervisor.told = Some(tell);
        let mut reports = Vec::new();
        let _ = supervisor.run(hooks.run(&facts, &site, told, &mut reports)).await;
        reports
    }

    /// The label of the release that a backup set holds, where one is recorded.
    async fn label_of(
        &self,
        client: &Client,
        records: &Records,
        stamp: &Stamp,
    ) -> Result<Option<String>, ReleaseError> {
        let mut backups = records.backup_sets(client).await?;
        match backups.iter().position(|backup| backup.stamp == *stamp) {
            Some(found) => Ok(backups.swap_remove(found).label),
            None => Err(unknown_stamp(
                stamp,
                backups.into_iter().map(|backup| backup.stamp).collect(),
            )),
        }
    }

    /// Plans putting a backup set live, and from when on writes to live would be lost.
    async fn plan_back(
        &self,
        client: &mut Client,
        records: &Records,
        stamp: &Stamp,
    ) -> Result<SwapPlan, ReleaseError> {
        let plan = rollback_plan(client, records, stamp, &self.naming)
            .await
            .map_err(|error| match error {
                RollbackError::UnknownStamp { stamp, available, .. } => unknown_stamp(&stamp, available),
                error => ReleaseError::Rollback(Box::new(error)),
            })?;
        Ok(match records.writes_when_live(client).await? {
            Some(counted) => plan.refuse_writes_since(counted),
            None => plan,
        })
    }

    async fn swap_back(
        &self,
        session: &mut Session,
        context: &SwapContext<'_>,
        stamp: &Stamp,
        options: RollbackOptions,
    ) -> Result<SwapFigures, ReleaseError> {
        let SwapContext {
            records,
            release,
            events,
            ..
        } = *context;
        let warn = |message: String| events.emit(EventKind::Warning { message });
        for message in StandbyReport::read(&**session, self.schema()).await?.warnings() {
            warn(message);
        }
        let mut planned = 0;
        loop {
            planned += 1;
            let mut plan = self.plan_back(session, records, stamp).await?;
            plan.warnings.iter().cloned().for_each(warn);
            let orphans = plan.read_orphans(&**session).await?;
            if !orphans.is_empty() && !options.allow_orphans {
                return Err(ReleaseError::OrphansOfRollback {
                    stamp: stamp.clone(),
                    orphans,
                });
            }
            for orphans in orphans {
                warn(format!("its foreign key stays NOT VALID: {orphans}"));
            }
            if self.may_lose_writes(options) {
                for writes in plan.lost_writes(&**session).await? {
                    let backup = &plan.backup;
                    warn(format!(
                        "written since it went live, stays in backup set {backup}: {writes}"
                    ));
                }
                plan = plan.allow_lost_writes();
            }
            if planned == 1 {
                self.measure_backup(session, records, stamp, events).await?;
            }
            self.remember_keys_to_validate(session, release, &plan).await?;
            match plan.run(session, context, &self.lock_policy()).await {
                Ok(report) => return Ok(SwapFigures::of(&report)),
                Err(SwapError::CatalogChanged { .. }) if planned < PLANS => {}
                Err(error @ SwapError::OutcomeUnknown { .. }) => {
                    return self.settle_lost_commit(context, &plan, error).await;
                }
                Err(error) => return Err(ReleaseError::SwapBack(error)),
            }
        }
    }

    async fn wait_for_standbys(
        &self,
        client: &Client,
        figures: &mut SwapFigures,
        events: &Events,
    ) -> Vec<String> {
        let (replays, warnings) = self.wait_for_replay(client, events).await;
        figures.standbys = replays;
        for message in warnings.iter().cloned() {
            events.emit(EventKind::Warning { message });
        }
        warnings
    }

    /// What fails here does not fail the rollback.
    async fn tidy_up_after_rollback(&self, events: &Events) -> Vec<String> {
        let tidied = async {
            let mut session = self.target.connect("after the rollback").await?;
            self.validate_pending_keys(&mut session).await?;
            session.close().await;
            Ok::<(), ReleaseError>(())
        };
        match tidied.await {
            Ok(()) => Vec::new(),
            Err(error) => {
                let remedy = match &error {
                    ReleaseError::Statement(error) if is_violation(error) => {
                        "the next release tries it again".to_owned()
                    }
                    error => error.remedy(),
                };
                let message = format!("the rollback is live, but: {}; {remedy}", with_causes(&error));
                events.emit(EventKind::Warning {
                    message: message.clone(),
                });
                vec![message]
            }
        }
    }
}

/// Tells why it did not go live; returns that, and the state of its record.
fn tell_how_it_ended(
    outcome: &Result<SwapFigures, ReleaseError>,
    events: &Events,
) -> (ReleaseState, Option<String>) {
    if let Err(error) = outcome {
        events.emit(EventKind::PhaseFailed {
            phase: Phase::FinaliseSwap,
            error: with_causes(error),
            remedy: error.remedy(),
        });
    }
    match outcome {
        Ok(_) => (ReleaseState::Completed, None),
        Err(error @ ReleaseError::StoppedRollback { .. }) => {
            (ReleaseState::Aborted, Some(with_causes(error)))
        }
        Err(error) => (ReleaseState::Failed, Some(with_causes(error))),
    }
}

fn unknown_stamp(stamp: &Stamp, known: Vec<Stamp>) -> ReleaseError {
    ReleaseError::UnknownStamp {
        stamp: stamp.clone(),
        known,
    }
}
