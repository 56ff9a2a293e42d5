//! The arguments, as given. What they mean together with variables and the release file is `request`'s business.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use cutover_core::release_file::{Label, Memory, Moment, Secret, VARIABLES, parse_duration};
use cutover_core::{Ident, Phase, Stamp};

use crate::exit_status::ExitStatus;

/// Publishes periodic bulk releases of a PostgreSQL dataset without downtime, and takes them back.
///
/// A release builds the new data beside the live data, proves it sound and puts it live in one transaction. What was
/// live stays as a backup set, one `cutover rollback` away. `cutover demo` shows all of it on throwaway servers.
#[derive(Parser)]
#[command(
    name = "cutover",
    version,
    max_term_width = 110,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "See `cutover --help` for exit statuses and environment variables.",
    after_long_help = after_long_help()
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// The release file; CUTOVER_FILE, then ./release.toml, then ./cutover.toml unless given
    #[arg(short, long, global = true, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    // Doc comments are help texts here: `[target]` is a table of the release file.
    #[allow(
        rustdoc::broken_intra_doc_links,
        reason = "only rustdoc knows this lint, so it cannot be expected"
    )]
    /// The database: a URL, key=value pairs or env:VARIABLE, in place of [target] url
    ///
    /// Other users of this machine can read the arguments of a process: give a password in PGPASSWORD, ~/.pgpass or a
    /// service file rather than here.
    #[arg(long, global = true, value_name = "CONNINFO", value_parser = secret)]
    pub(crate) target: Option<Secret>,
    /// Write one JSON document to stdout, and events as JSON lines to stderr
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Write nothing to stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Write diagnostics to stderr; twice for more. RUST_LOG chooses more finely
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "json")]
    pub(crate) verbose: u8,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Propose a release file for a database that has none: tables, imports matched to views by their columns, keys, checks.
    /// It reads the catalog only, and changes nothing
    Init(InitArguments),
    /// Build a release and put it live
    Release(Box<ReleaseArguments>),
    /// Go on with a release that failed, was stopped or died, where it stopped
    Resume(ResumeArguments),
    /// Print what a release would do, with the locks each step takes; change nothing
    Plan,
    /// Look at everything that could stand against the next release: server, rights, dependents, foreign servers, standbys,
    /// disk. All findings at once, each with its remedy; the exit status is that of a refusal (8) where one is an error
    Check,
    /// Print every setting and where it comes from: flag, variable, line of the release file or default
    Config,
    /// Tell what is live, what is running and what is kept
    Status(StatusArguments),
    /// List the backup sets
    Backups,
    /// Put a backup set live again; what was live becomes a backup set itself
    Rollback(RollbackArguments),
    /// Check whether the sources are fit to be imported; live is not touched
    Preflight {
        /// The label that queries and paths are filled in with; the release file's default unless given
        label: Option<Label>,
        /// Write what is found to preflight.json and GeoJSON files in this folder
        #[arg(long, value_name = "DIR")]
        findings: Option<PathBuf>,
    },
    /// Refresh the release file's views, in the order of their dependencies, as a release does first; nothing else
    Refresh {
        #[command(flatten)]
        telling: Telling,
    },
    /// Build staging and fill it, as a release does before it validates; live is not touched. `cutover resume` goes on from
    /// there where everything was imported, `cutover abort` removes it
    Import(Box<ImportArguments>),
    /// Stop a running release, from any machine, and remove its staging
    Abort {
        #[command(flatten)]
        consent: Consent,
    },
    /// Let a release that holds before its swap go live, from any machine
    Go,
    /// Do the whole swap with what stands in staging, and roll it back: how long are locks held, who is in the way?
    Rehearse,
    /// Show what live, staging and the backup sets take on disk
    Space,
    /// Write down everything about the live set, or tell what changed since
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Drop what is no longer wanted: backup sets, or staging that was left behind
    #[command(subcommand)]
    Drop(DropCommand),
    /// Show a release, readers under way and a rollback, on two throwaway servers
    Demo(DemoArguments),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    #[command(hide = true)]
    Man,
}

