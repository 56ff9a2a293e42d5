//! Why a hook failed.

use std::io;
use std::time::Duration;

use cutover_core::release_file::{HookPoint, LabelError, TemplateError};
use cutover_core::{ConnectError, DatabaseError, Phase};

use crate::ReleaseError;
use crate::release::with_causes;

/// A required hook failed while the release was not live yet, and stopped it.
#[derive(Debug, thiserror::Error)]
#[error("the required hook `{hook}` ({does}) stopped the release at {}: {reason}{}", at(*point, *phase), printed(output))]
#[non_exhaustive]
pub struct HookError {
    /// Its name.
    pub hook: String,
    /// The point.
    pub point: HookPoint,
    /// The phase that was complete, where the point is about one.
    pub phase: Option<Phase>,
    /// What it does: its kind, and of whom it asks it.
    pub does: String,
    /// Why, with causes; secrets are masked.
    pub reason: String,
    /// The end of what it printed, or was answered; secrets are masked.
    pub output: String,
    /// What `reason` tells.
    pub problem: HookProblem,
}

/// What went wrong with a hook.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HookProblem {
    /// The program could not be started.
    #[error("the program could not be started")]
    Start(#[source] io::Error),
    /// The program could not be waited for.
    #[error("the program could not be waited for")]
    Wait(#[source] io::Error),
    /// The program said no.
    #[error("it ended with exit status {0}")]
    Exit(i32),
    /// A signal ended the program.
    #[error("it was ended by signal {0}")]
    Signal(i32),
    /// It took too long, and was stopped.
    #[error("it was not done within {0:?} and was stopped")]
    Timeout(Duration),
    /// The release was asked to stop.
    #[error("it was stopped with the release")]
    Stopped,
    /// The HTTP client could not be set up.
    #[error("the HTTP client could not be set up: {0}")]
    Client(String),
    /// The server answered, and not well.
    #[error("{host} answered {status}{}", tried(*tries))]
    Status {
        /// The server.
        host: String,
        /// The status line.
        status: String,
        /// How often it was asked.
        tries: u32,
    },
    /// The server did not answer.
    #[error("{host} could not be reached: {reason}{}", tried(*tries))]
    Unreachable {
        /// The server.
        host: String,
        /// Why.
        reason: String,
        /// How often it was asked.
        tries: u32,
    },
    /// The body or the statement could not be filled in.
    #[error("its text could not be filled in")]
    Template(#[from] TemplateError),
    /// The label of the release cannot be filled in.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// The facts could not be written down.
    #[error("the facts of the release could not be written as JSON")]
    Facts(#[from] serde_json::Error),
    /// The target could not be connected to.
    #[error("no session could be had for it")]
    Connect(#[from] ConnectError),
    /// The statement failed.
    #[error("the statement failed")]
    Statement(#[from] DatabaseError),
    /// It could not be found out where names of the statement are looked up.
    #[error(transparent)]
    SearchPath(Box<ReleaseError>),
}

impl From<tokio_postgres::Error> for HookProblem {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Statement(error.into())
    }
}

/// A point in words.
pub(super) fn at(point: HookPoint, phase: Option<Phase>) -> String {
    match phase {
        Some(phase) => format!("{point} of {phase}"),
        None => point.to_string(),
    }
}

fn printed(output: &str) -> String {
    if output.is_empty() {
        String::new()
    } else {
        format!("; it said:\n{output}")
    }
}

fn tried(tries: u32) -> String {
    match tries {
        1 => String::new(),
        tries => format!(", {tries} times"),
    }
}

/// A problem with its causes, in one line.
pub(super) fn told(problem: &HookProblem) -> String {
    with_causes(problem)
}
