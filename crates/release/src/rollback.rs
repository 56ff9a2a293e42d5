//! Rollback: a swap with a backup set.

use cutover_core::records::{Records, ReleaseKind, ReleaseState};
use cutover_core::{EventKind, Events, Phase, Session, Stamp};
use cutover_swap::{Outcome, RollbackError, StandbyReport, SwapContext, SwapError, rollback_plan, settle};
use tokio_postgres::Client;

use crate::boxed::BoxFuture;
use crate::busy::busy;
use crate::phases::PATIENCE;
use crate::release::with_causes;
use crate::report::SwapFigures;
use crate::stop::Supervisor;
use crate::{Cutover, ReleaseError, RollbackReport, StopSignal};

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
    /// [`ReleaseError::UnknownStamp`] with the stamps there are; [`ReleaseError::Busy`] while a release runs.
    pub async fn rollback(
        &self,
        stamp: &Stamp,
        stop: StopSignal,
        events: &Events,
    ) -> Result<RollbackReport, ReleaseError> {
        let run: BoxFuture<'_, _> = Box::pin(self.run_rollback(stamp, stop, events));
        run.await
    }

    async fn run_rollback(
        &self,
        stamp: &Stamp,
        stop: StopSignal,
        events: &Events,
    ) -> Result<RollbackReport, ReleaseError> {
        let mut session = self.connect_safely("rollback").await?;
        Records::migrate(&mut session).await?;
        let (lock, records) = (self.lock()?, self.records()?);
        let backups = records.backup_sets(&*session).await?;
        let Some(backup) = backups.iter().find(|backup| backup.stamp == *stamp) else {
            let known = backups.into_iter().map(|backup| backup.stamp).collect();
            return Err(ReleaseError::UnknownStamp {
                stamp: stamp.clone(),
                known,
            });
        };
        let label = backup.label.clone();
        if !lock.try_acquire(&*session).await? {
            return Err(busy(&session, &lock, &records).await?);
        }
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
        });
        records
            .enter_phase(&*session, release, Phase::FinaliseSwap)
            .await?;
        let application = self
            .name_session(
                &session,
                &format!("{} rollback {release}", self.file.release().name),
            )
            .await?;
        let mut supervisor = Supervisor {
            client: &watcher,
            records: &records,
            release,
            application: &application,
            signal: stop,
        };
        let swapped = self.swap_back(&mut session, &records, release, stamp, events);
        let (outcome, asked) = supervisor.run(Box::pin(swapped)).await;
        let mut outcome = match (outcome, asked) {
            (Err(_), Some(reason)) => Err(ReleaseError::Stopped {
                reason,
                phase: Phase::FinaliseSwap,
            }),
            (outcome, _) => outcome,
        };
        let (state, error) = match &outcome {
            Ok(_) => (ReleaseState::Completed, None),
            Err(error @ ReleaseError::Stopped { .. }) => (ReleaseState::Aborted, Some(with_causes(error))),
            Err(error) => (ReleaseState::Failed, Some(with_causes(error))),
        };
        let mut warnings = Vec::new();
        if let Ok(figures) = &mut outcome {
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
            warnings,
        })
    }

    async fn swap_back(
        &self,
        session: &mut Session,
        records: &Records,
        release: i64,
        stamp: &Stamp,
        events: &Events,
    ) -> Result<SwapFigures, ReleaseError> {
        let lock = self.lock()?;
        for message in StandbyReport::read(&**session, self.schema()).await?.warnings() {
            events.emit(EventKind::Warning { message });
        }
        let observer = self.observer().await;
        let mut planned = 0;
        loop {
            planned += 1;
            let plan = rollback_plan(session, records, stamp, &self.naming)
                .await
                .map_err(|error| match error {
                    RollbackError::UnknownStamp { stamp, available, .. } => ReleaseError::UnknownStamp {
                        stamp,
                        known: available,
                    },
                    error => ReleaseError::Rollback(Box::new(error)),
                })?;
            for message in &plan.warnings {
                events.emit(EventKind::Warning {
                    message: message.clone(),
                });
            }
            let mut keys: Vec<_> = plan
                .post_swap
                .steps
                .iter()
                .map(|step| step.object.clone())
                .collect();
            // Keys that the present release left NOT VALID are in no plan, and its record is about to be history.
            keys.extend(records.keys_to_validate(&**session).await?);
            records.set_keys_to_validate(&**session, release, &keys).await?;
            let context = SwapContext {
                lock: &lock,
                records,
                release,
                events,
                observer: observer.as_deref(),
            };
            match plan.run(session, &context, &self.lock_policy()).await {
                Ok(report) => return Ok(SwapFigures::of(&report)),
                Err(SwapError::CatalogChanged { .. }) if planned < PLANS => {}
                Err(error @ SwapError::OutcomeUnknown { .. }) => {
                    let other = self.target.connect("settle the rollback").await?;
                    return match settle(&*other, &lock, records, release, PATIENCE).await {
                        Ok(Outcome::Swapped) => Ok(SwapFigures::settled(&plan)),
                        Ok(Outcome::NotSwapped) => Err(ReleaseError::not_swapped(records, error)),
                        Err(_) => Err(error.into()),
                    };
                }
                Err(error) => return Err(error.into()),
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
                let message = format!(
                    "the rollback is live, but: {}; {}",
                    with_causes(&error),
                    error.remedy()
                );
                events.emit(EventKind::Warning {
                    message: message.clone(),
                });
                vec![message]
            }
        }
    }
}
