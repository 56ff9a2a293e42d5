//! From checks and catalog facts to one statement per check.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use cutover_core::{DatabaseError, Ident, QualifiedName, Sql, write_comment};
use deadpool_postgres::Pool;
use serde::Serialize;

use super::catalog::Catalog;
use super::check::{Check, Engine, Subject};
use super::geometry::{native, server};
use crate::session::{self, KnownSettings};
use crate::source::sub_select;

/// How the checking sessions are set up.
#[derive(Debug, Clone)]
pub struct PreflightSettings {
    search_path: Vec<Ident>,
    lock_timeout: Duration,
}

impl PreflightSettings {
    /// The operator's queries resolve their unqualified names in these schemas, in this order.
    #[must_use]
    pub fn new(search_path: impl IntoIterator<Item = Ident>) -> Self {
        Self {
            search_path: search_path.into_iter().collect(),
            lock_timeout: Duration::from_secs(30),
        }
    }

    /// How long to wait for the locks on the views; 30 seconds unless set.
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    fn setup(&self, known: KnownSettings) -> Sql {
        session::for_checks(&self.search_path, self.lock_timeout, known)
    }
}

/// The preflight could not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PreflightError {
    /// No connection of the pool can be had.
    #[error("could not get a connection for the preflight")]
    Connection {
        /// Why.
        source: deadpool_postgres::PoolError,
    },
    /// The catalog cannot be read.
    #[error("could not look up the relations of the preflight")]
    Catalog {
        /// What the server said.
        source: DatabaseError,
    },
}

impl PreflightError {
    /// What the operator can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Connection { .. } => "check that the server runs and has a free connection, then run again",
            Self::Catalog { .. } => {
                "see the server's message; a type named in a check may not read as a type"
            }
        }
    }
}

impl From<tokio_postgres::Error> for PreflightError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Catalog { source: error.into() }
    }
}

/// Why a check could not look at its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "cause", rename_all = "snake_case")]
#[non_exhaustive]
pub enum CannotRun {
    /// There is no such relation.
    #[error("there is no relation {relation}")]
    MissingRelation {
        /// The relation.
        relation: QualifiedName,
    },
    /// The relation lacks columns.
    #[error("{relation} has no column {}", named(columns))]
    MissingColumns {
        /// The relation.
        relation: QualifiedName,
        /// All columns that it lacks.
        columns: Vec<Ident>,
    },
    /// PostGIS is not installed in the database.
    #[error("PostGIS is not installed in this database")]
    NoPostgis,
    /// A statement failed; the text is what the server or the connection said.
    #[error("{message}")]
    Failed {
        /// The server's message with its SQLSTATE.
        message: String,
        /// The code alone, when there is one.
        sqlstate: Option<String>,
        /// What to do about it.
        remedy: String,
    },
}

fn named(columns: &[Ident]) -> String {
    let names: Vec<String> = columns.iter().map(ToString::to_string).collect();
    names.join(", ")
}

impl CannotRun {
    /// What the operator can do about it.
    #[must_use]
    pub fn remedy(&self) -> &str {
        match self {
            Self::MissingRelation { .. } => {
                "create or refresh the view, or mend its name in the release file"
            }
            Self::MissingColumns { .. } => {
                "add the columns to the view, or mend their names in the release file"
            }
            Self::NoPostgis => {
                "CREATE EXTENSION postgis, or take the geometry checks out of the release file"
            }
            Self::Failed { remedy, .. } => remedy,
        }
    }
}

/// One statement per check, computed before any runs. `Display` prints them as a commented SQL script.
#[derive(Debug, Clone)]
pub struct PreflightPlan {
    pub(super) checks: Vec<PlannedCheck>,
    pub(super) setup: Sql,
}

#[derive(Debug, Clone)]
pub(super) struct PlannedCheck {
    pub(super) check: Check,
    pub(super) scan: Result<Scan, CannotRun>,
}

#[derive(Debug, Clone)]
pub(super) enum Scan {
    /// The catalog already told: columns whose type is not the one expected.
    Types(Vec<WrongType>),
    /// Returns one boolean: whether any of the relations has a row.
    AnyRow(Sql),
    /// Returns offending rows for `server::judge`.
    Geometry(OnServer),
    /// Sends rows, which are judged here.
    Streamed(Streamed),
    /// Returns a key as an array of texts, and how often it occurs.
    Duplicates(Sql),
    /// Returns the operator's columns, one row per violation.
    Rows(Sql),
}

#[derive(Debug, Clone)]
pub(super) struct OnServer {
    pub(super) offending: Sql,
    /// Returns how many rows there are, where the check wants to know.
    pub(super) rows: Option<Sql>,
}

#[derive(Debug, Clone)]
pub(super) struct Streamed {
    /// Sends every row for `native::Judge`.
    pub(super) copy: Sql,
    /// Returns the rows that cannot be read here for `server::judge`; run where there are any.
    pub(super) unread: Sql,
    pub(super) expected_rows: Option<u64>,
}

#[derive(Debug, Clone)]
pub(super) struct WrongType {
    pub(super) column: Ident,
    pub(super) expected: String,
    pub(super) found: String,
}

