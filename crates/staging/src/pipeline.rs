//! Statements sent one after the other without waiting for each answer.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use cutover_core::{Sql, StatementError, Step};
use tokio_postgres::{SimpleQueryMessage, Transaction};

/// So many statements are on their way at once; more would gain nothing and only fill buffers.
const ON_THEIR_WAY: usize = 64;

/// Runs steps in order in a transaction that ends when one of them fails, and tells `each` of every one that is done.
///
/// A message holds one step, so a failure has its step's name; those sent after it find the transaction ended and do
/// nothing. `done_before` is added to what the error counts as done.
pub(crate) async fn run_steps<'s>(
    tx: &Transaction<'_>,
    steps: impl IntoIterator<Item = &'s Step>,
    done_before: usize,
    mut each: impl FnMut(&Step),
) -> Result<(), StatementError> {
    let steps: Vec<&Step> = steps.into_iter().collect();
    let mut done = done_before;
    for chunk in steps.chunks(ON_THEIR_WAY) {
        let sent = send(chunk.iter().zip(done..).map(|(step, done)| step.run(tx, done))).await;
        for (step, statement) in chunk.iter().zip(sent) {
            statement.answer().await?;
            each(step);
        }
        done += chunk.len();
    }
    Ok(())
}

/// Asks queries that answer `true` or `false`, of which none depends on another's answer.
pub(crate) async fn ask(
    tx: &Transaction<'_>,
    queries: impl IntoIterator<Item = &Sql>,
) -> Vec<Result<bool, tokio_postgres::Error>> {
    let queries: Vec<&Sql> = queries.into_iter().collect();
    let mut answers = Vec::with_capacity(queries.len());
    for chunk in queries.chunks(ON_THEIR_WAY) {
        for statement in send(chunk.iter().map(|query| tx.simple_query(query.as_str()))).await {
            answers.push(statement.answer().await.map(|rows| is_true(&rows)));
        }
    }
    answers
}

fn is_true(messages: &[SimpleQueryMessage]) -> bool {
    messages
        .iter()
        .any(|message| matches!(message, SimpleQueryMessage::Row(row) if row.get(0) == Some("t")))
}

/// A statement that was given to the connection.
enum Sent<F: Future> {
    OnItsWay(Pin<Box<F>>),
    Answered(F::Output),
}

impl<F: Future> Sent<F> {
    async fn answer(self) -> F::Output {
        match self {
            Self::OnItsWay(statement) => statement.await,
            Self::Answered(answer) => answer,
        }
    }
}

/// Polls each future once, in their order: that is when the client puts its message into the connection.
async fn send<F: Future>(statements: impl Iterator<Item = F>) -> Vec<Sent<F>> {
    let mut sent = Vec::new();
    for statement in statements {
        let mut statement = Box::pin(statement);
        let first = poll_fn(|context| Poll::Ready(statement.as_mut().poll(context))).await;
        sent.push(match first {
            Poll::Ready(answer) => Sent::Answered(answer),
            Poll::Pending => Sent::OnItsWay(statement),
        });
    }
    sent
}
