//! A status in one line, for a chat or a log.

use std::fmt::Write as _;

use cutover::{Activity, Status};
use cutover_core::records::{ImporterProgress, ImporterState, ReleaseKind, ReleaseRecord, WaitKind};
use jiff::Timestamp;

use super::event_text::waits_for;
use super::importers::rows;
use super::measure::{age, count, counted, moment, pace};
use super::status::unfinished;

/// What is going on, then what is live: `wdpa: Oct2025 in import_core, 3 of 5 importers, … · live Sep2025 since …`.
pub(crate) fn status_line(status: &Status, now: Timestamp) -> String {
    let mut parts = vec![format!(
        "{}: {}",
        status.release_set.as_str(),
        going_on(status, now)
    )];
    parts.push(match &status.current {
        None => "live what was there before the first release".to_owned(),
        Some(current) => {
            let since = current.swapped_at.unwrap_or(current.started_at);
            format!("live {} since {}", current.label, moment(since))
        }
    });
    if let backups @ 1.. = status.backups.len() {
        parts.push(counted(backups as u64, "backup set", "backup sets"));
    }
    parts.join(" · ")
}

fn going_on(status: &Status, now: Timestamp) -> String {
    let newest = status.newest();
    match (&status.activity, newest) {
        (Activity::Running { .. }, Some(newest)) => running(status, newest, now),
        (Activity::Running { holder, .. } | Activity::Locked { holder }, _) => {
            format!("locked by server process {} of {}", holder.pid, holder.user)
        }
        (Activity::Dead { .. }, Some(newest)) => {
            format!(
                "{} died{}; {}",
                newest.label,
                in_phase(newest),
                way_on(status, newest)
            )
        }
        (Activity::Idle, Some(newest)) if unfinished(newest.state) => {
            let why = newest.error.as_deref().and_then(|error| error.lines().next());
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            format!(
                "{} {}{}{why}; {}",
                newest.label,
                newest.state,
                in_phase(newest),
                way_on(status, newest)
            )
        }
        _ => "idle".to_owned(),
    }
}

fn running(status: &Status, newest: &ReleaseRecord, now: Timestamp) -> String {
    let label = match newest.kind {
        ReleaseKind::Release => newest.label.clone(),
        ReleaseKind::Rollback => format!("rollback to {}", newest.label),
    };
    if let Some(holding) = &status.hold {
        let hold = &holding.hold;
        let waits = waits_for(hold.waits_for_go && hold.go.is_none(), hold.not_before);
        return format!(
            "{label} is ready since {}, waits {waits}",
            age(hold.held_since, now)
        );
    }
    let mut text = format!("{label}{}", in_phase(newest));
    if newest.abort_requested.is_some() {
        text.push_str(", asked to stop");
    }
    if let Some(waiting) = &status.waiting {
        text.push_str(match waiting.kind {
            WaitKind::Locks => ", waits for the locks of the swap",
            WaitKind::Snapshots => ", waits for old snapshots",
            _ => ", waits for standbys",
        });
        if let Some(blocker) = waiting.obstacle.blockers.first() {
            let _ = write!(text, " (pid {} {:?})", blocker.pid, blocker.application);
        }
    } else if let Some(blocker) = status.blocked.iter().flat_map(|blocked| &blocked.by).next() {
        let _ = write!(text, ", blocked by pid {} {:?}", blocker.pid, blocker.application);
    }
    let phase: Vec<&ImporterProgress> = status
        .importers
        .iter()
        .filter(|importer| importer.phase == newest.phase)
        .collect();
    if !phase.is_empty() {
        let _ = write!(text, ", {}", imports(&phase));
    }
    text
}

/// The importers of one phase together.
fn imports(importers: &[&ImporterProgress]) -> String {
    let done = importers
        .iter()
        .filter(|importer| importer.state == ImporterState::Done)
        .count();
    let all = importers.iter().filter_map(|importer| rows(importer)).sum();
    let running: Vec<_> = importers
        .iter()
        .filter(|importer| importer.state == ImporterState::Running)
        .collect();
    let sum = |number: fn(&ImporterProgress) -> Option<i64>| {
        let numbers: Vec<u64> = running
            .iter()
            .filter_map(|importer| number(importer))
            .map(i64::unsigned_abs)
            .collect();
        (!numbers.is_empty()).then(|| numbers.iter().sum())
    };
    // With importers still to come nobody knows when all are done.
    let to_come = importers
        .iter()
        .any(|importer| importer.state == ImporterState::Waiting);
    let left: Option<Vec<u64>> = running
        .iter()
        .map(|importer| importer.left_ms.map(i64::unsigned_abs))
        .collect();
    let left = left.filter(|_| !to_come).and_then(|left| left.into_iter().max());
    let pace = pace(
        sum(|importer| importer.rows_per_s),
        sum(|importer| importer.bytes_per_s),
        left,
    );
    let mut text = format!(
        "{done} of {}, {} rows",
        counted(importers.len() as u64, "importer", "importers"),
        count(all)
    );
    if !pace.is_empty() {
        let _ = write!(text, ", {pace}");
    }
    text
}

fn in_phase(record: &ReleaseRecord) -> String {
    record
        .phase
        .map(|phase| format!(" in {phase}"))
        .unwrap_or_default()
}

fn way_on(status: &Status, newest: &ReleaseRecord) -> &'static str {
    match newest.kind {
        ReleaseKind::Rollback => "`cutover rollback` tries it again",
        ReleaseKind::Release if status.ready.is_some() => "ready: `cutover resume` puts it live",
        ReleaseKind::Release => "`cutover resume` goes on",
    }
}
