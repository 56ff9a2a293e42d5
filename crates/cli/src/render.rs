//! How things look: on a terminal, in a log, and as JSON.

mod check; // what stands against the next release
mod config; // settings and where they come from
mod event_text; // an event as lines of text
mod failure; // what went wrong
mod hook_text; // what became of a hook
mod importers; // how far importers are
mod json; // documents and event lines
mod measure; // times, sizes and counts
mod palette; // colours
mod progress; // events on stderr
mod reports; // what release, rollback and abort did
mod screen; // a text drawn again and again
mod status; // what is live, running and kept
mod status_line; // the same in one line
mod table; // tables
mod upkeep; // what things take, what changed, what was dropped

pub(crate) use check::check_text;
pub(crate) use config::config_text;
pub(crate) use failure::{failure_line, failure_text};
pub(crate) use json::{Document, Outcome};
pub(crate) use measure::{count, counted, duration};
pub(crate) use palette::Palette;
pub(crate) use progress::{Progress, ProgressStyle};
pub(crate) use reports::{abort_text, go_text, preflight_failure, release_text, rollback_text};
pub(crate) use screen::Screen;
pub(crate) use status::{backups_text, describe_backup, status_text};
pub(crate) use status_line::status_line;
pub(crate) use table::table;
pub(crate) use upkeep::{
    audit_text, drop_question, drop_text, rehearsal_text, space_text, staging_dropped_text,
};
