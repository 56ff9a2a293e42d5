//! Hooks that are programs.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cutover_core::Environment;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStdin, Command};
use tokio::time::{sleep, timeout};

use super::HookFacts;
use super::error::HookProblem;
use super::output::Tail;
use crate::StopSignal;
use crate::process_group::ProcessGroup;

/// How long the output of a program that has ended is waited for: what it left running in the background may hold it open.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Runs a program to its end and returns the end of what it printed to both its streams.
///
/// It gets the facts as one JSON document on standard input, one by one in `CUTOVER_…` variables, and beside these the variables
/// of `environment`. No shell sees its arguments. It leads a process group of its own, which is killed when the program has
/// not ended after `longest`, when the release is asked to stop, and when the future is dropped; what it leaves running when it
/// ends by itself is left alone.
pub(super) async fn run(
    words: &[String],
    facts: &HookFacts<'_>,
    environment: &Environment,
    folder: &Path,
    longest: Duration,
    stop: &mut StopSignal,
) -> (Tail, Result<(), HookProblem>) {
    let tail = Mutex::new(Tail::default());
    let ended = match prepare(words, facts, environment, folder) {
        Ok((command, document)) => listen_to_its_end(command, &document, &tail, longest, stop).await,
        Err(problem) => Err(problem),
    };
    (tail.into_inner().unwrap_or_else(PoisonError::into_inner), ended)
}

/// The program with its variables, and what it gets on standard input.
fn prepare(
    words: &[String],
    facts: &HookFacts<'_>,
    environment: &Environment,
    folder: &Path,
) -> Result<(Command, String), HookProblem> {
    let document = facts.document()?;
    let mut command = command(words, folder).map_err(HookProblem::Start)?;
    command.env_clear().envs(environment.variables());
    for (name, value) in facts.variables() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Ok((command, document))
}

async fn listen_to_its_end(
    mut command: Command,
    document: &str,
    tail: &Mutex<Tail>,
    longest: Duration,
    stop: &mut StopSignal,
) -> Result<(), HookProblem> {
    let mut group = ProcessGroup(command.spawn().map_err(HookProblem::Start)?);
    let child = &mut group.0;
    let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let talk = async {
        tokio::join!(tell(input, document), listen(output, tail), listen(errors, tail));
    };
    let work = async {
        let mut talk = std::pin::pin!(talk);
        let (status, is_over) = tokio::select! {
            status = child.wait() => (status, false),
            () = &mut talk => (child.wait().await, true),
        };
        if !is_over {
            // What is in the pipes is there already.
            let _ = timeout(LAST_WORDS, talk).await;
        }
        status
    };
    let status = tokio::select! {
        status = work => status.map_err(HookProblem::Wait)?,
        () = sleep(longest) => return Err(HookProblem::Timeout(longest)),
        () = stop.asked() => return Err(HookProblem::Stopped),
    };
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(code), _) => Err(HookProblem::Exit(code)),
        (None, signal) => Err(HookProblem::Signal(signal.unwrap_or_default())),
    }
}

/// A program named by a path is looked for from the release file's folder, another on `PATH`.
fn command(words: &[String], folder: &Path) -> std::io::Result<Command> {
    let folder = std::path::absolute(folder)?;
    // The release file's check leaves none without a word.
    let (program, arguments) = words.split_first().ok_or(std::io::ErrorKind::InvalidInput)?;
    let mut command = if program.contains('/') {
        Command::new(folder.join(program))
    } else {
        Command::new(program)
    };
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    Ok(command)
}

/// A program that reads nothing, or not to the end, is no worse for it.
async fn tell(input: Option<ChildStdin>, document: &str) {
    if let Some(mut input) = input {
        let _ = input.write_all(document.as_bytes()).await;
    }
}

async fn listen(stream: Option<impl AsyncRead + Unpin>, tail: &Mutex<Tail>) {
    let Some(mut stream) = stream else { return };
    let mut buffer = Vec::with_capacity(8 * 1024);
    while let Ok(1..) = stream.read_buf(&mut buffer).await {
        let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.push(&buffer);
        buffer.clear();
    }
}