/// What to propose a release file for.
#[derive(Args)]
pub(crate) struct InitArguments {
    /// The release set's name; that of the database unless given
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The schema of the live tables
    #[arg(long, default_value = "public", value_parser = ident)]
    pub(crate) schema: Ident,
    /// Import from the views and tables of these schemas; from whatever reads foreign tables unless given
    #[arg(long, value_name = "SCHEMAS", value_delimiter = ',', value_parser = ident)]
    pub(crate) portal_schema: Option<Vec<Ident>>,
    /// Look at these tables only
    #[arg(long, value_delimiter = ',', value_parser = ident)]
    pub(crate) tables: Option<Vec<Ident>>,
    /// Write the file here; to stdout unless given. One that exists is left alone
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Write over a file that exists
    #[arg(long, requires = "output")]
    pub(crate) force: bool,
}

/// What one run of a release is asked to do.
#[derive(Args, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct ReleaseArguments {
    /// The release's label; the release file's default for today unless given
    pub(crate) label: Option<Label>,
    /// Stop before the swap: build, validate and analyse staging, and report
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The first phase to run; staging of the last release is taken up
    #[arg(long, value_name = "PHASE")]
    pub(crate) start_at: Option<Phase>,
    /// The last phase to run; staging is kept
    #[arg(long, value_name = "PHASE")]
    pub(crate) stop_after: Option<Phase>,
    /// Run these phases only
    #[arg(long, value_name = "PHASES", value_delimiter = ',', conflicts_with_all = ["start_at", "stop_after"])]
    pub(crate) only: Option<Vec<Phase>>,
    /// Run these importers only; nothing is swapped then
    #[arg(long, value_name = "IMPORTERS", value_delimiter = ',')]
    pub(crate) only_importer: Option<Vec<String>>,
    /// Leave these importers out; nothing is swapped then
    #[arg(long, value_name = "IMPORTERS", value_delimiter = ',')]
    pub(crate) skip_importer: Option<Vec<String>>,
    /// Import at most this many rows of each source; nothing is swapped then
    #[arg(long, value_name = "ROWS")]
    pub(crate) sample: Option<u64>,
    /// Run this many importers at once, each after those it waits for
    #[arg(long, value_name = "NUMBER")]
    pub(crate) jobs: Option<u32>,
    /// Load each importer with a key by this many ranges of it at once, where that is sound and the importer names no number
    #[arg(long, value_name = "NUMBER")]
    pub(crate) ranges: Option<u32>,
    /// Send at most this much a second through the client, all importers together, such as 20MB
    #[arg(long, value_name = "AMOUNT", value_parser = memory)]
    pub(crate) max_rate: Option<Memory>,
    /// Wait before the swap, with everything ready, until `cutover go` says so from any machine; nothing but the release
    /// lock is held meanwhile. --hold=false does not wait, whatever the release file says
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) hold: Option<bool>,
    /// Wait before the swap, with everything ready, until this moment; with --hold for a go as well
    ///
    /// Written as RFC 3339 with an offset from UTC (2026-11-21T22:00:00Z, 2026-11-21T22:00+01:00), with the name of a time
    /// zone (2026-11-21T22:00[Europe/Berlin]), or without either (2026-11-21 22:00): then it is a time of this machine's
    /// zone, which TZ sets. The server's clock decides when the moment has come. One that is over already is refused.
    #[arg(long, value_name = "TIME")]
    pub(crate) not_before: Option<Moment>,
    /// Once the swap has tried for this long, cancel the sessions that block it (end them where they are idle in a
    /// transaction); nobody is unless given
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) cancel_blockers_after: Option<Duration>,
    /// Go live although transactions with snapshots older than the load are open: they may find the new tables empty. They
    /// are named, and not waited for
    #[arg(long)]
    pub(crate) ignore_old_snapshots: bool,
    /// Go live although rows were written to live since staging was built; they stay in the backup set only
    #[arg(long)]
    pub(crate) allow_lost_writes: bool,
    /// Begin anew although an earlier release is built, validated and waits for its swap: its staging is removed
    #[arg(long)]
    pub(crate) discard_staging: bool,
    /// Run every selected importer again, whatever was imported before
    #[arg(long)]
    pub(crate) no_checkpoints: bool,
    #[command(flatten)]
    pub(crate) telling: Telling,
}

