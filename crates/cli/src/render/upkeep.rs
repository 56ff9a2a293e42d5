//! What things take, what changed, and what was dropped.

use std::fmt::Write as _;
use std::time::Duration;

use cutover::{DropReport, RehearsalReport};
use cutover_swap::{AuditDiff, KeptSet, RetentionPlan, SetSpace, SpaceOf, SpaceReport};

use super::measure::{bytes, count, counted, duration};
use super::reports::waited_text;
use super::{Palette, table};

/// How the rehearsal went, and who would make the swap wait.
pub(crate) fn rehearsal_text(report: &RehearsalReport, palette: Palette) -> String {
    let rehearsal = &report.rehearsal;
    let mut text = format!(
        "{}: {} would change places. Rolled back; live is as it was.\n",
        palette.strong(&report.label),
        counted(rehearsal.relations as u64, "relation", "relations"),
    );
    let _ = writeln!(
        text,
        "All locks were had in {}, {} after it began; readers could be held up for {} at most{}.",
        counted(u64::from(rehearsal.attempts), "attempt", "attempts"),
        duration(Duration::from_millis(rehearsal.took_ms)),
        duration(Duration::from_millis(rehearsal.exclusive_ms)),
        waited_text(rehearsal.waited_behind),
    );
    for (heading, sessions) in [
        ("In the way of the attempts before:", &rehearsal.blockers),
        (
            "Transactions with a snapshot, which a swap waits for where they are older than the load:",
            &rehearsal.snapshots,
        ),
    ] {
        if !sessions.is_empty() {
            let _ = writeln!(text, "{heading}");
        }
        for session in sessions {
            let _ = writeln!(text, "  {session}");
        }
    }
    if !rehearsal.standbys.standbys.is_empty() {
        text.push_str("Standbys, which replay the locks of a rehearsal as those of a swap:\n");
    }
    for standby in &rehearsal.standbys.standbys {
        let _ = writeln!(text, "  {standby}");
    }
    for warning in &report.warnings {
        let _ = writeln!(text, "{} {warning}", palette.notable("!"));
    }
    text
}

/// A table for each set, and a line for each relation in it.
pub(crate) fn space_text(report: &SpaceReport, palette: Palette) -> String {
    let mut text = String::new();
    for set in &report.sets {
        let label = set
            .label
            .as_deref()
            .map(|label| format!(", {label}"))
            .unwrap_or_default();
        let total = set.total_bytes();
        let _ = writeln!(
            text,
            "{}{label}: {}, {:.1} % of the database{}",
            palette.strong(set_name(&set.set)),
            bytes(total),
            report.share(total) * 100.0,
            match &set.set {
                SpaceOf::Live => String::new(),
                SpaceOf::Staging => "; `cutover drop staging` frees it".to_owned(),
                SpaceOf::Backup(stamp) => format!("; `cutover drop backups {stamp}` frees it"),
            }
        );
        let _ = writeln!(text, "{}\n", relations_table(set));
    }
    let all: u64 = report.sets.iter().map(SetSpace::total_bytes).sum();
    let _ = writeln!(
        text,
        "{} of the database's {} are the release set's.",
        bytes(all),
        bytes(report.database_bytes)
    );
    text
}

fn set_name(set: &SpaceOf) -> String {
    match set {
        SpaceOf::Live => "live".to_owned(),
        SpaceOf::Staging => "staging".to_owned(),
        SpaceOf::Backup(stamp) => format!("backup set {stamp}"),
    }
}

fn relations_table(set: &SetSpace) -> String {
    let mut table = table(&["relation", "~rows>", "table>", "indexes>", "TOAST>", "total>"]);
    for relation in &set.relations {
        table.add_row([
            relation.name.name.as_str().to_owned(),
            count(relation.estimated_rows),
            bytes(relation.table_bytes),
            bytes(relation.index_bytes),
            bytes(relation.toast_bytes),
            bytes(relation.total_bytes()),
        ]);
    }
    table.trim_fmt()
}

/// What differs, a line a fact.
pub(crate) fn audit_text(diff: &AuditDiff, palette: Palette) -> String {
    if diff.is_empty() {
        return "Nothing differs.\n".to_owned();
    }
    let mut text = String::new();
    for of_relation in diff.changes().chunk_by(|a, b| a.relation == b.relation) {
        let Some(first) = of_relation.first() else {
            continue;
        };
        let _ = writeln!(text, "{}", palette.strong(&first.relation));
        for change in of_relation {
            let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
            let _ = writeln!(
                text,
                "  {}: {} → {}{}",
                change.fact,
                value(&change.before),
                value(&change.after),
                percent(
                    change.fact == "rows",
                    change.before.as_deref(),
                    change.after.as_deref()
                )
            );
        }
    }
    text
}

/// ` (+1.2 %)` for counts.
fn percent(wanted: bool, before: Option<&str>, after: Option<&str>) -> String {
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<f64>().ok());
    match (wanted, number(before), number(after)) {
        (true, Some(before), Some(after)) if before > 0.0 => {
            format!(" ({:+.1} %)", (after / before - 1.0) * 100.0)
        }
        _ => String::new(),
    }
}

/// What is asked before backup sets are dropped.
pub(crate) fn drop_question(plan: &RetentionPlan) -> String {
    let stamps: Vec<&str> = plan.drops.iter().map(|set| set.stamp.as_str()).collect();
    let freed: u64 = plan.drops.iter().map(|set| set.bytes).sum();
    format!(
        "Drop {} ({}), {}? No rollback to them is possible then.",
        counted(stamps.len() as u64, "backup set", "backup sets"),
        stamps.join(", "),
        bytes(freed)
    )
}

/// What was dropped, and what stays.
pub(crate) fn drop_text(report: &DropReport) -> String {
    let mut text = format!(
        "{} dropped, {} freed.\n",
        counted(report.dropped.len() as u64, "backup set", "backup sets"),
        bytes(report.freed_bytes)
    );
    for KeptSet { stamp, because } in &report.kept {
        let because: Vec<&str> = because.iter().map(|reason| reason.0.as_str()).collect();
        let _ = writeln!(
            text,
            "Backup set {stamp} stays: {} depends on it. Drop that, or point it at live.",
            because.join(", ")
        );
    }
    text
}

/// What became of staging.
pub(crate) fn staging_dropped_text(removed: usize) -> String {
    format!(
        "{} dropped.\n",
        counted(removed as u64, "staging relation", "staging relations")
    )
}
