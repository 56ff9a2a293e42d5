//! `cutover init`: a release file for a database that has none.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use cutover::{InitOptions, Proposal};
use cutover_core::ConnectSettings;
use cutover_core::release_file::Secret;
use serde::Serialize;

use crate::args::InitArguments;
use crate::commands::Context;
use crate::failure::Failure;
use crate::render::{Outcome, counted};

/// Where the database is looked for when nothing names it, and what the proposed file says.
const DEFAULT_URL: &str = "env:DATABASE_URL";

/// What was proposed, and the file that holds it.
#[derive(Debug, Serialize)]
pub(crate) struct InitReport<'a> {
    /// The file that was written; none where the text is the result.
    path: Option<&'a Path>,
    proposal: &'a Proposal,
    release_file: &'a str,
}

pub(super) async fn run(context: &Context, arguments: &InitArguments) -> Result<(), Failure> {
    let (console, captured) = (&context.console, &context.captured);
    let given = context.global.target.clone();
    let from_variable = || {
        captured
            .variable("CUTOVER_TARGET_URL")
            .map(|_| "env:CUTOVER_TARGET_URL")
    };
    let url = match given {
        Some(url) => url,
        None => Secret::try_from(from_variable().unwrap_or(DEFAULT_URL).to_owned())
            .map_err(|error| Failure::Arguments(error.to_owned()))?,
    };
    let revealed = url.resolve("target.url", captured.lookup())?;
    let target = ConnectSettings::resolve(revealed.reveal(), &captured.environment)?;
    // A URL that was written out may hold a password, which belongs into no file.
    let said = url.to_string();
    let said = if said.starts_with("env:") {
        said.as_str()
    } else {
        DEFAULT_URL
    };

    let mut options = InitOptions::new(arguments.schema.clone())
        .portal_schemas(arguments.portal_schema.iter().flatten().cloned())
        .tables(arguments.tables.iter().flatten().cloned());
    if let Some(name) = &arguments.name {
        options = options.name(name);
    }
    let proposal = Box::pin(Proposal::read(&target, &options)).await?;
    let text = proposal.release_file(said);
    if let Some(path) = &arguments.output {
        write_new(path, &text, arguments.force).map_err(|source| Failure::WriteReleaseFile {
            path: path.clone(),
            source,
        })?;
    }
    let report = InitReport {
        path: arguments.output.as_deref(),
        proposal: &proposal,
        release_file: &text,
    };
    console.result(Outcome::Init(&report), |_| match &arguments.output {
        None => text.clone(),
        Some(path) => summary(&proposal, path),
    })
}

/// Writes a file that is not there yet, or, where that was asked for, in place of one.
fn write_new(path: &Path, text: &str, over: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true);
    if over {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    options.open(path)?.write_all(text.as_bytes())
}

fn summary(proposal: &Proposal, path: &Path) -> String {
    let missing: usize = proposal.imports.iter().map(|import| import.missing.len()).sum();
    let next = if missing == 0 {
        "then `cutover check`".to_owned()
    } else {
        format!("fill in what is marked FILL IN ({missing}), then `cutover check`")
    };
    format!(
        "{} proposes {}, {} and {}: look at it, {next}.\n",
        path.display(),
        counted(proposal.tables.len() as u64, "table", "tables"),
        counted(
            proposal.matviews.len() as u64,
            "materialized view",
            "materialized views"
        ),
        counted(proposal.imports.len() as u64, "importer", "importers")
    )
}
