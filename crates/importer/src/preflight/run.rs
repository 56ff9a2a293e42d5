//! Running the planned checks on a pool.

use std::pin::pin;
use std::time::Instant;

use cutover_core::{DatabaseError, EventKind, Events, Sql, millis};
use deadpool_postgres::{Object, Pool};
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::{StreamExt, TryStreamExt};
use tokio_postgres::{IsolationLevel, Row, SimpleQueryMessage, SimpleQueryRow, Transaction};

use super::check::{Check, GeometryCheck, Subject};
use super::findings::{Findings, key_of};
use super::geometry::batches::Workers;
use super::geometry::stream::{self, Progress, StreamError};
use super::geometry::{NOT_JUDGED, server};
use super::plan::{CannotRun, OnServer, PlannedCheck, PreflightPlan, Scan, Streamed};
use super::report::{CheckOutcome, CheckReport, Offender, PreflightReport};
use crate::error::database_remedy;

/// Values of an operator's query are cut to this many characters: one of them may be a geometry.
const VALUE_CHARS: usize = 200;

impl PreflightPlan {
    /// Runs every check, as many at a time as the pool has connections, each in a `READ ONLY` transaction; emits
    /// `CheckFinished` for each. Only offending rows travel, unless geometries are judged in this process, and of those
    /// only the first few are kept: memory does not grow with rows.
    ///
    /// Geometries are judged by blocking tasks of the tokio runtime, all checks together as many as there are cores. They
    /// take some twelve times the size of the geometries at work, which are 64 MiB, or one that is larger.
    ///
    /// # Locks
    /// `ACCESS SHARE` on what the checks read.
    ///
    /// # Cancel safety
    /// Nothing is written. A dropped future closes the connections whose query was under way instead of giving them
    /// back to the pool.
    pub async fn run(&self, pool: &Pool, events: &Events) -> PreflightReport {
        let at_a_time = pool.status().max_size.max(1);
        let workers = Workers::on_all_cores();
        // Polled together by this one task: the work is the server's, and that of judging geometries has its own.
        // Boxed before they are streamed: of a stream that makes them the compiler cannot tell that it is `Send`.
        let looks: Vec<BoxFuture<'_, CheckReport>> = self
            .checks
            .iter()
            .map(|planned| run_one(planned, &self.setup, &workers, pool, events).boxed())
            .collect();
        let checks = futures_util::stream::iter(looks)
            .buffered(at_a_time)
            .collect()
            .await;
        PreflightReport { checks }
    }
}

async fn run_one(
    planned: &PlannedCheck,
    setup: &Sql,
    workers: &Workers,
    pool: &Pool,
    events: &Events,
) -> CheckReport {
    let started = Instant::now();
    let outcome = match &planned.scan {
        Err(error) => Err(error.clone()),
        Ok(scan) => {
            let at = At {
                check: &planned.check,
                workers,
                events,
            };
            look(&at, scan, setup, pool).await
        }
    };
    reported(&planned.check, outcome, started, events)
}

/// The report of a check that has ended, told as an event, too.
pub(super) fn reported(
    check: &Check,
    outcome: Result<Findings, CannotRun>,
    started: Instant,
    events: &Events,
) -> CheckReport {
    let report = CheckReport {
        check: check.to_string(),
        note: check.note.clone(),
        severity: check.severity,
        tolerance: check.tolerance,
        outcome: match outcome {
            Ok(findings) => CheckOutcome::Ran {
                rows: findings.rows_in_all(),
                offending: findings.offending(),
                findings: findings.into_vec(),
            },
            Err(error) => CheckOutcome::CouldNotRun { error },
        },
        took_ms: millis(started.elapsed()),
    };
    events.emit(EventKind::CheckFinished {
        check: report.check.clone(),
        violations: report.violations(),
        tolerated: report.tolerated(),
        fatal: report.is_fatal(),
    });
    report
}

/// The check being run, and what it runs with.
struct At<'a> {
    check: &'a Check,
    workers: &'a Workers,
    events: &'a Events,
}