/// What is to be imported.
#[derive(Args)]
pub(crate) struct ImportArguments {
    /// The label of the release that this may become; the release file's default for today unless given
    label: Option<Label>,
    /// Run these importers only
    #[arg(long, value_name = "IMPORTERS", value_delimiter = ',')]
    only: Option<Vec<String>>,
    /// Leave these importers out
    #[arg(long, value_name = "IMPORTERS", value_delimiter = ',')]
    skip: Option<Vec<String>>,
    /// Import at most this many rows of each source
    #[arg(long, value_name = "ROWS")]
    sample: Option<u64>,
    /// Run this many importers at once, each after those it waits for
    #[arg(long, value_name = "NUMBER")]
    jobs: Option<u32>,
    /// Load each importer with a key by this many ranges of it at once, where that is sound and the importer names no number
    #[arg(long, value_name = "NUMBER")]
    ranges: Option<u32>,
    /// Send at most this much a second through the client, all importers together, such as 20MB
    #[arg(long, value_name = "AMOUNT", value_parser = memory)]
    max_rate: Option<Memory>,
    /// Begin anew although an earlier release is built, validated and waits for its swap: its staging is removed
    #[arg(long)]
    discard_staging: bool,
    #[command(flatten)]
    telling: Telling,
}

impl From<ImportArguments> for ReleaseArguments {
    fn from(import: ImportArguments) -> Self {
        Self {
            label: import.label,
            only_importer: import.only,
            skip_importer: import.skip,
            sample: import.sample,
            jobs: import.jobs,
            ranges: import.ranges,
            max_rate: import.max_rate,
            discard_staging: import.discard_staging,
            telling: import.telling,
            ..Self::default()
        }
    }
}

/// What a resumed release does otherwise than when it began.
#[derive(Args)]
pub(crate) struct ResumeArguments {
    /// Wait before the swap until `cutover go` says so, as with `cutover release --hold`
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) hold: Option<bool>,
    /// Wait before the swap until this moment, as with `cutover release --not-before`
    #[arg(long, value_name = "TIME")]
    pub(crate) not_before: Option<Moment>,
    /// Go live although rows were written to live since staging was built; they stay in the backup set only
    #[arg(long)]
    pub(crate) allow_lost_writes: bool,
    /// Go on although the release file says otherwise now what the release consists of (tables, checks, imports, changes):
    /// what is in staging already stays as it is
    #[arg(long)]
    pub(crate) allow_changed_file: bool,
    #[command(flatten)]
    pub(crate) telling: Telling,
}

/// Who else is told how it goes.
#[derive(Args, Default)]
pub(crate) struct Telling {
    #[allow(
        rustdoc::broken_intra_doc_links,
        reason = "a help text, and only rustdoc knows this lint, so it cannot be expected"
    )]
    /// Keep a file of metrics for Prometheus (node exporter's textfile collector), in place of [metrics] file
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics_file: Option<PathBuf>,
}

/// How a status is told.
#[derive(Args)]
pub(crate) struct StatusArguments {
    /// Look again every so many seconds, 2 unless given, until Ctrl-C: on a terminal in place, elsewhere a line for each change
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2", value_parser = seconds)]
    pub(crate) watch: Option<Duration>,
    /// Watch no longer than a release or rollback is under way
    #[arg(long, requires = "watch")]
    pub(crate) until_done: bool,
    /// Tell all of it in one line, as for a chat; with --watch a line for each change
    #[arg(long, conflicts_with = "json")]
    pub(crate) oneline: bool,
}

/// What a rollback is asked to do.
#[derive(Args)]
pub(crate) struct RollbackArguments {
    /// The backup set, as `cutover backups` lists it
    pub(crate) stamp: Stamp,
    /// Print every statement and lock, and what would refuse it; do nothing. The exit status is that of a refusal (8) where
    /// it would be refused as things are, with the --allow flags given
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Take live back although rows were written to it since it went live; they stay in the new backup set only
    #[arg(long)]
    pub(crate) allow_lost_writes: bool,
    /// Take live back although rows outside refer to rows that only the present release has; they stay, and the foreign
    /// keys stay NOT VALID until they can be validated
    #[arg(long)]
    pub(crate) allow_orphans: bool,
    #[command(flatten)]
    pub(crate) telling: Telling,
    #[command(flatten)]
    pub(crate) consent: Consent,
}

