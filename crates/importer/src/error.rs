//! What can go wrong with an import.

use std::time::Duration;

use cutover_core::records::Reject;
use cutover_core::{DatabaseError, Ident, ObjectKind, ObjectName, QualifiedName, StatementError};
use tokio_postgres::error::SqlState;

use crate::copy_in::Refused;
use crate::copy_position::copy_position;
use crate::import::Straight;
use crate::mapping::ColumnProblem;
use crate::preflight::PreflightReport;
use crate::{CsvError, Import, NotDirect, RefusedRows, Source};

/// An import that could not be planned or carried out. The table is as it was once the transaction has ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A statement failed.
    #[error("importer {importer} failed to import {from}")]
    Statement {
        /// The importer's name.
        importer: String,
        /// The source: a relation's name, `its query`, a file's path, or `its program's rows`.
        from: String,
        /// The statement's purpose, its object and what the server said.
        source: StatementError,
    },
    /// The source broke off while its rows were read.
    #[error("importer {importer} could not read on in {from}")]
    Source {
        /// The importer's name.
        importer: String,
        /// The source: a relation's name or `its query`.
        from: String,
        /// What the server, or the connection, said.
        source: StatementError,
    },
    /// The source sent nothing for too long.
    #[error("importer {importer}: {from} has sent nothing for {} s", silence.as_secs())]
    Silent {
        /// The importer's name.
        importer: String,
        /// The source: a relation's name or `its query`.
        from: String,
        /// For how long.
        silence: Duration,
    },
    /// There is no table to fill.
    #[error("importer {importer}: there is no table {table} to fill")]
    TargetMissing {
        /// The importer's name.
        importer: String,
        /// The table.
        table: QualifiedName,
    },
    /// A publication would send every row of the table to its subscribers while it is filled.
    #[error(
        "importer {importer}: table {table} is published by {publication}: its subscribers would be sent every row"
    )]
    TargetPublished {
        /// The importer's name.
        importer: String,
        /// The table.
        table: QualifiedName,
        /// The publication.
        publication: Ident,
    },
    /// There is no relation to read.
    #[error("importer {importer}: there is no relation {relation} to read")]
    SourceMissing {
        /// The importer's name.
        importer: String,
        /// The relation.
        relation: QualifiedName,
    },
    /// The source's columns do not fit the table's; all that was found.
    #[error(
        "importer {importer}: the columns of {from} do not fit {table}{}",
        listed(problems)
    )]
    Columns {
        /// The importer's name.
        importer: String,
        /// The source: a relation's name, `its query`, a file's path, or `its program's rows`.
        from: String,
        /// The table.
        table: QualifiedName,
        /// What does not fit, with the remedy of each.
        problems: Vec<ColumnProblem>,
    },
    /// The way asked for cannot be gone.
    #[error("importer {importer}: {reason}")]
    Way {
        /// The importer's name.
        importer: String,
        /// Why not.
        reason: &'static str,
    },
    /// Table or source changed since the plan was made.
    #[error(
        "importer {importer}: the columns of {table} or of its source changed since the import was planned"
    )]
    Stale {
        /// The importer's name.
        importer: String,
        /// The table.
        table: QualifiedName,
    },
    /// The table refused a row of a COPY pipe.
    #[error("importer {importer}: row {row} of the source was refused{}", at_column(column.as_ref()))]
    RowRefused {
        /// The importer's name.
        importer: String,
        /// Counted from 1, in the order the source sent them.
        row: u64,
        /// The column, where the server names one.
        column: Option<Ident>,
        /// What the server said; its own line number counts from the start of a segment.
        source: StatementError,
    },
    /// The table refused more rows than are tolerated.
    #[error("importer {importer}: {table} refused {refused}")]
    Rejected {
        /// The importer's name.
        importer: String,
        /// The table.
        table: QualifiedName,
        /// How many, and the first of them.
        refused: Box<RefusedRows>,
    },
    /// Checks of the rows that passed found more than they tolerate.
    #[error(
        "importer {importer}: {} of {} checks of its rows failed\n{report}",
        report.checks.iter().filter(|check| check.is_fatal()).count(),
        report.checks.len()
    )]
    Checked {
        /// The importer's name.
        importer: String,
        /// All that was found.
        report: Box<PreflightReport>,
        /// How many rows that offend are in chunks which are committed.
        committed: u64,
    },
    /// Rows could not be checked as they passed.
    #[error("importer {importer}: its rows could not be checked")]
    NotJudged {
        /// The importer's name.
        importer: String,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Too many rows bear one key to be one chunk.
    #[error(
        "importer {importer}: more than {bytes} bytes of rows bear one key ({})",
        idents(key)
    )]
    OneKey {
        /// The importer's name.
        importer: String,
        /// The key.
        key: Vec<Ident>,
        /// Their size, in bytes.
        bytes: u64,
    },
    /// The chunks that are in belong to another query, mapping or key.
    #[error(
        "importer {importer}: its {chunks} chunks that are in {table} were read by another query, mapping or key{}",
        not_direct.as_ref().map(|why| format!(", or straight from the foreign server, which cannot be now: {why}")).unwrap_or_default()
    )]
    OtherChunks {
        /// The importer's name.
        importer: String,
        /// The table.
        table: QualifiedName,
        /// How many.
        chunks: i64,
        /// Why its source is read the local way, where it might have been read straight from a foreign server.
        not_direct: Option<NotDirect>,
    },
    /// A checkpoint or a row set aside could not be written to, or read from, the records.
    #[error("importer {importer} could not keep its journal")]
    Journal {
        /// The importer's name.
        importer: String,
        /// What the server said.
        source: StatementError,
    },
    /// A CSV file cannot be read, or holds a value that the table refuses.
    #[error("importer {importer} failed")]
    Csv {
        /// The importer's name.
        importer: String,
        /// The file, the line, the column and why.
        source: CsvError,
    },
    /// The program that makes the rows failed.
    #[error("importer {importer}: the program that makes its rows failed behind row {rows}")]
    Program {
        /// The importer's name.
        importer: String,
        /// The rows that it had sent.
        rows: u64,
        /// What it said, or what it did wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

fn listed(problems: &[ColumnProblem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    format!("\n  - {}", lines.join("\n  - "))
}

fn idents(names: &[Ident]) -> String {
    let names: Vec<&str> = names.iter().map(Ident::as_str).collect();
    names.join(", ")
}

fn at_column(column: Option<&Ident>) -> String {
    column
        .map(|column| format!(", column {column}"))
        .unwrap_or_default()
}

impl ImportError {
    /// The server's five-character code, when it sent one.
    #[must_use]
    pub fn sqlstate(&self) -> Option<&SqlState> {
        self.statement_error().and_then(StatementError::sqlstate)
    }

    /// The statement that failed, when one did.
    #[must_use]
    pub fn statement_error(&self) -> Option<&StatementError> {
        match self {
            Self::Statement { source, .. }
            | Self::Source { source, .. }
            | Self::RowRefused { source, .. }
            | Self::Journal { source, .. } => Some(source),
            Self::Csv { source, .. } => source.statement_error(),
            Self::TargetMissing { .. }
            | Self::TargetPublished { .. }
            | Self::SourceMissing { .. }
            | Self::Columns { .. }
            | Self::Way { .. }
            | Self::Silent { .. }
            | Self::Rejected { .. }
            | Self::Checked { .. }
            | Self::NotJudged { .. }
            | Self::OneKey { .. }
            | Self::OtherChunks { .. }
            | Self::Program { .. }
            | Self::Stale { .. } => None,
        }
    }

    /// What the operator can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Statement { source, .. } | Self::Source { source, .. } => {
                database_remedy(source.database_error())
            }
            Self::Silent { .. } => {
                "look at the portal: pg_stat_activity there tells what it is doing; raise `max_silence` where its query takes so long"
            }
            Self::TargetMissing { .. } => "build staging first, and check `into`",
            Self::TargetPublished { .. } => {
                "take it off the publication's list: the swap puts on it what goes live; one of all tables or of the \
                 schema must be a list instead"
            }
            Self::SourceMissing { .. } => {
                "check the name and the schema in `from`; create the view, or refresh the portal's foreign tables"
            }
            Self::Columns { .. } => "mend what is listed above, then run again; nothing was imported",
            Self::Way { .. } => "choose another `way`, or give the source the connection it needs",
            Self::Stale { .. } => "plan the import again; nothing was imported",
            Self::RowRefused { .. } => "mend the row at its source, or convert the column in a query",
            Self::Rejected { .. } => {
                "mend the rows at their source, or raise `max_rejects`; then take the release up again"
            }
            Self::Checked { committed: 0, .. } => {
                "mend the geometries at their source, or raise `max` of the check; then take the release up again"
            }
            Self::Checked { .. } => {
                "mend the geometries at their source, or raise `max` of the check; then take the release up again: those that \
                 are committed already stay and count, unless it begins again with build_staging"
            }
            Self::NotJudged { .. } => {
                "leave `when` out of the check, which then reads its rows itself, and report this as a fault of ours"
            }
            Self::OneKey { .. } => "name columns in `key` that tell the rows apart",
            Self::OtherChunks { .. } => {
                "put back the importer and its source as they were, or begin again with build_staging"
            }
            Self::Journal { source, .. } => source.remedy(),
            Self::Csv { source, .. } => source.remedy(),
            Self::Program { .. } => "mend what it says, then run again; none of its rows are in",
        }
    }

    /// A statement that failed while doing `purpose` to the table that is filled.
    pub(crate) fn failed(import: &Import, purpose: &'static str) -> impl Fn(tokio_postgres::Error) -> Self {
        move |error| Self::Statement {
            importer: import.name().to_owned(),
            from: from_text(import),
            source: statement(import, purpose, error),
        }
    }

    /// The source broke off.
    pub(crate) fn source_broke(import: &Import, error: tokio_postgres::Error) -> Self {
        Self::Source {
            importer: import.name().to_owned(),
            from: from_text(import),
            source: statement(import, "read the source of", error),
        }
    }

    /// The source sent nothing for so long.
    pub(crate) fn silent(import: &Import, silence: Duration) -> Self {
        Self::Silent {
            importer: import.name().to_owned(),
            from: from_text(import),
            silence,
        }
    }

    /// The source could not be described; no row was moved.
    pub(crate) fn source(import: &Import, error: tokio_postgres::Error) -> Self {
        match import.source() {
            Source::Relation(relation) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => {
                Self::SourceMissing {
                    importer: import.name().to_owned(),
                    relation: relation.clone(),
                }
            }
            _ => Self::failed(import, "read the source of")(error),
        }
    }

    /// The table refused what was sent; `columns` are those of the COPY.
    pub(crate) fn refused(import: &Import, columns: &[Ident], refused: Refused) -> Self {
        let source = statement(import, "fill", refused.error);
        let importer = import.name().to_owned();
        match copy_position(source.database_error(), import.into_table(), columns) {
            Some((line, column)) => Self::RowRefused {
                importer,
                row: refused.rows_before + line,
                column,
                source,
            },
            None => Self::Statement {
                importer,
                from: from_text(import),
                source,
            },
        }
    }

    pub(crate) fn target_missing(import: &Import) -> Self {
        Self::TargetMissing {
            importer: import.name().to_owned(),
            table: import.into_table().clone(),
        }
    }

    pub(crate) fn target_published(import: &Import, publication: Ident) -> Self {
        Self::TargetPublished {
            importer: import.name().to_owned(),
            table: import.into_table().clone(),
            publication,
        }
    }

    pub(crate) fn columns(import: &Import, problems: Vec<ColumnProblem>) -> Self {
        Self::Columns {
            importer: import.name().to_owned(),
            from: from_text(import),
            table: import.into_table().clone(),
            problems,
        }
    }

    pub(crate) fn way(import: &Import, reason: &'static str) -> Self {
        Self::Way {
            importer: import.name().to_owned(),
            reason,
        }
    }

    pub(crate) fn stale(import: &Import) -> Self {
        Self::Stale {
            importer: import.name().to_owned(),
            table: import.into_table().clone(),
        }
    }

    pub(crate) fn rejected(import: &Import, rejected: u64, first: Vec<Reject>) -> Self {
        Self::Rejected {
            importer: import.name().to_owned(),
            table: import.into_table().clone(),
            refused: Box::new(RefusedRows {
                rejected,
                tolerated: import.reject_limits(),
                first,
            }),
        }
    }

    pub(crate) fn checked(import: &Import, report: PreflightReport, committed: u64) -> Self {
        Self::Checked {
            importer: import.name().to_owned(),
            report: Box::new(report),
            committed,
        }
    }

    pub(crate) fn not_judged(
        import: &Import,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::NotJudged {
            importer: import.name().to_owned(),
            source: source.into(),
        }
    }

    pub(crate) fn one_key(import: &Import, bytes: usize) -> Self {
        Self::OneKey {
            importer: import.name().to_owned(),
            key: import.key_columns().to_vec(),
            bytes: bytes as u64,
        }
    }

    pub(crate) fn other_chunks(import: &Import, chunks: i64) -> Self {
        Self::OtherChunks {
            importer: import.name().to_owned(),
            table: import.into_table().clone(),
            chunks,
            not_direct: match import.straightness() {
                Straight::No(why) => Some(why.clone()),
                Straight::NotAsked | Straight::From(_) => None,
            },
        }
    }

    pub(crate) fn journal(import: &Import, source: StatementError) -> Self {
        Self::Journal {
            importer: import.name().to_owned(),
            source,
        }
    }

    pub(crate) fn program(
        import: &Import,
        rows: u64,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Program {
            importer: import.name().to_owned(),
            rows,
            source: source.into(),
        }
    }

    pub(crate) fn csv(import: &Import, source: CsvError) -> Self {
        Self::Csv {
            importer: import.name().to_owned(),
            source,
        }
    }
}

