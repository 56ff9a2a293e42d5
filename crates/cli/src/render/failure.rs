//! What went wrong: the message, its causes, the remedy.

use std::fmt::Write as _;

use super::Palette;
use crate::failure::Failure;

/// The lines that end a command that failed.
pub(crate) fn failure_text(failure: &Failure, palette: Palette) -> String {
    let mut chain = failure.chain().into_iter();
    let message = chain.next().unwrap_or_default();
    let mut text = format!("{} {}\n", palette.bad("error:"), indented(&message));
    for cause in chain {
        let _ = writeln!(text, "  {} {}", palette.faint("caused by:"), indented(&cause));
    }
    let _ = writeln!(
        text,
        "  {} {}",
        palette.strong("remedy:"),
        indented(&failure.remedy())
    );
    text
}

/// All of it in one line, without the remedy.
pub(crate) fn failure_line(failure: &Failure) -> String {
    let chain = failure.chain().join(": ");
    chain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Lists within a message keep their lines, below it.
fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n    ")
}