async fn look(at: &At<'_>, scan: &Scan, setup: &Sql, pool: &Pool) -> Result<Findings, CannotRun> {
    let mut findings = Findings::new(at.check.max_keys);
    if let Scan::Types(wrong) = scan {
        for column in wrong {
            findings.next_row();
            findings.add("wrong type", || Offender {
                key: vec![("column".to_owned(), Some(column.column.as_str().to_owned()))],
                detail: Some(format!("{} instead of {}", column.found, column.expected)),
                ..Offender::default()
            });
        }
        return Ok(findings);
    }
    let client = pool.get().await.map_err(no_connection)?;
    let mut client = InUse(Some(client));
    let Some(session) = client.0.as_mut() else {
        return Ok(findings);
    };
    let transaction = session
        .build_transaction()
        .read_only(true)
        // A check that takes two statements sees one state.
        .isolation_level(IsolationLevel::RepeatableRead)
        .start()
        .await
        .map_err(failed)?;
    transaction.batch_execute(setup.as_str()).await.map_err(failed)?;
    gather(at, scan, &transaction, &mut findings).await?;
    transaction.rollback().await.map_err(failed)?;
    client.give_back();
    Ok(findings)
}

async fn gather(
    at: &At<'_>,
    scan: &Scan,
    transaction: &Transaction<'_>,
    findings: &mut Findings,
) -> Result<(), CannotRun> {
    match (scan, &at.check.subject) {
        (Scan::AnyRow(sql), _) => {
            let row = transaction.query_one(sql.as_str(), &[]).await.map_err(failed)?;
            if !row.get::<_, bool>(0) {
                findings.next_row();
                findings.add("no rows", || Offender {
                    detail: Some("all of them are empty".to_owned()),
                    ..Offender::default()
                });
            }
            Ok(())
        }
        (Scan::Geometry(on_server), Subject::Geometry(wanted)) => {
            let OnServer { offending, rows } = on_server;
            each_row(transaction, offending, |row| add_judged(wanted, row, findings))
                .await
                .map_err(failed)?;
            if let Some(sql) = rows {
                let row = transaction.query_one(sql.as_str(), &[]).await.map_err(failed)?;
                findings.set_rows_in_all(u64::try_from(row.get::<_, i64>(0)).unwrap_or(0));
            }
            Ok(())
        }
        (Scan::Streamed(streamed), Subject::Geometry(wanted)) => {
            judge_stream(at, streamed, wanted, transaction, findings).await
        }
        (Scan::Duplicates(sql), Subject::Unique { key, .. }) => each_row(transaction, sql, |row| {
            findings.next_row();
            findings.add("duplicate key", || Offender {
                key: key_of(key, row.get(0)),
                detail: Some(format!("{} rows", row.get::<_, i64>(1))),
                ..Offender::default()
            });
        })
        .await
        .map_err(failed),
        (Scan::Rows(sql), _) => rows_of_the_query(transaction, sql, findings)
            .await
            .map_err(failed),
        // Types were answered by the catalog; the other pairs are never planned.
        (Scan::Types(_) | Scan::Geometry(_) | Scan::Streamed(_) | Scan::Duplicates(_), _) => Ok(()),
    }
}

/// Judges all rows here, and has the server judge those that cannot be read here.
async fn judge_stream(
    at: &At<'_>,
    Streamed {
        copy,
        unread,
        expected_rows,
    }: &Streamed,
    check: &GeometryCheck,
    transaction: &Transaction<'_>,
    findings: &mut Findings,
) -> Result<(), CannotRun> {
    let progress = Progress {
        events: at.events,
        check: at.check.to_string(),
        expected_rows: *expected_rows,
    };
    let not_read = stream::judge(copy, check, transaction, at.workers, &progress, findings)
        .await
        .map_err(broken_stream)?;
    findings.set_rows_in_all(findings.rows());
    judge_unread(check, unread, not_read, transaction, findings)
        .await
        .map_err(failed)
}

