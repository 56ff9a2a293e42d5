//! An event as lines of text: the same in a log and above the bars of a terminal.

use std::time::Duration;

use cutover_core::records::Go;
use cutover_core::{Blocker, EventKind, Phase, Waiter};
use jiff::Timestamp;

use super::Palette;
use super::hook_text::hook_lines;
use super::measure::{bytes, count, counted, duration, moment};

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// A line for each phase, and what the operator should know.
    Phases,
    /// Importers, checks and steps as well.
    Everything,
}

/// The lines that tell of an event; none for what is not worth one.
pub(crate) fn event_lines(event: &EventKind, detail: Detail, palette: Palette) -> Vec<String> {
    match event {
        EventKind::ReleaseStarted {
            release, name, label, ..
        } => vec![started(*release, name, label, palette)],
        EventKind::PhaseFinished {
            phase,
            summary,
            took_ms,
        } => {
            vec![phase_line(
                &palette.good("✓").to_string(),
                *phase,
                &took(*took_ms),
                summary,
                palette,
            )]
        }
        EventKind::PhaseSkipped { phase, reason } => {
            vec![phase_line(
                &palette.faint("-").to_string(),
                *phase,
                "",
                reason,
                palette,
            )]
        }
        // The error itself, with its causes and its remedy, is the last thing on the screen.
        EventKind::PhaseFailed { phase, .. } => {
            vec![format!("{} {}", palette.bad("✗"), palette.bad(phase))]
        }
        EventKind::StepDone {
            purpose,
            object,
            took_ms,
        } => match detail {
            Detail::Phases => Vec::new(),
            Detail::Everything => vec![small(format!("{purpose} {object}, {}", took(*took_ms)), palette)],
        },
        EventKind::ImportStarted {
            importer, into, way, ..
        } => match detail {
            Detail::Phases => Vec::new(),
            Detail::Everything => vec![small(format!("{importer} into {into}: {way}"), palette)],
        },
        EventKind::ImportFinished {
            importer,
            rows,
            bytes: sent,
            took_ms,
        } => match detail {
            Detail::Phases => Vec::new(),
            Detail::Everything => vec![small(finished(importer, *rows, *sent, *took_ms), palette)],
        },
        EventKind::CheckFinished {
            check,
            violations,
            tolerated,
            fatal,
        } => {
            let text = violations_text(*violations, *tolerated);
            check_lines(check, &text, (*violations, *fatal), detail, palette)
        }
        EventKind::BackupDropped { backup, bytes: size } => {
            vec![small(
                format!("backup {backup} dropped, {} freed", bytes(*size)),
                palette,
            )]
        }
        EventKind::Warning { message } => vec![format!("{} {message}", palette.notable("!"))],
        EventKind::ImportTakenUp { .. }
        | EventKind::ImportSourceLost { .. }
        | EventKind::ValuesAdded { .. }
        | EventKind::RowsRejected { .. } => import_lines(event, palette),
        _ => swap_lines(event, detail, palette),
    }
}

/// The lines that tell of what an importer meets.
fn import_lines(event: &EventKind, palette: Palette) -> Vec<String> {
    match event {
        EventKind::ImportTakenUp {
            importer,
            chunks,
            rows,
        } => vec![small(
            format!(
                "{importer} goes on behind {}: {} are in",
                counted(*chunks, "chunk", "chunks"),
                counted(*rows, "row", "rows")
            ),
            palette,
        )],
        EventKind::ImportSourceLost {
            importer,
            error,
            retry_in_ms,
        } => vec![format!(
            "{} {importer} lost its source, next try in {}: {error}",
            palette.notable("!"),
            took(*retry_in_ms)
        )],
        EventKind::ValuesAdded {
            importer,
            table,
            column,
            values,
        } => vec![format!(
            "{} {importer}: {} of {column} added to {table}, to stay; see cutover.added_value",
            palette.notable("!"),
            counted(*values, "value", "values")
        )],
        EventKind::RowsRejected { importer, rejected } => {
            let aside = counted(*rejected, "refused row", "refused rows");
            vec![format!(
                "{} {importer}: {aside} set aside so far, see cutover.reject",
                palette.notable("!")
            )]
        }
        _ => Vec::new(),
    }
}

