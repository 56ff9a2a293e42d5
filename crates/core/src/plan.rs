//! Plan, then run: every change to a database is a value first.

use std::fmt;

use serde::Serialize;
use tokio_postgres::GenericClient;

use crate::{Digest, ObjectName, QualifiedName, Sql, StatementError};

/// PostgreSQL's table-level lock modes, weakest first ([13.3.1]).
///
/// [13.3.1]: https://www.postgresql.org/docs/15/explicit-locking.html#LOCKING-TABLES
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "each variant is the PostgreSQL lock mode it is named after"
)]
pub enum LockMode {
    AccessShare,
    RowShare,
    RowExclusive,
    ShareUpdateExclusive,
    Share,
    ShareRowExclusive,
    Exclusive,
    AccessExclusive,
}

impl LockMode {
    /// Whether two sessions cannot hold these modes on one table at the same time: table 13.2 of the manual.
    ///
    /// ```
    /// use cutover_core::LockMode;
    ///
    /// assert!(!LockMode::Share.conflicts_with(LockMode::Share)); // several indexes of one table are built at once
    /// assert!(LockMode::ShareUpdateExclusive.conflicts_with(LockMode::ShareUpdateExclusive));
    /// ```
    #[must_use]
    pub fn conflicts_with(self, other: Self) -> bool {
        // The weakest mode that each conflicts with; it conflicts with every stronger one, too.
        let weakest = |mode| match mode {
            Self::AccessShare => Self::AccessExclusive,
            Self::RowShare => Self::Exclusive,
            Self::RowExclusive => Self::Share,
            Self::ShareUpdateExclusive => Self::ShareUpdateExclusive,
            Self::Share | Self::ShareRowExclusive => Self::RowExclusive,
            Self::Exclusive => Self::RowShare,
            Self::AccessExclusive => Self::AccessShare,
        };
        let shares_itself = self == Self::Share && other == Self::Share;
        other >= weakest(self) && !shares_itself
    }
}

impl fmt::Display for LockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccessShare => "ACCESS SHARE",
            Self::RowShare => "ROW SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        })
    }
}

/// A lock that a step takes on an object that existed before the plan ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LockTaken {
    /// The mode.
    pub mode: LockMode,
    /// The relation locked.
    pub relation: QualifiedName,
}

/// How a run that was interrupted finds out whether a step already happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DoneWhen {
    /// The step shares a transaction with its plan: all of it happened, or none.
    WithItsTransaction,
    /// This query returns `true` once the step has happened.
    Query(Sql),
    /// Running the step again does no harm.
    Repeatable,
}

/// One statement of a plan: what for, on what, and what it locks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What the step does, as a verb phrase that the object completes: `rename`, `re-point`.
    pub purpose: &'static str,
    /// The object it is done to.
    pub object: ObjectName,
    /// The statement.
    pub sql: Sql,
    /// The locks it takes on relations that others may be using.
    pub locks: Vec<LockTaken>,
    /// How a resumed run knows that it happened.
    pub done_when: DoneWhen,
}

impl Step {
    /// A step that happens with its transaction and locks nothing others use.
    #[must_use]
    pub fn new(purpose: &'static str, object: ObjectName, sql: Sql) -> Self {
        Self {
            purpose,
            object,
            sql,
            locks: Vec::new(),
            done_when: DoneWhen::WithItsTransaction,
        }
    }

    /// Notes a lock that the step takes.
    #[must_use]
    pub fn locking(mut self, mode: LockMode, relation: &QualifiedName) -> Self {
        self.locks.push(LockTaken {
            mode,
            relation: relation.clone(),
        });
        self
    }

    /// Says how a resumed run knows that the step happened.
    #[must_use]
    pub fn done_when(mut self, done_when: DoneWhen) -> Self {
        self.done_when = done_when;
        self
    }

    /// Executes the statement on `client`.
    ///
    /// # Errors
    /// [`StatementError`] with the purpose, the object, the SQLSTATE and how many steps went before.
    pub async fn run(&self, client: &impl GenericClient, steps_done: usize) -> Result<(), StatementError> {
        client
            .batch_execute(self.sql.as_str())
            .await
            .map_err(|error| StatementError::new(self.purpose, self.object.clone(), error).after(steps_done))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_comment(f, format_args!("{} {}", self.purpose, self.object))?;
        for lock in &self.locks {
            write_comment(f, format_args!("  locks {} {}", lock.relation, lock.mode))?;
        }
        write!(f, "{};", self.sql)
    }
}

/// Writes one comment line of an SQL script. A name may hold line breaks, and what follows one would no longer be a
/// comment: they become spaces.
///
/// # Errors
/// The formatter's own.
pub fn write_comment(f: &mut fmt::Formatter<'_>, text: fmt::Arguments<'_>) -> fmt::Result {
    writeln!(f, "-- {}", text.to_string().replace(['\n', '\r'], " "))
}

/// A list of steps and the digest of the catalog facts they were computed from.
///
/// `Display` prints it as a commented SQL script: the same text `--dry-run` and `cutover plan` show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// What the whole plan does.
    pub title: String,
    /// The statements in order.
    pub steps: Vec<Step>,
    /// Over the catalog facts the steps were computed from; executing compares it under lock.
    pub digest: Digest,
}

impl Plan {
    /// An empty plan.
    #[must_use]
    pub fn new(title: impl Into<String>, digest: Digest) -> Self {
        Self {
            title: title.into(),
            steps: Vec::new(),
            digest,
        }
    }

    /// Executes all steps in order on `client`, which should be inside a transaction.
    ///
    /// # Errors
    /// The first [`StatementError`]; it says how many steps went before.
    pub async fn run(&self, client: &impl GenericClient) -> Result<(), StatementError> {
        for (done, step) in self.steps.iter().enumerate() {
            step.run(client, done).await?;
        }
        Ok(())
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = self.steps.len();
        let noun = if steps == 1 { "step" } else { "steps" };
        write_comment(
            f,
            format_args!("{} ({steps} {noun}, catalog {})", self.title, self.digest.short()),
        )?;
        for step in &self.steps {
            writeln!(f, "{step}")?;
        }
        Ok(())
    }
}
