//! The rows of a COPY made for a check.

use std::pin::pin;
use std::time::{Duration, Instant};

use cutover_core::{EventKind, Events, Sql};
use futures_util::TryStreamExt;
use tokio_postgres::Transaction;

use super::batches::{Batches, NotJudged, Workers};
use super::native::{Fields, Judged, Looked};
use crate::frames::Frames;
use crate::preflight::check::GeometryCheck;
use crate::preflight::findings::Findings;

/// At most two events a second, the first one with the first batch.
const INTERVAL: Duration = Duration::from_millis(500);

/// Why a stream was not read to its end.
#[derive(Debug, thiserror::Error)]
pub(in crate::preflight) enum StreamError {
    #[error(transparent)]
    Server(#[from] tokio_postgres::Error),
    #[error(transparent)]
    NotJudged(#[from] NotJudged),
}

/// What is told of the rows while they come.
pub(in crate::preflight) struct Progress<'a> {
    pub(in crate::preflight) events: &'a Events,
    pub(in crate::preflight) check: String,
    pub(in crate::preflight) expected_rows: Option<u64>,
}

/// Has the rows sent and judges each, on all cores; returns how many could not be read. While no core is free, the server
/// waits.
///
/// # Cancel safety
/// Dropped, it lets go of the rows at work.
pub(in crate::preflight) async fn judge(
    copy: &Sql,
    check: &GeometryCheck,
    transaction: &Transaction<'_>,
    workers: &Workers,
    progress: &Progress<'_>,
    findings: &mut Findings,
) -> Result<u64, StreamError> {
    let mut told: Option<Instant> = None;
    let looked = Looked {
        check: check.clone(),
        fields: Fields::Asked,
    };
    let mut batches = Batches::new([(looked, findings.of_rows_behind(findings.rows()))], workers);
    let mut frames = Frames::binary();
    let mut bytes = 0;
    let mut stream = pin!(transaction.copy_out(copy.as_str()).await?);
    while let Some(message) = stream.try_next().await? {
        let piece = frames.feed(message);
        bytes += piece.data.len() as u64;
        let handed_over = batches.add(&piece.data, piece.rows, piece.whole).await?;
        if handed_over && told.is_none_or(|told| told.elapsed() >= INTERVAL) {
            told = Some(Instant::now());
            progress.events.emit(EventKind::CheckProgress {
                check: progress.check.clone(),
                rows: batches.rows(),
                bytes,
                expected_rows: progress.expected_rows,
            });
        }
    }
    let mut not_read = 0;
    for Judged {
        findings: found,
        unread,
    } in batches.settle().await?
    {
        findings.merge(found);
        not_read += unread;
    }
    Ok(not_read)
}