/// What to do with an audit.
#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// Write an audit of the live set to stdout, as JSON
    Snapshot {
        /// Sum up the rows of each table in a checksum; reads every value
        #[arg(long)]
        checksums: bool,
    },
    /// Tell what differs between an audit and the live set, or between two audits
    Diff {
        /// The earlier audit, a file written by `cutover audit snapshot`
        before: PathBuf,
        /// The later audit; the live set as it is now unless given
        after: Option<PathBuf>,
        /// Leave out what a new month changes by its nature: rows, sizes, checksums, where sequences stand
        #[arg(long)]
        structure: bool,
    },
}

/// What to drop.
#[derive(Subcommand)]
pub(crate) enum DropCommand {
    /// Drop backup sets; one that something outside depends on stays, and is told
    Backups {
        /// The backup sets, as `cutover backups` lists them
        #[arg(
            required_unless_present_any = ["keep", "older_than"],
            conflicts_with_all = ["keep", "older_than"],
            value_name = "STAMP"
        )]
        stamps: Vec<Stamp>,
        /// Drop all but this many of the newest instead
        #[arg(long, value_name = "NUMBER")]
        keep: Option<usize>,
        /// Drop only those made longer ago than this, such as 60d; the newest stays unless --keep 0 is given
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        older_than: Option<Duration>,
        /// Print what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        consent: Consent,
    },
    /// Drop staging that a failed or stopped release left behind; a running release is left alone
    Staging {
        #[command(flatten)]
        consent: Consent,
    },
}

/// Agreement in advance, for where nobody can be asked.
#[derive(Args)]
pub(crate) struct Consent {
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// The demo's size.
#[derive(Args)]
pub(crate) struct DemoArguments {
    /// Leave the servers running, and say how to connect and how to remove them
    #[arg(long)]
    pub(crate) keep: bool,
    /// The size of the dataset: 1 is some 300,000 sites
    #[arg(long, default_value_t = 0.02, value_parser = scale)]
    pub(crate) scale: f64,
    /// How many sessions read the live tables meanwhile
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) readers: u16,
}

fn secret(text: &str) -> Result<Secret, &'static str> {
    Secret::try_from(text.to_owned())
}

fn memory(text: &str) -> Result<Memory, String> {
    Memory::try_from(text.to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse().map(Duration::try_from_secs_f64) {
        Ok(Ok(pause)) if (0.1..=86_400.0).contains(&pause.as_secs_f64()) => Ok(pause),
        _ => Err("must be a number of seconds from 0.1 to 86400".to_owned()),
    }
}

fn ident(text: &str) -> Result<Ident, String> {
    Ident::new(text).map_err(|error| error.to_string())
}

fn scale(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(scale) if scale > 0.0 && scale <= 2.0 => Ok(scale),
        _ => Err("must be more than 0 and at most 2".to_owned()),
    }
}

fn after_long_help() -> String {
    let mut text = format!("Exit status:\n{}\nEnvironment variables:\n", ExitStatus::help());
    text.push_str(&variables_help());
    text.push_str("\nA flag wins over a variable, a variable over the release file. What a connection string leaves open\n");
    text.push_str("comes from libpq's variables and files: PGHOST, PGUSER, PGPASSWORD, ~/.pgpass, PGSERVICE, PGSSLMODE, …");
    text
}

/// The variables that are read, and what each sets.
fn variables_help() -> String {
    let ours = [
        ("CUTOVER_FILE", "the release file"),
        ("NO_COLOR", "no colours"),
        ("RUST_LOG", "diagnostics, as in cutover=debug"),
    ];
    let settings = VARIABLES.iter().map(|variable| {
        (
            variable.name,
            variable.key.unwrap_or("as the flag of cutover release"),
        )
    });
    let all: Vec<_> = ours.into_iter().chain(settings).collect();
    let width = all.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, sets) in all {
        let _ = writeln!(text, "  {name:<width$}  {sets}");
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_makes_sense() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_readme_documents_every_variable() {
        let readme = include_str!("../README.md");
        for variable in VARIABLES {
            let alias = variable
                .alias
                .map(|alias| format!("`{alias}`"))
                .unwrap_or_default();
            let key = variable
                .key
                .map_or_else(|| "a flag of `release`".to_owned(), |key| format!("`{key}`"));
            let row = format!("| `{}` | {alias} | {key} |", variable.name);
            assert!(readme.contains(&row), "the README lacks {row}");
        }
    }
}