/// The lines that tell of what happens around the swap.
fn swap_lines(event: &EventKind, detail: Detail, palette: Palette) -> Vec<String> {
    match event {
        EventKind::Held {
            waits_for_go,
            not_before,
            staging_bytes,
            ..
        } => {
            let waits = waits_for(*waits_for_go, *not_before);
            vec![held_line(&waits, *staging_bytes, palette)]
        }
        EventKind::StillHeld {
            waits_for_go,
            not_before,
            staging_bytes,
            held_ms,
            ..
        } => {
            let waits = format!(
                "{}, for {} now",
                waits_for(*waits_for_go, *not_before),
                took(*held_ms)
            );
            vec![held_line(&waits, *staging_bytes, palette)]
        }
        EventKind::Released { go, held_ms, .. } => vec![released_line(go.as_ref(), *held_ms, palette)],
        // Many attempts are normal on a busy server: the first ones tell the story.
        EventKind::LockAttemptFailed { attempt, .. }
            if detail == Detail::Phases && !attempt.is_power_of_two() =>
        {
            Vec::new()
        }
        EventKind::LockAttemptFailed {
            attempt,
            relation,
            blockers,
            retry_in_ms,
        } => {
            let what = relation.as_ref().map_or_else(
                || "the locks were".to_owned(),
                |relation| format!("{relation} was"),
            );
            let text = format!(
                "attempt {attempt}: {what} not free; next attempt in {}",
                took(*retry_in_ms)
            );
            notable(&text, blockers, palette)
        }
        EventKind::WaitingForSnapshots { holders } => {
            let sessions = counted(holders.len() as u64, "session", "sessions");
            let text = format!("waiting for {sessions} whose snapshot is older than the new data");
            notable(&text, holders, palette)
        }
        EventKind::WaitingBehind {
            waiting,
            longest_ms,
            sample,
        } => {
            let sessions = counted(u64::from(*waiting), "session", "sessions");
            let mut lines = vec![small(
                format!(
                    "{sessions} waited behind this attempt, {} at most",
                    took(*longest_ms)
                ),
                palette,
            )];
            if detail == Detail::Everything {
                lines.extend(sample.iter().map(|waiter| small(waiter_text(waiter), palette)));
            }
            lines
        }
        EventKind::BlockerCancelled { blocker, terminated } => {
            notable(cancelled(*terminated), std::slice::from_ref(blocker), palette)
        }
        EventKind::WaitingForStandbys { standbys } => {
            let text = format!(
                "waiting for standbys that are too far behind: {}",
                standbys.join(", ")
            );
            notable(&text, &[], palette)
        }
        EventKind::LiveOnStandby { standby, after_ms } => {
            vec![small(
                format!("live on standby {standby} {} later", took(*after_ms)),
                palette,
            )]
        }
        // Beginnings and progress have their bars; ends and the swap are told by the phase and the result. A kind of a
        // later version is in the log.
        _ => hook_lines(event, detail, palette),
    }
}

fn held_line(waits: &str, staging_bytes: u64, palette: Palette) -> String {
    format!(
        "{} ready: {} in staging, nothing held but the release lock; waiting {waits}",
        palette.notable("‖"),
        bytes(staging_bytes)
    )
}

fn released_line(go: Option<&Go>, held_ms: u64, palette: Palette) -> String {
    let why = match go {
        Some(Go { by, host, .. }) if host.is_empty() => format!("{by} said go"),
        Some(Go { by, host, .. }) => format!("{by} on {host} said go"),
        None => "its moment has come".to_owned(),
    };
    format!("{} held for {}: {why}", palette.good("▸"), took(held_ms))
}

fn started(release: i64, name: &str, label: &str, palette: Palette) -> String {
    let id = palette.faint(format!("(release {release})"));
    format!("{} {} {id}", palette.strong(name), palette.strong(label))
}

/// What a release waits for before its swap: the end of a sentence.
pub(super) fn waits_for(go: bool, not_before: Option<Timestamp>) -> String {
    match (go, not_before) {
        (true, None) => "for `cutover go`".to_owned(),
        (true, Some(time)) => format!("for `cutover go`, and for {}", moment(time)),
        (false, Some(time)) => format!("for {}", moment(time)),
        (false, None) => "for nothing".to_owned(),
    }
}

fn cancelled(terminated: bool) -> &'static str {
    if terminated {
        "ended, as it was idle in a transaction that blocked the swap:"
    } else {
        "cancelled, as it blocked the swap:"
    }
}

/// What an importer has done, in a line.
pub(super) fn finished(importer: &str, rows: u64, sent: u64, took_ms: u64) -> String {
    let rows = counted(rows, "row", "rows");
    let sent = if sent == 0 {
        String::new()
    } else {
        format!(", {}", bytes(sent))
    };
    format!("{importer}: {rows}{sent}, {}", took(took_ms))
}

