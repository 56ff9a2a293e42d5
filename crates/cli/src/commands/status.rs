//! `cutover status`: once, or again and again until nobody wants to see it any more.

use std::io::IsTerminal as _;
use std::time::Duration;

use cutover::{Cutover, Status};
use jiff::Timestamp;

use crate::args::StatusArguments;
use crate::commands::Context;
use crate::console::{Console, write_out};
use crate::failure::Failure;
use crate::interrupt::unless_interrupted;
use crate::render::{Document, Outcome, Screen, failure_line, status_line, status_text};

pub(super) async fn run(context: &Context, arguments: &StatusArguments) -> Result<(), Failure> {
    let console = &context.console;
    let cutover = context.request()?.cutover(&context.captured, console)?;
    if let Some(every) = arguments.watch {
        let watched = unless_interrupted(Box::pin(watch(&cutover, console, arguments, every))).await;
        return match watched {
            // That is how it is meant to end.
            Err(Failure::Interrupted) => Ok(()),
            ended => ended,
        };
    }
    let status = cutover.status().await?;
    console.result(Outcome::Status(&status), |palette| {
        if arguments.oneline {
            format!("{}\n", status_line(&status, Timestamp::now()))
        } else {
            status_text(&status, Timestamp::now(), palette)
        }
    })
}

/// How a status that is looked at again and again is shown.
enum Shown {
    /// A document a line, each time.
    Documents,
    /// A line each time that it is another.
    Lines { last: String },
    /// All of it, in place.
    InPlace(Screen),
}

/// Never returns unless it is to end with the release, or what it writes to is gone. A database that cannot be reached is
/// an error at first, and afterwards told and tried again.
async fn watch(
    cutover: &Cutover,
    console: &Console,
    arguments: &StatusArguments,
    every: Duration,
) -> Result<(), Failure> {
    let mut shown = if console.is_json() {
        Shown::Documents
    } else if arguments.oneline || !std::io::stdout().is_terminal() {
        Shown::Lines { last: String::new() }
    } else {
        Shown::InPlace(Screen::new())
    };
    let mut seen = false;
    loop {
        match cutover.status().await {
            Ok(status) => {
                seen = true;
                shown.show(&status, console)?;
                if arguments.until_done && !status.is_under_way() {
                    return Ok(());
                }
            }
            Err(error) if !seen => return Err(error.into()),
            Err(error) => shown.lost(&error.into(), console)?,
        }
        tokio::time::sleep(every).await;
    }
}

impl Shown {
    fn show(&mut self, status: &Status, console: &Console) -> Result<(), Failure> {
        let now = Timestamp::now();
        match self {
            Self::Documents => write_line_of_json(&Document::new(Outcome::Status(status))),
            Self::Lines { last } => {
                let line = status_line(status, now);
                if *last == line {
                    return Ok(());
                }
                write_out(&format!("{} {line}\n", clock(now)))?;
                *last = line;
                Ok(())
            }
            Self::InPlace(screen) => screen.draw(&status_text(status, now, console.palette)),
        }
    }

    /// The database did not answer.
    fn lost(&mut self, failure: &Failure, console: &Console) -> Result<(), Failure> {
        let now = Timestamp::now();
        match self {
            Self::Documents => write_line_of_json(&Document::error(failure)),
            Self::Lines { last } => {
                let line = failure_line(failure);
                if *last == line {
                    return Ok(());
                }
                write_out(&format!("{} {line}\n", clock(now)))?;
                *last = line;
                Ok(())
            }
            Self::InPlace(screen) => {
                let line = failure_line(failure);
                screen.draw_below(&console.palette.bad(format!("{}: {line}", clock(now))).to_string())
            }
        }
    }
}

/// A moment to the second, for the beginning of a line.
fn clock(now: Timestamp) -> impl std::fmt::Display {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn write_line_of_json(document: &Document<'_>) -> Result<(), Failure> {
    let json = serde_json::to_string(document).map_err(|error| Failure::Output(error.into()))?;
    write_out(&format!("{json}\n"))
}
