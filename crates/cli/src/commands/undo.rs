//! `cutover rollback` and `cutover abort`: what asks first.

use cutover::{Activity, ReleaseError, RollbackOptions, Status};
use jiff::Timestamp;

use crate::args::{Consent, RollbackArguments};
use crate::commands::Context;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::listeners::Listeners;
use crate::render::{Outcome, abort_text, describe_backup, rollback_text};
use crate::request::{Request, rollback_flags};

pub(super) async fn rollback(context: &Context, arguments: &RollbackArguments) -> Result<(), Failure> {
    let (console, stamp) = (&context.console, &arguments.stamp);
    let request = Request::read(&context.global, rollback_flags(arguments), &context.captured)?;
    let cutover = request.cutover(&context.captured, console)?;
    if arguments.dry_run || request.is_dry_run() {
        let plan = cutover.plan_rollback(stamp, &arguments.options()).await?;
        console.result(Outcome::RollbackPlan(&plan), |_| plan.to_string())?;
        return if plan.is_refused() {
            Err(Failure::RollbackRefused { stamp: stamp.clone() })
        } else {
            Ok(())
        };
    }
    if !arguments.consent.yes {
        let backups = cutover.backups().await?;
        let Some(backup) = backups.iter().find(|backup| backup.stamp == *stamp) else {
            let known = backups.into_iter().map(|backup| backup.stamp).collect();
            return Err(ReleaseError::UnknownStamp {
                stamp: stamp.clone(),
                known,
            }
            .into());
        };
        console.ask(&format!(
            "Put {} live?",
            describe_backup(backup, Timestamp::now())
        ))?;
    }
    let listeners = Listeners::start(console, &request, &context.captured)?;
    let interrupt = Interrupt::listen(console)?;
    let ended = cutover
        .rollback(
            stamp,
            &arguments.options(),
            interrupt.signal(),
            listeners.events(),
        )
        .await;
    interrupt.end().await;
    console.progress.clear();
    listeners.finish(console).await;
    let report = ended?;
    console.result(Outcome::Rollback(&report), |palette| {
        rollback_text(&report, palette)
    })
}

impl RollbackArguments {
    fn options(&self) -> RollbackOptions {
        let mut options = RollbackOptions::default();
        if self.allow_lost_writes {
            options = options.allow_lost_writes();
        }
        if self.allow_orphans {
            options = options.allow_orphans();
        }
        options
    }
}

pub(super) async fn abort(context: &Context, consent: &Consent) -> Result<(), Failure> {
    let console = &context.console;
    let request = context.request()?;
    let cutover = request.cutover(&context.captured, console)?;
    if !consent.yes {
        console.ask(&abort_question(&cutover.status().await?))?;
    }
    let listeners = Listeners::start(console, &request, &context.captured)?;
    let ended = cutover.abort(listeners.events()).await;
    console.progress.clear();
    listeners.finish(console).await;
    let report = ended?;
    console.result(Outcome::Abort(&report), |palette| abort_text(&report, palette))
}

fn abort_question(status: &Status) -> String {
    let label = |id: i64| {
        status
            .latest
            .iter()
            .find(|record| record.id == id)
            .map(|record| record.label.as_str())
    };
    match &status.activity {
        Activity::Running { release, .. } => {
            format!(
                "Stop the running release {}, and remove its staging?",
                label(*release).unwrap_or("without a label")
            )
        }
        _ => "Remove the staging of the last release?".to_owned(),
    }
}
