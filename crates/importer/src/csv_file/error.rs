//! What can be wrong with a CSV file.

use std::path::PathBuf;

use cutover_core::StatementError;

/// A CSV file that cannot be imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CsvError {
    /// The file cannot be opened.
    #[error("could not open {}", path.display())]
    Open {
        /// The path as given; a relative one counts from the working directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A record is no CSV: it has too few or too many fields. The cause names the line.
    #[error("could not read {}", path.display())]
    Record {
        /// The path as given.
        path: PathBuf,
        /// What is wrong, with the line.
        source: csv::Error,
    },
    /// A file without a header has more or fewer fields than names were given for.
    #[error("{}: its first record has {found} fields, and {named} names are given", path.display())]
    Fields {
        /// The path as given.
        path: PathBuf,
        /// The fields of the first record.
        found: usize,
        /// The names given.
        named: usize,
    },
    /// A field is not UTF-8.
    #[error("{}, line {line}, column {column:?}: not UTF-8", path.display())]
    Encoding {
        /// The path as given.
        path: PathBuf,
        /// The line in the file where the record begins, counted from 1.
        line: u64,
        /// The column as the file's header names it.
        column: String,
        /// From which byte of the field on.
        source: std::str::Utf8Error,
    },
    /// The table refused a value.
    #[error("{}, line {line}{}: {reason}", path.display(), at_column(column.as_deref()))]
    Value {
        /// The path as given.
        path: PathBuf,
        /// The line in the file where the record begins, counted from 1.
        line: u64,
        /// The column as the file's header names it, where the server names one.
        column: Option<String>,
        /// What the server said, with its detail and SQLSTATE.
        reason: String,
        /// The COPY that failed; not the `source`, for `reason` says what it says.
        statement: Box<StatementError>,
    },
    /// Chunks of it are imported, and it is not the same any more up to where they end.
    #[error(
        "{} has changed in what is imported already: its first {bytes} bytes, up to line {line}",
        path.display()
    )]
    Changed {
        /// The path as given.
        path: PathBuf,
        /// The line where the import was to go on, counted from 1.
        line: u64,
        /// The bytes before it.
        bytes: u64,
    },
    /// Reading ended without a result.
    #[error("the task that read {} ended early", path.display())]
    Reader {
        /// The path as given.
        path: PathBuf,
        /// Why.
        source: tokio::task::JoinError,
    },
}

fn at_column(column: Option<&str>) -> String {
    column
        .map(|column| format!(", column {column:?}"))
        .unwrap_or_default()
}

impl CsvError {
    /// The statement that failed, when one did.
    #[must_use]
    pub fn statement_error(&self) -> Option<&StatementError> {
        match self {
            Self::Value { statement, .. } => Some(statement),
            Self::Open { .. }
            | Self::Record { .. }
            | Self::Fields { .. }
            | Self::Encoding { .. }
            | Self::Changed { .. }
            | Self::Reader { .. } => None,
        }
    }

    /// What the operator can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Open { .. } => "put the file there, or mend `csv` in the release file",
            Self::Record { .. } => "mend the record: every one needs as many fields as the header",
            Self::Fields { .. } => "name every field of the file in `fields`, in its order",
            Self::Encoding { .. } => "save the file in UTF-8 (iconv -f LATIN1 -t UTF-8)",
            Self::Value { .. } => "mend the value in the file, or add it to the markers that mean NULL",
            Self::Changed { .. } => {
                "put the file back as it was (what follows that line may change), or begin again with build_staging"
            }
            Self::Reader { .. } => "run again; it is a bug if it happens twice",
        }
    }
}
