//! How far the importers of a release are.

use std::time::Duration;

use cutover_core::records::{ImporterProgress, ImporterState};
use jiff::Timestamp;

use super::measure::{bytes, count, duration, pace};
use super::table;

/// A row for each importer; the time left is that of an estimate.
pub(super) fn importers_table(importers: &[ImporterProgress], now: Timestamp) -> String {
    let aside = importers.iter().any(|importer| importer.rejected > 0);
    let mut heads = vec![
        "importer",
        "state",
        "rows>",
        "of about>",
        "sent>",
        "pace",
        "took>",
    ];
    if aside {
        heads.push("set aside>");
    }
    let mut table = table(&heads);
    for importer in importers {
        let mut row = vec![
            importer.importer.clone(),
            importer.state.as_str().to_owned(),
            rows(importer).map(count).unwrap_or_default(),
            percent(importer),
            importer
                .bytes
                .filter(|sent| *sent > 0)
                .map(|sent| bytes(sent.unsigned_abs()))
                .unwrap_or_default(),
            pace_of(importer),
            took(importer, now),
        ];
        if aside {
            row.push(count(importer.rejected.unsigned_abs()));
        }
        table.add_row(row);
    }
    table.trim_fmt()
}

/// Rows so far; of one that is not at work those that are kept.
pub(super) fn rows(importer: &ImporterProgress) -> Option<u64> {
    let told = importer.rows.map(i64::unsigned_abs);
    let kept = Some(importer.committed_rows.unsigned_abs());
    match importer.state {
        ImporterState::Waiting => None,
        ImporterState::Running => told,
        ImporterState::Done => told.max(kept),
        ImporterState::Stopped | ImporterState::Failed => kept,
    }
}

fn percent(importer: &ImporterProgress) -> String {
    let expected = importer.expected_rows.map_or(0, i64::unsigned_abs);
    if importer.state == ImporterState::Done || expected == 0 {
        return String::new();
    }
    let share = rows(importer)
        .and_then(|rows| rows.checked_mul(100)?.checked_div(expected))
        .map(|percent| format!(" ({} %)", percent.min(100)));
    format!("{}{}", count(expected), share.unwrap_or_default())
}

fn pace_of(importer: &ImporterProgress) -> String {
    if importer.state != ImporterState::Running {
        return String::new();
    }
    let whole = |number: Option<i64>| number.map(i64::unsigned_abs);
    pace(
        whole(importer.rows_per_s),
        whole(importer.bytes_per_s),
        whole(importer.left_ms),
    )
}

fn took(importer: &ImporterProgress, now: Timestamp) -> String {
    let end = match importer.state {
        ImporterState::Running => now,
        _ => importer.finished_at.unwrap_or(importer.updated_at),
    };
    importer.started_at.map_or_else(String::new, |started| {
        let millis = end
            .as_millisecond()
            .saturating_sub(started.as_millisecond())
            .max(0);
        duration(Duration::from_millis(millis.unsigned_abs()))
    })
}