impl PreflightPlan {
    /// Looks up all relations at once and plans every check. A check that cannot run is planned as such, and the
    /// report says so.
    ///
    /// # Errors
    /// [`PreflightError`] when there is no connection, or the catalog cannot be read.
    pub async fn read(
        pool: &Pool,
        checks: &[Check],
        settings: &PreflightSettings,
    ) -> Result<Self, PreflightError> {
        let mut client = pool
            .get()
            .await
            .map_err(|source| PreflightError::Connection { source })?;
        let transaction = client.build_transaction().read_only(true).start().await?;
        let setup = settings.setup(KnownSettings::read(&*transaction).await?);
        transaction.batch_execute(setup.as_str()).await?;
        let mut relations = BTreeSet::new();
        let mut types = BTreeSet::new();
        for check in checks {
            match &check.subject {
                Subject::View { view, columns } => {
                    relations.insert(view);
                    types.extend(columns.iter().filter_map(|(_, expected)| expected.as_deref()));
                }
                Subject::NotEmpty { any_of } => relations.extend(any_of),
                Subject::Geometry(check) => {
                    relations.insert(&check.view);
                }
                Subject::Unique { view, .. } => {
                    relations.insert(view);
                }
                Subject::Query { .. } => {}
            }
        }
        let catalog = Catalog::read(&*transaction, &relations, &types).await?;
        transaction.rollback().await?;
        let checks = checks
            .iter()
            .map(|check| PlannedCheck {
                check: check.clone(),
                scan: plan(check, &catalog),
            })
            .collect();
        Ok(Self { checks, setup })
    }
}

fn plan(check: &Check, catalog: &Catalog) -> Result<Scan, CannotRun> {
    let existing = |relation: &QualifiedName, columns: &[&Ident]| {
        if !catalog.has(relation) {
            return Err(CannotRun::MissingRelation {
                relation: relation.clone(),
            });
        }
        let missing = catalog.missing(relation, columns.iter().copied());
        if missing.is_empty() {
            return Ok(());
        }
        Err(CannotRun::MissingColumns {
            relation: relation.clone(),
            columns: missing,
        })
    };
    match &check.subject {
        Subject::View { view, columns } => {
            existing(view, &columns.iter().map(|(name, _)| name).collect::<Vec<_>>())?;
            let wrong = columns.iter().filter_map(|(column, expected)| {
                let expected = expected.as_deref()?;
                Some(WrongType {
                    column: column.clone(),
                    expected: expected.to_owned(),
                    found: catalog.other_type(view, column, expected)?.to_owned(),
                })
            });
            Ok(Scan::Types(wrong.collect()))
        }
        Subject::NotEmpty { any_of } => {
            for relation in any_of {
                existing(relation, &[])?;
            }
            let any = any_of
                .iter()
                .map(|relation| Sql::text("EXISTS (SELECT FROM ").name(relation).then(")"));
            Ok(Scan::AnyRow(
                Sql::text("SELECT false OR ").append(&Sql::join(any, " OR ")),
            ))
        }
        Subject::Geometry(geometry) => {
            let columns: Vec<&Ident> = geometry.key.iter().chain([&geometry.column]).collect();
            existing(&geometry.view, &columns)?;
            let postgis = catalog.postgis.as_ref().ok_or(CannotRun::NoPostgis)?;
            let copy = match geometry.engine {
                Engine::Server => {
                    let rows = || {
                        Sql::text("SELECT pg_catalog.count(*) FROM ")
                            .name(&geometry.view)
                            .then(" AS v")
                    };
                    return Ok(Scan::Geometry(OnServer {
                        offending: server::scan(geometry, postgis),
                        rows: check.tolerance.needs_rows().then(rows),
                    }));
                }
                Engine::Native => native::copy(geometry, postgis),
                Engine::Verify => server::copy_with_verdict(geometry, postgis),
            };
            Ok(Scan::Streamed(Streamed {
                copy,
                unread: server::scan_of_unread(geometry, postgis),
                expected_rows: catalog.expected_rows(&geometry.view),
            }))
        }
        Subject::Unique { view, key } => {
            existing(view, &key.iter().collect::<Vec<_>>())?;
            let texts = key
                .iter()
                .map(|column| Sql::text("v.").ident(column).then("::pg_catalog.text"));
            let columns = Sql::join(key.iter().map(|column| Sql::text("v.").ident(column)), ", ");
            Ok(Scan::Duplicates(
                Sql::text("SELECT ARRAY[")
                    .append(&Sql::join(texts, ", "))
                    .then("]::pg_catalog.text[], pg_catalog.count(*)\n  FROM ")
                    .name(view)
                    .then(" AS v\n GROUP BY ")
                    .append(&columns)
                    .then("\nHAVING pg_catalog.count(*) > 1\n ORDER BY ")
                    .append(&columns),
            ))
        }
        Subject::Query { sql, .. } => Ok(Scan::Rows(
            Sql::text("SELECT * FROM ").append(&sub_select(sql)).then(" AS q"),
        )),
    }
}

impl fmt::Display for PreflightPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for PlannedCheck { check, scan } in &self.checks {
            write_comment(f, format_args!("check {check}"))?;
            match scan {
                Ok(Scan::Types(_)) => write_comment(f, format_args!("  answered by the catalog"))?,
                Ok(Scan::Geometry(OnServer { offending, rows })) => {
                    write_comment(f, format_args!("  locks what it reads ACCESS SHARE"))?;
                    for sql in [offending].into_iter().chain(rows) {
                        writeln!(f, "{sql};")?;
                    }
                }
                Ok(Scan::AnyRow(sql) | Scan::Duplicates(sql) | Scan::Rows(sql)) => {
                    write_comment(f, format_args!("  locks what it reads ACCESS SHARE"))?;
                    writeln!(f, "{sql};")?;
                }
                Ok(Scan::Streamed(Streamed { copy, unread, .. })) => {
                    write_comment(f, format_args!("  locks what it reads ACCESS SHARE"))?;
                    writeln!(f, "{copy};")?;
                    write_comment(
                        f,
                        format_args!("  then, where there are any, for curves and surfaces"),
                    )?;
                    writeln!(f, "{unread};")?;
                }
                Err(cannot) => {
                    write_comment(f, format_args!("  cannot run: {cannot}; {}", cannot.remedy()))?;
                }
            }
        }
        Ok(())
    }
}
