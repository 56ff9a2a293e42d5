//! A CSV file into a table, in the caller's transaction.

use cutover_core::{Ident, Sql};
use tokio_postgres::Transaction;

use super::records::{BATCH_BYTES, Batch, Portion, Records};
use super::{CsvError, CsvSource};
use crate::ImportPlan;
use crate::copy_in::{CopyIn, Refused};
use crate::copy_position::copy_position;
use crate::error::{ImportError, from_text, statement};
use crate::frames::{Frames, Piece};
use crate::plan::CsvField;
use crate::progress::Progress;

/// Streams the file into the table; rows taken and bytes sent.
pub(crate) async fn load(
    plan: &ImportPlan,
    csv: &CsvSource,
    write: &Sql,
    fields: &[CsvField],
    target: &Transaction<'_>,
    progress: &mut Progress<'_>,
) -> Result<(u64, u64), ImportError> {
    let portion = Portion {
        from: None,
        limit: plan.import.sample_rows().unwrap_or(u64::MAX),
        batch_bytes: BATCH_BYTES,
    };
    let mut records = Records::read(csv, fields, portion);
    let mut writer = CopyIn::new(target, write, &Frames::text(), plan.settings.segment_limit());
    // Lines of the records of the segment under way, to say where a refused one stands.
    let mut lines: Vec<u64> = Vec::new();
    let failed = |error| ImportError::csv(&plan.import, error);
    while let Some(Batch {
        data, records: more, ..
    }) = records.next().await.map_err(failed)?
    {
        lines.extend(more.iter().map(|record| record.line));
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
    let bytes = writer.sent_bytes();
    let rows = writer
        .finish()
        .await
        .map_err(|refused| value_refused(plan, csv, fields, &lines, refused))?;
    Ok((rows, bytes))
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
