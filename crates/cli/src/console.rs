//! The two streams: results go to stdout, everything else to stderr.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;

use crate::args::Global;
use crate::environment::Captured;
use crate::failure::Failure;
use crate::render::{Document, Outcome, Palette, Progress, ProgressStyle, failure_text};

/// Where results and everything else go, and how they are to look.
#[derive(Debug)]
pub(crate) struct Console {
    json: bool,
    quiet: bool,
    /// For what goes to stdout.
    pub(crate) palette: Palette,
    /// For what goes to stderr.
    pub(crate) stderr_palette: Palette,
    /// Shows events.
    pub(crate) progress: Arc<Progress>,
}

impl Console {
    pub(crate) fn new(global: &Global, captured: &Captured) -> Self {
        let colours = !captured.no_color();
        let palette = Palette::new(colours && io::stdout().is_terminal());
        let stderr_palette = Palette::new(colours && io::stderr().is_terminal());
        let style = if global.quiet {
            ProgressStyle::Quiet
        } else if global.json {
            ProgressStyle::Json
        } else if global.verbose > 0 {
            // Diagnostics would be written through the bars.
            ProgressStyle::AllLines
        } else if io::stderr().is_terminal() && captured.variable("TERM") != Some("dumb") {
            ProgressStyle::Bars
        } else {
            ProgressStyle::Lines
        };
        let progress = Arc::new(Progress::new(style, stderr_palette));
        Self {
            json: global.json,
            quiet: global.quiet,
            palette,
            stderr_palette,
            progress,
        }
    }

    /// Whether results are documents.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Writes a result: the document with `--json`, else the text.
    pub(crate) fn result(
        &self,
        outcome: Outcome<'_>,
        text: impl FnOnce(Palette) -> String,
    ) -> Result<(), Failure> {
        self.progress.clear();
        if self.json {
            return write_document(&Document::new(outcome));
        }
        write_out(&text(self.palette))
    }

    /// Writes a result that is a document whatever the flags: one that is read again.
    pub(crate) fn document(&self, outcome: Outcome<'_>) -> Result<(), Failure> {
        self.progress.clear();
        write_document(&Document::new(outcome))
    }

    /// Writes a part of a result that is told bit by bit; with `--json` the document at the end holds it.
    pub(crate) fn part(&self, text: impl FnOnce(Palette) -> String) -> Result<(), Failure> {
        if self.json {
            return Ok(());
        }
        self.progress.clear();
        write_out(&text(self.palette))
    }

    /// Writes a line to stderr, unless it is to be quiet.
    pub(crate) fn say(&self, line: &str) {
        self.progress.say(line);
    }

    /// Writes a warning to stderr.
    pub(crate) fn warn(&self, message: &str) {
        if self.json && !self.quiet {
            let event = serde_json::json!({ "event": "warning", "message": message });
            let _ = writeln!(io::stderr(), "{event}");
        } else {
            self.say(&format!("{} {message}", self.stderr_palette.notable("!")));
        }
    }

    /// Writes what went wrong: a document to stdout with `--json`, else to stderr.
    pub(crate) fn failed(&self, failure: &Failure) {
        self.progress.clear();
        // Neither stream can be of help any more when it cannot be written to.
        if self.json {
            // One document only.
            if !failure.is_told_by_the_result() {
                let _ = write_document(&Document::error(failure));
            }
        } else {
            let _ = io::stderr().write_all(failure_text(failure, self.stderr_palette).as_bytes());
        }
    }

    /// Asks for a yes on the terminal. Nothing is asked where the other side is a program.
    pub(crate) fn ask(&self, question: &str) -> Result<(), Failure> {
        if self.json || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Err(Failure::NobodyToAsk);
        }
        let failed = |source| Failure::System { what: "ask", source };
        write!(io::stderr(), "{question} [y/N] ").map_err(failed)?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).map_err(failed)?;
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(Failure::Declined),
        }
    }
}

/// Writes a result that is text whatever the flags: scripts and manual pages.
pub(crate) fn write_out(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        // `cutover plan | head` has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Failure::Output),
    }
}

pub(crate) fn write_document(document: &Document<'_>) -> Result<(), Failure> {
    let json = serde_json::to_string_pretty(document).map_err(|error| Failure::Output(error.into()))?;
    write_out(&format!("{json}\n"))
}
