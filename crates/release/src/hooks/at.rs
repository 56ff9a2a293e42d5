//! The points of a release and of a rollback, and what happens there.

use std::time::Instant;

use cutover_core::release_file::{HookAction, HookPoint, Label};
use cutover_core::{EventKind, Events, Phase, Sql, millis};
use tokio_postgres::Client;

use super::command;
use super::error::{HookError, HookProblem, told};
use super::output::Tail;
use super::report::{HookOutcome, HookReport, does};
use super::sql::{self, SqlContext};
use super::{HookFacts, Hooks, Prepared};
use crate::boxed::BoxFuture;
use crate::run::Run;
use crate::stop::Supervisor;
use crate::{Cutover, ReleaseError, StopSignal, stop_pair};

/// Where hooks run, and who hears of it.
pub(crate) struct HookSite<'a> {
    pub(crate) cutover: &'a Cutover,
    pub(crate) events: &'a Events,
    /// The name of the sessions of the release or rollback.
    pub(crate) application: &'a str,
}

impl Hooks {
    /// Runs the hooks of a point in the file's order, and adds what became of them to `reports`.
    ///
    /// # Errors
    /// When a hook that may stop the release failed; those behind it are not run then.
    pub(crate) fn run<'a>(
        &'a self,
        facts: &'a HookFacts<'_>,
        site: &'a HookSite<'_>,
        stop: StopSignal,
        reports: &'a mut Vec<HookReport>,
    ) -> BoxFuture<'a, Result<(), HookError>> {
        Box::pin(self.run_each(facts, site, stop, reports))
    }

    async fn run_each(
        &self,
        facts: &HookFacts<'_>,
        site: &HookSite<'_>,
        mut stop: StopSignal,
        reports: &mut Vec<HookReport>,
    ) -> Result<(), HookError> {
        let (point, phase) = facts.point();
        for prepared in self.at(point, phase) {
            let name = &prepared.hook.name;
            let mut report = HookReport {
                hook: name.clone(),
                point,
                phase,
                outcome: HookOutcome::Skipped,
                took_ms: 0,
                reason: None,
                output: String::new(),
            };
            if let Some(why) = self.left_out {
                let (hook, reason) = (name.clone(), why.to_owned());
                report.reason = Some(reason.clone());
                reports.push(report);
                site.events.emit(EventKind::HookSkipped {
                    hook,
                    point,
                    phase,
                    reason,
                });
                continue;
            }
            let does = self.masks.mask(&does(&prepared.hook));
            site.events.emit(EventKind::HookStarted {
                hook: name.clone(),
                point,
                phase,
                does: does.clone(),
            });
            let began = Instant::now();
            let (tail, ended) = self.act(prepared, &facts.to(name), site, &mut stop).await;
            report.took_ms = millis(began.elapsed());
            report.output = tail.into_text(&self.masks);
            let (output, took_ms) = (report.output.clone(), report.took_ms);
            match ended {
                Ok(()) => {
                    report.outcome = HookOutcome::Done;
                    reports.push(report);
                    site.events.emit(EventKind::HookFinished {
                        hook: name.clone(),
                        point,
                        phase,
                        took_ms,
                        output,
                    });
                }
                Err(problem) => {
                    let error = self.masks.mask(&told(&problem));
                    let fatal = prepared.hook.can_veto(phase);
                    report.outcome = HookOutcome::Failed;
                    report.reason = Some(error.clone());
                    reports.push(report);
                    site.events.emit(EventKind::HookFailed {
                        hook: name.clone(),
                        point,
                        phase,
                        took_ms,
                        error: error.clone(),
                        output: output.clone(),
                        fatal,
                    });
                    if fatal {
                        return Err(HookError {
                            hook: name.clone(),
                            point,
                            phase,
                            does,
                            reason: error,
                            output,
                            problem,
                        });
                    }
                    if stop.is_asked() {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    async fn act(
        &self,
        Prepared { hook, request }: &Prepared,
        facts: &HookFacts<'_>,
        site: &HookSite<'_>,
        stop: &mut StopSignal,
    ) -> (Tail, Result<(), HookProblem>) {
        let cutover = site.cutover;
        match (&hook.action, request) {
            (HookAction::Command(words), _) => {
                let (environment, folder) = (&self.environment, &cutover.folder);
                command::run(words, facts, environment, folder, hook.timeout, stop).await
            }
            (HookAction::Http(_), Some(request)) => request.run(facts, hook.timeout, stop).await,
            (HookAction::Sql(template), _) => {
                let context = SqlContext {
                    cutover,
                    application: site.application,
                };
                let run = async {
                    let label = Label::new(facts.label)?;
                    let statements = template.render(&cutover.template_facts(&label))?;
                    let statements = Sql::operator_query(statements);
                    sql::run(context, &statements, &facts.document()?, hook.timeout, stop).await
                };
                (Tail::default(), run.await)
            }
            // Requests are prepared with the hook; a kind of a later version is refused when the file is read.
            _ => (Tail::default(), Ok(())),
        }
    }
}

impl Run<'_> {
    /// Runs the hooks of a point; `watcher` looks whether the release is asked to stop meanwhile, which stops them.
    ///
    /// # Errors
    /// Never once the release is live. Before that, [`ReleaseError::Hook`] when a required one failed.
    pub(crate) async fn run_hooks(
        &mut self,
        point: HookPoint,
        phase: Option<Phase>,
        watcher: &Client,
        stop: &StopSignal,
    ) -> Result<(), ReleaseError> {
        let clears_the_way = point == HookPoint::PhaseComplete && phase == Some(Phase::ValidateAndManifest);
        let (tell, told) = stop_pair();
        let mut supervisor = Supervisor {
            client: watcher,
            records: &self.records,
            release: self.release,
            application: &self.application,
            signal: stop.clone(),
            told: Some(tell),
            progress: &self.recorder.progress,
        };
        let mut reports = Vec::new();
        let mut asked = None;
        if self.hooks.at(point, phase).next().is_some() {
            let (facts, site) = (self.facts(point, phase, None), self.site());
            let run = self.hooks.run(&facts, &site, told, &mut reports);
            let (ended, reason) = supervisor.run(run).await;
            self.hook_reports.append(&mut reports);
            self.write_events().await;
            asked = reason;
            ended.map_err(|error| {
                let phase = phase.unwrap_or(Phase::AcquireLock);
                let stopped = |reason| ReleaseError::Stopped { reason, phase };
                ReleaseError::Hook(Box::new(error)).after_asking_to_stop(asked, stopped)
            })?;
        }
        if clears_the_way && self.staged.hooks_due && asked.is_none() && !self.options.dry_run {
            self.staged.hooks_due = false;
            self.keep_staged().await?;
        }
        Ok(())
    }

    /// Runs the hooks of a release that failed. They cannot fail it further, and their time is bounded.
    pub(crate) async fn run_hooks_of_failure(&mut self, error: &str, stop: &StopSignal) {
        let (facts, site) = (self.facts(HookPoint::Failed, None, Some(error)), self.site());
        let mut reports = Vec::new();
        let run = self.hooks.run(&facts, &site, stop.clone(), &mut reports);
        // At this point none can veto.
        let _ = run.await;
        self.hook_reports.append(&mut reports);
    }

    fn site(&self) -> HookSite<'_> {
        HookSite {
            cutover: self.cutover,
            events: &self.events,
            application: &self.application,
        }
    }

    fn facts<'f>(&'f self, point: HookPoint, phase: Option<Phase>, error: Option<&'f str>) -> HookFacts<'f> {
        HookFacts {
            release_set: &self.cutover.file.release().name,
            label: self.label.as_str(),
            backup: self
                .swap
                .as_ref()
                .map(|swap| &swap.backup)
                .or(self.backup.as_ref()),
            error,
            swap: self.swap.as_ref(),
            manifest: self.manifest.as_ref(),
            ..HookFacts::new(point, phase, self.release)
        }
    }
}
