//! COPY from one session to another, through the client.

use std::pin::pin;

use cutover_core::records::ImportSoFar;
use cutover_core::{Events, Sql};
use futures_util::StreamExt;
use tokio_postgres::Transaction;

use crate::copy_in::CopyIn;
use crate::error::ImportError;
use crate::frames::Frames;
use crate::preflight::CheckReport;
use crate::preflight::in_passing::Tee;
use crate::progress::Progress;
use crate::{ImportPlan, Transport};

/// Rows taken and bytes passed on.
pub(crate) struct Passed {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// What the checks found that were made on them.
    pub(crate) checks: Vec<CheckReport>,
}

/// What is put aside before rows are sent that are checked: the verdict comes after the last of them.
const BEGIN_CHECKED: &str = "SAVEPOINT cutover_checked";
const UNDO_CHECKED: &str = "ROLLBACK TO SAVEPOINT cutover_checked; RELEASE SAVEPOINT cutover_checked";
const END_CHECKED: &str = "RELEASE SAVEPOINT cutover_checked";

/// Passes rows on as they come. Holds one message of the source and 64 KiB for the socket: a slow target
/// makes the source wait.
pub(crate) async fn run(
    plan: &ImportPlan,
    (read, write): (&Sql, &Sql),
    source: &Transaction<'_>,
    target: &Transaction<'_>,
    progress: &mut Progress<'_>,
    events: &Events,
) -> Result<Passed, ImportError> {
    let mut frames = match plan.way.way {
        Transport::BinaryPipe => Frames::binary(),
        _ => Frames::text(),
    };
    let reading = ImportError::failed(&plan.import, "read the source of");
    let refused = |refused| ImportError::refused(&plan.import, &plan.columns, refused);
    let failed = || ImportError::failed(&plan.import, "check the rows of");
    let mut tee = Tee::of(plan, &ImportSoFar::default());
    if tee.is_some() {
        target.batch_execute(BEGIN_CHECKED).await.map_err(failed())?;
    }
    let mut rows = pin!(source.copy_out(read.as_str()).await.map_err(&reading)?);
    let mut writer = CopyIn::new(target, write, &frames, plan.settings.segment_limit());
    while let Some(chunk) = rows.next().await {
        let piece = frames.feed(chunk.map_err(&reading)?);
        plan.settings.may_send(piece.data.len()).await;
        if let Some(tee) = &mut tee {
            tee.look(&piece.data, piece.rows, piece.whole).await?;
        }
        writer.send(piece).await.map_err(refused)?;
        progress.sent(writer.sent_rows(), writer.sent_bytes());
    }
    let bytes = writer.sent_bytes();
    let rows = writer.finish().await.map_err(refused)?;
    let mut checks = Vec::new();
    if let Some(tee) = tee {
        let verdict = verdict(tee, target, events).await;
        let end = if verdict.is_ok() {
            END_CHECKED
        } else {
            UNDO_CHECKED
        };
        let ended = target.batch_execute(end).await;
        checks = verdict?;
        ended.map_err(failed())?;
    }
    Ok(Passed { rows, bytes, checks })
}

async fn verdict(
    mut tee: Tee<'_>,
    target: &Transaction<'_>,
    events: &Events,
) -> Result<Vec<CheckReport>, ImportError> {
    tee.settle(target).await?;
    tee.finish(target, events).await
}