/// The source as error texts name it.
pub(crate) fn from_text(import: &Import) -> String {
    match import.source() {
        Source::Relation(name) => name.to_string(),
        Source::Query(_) => "its query".to_owned(),
        Source::Csv(csv) => csv.path().display().to_string(),
        Source::Program(_) => "its program's rows".to_owned(),
    }
}

/// A statement that failed while doing `purpose` to the table that is filled.
pub(crate) fn statement(
    import: &Import,
    purpose: &'static str,
    error: tokio_postgres::Error,
) -> StatementError {
    StatementError::new(
        purpose,
        ObjectName::qualified(ObjectKind::Table, import.into_table()),
        error,
    )
}

/// Remedies for what happens to imports in particular; the rest is every statement's.
pub(crate) fn database_remedy(error: &DatabaseError) -> &'static str {
    let message = error
        .inner()
        .as_db_error()
        .map_or("", tokio_postgres::error::DbError::message);
    match error.sqlstate().map(SqlState::code) {
        Some("08001" | "08006" | "08003" | "HV00N" | "HV000") => {
            "the foreign server does not answer or refuses the login: check that it runs, the host and port of the \
             server (\\des+), and user and password of the user mapping (\\deu+)"
        }
        Some("2F003" | "28P01" | "28000") => "check user and password of the connection or user mapping",
        Some("42501") if message.contains("row-level security") => {
            "the role would see only some rows: use the owner, or a role with BYPASSRLS"
        }
        _ => error.remedy(),
    }
}
