//! What is wrong with a release file: every finding, with its key, line and column.

use std::fmt;
use std::ops::Range;

/// A place in the text of the file; both count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl Position {
    pub(super) fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// The kinds of thing that can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FindingKind {
    /// The text is no TOML.
    Syntax,
    /// No such setting.
    UnknownKey,
    /// A required setting is not there.
    MissingKey,
    /// A setting has the wrong type, or a value that cannot be read.
    WrongValue,
    /// A setting reads well but means nothing, or contradicts another one.
    Contradiction,
}

/// One thing that is wrong with a release file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// The setting's dotted path, as in `import["sources"].columns`; empty for the file as a whole.
    pub key: String,
    /// Where it stands; `None` for a file that was built in code.
    pub position: Option<Position>,
    /// What is wrong, with the key and, where there is one, the remedy.
    pub message: String,
}

/// Everything that is wrong with a release file.
///
/// `Display` prints one line per finding: `origin:line:column: message`. The text of the file is never quoted,
/// because it may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(origin, findings))]
pub struct ReleaseFileError {
    origin: String,
    findings: Vec<Finding>,
}

fn lines(origin: &str, findings: &[Finding]) -> String {
    let line = |finding: &Finding| match finding.position {
        Some(position) => format!("{origin}:{position}: {}", finding.message),
        None => format!("{origin}: {}", finding.message),
    };
    findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

impl ReleaseFileError {
    /// What was read: usually the path of the file.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The findings, in the order of their lines; never empty.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

/// Collects findings while a file is read and checked.
#[derive(Debug, Default)]
pub(super) struct Findings {
    found: Vec<(Option<Range<usize>>, Finding)>,
}

impl Findings {
    pub(super) fn add(&mut self, kind: FindingKind, key: &str, span: Option<Range<usize>>, message: String) {
        self.found.push((
            span,
            Finding {
                kind,
                key: key.to_owned(),
                position: None,
                message,
            },
        ));
    }

    /// Whether a value could not be read, so what was read of the file is not the whole of it.
    pub(super) fn lost_a_value(&self) -> bool {
        self.found.iter().any(|(_, finding)| {
            matches!(
                finding.kind,
                FindingKind::Syntax | FindingKind::MissingKey | FindingKind::WrongValue
            )
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All of it as one error, with lines and columns in `text`.
    pub(super) fn into_error(self, origin: &str, text: &str) -> ReleaseFileError {
        let locate = |(span, finding): (Option<Range<usize>>, Finding)| Finding {
            position: span.map(|span| Position::of(text, span.start)),
            ..finding
        };
        let mut findings: Vec<Finding> = self.found.into_iter().map(locate).collect();
        findings.sort_by_key(|finding| finding.position);
        ReleaseFileError {
            origin: origin.to_owned(),
            findings,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, offset: usize, line: usize, column: usize) {
        assert_eq!(Position::of(text, offset), Position { line, column });
    }

    #[test]
    fn lines_and_columns_count_from_one() {
        check("abc", 0, 1, 1);
        check("abc\ndef", 4, 2, 1);
        check("abc\ndef", 6, 2, 3);
        check("é = 1", 3, 1, 3);
        check("abc", 99, 1, 4);
    }
}
