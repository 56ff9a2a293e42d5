//! The `cutover` command. What it does is the `cutover` crate's business; this is arguments, screens and exit statuses.

mod args; // the arguments as given
mod commands; // what each command does
mod console; // stdout and stderr
mod demo; // a release on throwaway servers
mod diagnostics; // -v and RUST_LOG
mod environment; // the one reader of the environment
mod exit_status; // a status for each class of failure
mod failure; // what can end a command badly
mod interrupt; // Ctrl-C
mod listeners; // who hears of events
mod render; // how things look
mod request; // arguments, variables and release file together

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;

use crate::console::Console;
use args::Arguments;
use environment::Captured;
use exit_status::ExitStatus;
use failure::Failure;

fn main() -> ExitCode {
    let captured = Captured::now();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let console = Arc::new(Console::new(&arguments.global, &captured));
    match run(arguments, captured, &console) {
        Ok(()) => ExitStatus::Done.into(),
        Err(failure) => {
            console.failed(&failure);
            failure.exit_status().into()
        }
    }
}

fn run(arguments: Arguments, captured: Captured, console: &Arc<Console>) -> Result<(), Failure> {
    diagnostics::start(arguments.global.verbose, &captured, console)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| Failure::System {
            what: "start the asynchronous runtime",
            source,
        })?;
    runtime.block_on(commands::run(arguments, captured, Arc::clone(console)))
}

/// Arguments that make no sense; or help, which is no failure.
fn usage(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os().any(|argument| argument == "--json");
    if json && error.use_stderr() {
        let failure = Failure::Arguments(error.render().to_string().trim_end().to_owned());
        let written = console::write_document(&render::Document::error(&failure));
        return written
            .map_or_else(|error| error.exit_status(), |()| failure.exit_status())
            .into();
    }
    // Nothing is left to do when neither stream can be written to.
    let _ = error.print();
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}
