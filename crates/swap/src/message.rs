//! The steps of a stage, sent to the server as one message and bounded there.

use std::time::{Duration, Instant};

use tokio_postgres::Transaction;
use tokio_postgres::error::ErrorPosition;
use tokio_postgres::types::Type;

use cutover_core::{Sql, StatementError, Step};

/// How a stage ended that did not go through.
pub(crate) enum StageError {
    /// Somebody was in the way, or time ran out; another try may get through.
    Busy(StatementError),
    /// Trying again would not help.
    Failed(StatementError),
}

impl StageError {
    /// Sorts the error of something that took `took` and was to be cut off after `limit`.
    pub(crate) fn of(error: StatementError, took: Duration, limit: Duration) -> Self {
        let busy = match error.sqlstate().map(tokio_postgres::error::SqlState::code) {
            // lock_not_available, deadlock_detected
            Some("55P03" | "40P01") => true,
            // query_canceled: by our own timeout, or by somebody who wants us to stop.
            // The server was given whole milliseconds.
            Some("57014") => took.as_millis() >= limit.as_millis(),
            _ => false,
        };
        if busy {
            Self::Busy(error)
        } else {
            Self::Failed(error)
        }
    }

    /// Sorts the error of something that only its wait for locks cuts off.
    pub(crate) fn while_patient(error: StatementError) -> Self {
        Self::of(error, Duration::ZERO, Duration::MAX)
    }
}

impl From<StageError> for StatementError {
    fn from(error: StageError) -> Self {
        match error {
            StageError::Busy(error) | StageError::Failed(error) => error,
        }
    }
}

/// The bounds of a stage, enforced by the server: no second connection is needed to cancel it.
pub(crate) struct Limits {
    /// For waiting on any one lock.
    pub(crate) lock: Duration,
    /// For the whole stage: `lock_timeout` counts anew for every lock.
    pub(crate) stage: Duration,
    /// For each statement that follows in the transaction; zero is without end, as it must be for `COMMIT`: that must
    /// not be cut short while it waits for a synchronous standby.
    pub(crate) after: Duration,
    /// For the silence of this client afterwards, while locks are held: when its machine or network dies, the server
    /// ends the session and lets everybody go on.
    pub(crate) silence: Duration,
}

/// A stage whose statements the server has already: in a setting of the transaction. To take in thousands of them is a good
/// part of running them, and this part nobody has to wait for.
pub(crate) struct Stage<'a> {
    steps: &'a [Step],
    /// The setting.
    name: &'static str,
}

impl<'a> Stage<'a> {
    /// Sends the statements of `steps`, to be run by [`run`](Self::run) in this transaction. Stages of one transaction have
    /// different names.
    pub(crate) async fn send(
        tx: &Transaction<'_>,
        name: &'static str,
        steps: &'a [Step],
    ) -> Result<Self, StatementError> {
        if let Some(first) = steps.first() {
            let statements: Vec<&str> = steps.iter().map(|step| step.sql.as_str()).collect();
            let keep = "SELECT pg_catalog.set_config('cutover.' || $1, ($2::pg_catalog.text[])::pg_catalog.text, true)";
            tx.query_typed(keep, &[(&name, Type::TEXT), (&statements, Type::TEXT_ARRAY)])
                .await
                .map_err(|error| StatementError::new(first.purpose, first.object.clone(), error))?;
        }
        Ok(Self { steps, name })
    }

    /// Runs all steps as one `DO` block: one message, one statement for `statement_timeout`.
    pub(crate) async fn run(&self, tx: &Transaction<'_>, limits: &Limits) -> Result<(), StageError> {
        let Some(first) = self.steps.first() else {
            return Ok(());
        };
        let started = Instant::now();
        let Err(error) = tx.batch_execute(message(self.name, limits).as_str()).await else {
            return Ok(());
        };
        // The server tells the statement that failed in the error's context, or beside it when it could not even read it,
        // whatever its language.
        let db = error.as_db_error();
        let context = db.and_then(|db| db.where_()).unwrap_or_default();
        let unread = match db.and_then(|db| db.position()) {
            Some(ErrorPosition::Internal { query, .. }) => query.as_str(),
            _ => "",
        };
        let tells = |sql: &str| context.contains(sql) || unread == sql;
        let failed = self.steps.iter().position(|step| tells(step.sql.as_str()));
        let step = failed.and_then(|index| self.steps.get(index)).unwrap_or(first);
        let error = StatementError::new(step.purpose, step.object.clone(), error).after(failed.unwrap_or(0));
        Err(StageError::of(error, started.elapsed(), limits.stage))
    }
}

fn message(stage: &'static str, limits: &Limits) -> Sql {
    // As texts that are executed, not as statements of the block: of each of those PL/pgSQL keeps the plan, and each
    // rename looks through all plans kept so far for some that it makes invalid. A thousand tables took seconds. Nor would
    // a statement with a semicolon of its own, such as a function's body, be one to PL/pgSQL.
    let block = Sql::text("DECLARE statement pg_catalog.text;\nBEGIN\nFOREACH statement IN ARRAY pg_catalog.current_setting('cutover.")
        .then(stage)
        .then("')::pg_catalog.text[]\nLOOP EXECUTE statement; END LOOP;\nEND");
    let whole = |limit: Duration| i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
    // To the server 0 means without end.
    let ms = |limit: Duration| whole(limit).max(1);
    Sql::text("SET LOCAL lock_timeout = ")
        .number(ms(limits.lock))
        .then("; SET LOCAL statement_timeout = ")
        .number(ms(limits.stage))
        .then("; SET LOCAL idle_in_transaction_session_timeout = ")
        .number(ms(limits.silence))
        .then("; DO ")
        .literal(block.as_str())
        .then("; SET LOCAL statement_timeout = ")
        .number(whole(limits.after))
}
