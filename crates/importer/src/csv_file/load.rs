//! Reading a CSV file beside the COPY that takes its rows.

use bytes::{Bytes, BytesMut};
use cutover_core::{Ident, Sql};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_postgres::Transaction;

use super::{CsvError, CsvSource};
use crate::copy_in::{CopyIn, Refused};
use crate::copy_position::copy_position;
use crate::error::{ImportError, from_text, statement};
use crate::frames::{Frames, Piece};
use crate::plan::CsvField;
use crate::progress::Progress;
use crate::{ImportPlan, text_rows};

/// Records handed over at once: enough to make the hand-over cheap, little enough to be nothing.
const BATCH_BYTES: usize = 64 << 10;
/// Batches read ahead of the server.
const READ_AHEAD: usize = 4;

/// Encoded records, and the line of the file where each begins.
struct Batch {
    data: Bytes,
    lines: Vec<u64>,
}

/// Streams the file into the table; rows taken and bytes sent.
///
/// Files are read on a blocking thread. It stops when the receiver is gone, so a dropped future leaves nothing behind
/// but the batch it was reading.
pub(crate) async fn load(
    plan: &ImportPlan,
    csv: &CsvSource,
    write: &Sql,
    fields: &[CsvField],
    target: &Transaction<'_>,
    progress: &mut Progress<'_>,
) -> Result<(u64, u64), ImportError> {
    let (sender, mut batches) = mpsc::channel(READ_AHEAD);
    let mut reader = JoinSet::new();
    let source = csv.clone();
    let wanted = fields.to_vec();
    let limit = plan.import.sample_rows().unwrap_or(u64::MAX);
    reader.spawn_blocking(move || read(&source, &wanted, limit, &sender));

    let mut writer = CopyIn::new(target, write, &Frames::text(), plan.settings.segment_limit());
    // Lines of the records of the segment under way, to say where a refused one stands.
    let mut lines: Vec<u64> = Vec::new();
    while let Some(Batch { data, lines: more }) = batches.recv().await {
        lines.extend(more.iter());
        let piece = Piece {
            rows: more.len() as u64,
            whole: data.len(),
            data,
        };
        plan.settings.may_send(piece.data.len()).await;
        match writer.send(piece).await {
            Ok(true) => lines.clear(),
            Ok(false) => {}
            Err(refused) => return Err(value_refused(plan, csv, fields, &lines, refused)),
        }
        progress.sent(writer.sent_rows(), writer.sent_bytes());
    }
    if let Some(ended) = reader.join_next().await {
        let ended = ended.map_err(|source| CsvError::Reader {
            path: csv.path().to_owned(),
            source,
        });
        ended
            .and_then(|read| read)
            .map_err(|error| ImportError::csv(&plan.import, error))?;
    }
    let bytes = writer.sent_bytes();
    let rows = writer
        .finish()
        .await
        .map_err(|refused| value_refused(plan, csv, fields, &lines, refused))?;
    Ok((rows, bytes))
}

/// Reads the file to its end, or until nobody listens.
fn read(csv: &CsvSource, fields: &[CsvField], limit: u64, to: &mpsc::Sender<Batch>) -> Result<(), CsvError> {
    let mut reader = csv.open()?;
    let mut record = csv::ByteRecord::new();
    let mut data = BytesMut::with_capacity(BATCH_BYTES);
    let mut lines = Vec::new();
    let mut left = limit;
    loop {
        let more = left > 0
            && reader
                .read_byte_record(&mut record)
                .map_err(|source| CsvError::Record {
                    path: csv.path().to_owned(),
                    source,
                })?;
        if more {
            left -= 1;
            let line = record.position().map_or(0, csv::Position::line);
            let values = fields
                .iter()
                .map(|field| value(csv, &record, line, field))
                .collect::<Result<Vec<_>, _>>()?;
            text_rows::append(&mut data, values);
            lines.push(line);
        }
        if !lines.is_empty() && (!more || data.len() >= BATCH_BYTES) {
            let batch = Batch {
                data: data.split().freeze(),
                lines: std::mem::take(&mut lines),
            };
            if to.blocking_send(batch).is_err() {
                return Ok(());
            }
        }
        if !more {
            return Ok(());
        }
    }
}

/// One field of a record; `None` for NULL.
fn value<'a>(
    csv: &CsvSource,
    record: &'a csv::ByteRecord,
    line: u64,
    field: &CsvField,
) -> Result<Option<&'a str>, CsvError> {
    let bytes = record.get(field.position).unwrap_or_default();
    let text = std::str::from_utf8(bytes).map_err(|source| CsvError::Encoding {
        path: csv.path().to_owned(),
        line,
        column: field.label.clone(),
        source,
    })?;
    Ok((!csv.is_null(text)).then_some(text))
}

fn value_refused(
    plan: &ImportPlan,
    csv: &CsvSource,
    fields: &[CsvField],
    lines: &[u64],
    refused: Refused,
) -> ImportError {
    let statement = statement(&plan.import, "fill", refused.error);
    let place = copy_position(
        statement.database_error(),
        plan.import.into_table(),
        &plan.columns,
    );
    let line = place.as_ref().and_then(|(line, _)| {
        let record = usize::try_from(*line).ok()?.checked_sub(1)?;
        lines.get(record).copied()
    });
    let (Some((_, column)), Some(line)) = (place, line) else {
        return ImportError::Statement {
            importer: plan.importer().to_owned(),
            from: from_text(&plan.import),
            source: statement,
        };
    };
    let label = |column: Ident| {
        let position = plan.columns.iter().position(|filled| *filled == column)?;
        fields.get(position).map(|field| field.label.clone())
    };
    let error = CsvError::Value {
        path: csv.path().to_owned(),
        line,
        column: column.and_then(label),
        reason: reason(&statement),
        statement: Box::new(statement),
    };
    ImportError::csv(&plan.import, error)
}

/// What the server said, without its own idea of the line: that counts records of one segment.
fn reason(statement: &cutover_core::StatementError) -> String {
    let Some(error) = statement.database_error().inner().as_db_error() else {
        return statement.database_error().to_string();
    };
    let mut reason = format!("{} (SQLSTATE {})", error.message(), error.code().code());
    if let Some(detail) = error.detail() {
        reason.push_str("; detail: ");
        reason.push_str(detail);
    }
    reason
}
