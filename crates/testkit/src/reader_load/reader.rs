//! One reader.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use deadpool_postgres::Pool;
use tokio::sync::watch;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage, Statement as Prepared};

use super::statements::{CERTAIN_SITES, Statement, statements};
use super::tally::{Failure, Sight, Tally};

/// How a reader talks to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The simple protocol, as `psql` does.
    Simple,
    /// Every statement prepared once for the life of the connection.
    Prepared,
    /// A connection from the pool for each statement, with the pool's cache of prepared statements.
    Pooled,
    /// Two statements in a `REPEATABLE READ` transaction.
    RepeatableRead,
}

impl Way {
    pub(super) const ALL: [Self; 4] = [Self::Simple, Self::Prepared, Self::Pooled, Self::RepeatableRead];
}

pub(super) struct Reader {
    pub(super) number: u64,
    pub(super) way: Way,
    pub(super) config: tokio_postgres::Config,
    pub(super) pool: Pool,
    pub(super) stopped: watch::Receiver<bool>,
    pub(super) statements: Arc<AtomicU64>,
}

/// A connection and what is prepared on it.
struct Session {
    client: Client,
    prepared: Vec<Option<Prepared>>,
}

/// How many rows, and of what.
struct Answer {
    rows: u64,
    sight: Sight,
}

impl Reader {
    pub(super) async fn run(self) -> Tally {
        let questions = statements();
        let mut tally = Tally::default();
        let mut session = None;
        // Every reader starts elsewhere in the round.
        let mut turn = usize::try_from(self.number).unwrap_or(0) * 5;
        while !*self.stopped.borrow() {
            let pair = [turn, turn + 3].map(|at| (at % questions.len(), &questions[at % questions.len()]));
            let site_id = CERTAIN_SITES[turn % CERTAIN_SITES.len()].site_id();
            turn += 1;
            if self.way == Way::RepeatableRead {
                self.transaction(&mut session, pair, site_id, &mut tally).await;
            } else {
                let (at, question) = pair[0];
                let started = Instant::now();
                let answer = self.ask(&mut session, at, question, site_id).await;
                // A lost connection is replaced, as an application's pool would; and so is one in doubt.
                if answer.is_err() {
                    session = None;
                }
                self.record(&mut tally, question, started, answer);
            }
            // Readers of the same runtime get their turn even when every answer is there at once.
            tokio::task::yield_now().await;
        }
        tally
    }

    /// Counts an answer; gives the sight back to whoever wants to join it with another.
    fn record(
        &self,
        tally: &mut Tally,
        question: &Statement,
        started: Instant,
        answer: Result<Answer>,
    ) -> Option<Sight> {
        tally.answered(question.name, started.elapsed());
        self.statements.fetch_add(1, Ordering::Relaxed);
        match answer {
            Err(error) => {
                tally.failed(failure(question.name, &error));
                None
            }
            Ok(Answer { rows, .. }) if rows < question.at_least => {
                let message = format!(
                    "empty table seen: {rows} rows where at least {} are certain",
                    question.at_least
                );
                tally.failed(Failure {
                    statement: question.name,
                    sqlstate: None,
                    message,
                });
                None
            }
            Ok(Answer { sight, .. }) => {
                tally.saw(sight.clone());
                Some(sight)
            }
        }
    }

    async fn ask(
        &self,
        session: &mut Option<Session>,
        at: usize,
        question: &Statement,
        site_id: i64,
    ) -> Result<Answer> {
        if self.way == Way::Pooled {
            let client = self.pool.get().await.context("no connection from the pool")?;
            let prepared = client.prepare_cached(&question.with_parameter()).await?;
            return ask_prepared(&client, &prepared, question, site_id).await;
        }
        let session = self.session(session).await?;
        match self.way {
            Way::Simple => ask_simple(&session.client, &question.for_site(site_id)).await,
            Way::Prepared | Way::Pooled | Way::RepeatableRead => {
                let prepared = session.prepare(at, question).await?;
                ask_prepared(&session.client, &prepared, question, site_id).await
            }
        }
    }

    /// Two questions under one snapshot; together they must be of one release, too.
    async fn transaction(
        &self,
        session: &mut Option<Session>,
        questions: [(usize, &Statement); 2],
        site_id: i64,
        tally: &mut Tally,
    ) {
        let mut together = Sight::default();
        let begun = match self.session(session).await {
            Ok(session) => session
                .client
                .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                .await
                .map_err(Into::into),
            Err(error) => Err(error),
        };
        if let Err(error) = begun {
            tally.failed(failure("begin", &error));
            *session = None;
            return;
        }
        for (at, question) in questions {
            let started = Instant::now();
            let answer = self.ask(session, at, question, site_id).await;
            let failed = answer.is_err();
            if let Some(sight) = self.record(tally, question, started, answer) {
                together.join(&sight);
            }
            if failed {
                *session = None;
                return;
            }
        }
        tally.saw_in_transaction(together);
        if let Some(open) = session
            && let Err(error) = open.client.batch_execute("COMMIT").await
        {
            tally.failed(failure("commit", &error.into()));
            *session = None;
        }
    }

    async fn session<'a>(&self, session: &'a mut Option<Session>) -> Result<&'a mut Session> {
        if session.is_none() {
            let connected = self.config.connect(NoTls).await;
            if connected.is_err() {
                // A server that is down is asked again soon, not at once.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let (client, connection) = connected?;
            // Ends with the client, whose statements get its errors.
            drop(tokio::spawn(connection));
            *session = Some(Session {
                client,
                prepared: vec![None; statements().len()],
            });
        }
        session.as_mut().context("the session is gone")
    }
}

impl Session {
    async fn prepare(&mut self, at: usize, question: &Statement) -> Result<Prepared> {
        if let Some(prepared) = &self.prepared[at] {
            return Ok(prepared.clone());
        }
        let prepared = self.client.prepare(&question.with_parameter()).await?;
        self.prepared[at] = Some(prepared.clone());
        Ok(prepared)
    }
}

async fn ask_simple(client: &Client, sql: &str) -> Result<Answer> {
    for message in client.simple_query(sql).await? {
        if let SimpleQueryMessage::Row(row) = message {
            let text = |at| row.get(at).unwrap_or_default();
            return answer(text(0), text(1), text(2));
        }
    }
    anyhow::bail!("no row")
}

async fn ask_prepared(
    client: &Client,
    prepared: &Prepared,
    question: &Statement,
    site_id: i64,
) -> Result<Answer> {
    let row = if question.by_site {
        client.query_one(prepared, &[&site_id]).await?
    } else {
        client.query_one(prepared, &[]).await?
    };
    answer(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)
}

fn answer(rows: &str, relations: &str, months: &str) -> Result<Answer> {
    Ok(Answer {
        rows: rows.parse().context("a count was expected")?,
        sight: Sight::parse(relations, months)?,
    })
}

/// The server's own words, where it was the server.
fn failure(statement: &'static str, error: &anyhow::Error) -> Failure {
    let of_server = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<tokio_postgres::Error>()?.as_db_error());
    match of_server {
        Some(error) => Failure {
            statement,
            sqlstate: Some(error.code().code().to_owned()),
            message: error.message().to_owned(),
        },
        None => Failure {
            statement,
            sqlstate: None,
            message: format!("{error:#}"),
        },
    }
}
