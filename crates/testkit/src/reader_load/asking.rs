//! The ways in which a statement can be put to the server.

use anyhow::{Context as _, Result};
use tokio_postgres::{Client, SimpleQueryMessage, Statement as Prepared};

use super::statements::Statement;
use super::tally::Sight;

/// How a reader talks to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// The simple protocol, as `psql` does.
    Simple,
    /// Every statement prepared once for the life of the connection.
    Prepared,
    /// A connection from the pool for each statement, with the pool's cache of prepared statements.
    Pooled,
    /// Two statements in a `REPEATABLE READ` transaction.
    RepeatableRead,
    /// The extended protocol without a name: parsed, bound and executed anew each time.
    Extended,
    /// A cursor in a transaction, fetched in pieces.
    Cursor,
    /// Now and then a statement that takes long.
    Report,
}

impl Way {
    /// Those that every load is made of; reports are asked for.
    pub(super) const ALL: [Self; 6] = [
        Self::Simple,
        Self::Prepared,
        Self::Pooled,
        Self::RepeatableRead,
        Self::Extended,
        Self::Cursor,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Prepared => "prepared",
            Self::Pooled => "pooled",
            Self::RepeatableRead => "repeatable read",
            Self::Extended => "extended",
            Self::Cursor => "cursor",
            Self::Report => "report",
        }
    }
}

/// How many rows, and of what.
pub(super) struct Answer {
    pub(super) rows: u64,
    pub(super) sight: Sight,
}

/// Rows that a cursor gives at a time.
const PIECE: usize = 20;

pub(super) async fn simple(client: &Client, sql: &str) -> Result<Answer> {
    for message in client.simple_query(sql).await? {
        if let SimpleQueryMessage::Row(row) = message {
            let text = |at| row.get(at).unwrap_or_default();
            return answer(text(0), text(1), text(2));
        }
    }
    anyhow::bail!("no row")
}

pub(super) async fn prepared(
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

pub(super) async fn extended(client: &Client, question: &Statement, site_id: i64) -> Result<Answer> {
    let rows = client.query_typed(&question.for_site(site_id), &[]).await?;
    let row = rows.first().context("no row")?;
    answer(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)
}

/// Inside a transaction of the caller's.
pub(super) async fn cursor(client: &Client, question: &Statement, site_id: i64) -> Result<Answer> {
    let declare = format!("DECLARE piecemeal CURSOR FOR {}", question.rows_for_site(site_id));
    client.batch_execute(&declare).await?;
    let mut answer = Answer {
        rows: 0,
        sight: Sight::default(),
    };
    loop {
        let fetch = format!("FETCH {PIECE} FROM piecemeal");
        let rows = client.query_typed(&fetch, &[]).await?;
        for row in &rows {
            answer
                .sight
                .join(&Sight::parse(row.try_get(0)?, row.try_get(1)?)?);
        }
        answer.rows += rows.len() as u64;
        if rows.len() < PIECE {
            return Ok(answer);
        }
    }
}

fn answer(rows: &str, relations: &str, months: &str) -> Result<Answer> {
    Ok(Answer {
        rows: rows.parse().context("a count was expected")?,
        sight: Sight::parse(relations, months)?,
    })
}
