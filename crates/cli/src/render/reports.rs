//! What a release, a rollback or an abort did.

use std::fmt::Write as _;
use std::time::Duration;

use cutover::{AbortReport, GoReport, GroupFacts, Manifest, ReleaseReport, RollbackReport, SwapFigures};
use cutover_core::Phase;
use cutover_core::records::ReleaseState;
use cutover_importer::preflight::PreflightReport;
use cutover_swap::WaitedBehind;
use jiff::Timestamp;

use super::measure::{age, bytes, count, counted, duration, moment};
use super::{Palette, table};
use crate::failure::Failure;

/// The result of a release: its tables, then what is live now.
pub(crate) fn release_text(report: &ReleaseReport, palette: Palette) -> String {
    let mut text = String::new();
    if let Some(manifest) = &report.manifest {
        text.push_str(&manifest_table(manifest));
        text.push('\n');
    }
    for added in &report.added {
        let _ = writeln!(
            text,
            "Importer {} added {} to {}.{} ({}): they stay, see cutover.added_value.",
            added.importer, added.values, added.schema, added.table, added.column
        );
    }
    let label = palette.strong(&report.label);
    match (&report.swap, report.state) {
        (Some(swap), _) => {
            let _ = writeln!(text, "{label} is live: {}.", swap_text(swap));
            let _ = writeln!(
                text,
                "What was live is backup set {0}; `cutover rollback {0}` puts it back.",
                swap.backup
            );
        }
        (None, ReleaseState::Completed) => {
            let _ = writeln!(text, "{label} is done.");
        }
        (None, _) => {
            let work = report.phases.iter().map(|phase| phase.phase);
            let work: Vec<Phase> = work.filter(|phase| *phase != Phase::ReleaseLock).collect();
            let after = work
                .last()
                .map(|phase| format!(" after {phase}"))
                .unwrap_or_default();
            let _ = writeln!(
                text,
                "{label} stopped{after}, as it was asked to; live is as it was."
            );
            if work.iter().any(|phase| *phase >= Phase::BuildStaging) {
                let _ = writeln!(
                    text,
                    "Staging is kept until the next release; `cutover abort` removes it."
                );
            }
        }
    }
    text
}

/// The result of a rollback.
pub(crate) fn rollback_text(report: &RollbackReport, palette: Palette) -> String {
    let label = report
        .label
        .as_deref()
        .unwrap_or("what was live before the first release");
    let mut text = format!(
        "{} is live again: {}.\n",
        palette.strong(label),
        swap_text(&report.swap)
    );
    let _ = writeln!(
        text,
        "What was live is backup set {0}; `cutover rollback {0}` undoes this rollback.",
        report.swap.backup
    );
    for warning in &report.warnings {
        let _ = writeln!(text, "{} {warning}", palette.notable("!"));
    }
    text
}

/// The result of an abort.
pub(crate) fn abort_text(report: &AbortReport, palette: Palette) -> String {
    let Some(release) = report.release else {
        return "Nothing to abort: no release runs, and none has left staging.\n".to_owned();
    };
    let removed = counted(report.removed as u64, "staging relation", "staging relations");
    let release = palette.strong(format!("Release {release}"));
    if report.state == Some(ReleaseState::Completed) {
        return format!(
            "{release} was past its swap and has completed: its data is live. {removed} removed.\n"
        );
    }
    let what = if report.was_running {
        "was stopped"
    } else {
        "was not running"
    };
    format!("{release} {what}; {removed} removed. Live is as it was.\n")
}

/// What saying go did.
pub(crate) fn go_text(report: &GoReport, now: Timestamp, palette: Palette) -> String {
    let GoReport {
        release, label, hold, ..
    } = report;
    let label = palette.strong(label);
    let held = age(hold.held_since, now);
    match report.still_waits_for(now) {
        None => format!("{label} goes live: release {release} has held since {held}.\n"),
        Some(time) => format!(
            "{label} goes live once {} has come: release {release} has held since {held}.\n",
            moment(time)
        ),
    }
}

/// The failure that a preflight's report amounts to, if it does.
pub(crate) fn preflight_failure(report: &PreflightReport) -> Option<Failure> {
    report.is_fatal().then(|| Failure::Preflight {
        failed: report.checks.iter().filter(|check| check.is_fatal()).count(),
        checks: report.checks.len(),
    })
}

fn swap_text(swap: &SwapFigures) -> String {
    format!(
        "{} changed places in {}, readers could be held up for {} at most{}",
        counted(swap.relations as u64, "relation", "relations"),
        counted(u64::from(swap.attempts), "attempt", "attempts"),
        duration(Duration::from_millis(swap.exclusive_ms)),
        waited_text(swap.waited_behind),
    )
}

/// Who waited behind the tries for the locks: the end of a sentence, where anybody did.
pub(super) fn waited_text(behind: Option<WaitedBehind>) -> String {
    match behind {
        Some(behind) if behind.most_waiting > 0 => format!(
            "; up to {} waited behind the attempts, {} at most",
            counted(behind.most_waiting.into(), "session", "sessions"),
            duration(Duration::from_millis(behind.longest_wait_ms))
        ),
        _ => String::new(),
    }
}

fn manifest_table(manifest: &Manifest) -> String {
    let mut table = table(&["relation", "rows>", "live>", "change>", "size>"]);
    for (name, facts) in &manifest.relations {
        let change = facts
            .change()
            .map(|share| format!("{:+.1} %", share * 100.0))
            .unwrap_or_default();
        table.add_row([
            name.clone(),
            count(facts.rows),
            count(facts.live_rows),
            change,
            bytes(facts.bytes),
        ]);
    }
    let mut text = format!("{}\n", table.trim_fmt());
    for (name, facts) in &manifest.relations {
        for groups in &facts.groups {
            text.push_str(&movers_table(name, groups));
        }
    }
    text
}

/// The groups of a relation that change most.
fn movers_table(relation: &str, groups: &GroupFacts) -> String {
    let by = groups.by.as_str();
    let all = counted(groups.groups, "group", "groups");
    if groups.movers.is_empty() {
        return format!("\n{relation} by {by}: {all}, none of which changes in number\n");
    }
    let mut table = table(&[by, "rows>", "live>", "change>"]);
    for mover in &groups.movers {
        let change = mover
            .change()
            .map(|share| format!("{:+.1} %", share * 100.0))
            .unwrap_or_default();
        table.add_row([
            mover.value.clone().unwrap_or_else(|| "(null)".to_owned()),
            count(mover.rows),
            count(mover.live_rows),
            change,
        ]);
    }
    format!(
        "\n{relation} by {by}: {all}; the biggest movers:\n{}\n",
        table.trim_fmt()
    )
}
