//! Errors of statements: what was being done, to which object, how far it got, the SQLSTATE, the remedy.

use std::error::Error;
use std::fmt;

use tokio_postgres::error::{Severity, SqlState};

use crate::ObjectName;

/// What PostgreSQL or the connection to it answered, readable.
///
/// tokio-postgres prints only `db error` for an error of the server; this prints its message, detail, hint,
/// constraint and SQLSTATE. It never holds values of ours, only what the server said.
#[derive(Debug)]
pub struct DatabaseError(tokio_postgres::Error);

impl DatabaseError {
    /// The five-character code, when the server sent one ([Appendix A]).
    ///
    /// [Appendix A]: https://www.postgresql.org/docs/15/errcodes-appendix.html
    #[must_use]
    pub fn sqlstate(&self) -> Option<&SqlState> {
        self.0.code()
    }

    /// Whether the connection is gone, so the outcome of what was running is unknown.
    ///
    /// A login that was refused lost nothing.
    #[must_use]
    pub fn is_connection_lost(&self) -> bool {
        match self.0.as_db_error() {
            Some(error) => match error.parsed_severity() {
                // The session ends with it, whatever the code: shutdown, a timeout, a conflict with recovery.
                Some(Severity::Fatal | Severity::Panic) => !is_refused_login(error.code()),
                // Class 08 at this severity is a foreign server's lost connection; ours is still there.
                Some(_) => false,
                // A proxy's own answer, which leaves the severity out.
                None => error.code().code().starts_with("08") || *error.code() == SqlState::ADMIN_SHUTDOWN,
            },
            None => self.0.is_closed() || self.0.source().is_some_and(<dyn Error>::is::<std::io::Error>),
        }
    }

    /// What the operator can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        if self.is_connection_lost() {
            return "the connection was lost: see the server's log, then ask `cutover status` what happened";
        }
        let Some(state) = self.sqlstate() else {
            return "see the server's log for what happened at this time";
        };
        match state.code() {
            "42501" => "grant the role the missing right, or connect as the owner of the object",
            "55P03" => "another session holds a conflicting lock: let it finish, or raise the deadline",
            "40P01" => "two sessions waited for each other: try again",
            "57014" => "the statement was cancelled: raise statement_timeout if nobody did so on purpose",
            "53100" => "the disk is full: free space on the server, then run again",
            "53200" => "the server is out of memory or lock entries: raise max_locks_per_transaction",
            "53300" => "the server has no free connection: lower the pool size or raise max_connections",
            "42P01" | "42703" | "42883" | "42704" | "3F000" => {
                "the named object does not exist: check its name, its schema and the release file"
            }
            "42P07" | "42710" => "an object of that name exists already: see `cutover status` for what it is",
            "23505" => "two rows have the same key: run `cutover preflight` to see which",
            "23502" | "23503" | "23514" | "22P02" | "22003" | "22001" | "22007" => {
                "a row does not fit its table: run `cutover preflight`, or mend the source query"
            }
            "08001" | "HV00N" => {
                "the foreign server does not answer: check that it runs and that the user mapping is right"
            }
            "25006" => "the server is read-only: connect to the primary",
            _ => "see the message of the server above",
        }
    }

    /// The error of the client library.
    #[must_use]
    pub fn inner(&self) -> &tokio_postgres::Error {
        &self.0
    }
}

impl From<tokio_postgres::Error> for DatabaseError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self(error)
    }
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(db) = self.0.as_db_error() else {
            write!(f, "{}", self.0)?;
            // tokio-postgres keeps the reason in the source and prints only the class.
            return match self.0.source() {
                Some(source) => write!(f, ": {source}"),
                None => Ok(()),
            };
        };
        write!(f, "{} (SQLSTATE {}", db.message(), db.code().code())?;
        if let Some(constraint) = db.constraint() {
            write!(f, ", constraint {constraint}")?;
        }
        f.write_str(")")?;
        if let Some(detail) = db.detail() {
            write!(f, "; detail: {detail}")?;
        }
        if let Some(hint) = db.hint() {
            write!(f, "; hint: {hint}")?;
        }
        if let Some(context) = db.where_() {
            write!(f, "; where: {}", context.lines().next().unwrap_or_default())?;
        }
        Ok(())
    }
}

/// Codes that a server sends, as fatal, to a client that never had a session.
fn is_refused_login(code: &SqlState) -> bool {
    let refusals = [
        &SqlState::INVALID_CATALOG_NAME,
        &SqlState::TOO_MANY_CONNECTIONS,
        &SqlState::CANNOT_CONNECT_NOW,
    ];
    code.code().starts_with("28") || refusals.contains(&code)
}

// Its text already holds everything the wrapped error and its source say, so there is no source to walk to.
impl Error for DatabaseError {}

/// A statement that failed.
#[derive(Debug, thiserror::Error)]
#[error("could not {purpose} {object}{}", progress(*steps_done))]
#[non_exhaustive]
pub struct StatementError {
    /// What was being done: a verb phrase that the object completes.
    pub purpose: &'static str,
    /// The object it was done to. Boxed, so that a `Result` stays small.
    pub object: Box<ObjectName>,
    /// How many steps of the same plan had been done.
    pub steps_done: usize,
    source: DatabaseError,
}

fn progress(steps_done: usize) -> String {
    match steps_done {
        0 => String::new(),
        1 => " (after 1 step)".to_owned(),
        n => format!(" (after {n} steps)"),
    }
}

impl StatementError {
    /// A statement that failed with `error` while doing `purpose` to `object`.
    pub fn new(purpose: &'static str, object: ObjectName, error: impl Into<DatabaseError>) -> Self {
        Self {
            purpose,
            object: Box::new(object),
            steps_done: 0,
            source: error.into(),
        }
    }

    /// Notes how many steps of the same plan had been done.
    #[must_use]
    pub fn after(mut self, steps_done: usize) -> Self {
        self.steps_done = steps_done;
        self
    }

    /// What the server or the connection said.
    #[must_use]
    pub fn database_error(&self) -> &DatabaseError {
        &self.source
    }

    /// The same, where what was being done is told otherwise.
    #[must_use]
    pub fn into_database_error(self) -> DatabaseError {
        self.source
    }

    /// The server's five-character code, when it sent one.
    #[must_use]
    pub fn sqlstate(&self) -> Option<&SqlState> {
        self.source.sqlstate()
    }

    /// What the operator can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        self.source.remedy()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ident, ObjectKind, QualifiedName};

    #[test]
    fn counts_the_steps_done() {
        assert_eq!(progress(0), "");
        assert_eq!(progress(1), " (after 1 step)");
        assert_eq!(progress(12), " (after 12 steps)");
    }

    #[test]
    fn an_object_reads_well_in_a_sentence() {
        let table = QualifiedName::new(Ident::new("public").unwrap(), Ident::new("sites").unwrap());
        let object = ObjectName::part(ObjectKind::Constraint, &Ident::new("fk").unwrap(), &table);
        assert_eq!(object.to_string(), r#"constraint "fk" of "public"."sites""#);
    }
}
