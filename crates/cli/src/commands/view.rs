//! The commands that leave live as it is. A signal ends all but the preflight as it ends any program.

use std::path::Path;

use cutover::CheckSeverity;
use cutover_core::release_file::{Label, Overrides};
use jiff::Timestamp;

use crate::commands::Context;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::listeners::Listeners;
use crate::render::{Outcome, backups_text, check_text, preflight_failure};
use crate::request::Request;

pub(super) async fn plan(context: &Context) -> Result<(), Failure> {
    let plan = context
        .request()?
        .cutover(&context.captured, &context.console)?
        .plan()
        .await?;
    context.console.result(Outcome::Plan(&plan), |_| plan.to_string())
}

pub(super) async fn check(context: &Context) -> Result<(), Failure> {
    let report = context
        .request()?
        .cutover(&context.captured, &context.console)?
        .check()
        .await?;
    context
        .console
        .result(Outcome::Check(&report), |palette| check_text(&report, palette))?;
    match report.count(CheckSeverity::Error) {
        0 => Ok(()),
        errors => Err(Failure::Check { errors }),
    }
}

pub(super) async fn backups(context: &Context) -> Result<(), Failure> {
    let backups = context
        .request()?
        .cutover(&context.captured, &context.console)?
        .backups()
        .await?;
    context.console.result(Outcome::Backups(&backups), |_| {
        backups_text(&backups, Timestamp::now())
    })
}

pub(super) async fn preflight(
    context: &Context,
    label: Option<&Label>,
    findings: Option<&Path>,
) -> Result<(), Failure> {
    let console = &context.console;
    let mut flags = Overrides::default();
    // A path on the command line starts here, one in the release file where that is.
    flags.preflight_findings =
        findings.map(|folder| std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()));
    let request = Request::read(&context.global, flags, &context.captured)?;
    let cutover = request.cutover(&context.captured, console)?;
    // It works under the lock and builds twins of views, so it is stopped in good order.
    let interrupt = Interrupt::listen(console)?;
    let events = Listeners::screen(console);
    let ended = Box::pin(cutover.preflight(label, interrupt.signal(), &events)).await;
    interrupt.end().await;
    let report = ended?;
    let failure = preflight_failure(&report);
    // With --json stdout holds one document: the report also tells which checks failed.
    console.result(Outcome::Preflight(&report), |_| report.to_string())?;
    failure.map_or(Ok(()), Err)
}
