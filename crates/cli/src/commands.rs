//! The commands: each reads what it needs, calls the release set, shows the result.

mod config; // the settings and where they come from
mod go;
mod init; // a release file for a database that has none
mod paperwork; // completions and the manual page
mod release; // release, import, refresh and resume
mod status; // once, or again and again
mod undo; // rollback and abort: what asks first
mod upkeep; // space, audit, drop: between releases
mod view; // plan, backups, preflight: what changes nothing

pub(crate) use init::InitReport;

use std::sync::Arc;

use cutover_core::release_file::Overrides;

use crate::args::{Arguments, Command, Global};
use crate::console::Console;
use crate::demo;
use crate::environment::Captured;
use crate::failure::Failure;
use crate::request::Request;

/// What every command works with.
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) captured: Captured,
    pub(crate) console: Arc<Console>,
}

impl Context {
    /// What is meant by a command without flags of its own.
    fn request(&self) -> Result<Request, Failure> {
        Request::read(&self.global, Overrides::default(), &self.captured)
    }
}

/// Runs a command to its end.
pub(crate) async fn run(
    arguments: Arguments,
    captured: Captured,
    console: Arc<Console>,
) -> Result<(), Failure> {
    let context = Context {
        global: arguments.global,
        captured,
        console,
    };
    match arguments.command {
        Command::Init(init) => init::run(&context, &init).await,
        Command::Release(release) => release::run(&context, *release, None).await,
        Command::Refresh { telling } => release::refresh(&context, telling).await,
        Command::Import(import) => release::import(&context, *import).await,
        Command::Resume(resume) => release::resume(&context, &resume).await,
        Command::Plan => view::plan(&context).await,
        Command::Check => view::check(&context).await,
        Command::Config => config::run(&context),
        Command::Status(arguments) => Box::pin(status::run(&context, &arguments)).await,
        Command::Backups => Box::pin(view::backups(&context)).await,
        Command::Rollback(arguments) => undo::rollback(&context, &arguments).await,
        Command::Preflight { label, findings } => {
            view::preflight(&context, label.as_ref(), findings.as_deref()).await
        }
        Command::Abort { consent } => undo::abort(&context, &consent).await,
        Command::Go => go::run(&context).await,
        Command::Rehearse => upkeep::rehearse(&context).await,
        Command::Space => Box::pin(upkeep::space(&context)).await,
        Command::Audit(command) => upkeep::audit(&context, command).await,
        Command::Drop(command) => upkeep::drop(&context, command).await,
        Command::Demo(demo) => demo::run(&context, &demo).await,
        Command::Completions { shell } => paperwork::completions(shell),
        Command::Man => paperwork::manual(),
    }
}
