//! The results as JSON: one document on stdout, its shape versioned and documented in the README.

use cutover::{
    AbortReport, CheckReport, DropReport, GoReport, PlanReport, RehearsalReport, ReleaseError, ReleaseReport,
    RollbackPlan, RollbackReport, Status, StructureRefused,
};
use cutover_core::records::BackupSet;
use cutover_importer::ImportError;
use cutover_importer::preflight::PreflightReport;
use cutover_swap::{Audit, AuditDiff, RetentionPlan, SpaceReport};

use serde::Serialize;

use crate::commands::InitReport;
use crate::demo::DemoReport;
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::request::Config;

/// The version of the shape of every document; grows when a field changes its meaning or goes.
const SCHEMA_VERSION: u32 = 1;

/// What stdout holds after a command with `--json`.
#[derive(Debug, Serialize)]
pub(crate) struct Document<'a> {
    schema_version: u32,
    #[serde(flatten)]
    outcome: Outcome<'a>,
}

/// A command's result, under the command's name; or what went wrong, under `error`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome<'a> {
    Release(&'a ReleaseReport),
    Plan(&'a PlanReport),
    Check(&'a CheckReport),
    Config(&'a Config),
    Init(&'a InitReport<'a>),
    Status(&'a Status),
    Backups(&'a [BackupSet]),
    Rollback(&'a RollbackReport),
    RollbackPlan(&'a RollbackPlan),
    Preflight(&'a PreflightReport),
    Abort(&'a AbortReport),
    Go(&'a GoReport),
    Rehearse(&'a RehearsalReport),
    Space(&'a SpaceReport),
    AuditSnapshot(&'a Audit),
    AuditDiff(&'a AuditDiff),
    DropPlan(&'a RetentionPlan),
    DropBackups(&'a DropReport),
    DropStaging { removed: usize },
    Demo(&'a DemoReport),
    Error(ErrorDocument<'a>),
}

/// What went wrong.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorDocument<'a> {
    message: String,
    causes: Vec<String>,
    class: &'static str,
    remedy: String,
    exit_status: ExitStatus,
    /// What the preflight found, when that was it.
    #[serde(skip_serializing_if = "Option::is_none")]
    preflight: Option<&'a PreflightReport>,
    /// How staging differs from live otherwise than declared, when that was it.
    #[serde(skip_serializing_if = "Option::is_none")]
    structure: Option<&'a StructureRefused>,
}

impl<'a> Document<'a> {
    pub(crate) fn new(outcome: Outcome<'a>) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            outcome,
        }
    }

    pub(crate) fn error(failure: &'a Failure) -> Self {
        let status = failure.exit_status();
        let mut chain = failure.chain().into_iter();
        Self::new(Outcome::Error(ErrorDocument {
            message: chain.next().unwrap_or_default(),
            causes: chain.collect(),
            class: status.class(),
            remedy: failure.remedy(),
            exit_status: status,
            preflight: match failure {
                Failure::Release(
                    ReleaseError::Preflight { report }
                    | ReleaseError::Import(ImportError::Checked { report, .. }),
                ) => Some(report),
                _ => None,
            },
            structure: match failure {
                Failure::Release(ReleaseError::Structure(refused)) => Some(refused),
                _ => None,
            },
        }))
    }
}
