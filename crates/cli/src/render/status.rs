//! What is live, what is running, what is kept, and what to do about it.

use std::fmt::Write as _;

use cutover::{Activity, DiskUse, Holding, Status};
use cutover_core::records::{BackupSet, ReleaseKind, ReleaseRecord, ReleaseState, WaitKind, Waiting};
use cutover_core::{Blocker, LockHolder, Stamp};
use cutover_swap::{BlockedSession, StandbyReport};
use jiff::Timestamp;

use super::event_text::{session_text, waits_for};
use super::importers::importers_table;
use super::measure::{age, bytes, count, counted, duration, moment};
use super::{Palette, table};

/// The whole of a status.
pub(crate) fn status_text(status: &Status, now: Timestamp, palette: Palette) -> String {
    let mut text = format!("{}\n\n", palette.strong(status.release_set.as_str()));
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "  {}  {value}", palette.faint(format!("{name:<8}")));
    };
    line("live", live(status, now, palette));
    line("activity", activity(status, now, palette));
    if let Some(Holding {
        hold,
        staging_bytes,
        other_locks,
        ..
    }) = &status.hold
    {
        let waits = match &hold.go {
            Some(go) if hold.not_before.is_some() => {
                format!(
                    "{}; {} said go {}",
                    waits_for(false, hold.not_before),
                    go.by,
                    age(go.at, now)
                )
            }
            Some(go) => format!("for nothing any more: {} said go {}", go.by, age(go.at, now)),
            None => waits_for(hold.waits_for_go, hold.not_before),
        };
        let since = age(hold.held_since, now);
        line(
            "holds",
            format!(
                "before its swap, everything ready, since {} ({since})",
                moment(hold.held_since)
            ),
        );
        line("waits", waits);
        let besides = match other_locks {
            0 => "no transaction, no snapshot, no lock but the release's".to_owned(),
            locks => counted(
                (*locks).into(),
                "lock beside the release's",
                "locks beside the release's",
            ),
        };
        line(
            "keeps",
            format!("{} of staging; {besides}", bytes(*staging_bytes)),
        );
    }
    if let Some(waiting) = &status.waiting {
        line("waits", waiting_text(waiting, now));
    }
    for blocked in &status.blocked {
        line("blocked", blocked_text(blocked));
    }
    for (name, value) in interrupted(status) {
        line(name, value);
    }
    if let Some(stamp) = takes_back(status) {
        line("undo", format!("cutover rollback {stamp}"));
    }
    // Before the first release only live is there.
    if let Some(disk) = status.disk
        && status.newest().is_some()
    {
        line("disk", disk_text(disk));
    }
    let shows_importers = status.newest().is_some_and(|newest| unfinished(newest.state));
    if shows_importers && !status.importers.is_empty() {
        let heading = palette.strong("importers");
        let _ = writeln!(text, "\n{heading}\n{}", importers_table(&status.importers, now));
    }
    if !status.backups.is_empty() {
        let _ = writeln!(
            text,
            "\n{}\n{}",
            palette.strong("backup sets"),
            backups_table(&status.backups, now)
        );
    }
    if !status.standbys.standbys.is_empty() {
        let heading = palette.strong("standbys");
        let _ = writeln!(text, "\n{heading}\n{}", standbys_table(&status.standbys));
    }
    if !status.latest.is_empty() {
        let _ = writeln!(
            text,
            "\n{}\n{}",
            palette.strong("releases and rollbacks"),
            history_table(&status.latest, now)
        );
    }
    if !status.unmanaged.is_empty() {
        let _ = writeln!(
            text,
            "\n{}\nThey look like staging or backups and are in no record. Nothing of Cutover ever drops them.",
            palette.notable("unmanaged relations")
        );
        for name in &status.unmanaged {
            let _ = writeln!(text, "  {name}");
        }
    }
    text
}

/// What the running release told last, and who is in the way.
fn waiting_text(waiting: &Waiting, now: Timestamp) -> String {
    let obstacle = &waiting.obstacle;
    let what = match waiting.kind {
        WaitKind::Locks => {
            let relation = obstacle.relation.as_ref();
            let what = relation.map_or_else(|| "they were".to_owned(), |relation| format!("{relation} was"));
            let attempt = obstacle.attempt.unwrap_or_default();
            format!("for the locks of the swap; at attempt {attempt} {what} not free")
        }
        WaitKind::Snapshots => "for transactions whose snapshot is older than the new data".to_owned(),
        _ => format!(
            "for standbys that are too far behind: {}",
            obstacle.standbys.join(", ")
        ),
    };
    format!(
        "{what} (since {}){}",
        age(waiting.since, now),
        in_the_way(&obstacle.blockers)
    )
}

