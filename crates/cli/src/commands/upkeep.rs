//! Between releases: what things take and are, and dropping what is no longer wanted.

use std::path::Path;

use cutover::BackupChoice;
use cutover_swap::{Audit, AuditOptions, Retention};
use serde::Deserialize;

use crate::args::{AuditCommand, Consent, DropCommand};
use crate::commands::Context;
use crate::failure::Failure;
use crate::listeners::Listeners;
use crate::render::{
    Outcome, audit_text, drop_question, drop_text, rehearsal_text, space_text, staging_dropped_text,
};

pub(super) async fn rehearse(context: &Context) -> Result<(), Failure> {
    let console = &context.console;
    let request = context.request()?;
    let cutover = request.cutover(&context.captured, console)?;
    let ended = cutover.rehearse(&Listeners::screen(console)).await;
    console.progress.clear();
    let report = ended?;
    console.result(Outcome::Rehearse(&report), |palette| {
        rehearsal_text(&report, palette)
    })
}

pub(super) async fn space(context: &Context) -> Result<(), Failure> {
    let report = context
        .request()?
        .cutover(&context.captured, &context.console)?
        .space()
        .await?;
    context
        .console
        .result(Outcome::Space(&report), |palette| space_text(&report, palette))
}

pub(super) async fn audit(context: &Context, command: AuditCommand) -> Result<(), Failure> {
    match command {
        AuditCommand::Snapshot { checksums } => {
            let audit = take(context, checksums).await?;
            // A file to be read again: the same with and without --json.
            context.console.document(Outcome::AuditSnapshot(&audit))
        }
        AuditCommand::Diff {
            before,
            after,
            structure,
        } => {
            let before = read_audit(&before)?;
            let after = match &after {
                Some(path) => read_audit(path)?,
                None => take(context, before.has_checksums()).await?,
            };
            let mut diff = before.diff(&after)?;
            if structure {
                diff = diff.structural();
            }
            let changes = diff.changes().len();
            context
                .console
                .result(Outcome::AuditDiff(&diff), |palette| audit_text(&diff, palette))?;
            if changes == 0 {
                Ok(())
            } else {
                Err(Failure::Differs { changes })
            }
        }
    }
}

async fn take(context: &Context, checksums: bool) -> Result<Audit, Failure> {
    let cutover = context.request()?.cutover(&context.captured, &context.console)?;
    let options = AuditOptions::default().checksums(checksums);
    Ok(cutover.audit(&options).await?)
}

fn read_audit(path: &Path) -> Result<Audit, Failure> {
    let text = std::fs::read_to_string(path).map_err(|source| Failure::ReadAudit {
        path: path.to_owned(),
        source,
    })?;
    let file: AuditFile = serde_json::from_str(&text).map_err(|source| Failure::ReadAudit {
        path: path.to_owned(),
        source: source.into(),
    })?;
    Ok(file.audit_snapshot)
}

/// The document that `cutover audit snapshot` writes.
#[derive(Deserialize)]
struct AuditFile {
    audit_snapshot: Audit,
}

pub(super) async fn drop(context: &Context, command: DropCommand) -> Result<(), Failure> {
    match command {
        DropCommand::Backups {
            stamps,
            keep,
            older_than,
            dry_run,
            consent,
        } => {
            let choice = match (keep, older_than) {
                (None, None) => BackupChoice::Stamps(stamps),
                (Some(keep), None) => BackupChoice::Beyond(Retention::newest(keep)),
                // There is a way back as long as nobody says that there need be none.
                (keep, Some(age)) => {
                    BackupChoice::Beyond(Retention::newest(keep.unwrap_or(1)).for_at_least(age))
                }
            };
            drop_backups(context, &choice, dry_run, &consent).await
        }
        DropCommand::Staging { consent } => drop_staging(context, &consent).await,
    }
}

async fn drop_backups(
    context: &Context,
    choice: &BackupChoice,
    dry_run: bool,
    consent: &Consent,
) -> Result<(), Failure> {
    let console = &context.console;
    let request = context.request()?;
    let cutover = request.cutover(&context.captured, console)?;
    let plan = cutover.plan_drop(choice).await?;
    if dry_run || request.is_dry_run() {
        return console.result(Outcome::DropPlan(&plan), |_| plan.to_string());
    }
    if !consent.yes && !plan.drops.is_empty() {
        console.ask(&drop_question(&plan))?;
    }
    let listeners = Listeners::start(console, &request, &context.captured)?;
    let ended = cutover.drop_backups(choice, listeners.events()).await;
    console.progress.clear();
    listeners.finish(console).await;
    let report = ended?;
    console.result(Outcome::DropBackups(&report), |_| drop_text(&report))
}

async fn drop_staging(context: &Context, consent: &Consent) -> Result<(), Failure> {
    let console = &context.console;
    let request = context.request()?;
    let cutover = request.cutover(&context.captured, console)?;
    if !consent.yes {
        console.ask("Drop the staging relations that releases left behind?")?;
    }
    let listeners = Listeners::start(console, &request, &context.captured)?;
    let ended = cutover.drop_staging(listeners.events()).await;
    console.progress.clear();
    listeners.finish(console).await;
    let removed = ended?;
    console.result(Outcome::DropStaging { removed }, |_| {
        staging_dropped_text(removed)
    })
}
