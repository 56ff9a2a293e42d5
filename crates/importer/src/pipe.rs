//! COPY from one session to another, through the client.

use std::pin::pin;

use cutover_core::Sql;
use futures_util::StreamExt;
use tokio_postgres::Transaction;

use crate::copy_in::CopyIn;
use crate::error::ImportError;
use crate::frames::Frames;
use crate::progress::Progress;
use crate::{ImportPlan, Transport};

/// Rows taken and bytes passed on.
pub(crate) struct Passed {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

/// Passes rows on as they come. Holds one message of the source and a few kilobytes for the socket: a slow target
/// makes the source wait.
pub(crate) async fn run(
    plan: &ImportPlan,
    (read, write): (&Sql, &Sql),
    source: &Transaction<'_>,
    target: &Transaction<'_>,
    progress: &mut Progress<'_>,
) -> Result<Passed, ImportError> {
    let mut frames = match plan.way.way {
        Transport::BinaryPipe => Frames::binary(),
        _ => Frames::text(),
    };
    let reading = ImportError::failed(&plan.import, "read the source of");
    let refused = |refused| ImportError::refused(&plan.import, &plan.columns, refused);
    let mut rows = pin!(source.copy_out(read.as_str()).await.map_err(&reading)?);
    let mut writer = CopyIn::new(target, write, &frames, plan.settings.segment_limit());
    while let Some(chunk) = rows.next().await {
        let piece = frames.feed(chunk.map_err(&reading)?);
        plan.settings.may_send(piece.data.len()).await;
        writer.send(piece).await.map_err(refused)?;
        progress.sent(writer.sent_rows(), writer.sent_bytes());
    }
    let bytes = writer.sent_bytes();
    let rows = writer.finish().await.map_err(refused)?;
    Ok(Passed { rows, bytes })
}