/// The width of the longest phase name and of the longest time below an hour.
fn phase_line(mark: &str, phase: Phase, time: &str, text: &str, palette: Palette) -> String {
    format!(
        "{mark} {phase:<21} {}  {text}",
        palette.faint(format!("{time:>11}"))
    )
    .trim_end()
    .to_owned()
}

fn check_lines(
    check: &str,
    text: &str,
    (violations, fatal): (u64, bool),
    detail: Detail,
    palette: Palette,
) -> Vec<String> {
    match (violations, fatal, detail) {
        (0, false, Detail::Phases) => Vec::new(),
        (0, false, Detail::Everything) => vec![small(format!("{check}: no violations"), palette)],
        (_, true, _) => vec![format!("{} {check}: {text}", palette.bad("✗"))],
        (_, false, _) => vec![format!("{} {check}: {text}", palette.notable("!"))],
    }
}

fn violations_text(violations: u64, tolerated: u64) -> String {
    let tolerated = match tolerated {
        0 => String::new(),
        rows => format!(" ({} tolerated)", count(rows)),
    };
    match violations {
        0 => "could not be checked".to_owned(),
        1 => format!("1 violation{tolerated}"),
        violations => format!("{} violations{tolerated}", count(violations)),
    }
}

pub(super) fn small(text: String, palette: Palette) -> String {
    format!("  {}", palette.faint(text))
}

/// How many sessions are named, and how much of their queries is shown.
const SESSIONS: usize = 3;
const QUERY: usize = 60;

fn notable(text: &str, sessions: &[Blocker], palette: Palette) -> Vec<String> {
    let mut lines = vec![format!("{} {text}", palette.notable("!"))];
    lines.extend(
        sessions
            .iter()
            .take(SESSIONS)
            .map(|session| small(session_text(session), palette)),
    );
    if sessions.len() > SESSIONS {
        lines.push(small(format!("and {} more", sessions.len() - SESSIONS), palette));
    }
    lines
}

/// A session in the way, in a line.
pub(super) fn session_text(session: &Blocker) -> String {
    let user = session.user.as_deref().unwrap_or("no user");
    let query = start_of(&session.query);
    let age = took(session.transaction_age_ms);
    format!(
        "pid {}, {:?} of {user}, in a transaction for {age}: {query}",
        session.pid, session.application
    )
}

fn waiter_text(session: &Waiter) -> String {
    let user = session.user.as_deref().unwrap_or("no user");
    let query = start_of(&session.query);
    let waited = took(session.waited_ms);
    format!(
        "pid {}, {:?} of {user}, for {waited}: {query}",
        session.pid, session.application
    )
}

fn start_of(query: &str) -> String {
    let query = query.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: String = query.chars().take(QUERY).collect();
    let more = if shown.len() < query.len() { "…" } else { "" };
    format!("{shown}{more}")
}