fn blocked_text(blocked: &BlockedSession) -> String {
    let relation = blocked.relation.as_ref();
    let what = relation.map_or_else(|| format!("a lock ({})", blocked.lock), ToString::to_string);
    let waited = duration(std::time::Duration::from_millis(blocked.waited_ms));
    format!(
        "its server process {} has waited for {what} for {waited}{}",
        blocked.pid,
        in_the_way(&blocked.by)
    )
}

/// A line for each of them, below the one that they belong to.
fn in_the_way(blockers: &[Blocker]) -> String {
    let mut text = String::new();
    for blocker in blockers {
        let _ = write!(text, "\n            {}", session_text(blocker));
    }
    text
}

fn disk_text(disk: DiskUse) -> String {
    format!(
        "{} of the database: {} live, {} in staging, {} in backup sets",
        bytes(disk.database_bytes),
        bytes(disk.live_bytes),
        bytes(disk.staging_bytes),
        bytes(disk.backup_bytes)
    )
}

/// The standbys, and how much of the log they have yet to replay.
fn standbys_table(report: &StandbyReport) -> String {
    let mut table = table(&["name", "from", "state", "sync", "to replay>"]);
    for standby in &report.standbys {
        let away = if standby.pid.is_none() {
            "away"
        } else {
            "not shown to this role"
        };
        table.add_row([
            standby.name.clone(),
            standby.client.clone().unwrap_or_default(),
            standby.state.clone().unwrap_or_else(|| away.to_owned()),
            standby.sync_state.clone().unwrap_or_default(),
            standby.replay.bytes.map(bytes).unwrap_or_default(),
        ]);
    }
    table.trim_fmt()
}

/// The backup sets, or that there are none.
pub(crate) fn backups_text(backups: &[BackupSet], now: Timestamp) -> String {
    if backups.is_empty() {
        return "There are no backup sets.\n".to_owned();
    }
    format!(
        "{}\n\n`cutover rollback STAMP` puts one live again.\n",
        backups_table(backups, now)
    )
}

/// The backup sets, newest first.
fn backups_table(backups: &[BackupSet], now: Timestamp) -> String {
    let mut table = table(&["stamp", "holds", "made", "relations>", "size>"]);
    for backup in backups {
        table.add_row([
            backup.stamp.to_string(),
            backup
                .label
                .clone()
                .unwrap_or_else(|| "before the first release".to_owned()),
            age(backup.created_at, now),
            count(backup.relations.unsigned_abs()),
            bytes(backup.bytes.unsigned_abs()),
        ]);
    }
    table.trim_fmt()
}

fn live(status: &Status, now: Timestamp, palette: Palette) -> String {
    let Some(current) = &status.current else {
        return "what was there before the first release".to_owned();
    };
    let since = current.swapped_at.unwrap_or(current.started_at);
    let how = match (&current.kind, &current.restored_stamp) {
        (ReleaseKind::Rollback, Some(stamp)) => format!(", back from backup set {stamp}"),
        (ReleaseKind::Rollback, None) => ", after a rollback".to_owned(),
        (ReleaseKind::Release, _) => String::new(),
    };
    format!(
        "{} since {} ({}){how}",
        palette.strong(&current.label),
        moment(since),
        age(since, now)
    )
}

fn activity(status: &Status, now: Timestamp, palette: Palette) -> String {
    let record = |id: i64| status.latest.iter().find(|record| record.id == id);
    match &status.activity {
        Activity::Idle => "idle".to_owned(),
        Activity::Running { holder, release } => match record(*release) {
            Some(record) => running(record, holder, now, palette),
            None => format!(
                "{}: release {release}, {}",
                palette.good("running"),
                session(holder)
            ),
        },
        Activity::Locked { holder } => {
            format!(
                "{}, without a record: {}",
                palette.notable("locked"),
                session(holder)
            )
        }
        Activity::Dead { release } => {
            let what = record(*release).map(|record| {
                let phase = record
                    .phase
                    .map(|phase| format!(" in {phase}"))
                    .unwrap_or_default();
                format!(
                    ": {} died{phase}, last heard of {}",
                    record.label,
                    age(record.updated_at, now)
                )
            });
            format!("{}{}", palette.bad("dead"), what.unwrap_or_default())
        }
        _ => "unknown to this version".to_owned(),
    }
}

