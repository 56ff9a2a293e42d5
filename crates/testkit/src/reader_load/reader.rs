//! One reader.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use deadpool_postgres::Pool;
use jiff::Timestamp;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::sync::watch;
use tokio_postgres::{Client, NoTls, Statement as Prepared};

use super::asking::{self, Answer, Way};
use super::options::LoadOptions;
use super::statements::{CERTAIN_SITES, Statement, statements};
use super::tally::{Failure, Sight, Tally};
use super::timed_read::TimedRead;

pub(super) struct Reader {
    pub(super) number: u64,
    pub(super) way: Way,
    pub(super) options: LoadOptions,
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

/// When a statement was asked, and how long it would take by itself.
struct Asked {
    at: Timestamp,
    since: Instant,
    lasting: Duration,
}

impl Asked {
    fn now() -> Self {
        Self::lasting(Duration::ZERO)
    }

    fn lasting(lasting: Duration) -> Self {
        Self {
            at: Timestamp::now(),
            since: Instant::now(),
            lasting,
        }
    }
}

impl Reader {
    pub(super) async fn run(mut self) -> Tally {
        let questions = statements();
        let mut dice = ChaCha8Rng::seed_from_u64(self.number);
        let mut tally = Tally::default();
        let mut session = None;
        // Every reader starts elsewhere in the round.
        let mut turn = usize::try_from(self.number).unwrap_or(0) * 5;
        while !*self.stopped.borrow() {
            let pair = [turn, turn + 3].map(|at| (at % questions.len(), &questions[at % questions.len()]));
            let site_id = CERTAIN_SITES[turn % CERTAIN_SITES.len()].site_id();
            turn += 1;
            match self.way {
                Way::RepeatableRead => self.transaction(&mut session, pair, site_id, &mut tally).await,
                Way::Cursor => self.cursor(&mut session, pair[0].1, site_id, &mut tally).await,
                Way::Report => {
                    let (report, breaks) = (&self.options.report, &self.options.break_after_report);
                    let length = dice.random_range(report.clone());
                    let pause = dice.random_range(breaks.clone());
                    let whole = questions.last().map_or(pair[0].1, |whole| whole);
                    self.report(&mut session, [pair[0].1, whole], site_id, length, &mut tally)
                        .await;
                    self.pause(pause).await;
                }
                Way::Simple | Way::Prepared | Way::Pooled | Way::Extended => {
                    let (at, question) = pair[0];
                    let asked = Asked::now();
                    let answer = self.ask(&mut session, at, question, site_id).await;
                    // A lost connection is replaced, as an application's pool would; and so is one in doubt.
                    if answer.is_err() {
                        session = None;
                    }
                    self.record(&mut tally, question, &asked, answer);
                }
            }
            if !self.options.think.is_zero() && self.way != Way::Report {
                self.pause(dice.random_range(Duration::ZERO..=self.options.think * 2))
                    .await;
            }
            // Readers of the same runtime get their turn even when every answer is there at once.
            tokio::task::yield_now().await;
        }
        tally
    }

    /// Ends early when the readers are to stop.
    async fn pause(&mut self, length: Duration) {
        // Whoever could say so being gone says it, too.
        let _ = tokio::time::timeout(length, self.stopped.wait_for(|stopped| *stopped)).await;
    }

    /// Counts an answer; gives the sight back to whoever wants to join it with another.
    fn record(
        &self,
        tally: &mut Tally,
        question: &Statement,
        asked: &Asked,
        answer: Result<Answer>,
    ) -> Option<Sight> {
        let lasted = asked.since.elapsed();
        let took = lasted.saturating_sub(asked.lasting);
        tally.answered(question.name, took);
        self.statements.fetch_add(1, Ordering::Relaxed);
        if self.options.keep_reads {
            tally.reads.push(TimedRead {
                way: self.way.name(),
                statement: question.name,
                asked: asked.at,
                lasted,
                took,
            });
        }
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
            return asking::prepared(&client, &prepared, question, site_id).await;
        }
        let session = self.session(session).await?;
        match self.way {
            Way::Simple => asking::simple(&session.client, &question.for_site(site_id)).await,
            Way::Extended => asking::extended(&session.client, question, site_id).await,
            Way::Cursor => asking::cursor(&session.client, question, site_id).await,
            Way::Prepared | Way::Pooled | Way::RepeatableRead | Way::Report => {
                let prepared = session.prepare(at, question).await?;
                asking::prepared(&session.client, &prepared, question, site_id).await
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
        if !self
            .begin(session, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", tally)
            .await
        {
            return;
        }
        for (at, question) in questions {
            let asked = Asked::now();
            let answer = self.ask(session, at, question, site_id).await;
            let failed = answer.is_err();
            if let Some(sight) = self.record(tally, question, &asked, answer) {
                together.join(&sight);
            }
            if failed {
                *session = None;
                return;
            }
        }
        tally.saw_in_transaction(together);
        self.commit(session, tally).await;
    }

    /// One question, answered in pieces.
    async fn cursor(
        &self,
        session: &mut Option<Session>,
        question: &Statement,
        site_id: i64,
        tally: &mut Tally,
    ) {
        if !self.begin(session, "BEGIN READ ONLY", tally).await {
            return;
        }
        let asked = Asked::now();
        let answer = self.ask(session, 0, question, site_id).await;
        let failed = answer.is_err();
        self.record(tally, question, &asked, answer);
        if failed {
            *session = None;
            return;
        }
        self.commit(session, tally).await;
    }

    /// The first question at once, the second for so long: every other time under one snapshot.
    async fn report(
        &self,
        session: &mut Option<Session>,
        questions: [&Statement; 2],
        site_id: i64,
        length: Duration,
        tally: &mut Tally,
    ) {
        let one_snapshot = tally.latencies.count() % 4 < 2;
        if one_snapshot
            && !self
                .begin(session, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", tally)
                .await
        {
            return;
        }
        let mut together = Sight::default();
        for (question, length) in questions.into_iter().zip([Duration::ZERO, length]) {
            let asked = Asked::lasting(length);
            let sql = question.lasting(site_id, length.as_secs_f64());
            let answer = match self.session(session).await {
                Ok(session) => asking::simple(&session.client, &sql).await,
                Err(error) => Err(error),
            };
            let failed = answer.is_err();
            if let Some(sight) = self.record(tally, question, &asked, answer) {
                together.join(&sight);
            }
            if failed {
                *session = None;
                return;
            }
        }
        if one_snapshot {
            tally.saw_in_transaction(together);
            self.commit(session, tally).await;
        }
    }

    /// Whether a transaction has begun; where it has not, that is counted.
    async fn begin(&self, session: &mut Option<Session>, begin: &str, tally: &mut Tally) -> bool {
        let answer = match self.session(session).await {
            Ok(session) => session.client.batch_execute(begin).await.map_err(Into::into),
            Err(error) => Err(error),
        };
        let Err(error) = answer else {
            return true;
        };
        tally.failed(failure("begin", &error));
        *session = None;
        false
    }

    async fn commit(&self, session: &mut Option<Session>, tally: &mut Tally) {
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