pub(super) fn took(millis: u64) -> String {
    duration(Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(event: &EventKind, detail: Detail) -> String {
        event_lines(event, detail, Palette::PLAIN).join("\n")
    }

    fn blocker() -> Blocker {
        Blocker {
            pid: 4711,
            user: Some("reporting".to_owned()),
            application: "nightly".to_owned(),
            backend_type: "client backend".to_owned(),
            transaction_age_ms: 61_500,
            query: "SELECT count(*)\nFROM sites".to_owned(),
        }
    }

    #[test]
    fn a_phase_is_one_line_in_columns() {
        let finished = EventKind::PhaseFinished {
            phase: Phase::Preflight,
            summary: "14 checks, 0 violations".to_owned(),
            took_ms: 1234,
        };
        let skipped = EventKind::PhaseSkipped {
            phase: Phase::RefreshViews,
            reason: "refresh is off".to_owned(),
        };
        insta::assert_snapshot!(
            format!("{}\n{}", text(&finished, Detail::Phases), text(&skipped, Detail::Phases)),
            @r"
        ✓ preflight                   1.2 s  14 checks, 0 violations
        - refresh_views                      refresh is off
        "
        );
    }

    #[test]
    fn whoever_is_in_the_way_is_named() {
        let event = EventKind::LockAttemptFailed {
            attempt: 2,
            relation: None,
            blockers: vec![blocker()],
            retry_in_ms: 250,
        };
        insta::assert_snapshot!(text(&event, Detail::Phases), @r#"
        ! attempt 2: the locks were not free; next attempt in 250 ms
          pid 4711, "nightly" of reporting, in a transaction for 1 min 1 s: SELECT count(*) FROM sites
        "#);
        let event = EventKind::WaitingForSnapshots {
            holders: vec![blocker()],
        };
        insta::assert_snapshot!(text(&event, Detail::Phases), @r#"
        ! waiting for 1 session whose snapshot is older than the new data
          pid 4711, "nightly" of reporting, in a transaction for 1 min 1 s: SELECT count(*) FROM sites
        "#);
    }

    #[test]
    fn a_hold_and_its_end_are_a_line_each() {
        let held = |waits_for_go, not_before: Option<&str>| EventKind::Held {
            release: 7,
            waits_for_go,
            not_before: not_before.map(|time| time.parse().unwrap()),
            staging_bytes: 78_900_000,
        };
        let time = Some("2026-11-21T22:00:00Z");
        let events = [
            held(true, None),
            held(false, time),
            held(true, time),
            EventKind::Released {
                release: 7,
                go: None,
                held_ms: 61_500,
            },
        ];
        let lines: Vec<String> = events.iter().map(|event| text(event, Detail::Phases)).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        ‖ ready: 78.9 MB in staging, nothing held but the release lock; waiting for `cutover go`
        ‖ ready: 78.9 MB in staging, nothing held but the release lock; waiting for 2026-11-21 22:00 UTC
        ‖ ready: 78.9 MB in staging, nothing held but the release lock; waiting for `cutover go`, and for 2026-11-21 22:00 UTC
        ▸ held for 1 min 1 s: its moment has come
        ");
    }

    #[test]
    fn who_waited_behind_is_counted_and_named_in_full() {
        let event = EventKind::WaitingBehind {
            waiting: 2,
            longest_ms: 75,
            sample: vec![Waiter {
                pid: 4711,
                user: Some("tiles".to_owned()),
                application: "martin".to_owned(),
                waited_ms: 75,
                query: "SELECT 1".to_owned(),
            }],
        };
        insta::assert_snapshot!(text(&event, Detail::Everything), @r#"
          2 sessions waited behind this attempt, 75 ms at most
          pid 4711, "martin" of tiles, for 75 ms: SELECT 1
        "#);
        assert_eq!(text(&event, Detail::Phases).lines().count(), 1);
    }

    #[test]
    fn a_long_story_is_told_in_powers_of_two() {
        let attempts = |detail| {
            let attempt = |attempt| EventKind::LockAttemptFailed {
                attempt,
                relation: None,
                blockers: Vec::new(),
                retry_in_ms: 1,
            };
            (1..=100)
                .filter(|number| !text(&attempt(*number), detail).is_empty())
                .count()
        };
        assert_eq!((attempts(Detail::Phases), attempts(Detail::Everything)), (7, 100));
    }

    #[test]
    fn a_crowd_is_counted_and_a_long_query_cut() {
        let holder = Blocker {
            query: "x".repeat(200),
            ..blocker()
        };
        let event = EventKind::WaitingForSnapshots {
            holders: vec![holder; 5],
        };
        let text = text(&event, Detail::Phases);
        assert!(text.ends_with("\n  and 2 more"), "{text}");
        assert!(
            text.lines().all(|line| line.chars().count() < 130) && text.contains("x…"),
            "{text}"
        );
    }

    #[test]
    fn importers_are_only_told_in_full() {
        let event = EventKind::ImportFinished {
            importer: "sources".to_owned(),
            rows: 1400,
            bytes: 0,
            took_ms: 80,
        };
        assert_eq!(text(&event, Detail::Phases), "");
        assert_eq!(text(&event, Detail::Everything), "  sources: 1,400 rows, 80 ms");
    }

    #[test]
    fn a_check_that_finds_nothing_is_silent() {
        let check = |violations, fatal| EventKind::CheckFinished {
            check: "unique x".to_owned(),
            violations,
            tolerated: 0,
            fatal,
        };
        assert_eq!(text(&check(0, false), Detail::Phases), "");
        assert_eq!(text(&check(1, false), Detail::Phases), "! unique x: 1 violation");
        assert_eq!(text(&check(2, true), Detail::Phases), "✗ unique x: 2 violations");
        assert_eq!(
            text(&check(0, true), Detail::Phases),
            "✗ unique x: could not be checked"
        );
        let tolerated = EventKind::CheckFinished {
            check: "unique x".to_owned(),
            violations: 7,
            tolerated: 1000,
            fatal: false,
        };
        assert_eq!(
            text(&tolerated, Detail::Phases),
            "! unique x: 7 violations (1,000 tolerated)"
        );
    }
}