fn running(record: &ReleaseRecord, holder: &LockHolder, now: Timestamp, palette: Palette) -> String {
    let phase = record
        .phase
        .map(|phase| format!(" in {phase}"))
        .unwrap_or_default();
    let host = match (record.host.as_deref(), record.client_pid) {
        (Some(host), Some(pid)) if !host.is_empty() => format!(" on {host} (process {pid})"),
        (Some(host), None) if !host.is_empty() => format!(" on {host}"),
        _ => String::new(),
    };
    let asked = match record.abort_requested {
        Some(when) => format!("; asked to stop {}", age(when, now)),
        None => String::new(),
    };
    format!(
        "{}: {}{phase}{host}, server process {}, begun {}{asked}",
        palette.good("running"),
        record.label,
        holder.pid,
        age(record.started_at, now)
    )
}

fn session(holder: &LockHolder) -> String {
    let from = holder
        .client_address
        .as_deref()
        .map(|address| format!(" from {address}"))
        .unwrap_or_default();
    format!(
        "server process {} ({:?}, user {}{from})",
        holder.pid, holder.application, holder.user
    )
}

/// What to do about a release that did not come to its end.
fn interrupted(status: &Status) -> Vec<(&'static str, String)> {
    let newest = status.latest.first();
    let again = if newest.is_some_and(|newest| newest.kind == ReleaseKind::Rollback) {
        "`cutover rollback STAMP` tries it again"
    } else if status.ready.is_some() {
        "`cutover resume` puts live what is ready, `cutover abort` removes it"
    } else {
        "`cutover resume` goes on where it stopped, `cutover abort` removes its staging"
    };
    let again = again.to_owned();
    match (&status.activity, newest) {
        (Activity::Dead { .. }, _) => vec![("remedy", again)],
        (Activity::Idle, Some(newest)) if unfinished(newest.state) => {
            let phase = newest
                .phase
                .map(|phase| format!(" in {phase}"))
                .unwrap_or_default();
            let mut lines = vec![("last", format!("{} {}{phase}", newest.label, newest.state))];
            if let Some(error) = &newest.error {
                lines.push(("error", error.trim_end().replace('\n', "\n            ")));
            }
            // A preflight, or a release that was to do no more, has nothing to go on with.
            let kept_nothing = newest.error.is_none() && newest.staged.is_none();
            if newest.kind == ReleaseKind::Release && !kept_nothing {
                lines.push(("remedy", again));
            }
            lines
        }
        _ => Vec::new(),
    }
}

pub(super) fn unfinished(state: ReleaseState) -> bool {
    match state {
        ReleaseState::Running | ReleaseState::Stopped | ReleaseState::Failed | ReleaseState::Abandoned => {
            true
        }
        ReleaseState::Completed | ReleaseState::Aborted => false,
    }
}

/// The backup set that holds what was live before the current release, as long as there is one.
fn takes_back(status: &Status) -> Option<&Stamp> {
    let stamp = status.current.as_ref()?.backup_stamp.as_ref()?;
    status
        .backups
        .iter()
        .any(|backup| backup.stamp == *stamp)
        .then_some(stamp)
}

fn history_table(records: &[ReleaseRecord], now: Timestamp) -> String {
    let mut table = table(&["", "id>", "label", "kind", "state", "begun", "took>"]);
    for record in records {
        let took = record.finished_at.map(|end| {
            let millis = end
                .as_millisecond()
                .saturating_sub(record.started_at.as_millisecond());
            duration(std::time::Duration::from_millis(millis.unsigned_abs()))
        });
        table.add_row([
            if record.current { "live" } else { "" }.to_owned(),
            record.id.to_string(),
            record.label.clone(),
            match record.kind {
                ReleaseKind::Release => "release",
                ReleaseKind::Rollback => "rollback",
            }
            .to_owned(),
            record.state.to_string(),
            age(record.started_at, now),
            took.unwrap_or_default(),
        ]);
    }
    table.trim_fmt()
}

/// What rolling back to a set means, for the question before it.
pub(crate) fn describe_backup(backup: &BackupSet, now: Timestamp) -> String {
    let label = backup
        .label
        .as_deref()
        .unwrap_or("what was live before the first release");
    format!(
        "{label} (backup set {}, made {}, {}, {})",
        backup.stamp,
        age(backup.created_at, now),
        counted(backup.relations.unsigned_abs(), "relation", "relations"),
        bytes(backup.bytes.unsigned_abs())
    )
}
