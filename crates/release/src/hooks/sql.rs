//! Hooks that are statements in the target database.

use std::time::Duration;

use cutover_core::{Session, Sql, millis};
use tokio::time::sleep;

use super::error::HookProblem;
use crate::{Cutover, StopSignal};

/// How long a statement waits for a lock: whoever comes after it for the same one waits as well.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// How much later than its client the server ends a statement that takes too long.
const GRACE: Duration = Duration::from_secs(1);

/// Where and under which name a hook's session works.
#[derive(Clone, Copy)]
pub(super) struct SqlContext<'a> {
    pub(super) cutover: &'a Cutover,
    /// The name of the release's sessions: what stops their statements stops this one.
    pub(super) application: &'a str,
}

/// Runs statements in a transaction of their own. They find the facts as JSON in `current_setting('cutover.facts')`.
///
/// Bounded by `longest`; each wait for a lock by five seconds. A statement that is not done then is cancelled, and nothing of
/// the transaction stays.
pub(super) async fn run(
    context: SqlContext<'_>,
    statements: &Sql,
    facts: &str,
    longest: Duration,
    stop: &mut StopSignal,
) -> Result<(), HookProblem> {
    let mut session = tokio::select! {
        session = context.cutover.target.connect("hook") => session?,
        () = sleep(longest) => return Err(HookProblem::Timeout(longest)),
        () = stop.asked() => return Err(HookProblem::Stopped),
    };
    let cancel = session.cancel_token();
    let problem = tokio::select! {
        done = transact(&mut session, context, statements, facts, longest) => {
            session.close().await;
            return done;
        }
        () = sleep(longest) => HookProblem::Timeout(longest),
        () = stop.asked() => HookProblem::Stopped,
    };
    // Without an answer the server ends it by itself a moment later.
    let _ = cancel.cancel().await;
    Err(problem)
}

async fn transact(
    session: &mut Session,
    context: SqlContext<'_>,
    statements: &Sql,
    facts: &str,
    longest: Duration,
) -> Result<(), HookProblem> {
    let milliseconds = |duration: Duration| millis(duration).max(1).to_string();
    let longest_statement = milliseconds(longest + GRACE);
    let path = context.cutover.search_path(session).await;
    let path = path.map_err(|error| HookProblem::SearchPath(Box::new(error)))?;
    let path: Vec<String> = path.iter().map(ToString::to_string).collect();
    // For the session, not for the transaction: statements that end it are bounded too.
    session
        .execute(
            "SELECT pg_catalog.set_config('application_name', $1, false), \
                    pg_catalog.set_config('statement_timeout', $2, false), \
                    pg_catalog.set_config('idle_in_transaction_session_timeout', $2, false), \
                    pg_catalog.set_config('lock_timeout', $3, false), \
                    pg_catalog.set_config('search_path', $4, false), \
                    pg_catalog.set_config('cutover.facts', $5, false)",
            &[
                &context.application,
                &longest_statement,
                &milliseconds(LOCK_TIMEOUT),
                &path.join(", "),
                &facts,
            ],
        )
        .await?;
    let tx = session.transaction().await?;
    tx.batch_execute(statements.as_str()).await?;
    Ok(tx.commit().await?)
}