/// Has the server judge the rows that could not be read here, of which there were so many.
pub(super) async fn judge_unread(
    check: &GeometryCheck,
    unread: &Sql,
    not_read: u64,
    transaction: &Transaction<'_>,
    findings: &mut Findings,
) -> Result<(), tokio_postgres::Error> {
    if not_read == 0 {
        return Ok(());
    }
    let mut judged = 0;
    let mut by_server = findings.of_rows_behind(findings.rows());
    each_row(transaction, unread, |row| {
        judged += 1;
        add_judged(check, row, &mut by_server);
    })
    .await?;
    if judged != not_read {
        by_server.next_row();
        by_server.add(NOT_JUDGED, || Offender {
            detail: Some(format!(
                "{not_read} rows with curves or surfaces were sent, and {judged} were found again to be judged"
            )),
            ..Offender::default()
        });
    }
    findings.merge_again(by_server);
    Ok(())
}

/// Adds what is wrong with a row that the server has judged.
fn add_judged(check: &GeometryCheck, row: &Row, findings: &mut Findings) {
    findings.next_row();
    let (key, reasons) = server::judge(check, row);
    for reason in reasons.all {
        let key = key.clone();
        findings.add(&reason.kind, || Offender {
            key: key_of(&check.key, key),
            detail: reason.detail,
            srid: reasons.srid,
            place: reason.place,
            ..Offender::default()
        });
    }
}

/// Adds each row that the operator's query returns.
async fn rows_of_the_query(
    transaction: &Transaction<'_>,
    sql: &Sql,
    findings: &mut Findings,
) -> Result<(), tokio_postgres::Error> {
    // The simple protocol sends every type as text, whatever the operator's query returns.
    let mut rows = pin!(transaction.client().simple_query_raw(sql.as_str()).await?);
    while let Some(message) = rows.try_next().await? {
        if let SimpleQueryMessage::Row(row) = message {
            findings.next_row();
            findings.add("returned by the query", || Offender {
                key: columns_of(&row),
                ..Offender::default()
            });
        }
    }
    Ok(())
}

/// Looks at each row as it comes; a slow look makes the server wait.
async fn each_row(
    transaction: &Transaction<'_>,
    sql: &Sql,
    mut look: impl FnMut(&Row),
) -> Result<(), tokio_postgres::Error> {
    let no_parameters: [&str; 0] = [];
    let mut rows = pin!(transaction.query_raw(sql.as_str(), no_parameters).await?);
    while let Some(row) = rows.try_next().await? {
        look(&row);
    }
    Ok(())
}

fn columns_of(row: &SimpleQueryRow) -> Vec<(String, Option<String>)> {
    let short = |text: &str| text.chars().take(VALUE_CHARS).collect();
    let columns = row.columns().iter().enumerate();
    columns
        .map(|(n, column)| (column.name().to_owned(), row.get(n).map(short)))
        .collect()
}

fn failed(error: impl Into<DatabaseError>) -> CannotRun {
    let error = error.into();
    CannotRun::Failed {
        message: error.to_string(),
        sqlstate: error.sqlstate().map(|state| state.code().to_owned()),
        remedy: database_remedy(&error).to_owned(),
    }
}

fn broken_stream(error: StreamError) -> CannotRun {
    match error {
        StreamError::Server(error) => failed(error),
        StreamError::NotJudged(_) => CannotRun::Failed {
            message: error.to_string(),
            sqlstate: None,
            remedy: "let the server judge (engine = \"server\"), and report this as a fault of ours"
                .to_owned(),
        },
    }
}

fn no_connection(error: deadpool_postgres::PoolError) -> CannotRun {
    match error {
        deadpool_postgres::PoolError::Backend(error) => failed(error),
        other => CannotRun::Failed {
            message: other.to_string(),
            sqlstate: None,
            remedy: "raise the pool's size or its timeout, then run again".to_owned(),
        },
    }
}

/// A connection in use. Dropped half way, it is closed and not given back: a query may still be running on it.
struct InUse(Option<Object>);

impl InUse {
    fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}
