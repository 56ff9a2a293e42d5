//! What people are told: a document for programs, and its text.

use std::fmt::Write as _;
use std::time::Duration;

use cutover_core::records::{Go, ReleaseKind};
use cutover_core::{Phase, RowsMeasured, Stamp};
use jiff::Timestamp;
use jiff::fmt::friendly::SpanPrinter;
use serde::Serialize;

use crate::manifest;

/// The version of the shape of messages that are posted to a webhook; it grows when a field changes its meaning or goes.
pub const NOTIFICATION_SCHEMA_VERSION: u32 = 1;

/// Relations whose counts are told in a text; a document has all of them.
const RELATIONS: usize = 40;

/// Something that people are told of a release. As JSON it is what `[notify.webhook]` posts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Message {
    pub(super) schema_version: u32,
    pub(super) at: Timestamp,
    pub(super) release_set: String,
    /// The record's number; none was opened where a release could not begin.
    pub(super) release: Option<i64>,
    pub(super) label: Option<String>,
    pub(super) operation: ReleaseKind,
    #[serde(flatten)]
    pub(super) news: News,
    /// All of it for people, in lines.
    pub(super) text: String,
}

/// What has happened. Serialised with its name in the field `news`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "news", rename_all = "snake_case")]
pub(super) enum News {
    NotBegun {
        error: String,
        remedy: String,
    },
    Started,
    PhaseComplete {
        phase: Phase,
        summary: String,
        took_ms: u64,
    },
    ImportComplete {
        importer: String,
        rows: u64,
        took_ms: u64,
    },
    ImportProgress {
        done: usize,
        importers: usize,
        rows: u64,
        rows_per_s: u64,
        left_ms: Option<u64>,
    },
    Held(Hold),
    StillHeld {
        held_ms: u64,
        #[serde(flatten)]
        hold: Hold,
    },
    Released {
        go: Option<Go>,
        held_ms: u64,
    },
    Swapped {
        backup: Stamp,
        exclusive_ms: u64,
        relations: Vec<Change>,
    },
    RolledBack {
        backup: Stamp,
        exclusive_ms: u64,
        relations: Vec<Change>,
    },
    Failed {
        phase: Phase,
        error: String,
        remedy: String,
    },
    Ended {
        state: String,
    },
    Warning {
        message: String,
    },
}

/// What a release waits for, and what that costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Hold {
    pub(super) waits_for_go: bool,
    pub(super) not_before: Option<Timestamp>,
    pub(super) staging_bytes: u64,
    pub(super) relations: Vec<Change>,
}

/// A relation's rows, before and after.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Change {
    relation: String,
    before: u64,
    after: u64,
    /// In percent of what was before; absent where that was nothing.
    percent: Option<f64>,
}

impl Change {
    pub(super) fn of(measured: &RowsMeasured) -> Self {
        let (before, after) = (measured.live_rows, measured.rows);
        Self {
            relation: measured.relation.clone(),
            before,
            after,
            percent: manifest::change(after, before).map(|share| (share * 10_000.0).round() / 100.0),
        }
    }

    fn line(&self) -> String {
        let Self {
            relation,
            before,
            after,
            percent,
        } = self;
        match percent {
            Some(percent) => format!("{relation}: {before} → {after} rows ({percent:+.2} %)"),
            None => format!("{relation}: {before} → {after} rows"),
        }
    }
}

impl News {
    /// The text for people; the first line says it all.
    pub(super) fn text(&self) -> String {
        match self {
            Self::NotBegun { error, remedy } => format!("could not begin: {error}\nremedy: {remedy}"),
            Self::Started => "has started".to_owned(),
            Self::PhaseComplete {
                phase,
                summary,
                took_ms,
            } => format!("{phase} is done: {summary} ({})", seconds(*took_ms)),
            Self::ImportComplete {
                importer,
                rows,
                took_ms,
            } => format!("{importer} is imported: {rows} rows ({})", seconds(*took_ms)),
            Self::ImportProgress {
                done,
                importers,
                rows,
                rows_per_s,
                left_ms,
            } => {
                let left = left_ms.map(|left| format!(", about {} left", lasting(left)));
                format!(
                    "{done} of {importers} imports are done, {rows} rows are in, {rows_per_s} a second{}",
                    left.unwrap_or_default()
                )
            }
            Self::Held(hold) => format!("everything is ready; it waits {}\n{}", hold.waits(), hold.costs()),
            Self::StillHeld { held_ms, hold } => format!(
                "still waits {}, for {} now\n{}",
                hold.waits(),
                lasting(*held_ms),
                hold.costs()
            ),
            Self::Released { go, held_ms } => {
                let why = match go {
                    Some(Go { by, host, .. }) if host.is_empty() => format!("{by} said go"),
                    Some(Go { by, host, .. }) => format!("{by} on {host} said go"),
                    None => "its moment has come".to_owned(),
                };
                format!("goes on after {}: {why}", lasting(*held_ms))
            }
            Self::Swapped {
                backup,
                exclusive_ms,
                relations,
            } => format!(
                "is live; readers were held up for at most {exclusive_ms} ms; `cutover rollback {backup}` takes it back{}",
                lines(relations)
            ),
            Self::RolledBack {
                backup,
                exclusive_ms,
                relations,
            } => format!(
                "is done: the backup set is live again; readers were held up for at most {exclusive_ms} ms; \
                 `cutover rollback {backup}` takes that back{}",
                lines(relations)
            ),
            Self::Failed { phase, error, remedy } => format!("failed in {phase}: {error}\nremedy: {remedy}"),
            Self::Ended { state } => format!("has ended: {state}"),
            Self::Warning { message } => format!("warning: {message}"),
        }
    }

    /// A few plain words, for the subject of a mail.
    fn words(&self) -> String {
        match self {
            Self::NotBegun { .. } => "could not begin".to_owned(),
            Self::Started => "has started".to_owned(),
            Self::PhaseComplete { phase, .. } => format!("{phase} is done"),
            Self::ImportComplete { .. } | Self::ImportProgress { .. } => "imports".to_owned(),
            Self::Held(_) => "is ready and waits".to_owned(),
            Self::StillHeld { held_ms, .. } => format!("still waits, for {} now", lasting(*held_ms)),
            Self::Released { .. } => "goes on".to_owned(),
            Self::Swapped { .. } => "is live".to_owned(),
            Self::RolledBack { .. } => "is done".to_owned(),
            Self::Failed { phase, .. } => format!("FAILED in {phase}"),
            Self::Ended { state } => format!("has ended: {state}"),
            Self::Warning { .. } => "warning".to_owned(),
        }
    }

    fn emoji(&self) -> &'static str {
        match self {
            Self::NotBegun { .. } | Self::Failed { .. } => ":x:",
            Self::Started | Self::Released { .. } => ":arrow_forward:",
            Self::PhaseComplete { .. } => ":heavy_check_mark:",
            Self::ImportComplete { .. } | Self::ImportProgress { .. } => ":small_blue_diamond:",
            Self::Held(_) | Self::StillHeld { .. } => ":raised_hand:",
            Self::Swapped { .. } => ":rocket:",
            Self::RolledBack { .. } => ":rewind:",
            Self::Ended { .. } => ":checkered_flag:",
            Self::Warning { .. } => ":warning:",
        }
    }
}

impl Hold {
    fn waits(&self) -> String {
        match (self.waits_for_go, self.not_before) {
            (true, None) => "for `cutover go`".to_owned(),
            (true, Some(moment)) => format!("for `cutover go`, and for {moment}"),
            (false, Some(moment)) => format!("for {moment}"),
            (false, None) => "for nothing".to_owned(),
        }
    }

    /// What waiting costs, and what is waited with.
    fn costs(&self) -> String {
        format!(
            "waiting costs {} of disk for staging; no table is locked, and no snapshot holds back vacuum{}",
            bytes(self.staging_bytes),
            lines(&self.relations)
        )
    }
}

impl Message {
    /// `wdpa Oct2026: is live`.
    pub(super) fn subject(&self) -> String {
        format!("[cutover] {}: {}", self.about(), self.news.words())
    }

    /// What is mailed.
    pub(super) fn mail_text(&self) -> String {
        let release = self
            .release
            .map(|release| format!("\n\n(release {release}; `cutover status` tells more)"));
        format!("{} {}{}", self.about(), self.text, release.unwrap_or_default())
    }

    /// What Slack shows.
    pub(super) fn slack_text(&self) -> String {
        let label = self.label.as_ref().map(|label| format!(" {}", escape(label)));
        format!(
            "{} *{}*{} {}",
            self.news.emoji(),
            escape(&self.release_set),
            label.unwrap_or_default(),
            escape(&self.text)
        )
    }

    fn about(&self) -> String {
        match &self.label {
            Some(label) => format!("{} {label}", self.release_set),
            None => self.release_set.clone(),
        }
    }
}

/// The three characters that mean something in Slack's markup.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn lines(relations: &[Change]) -> String {
    let mut text = String::new();
    for change in relations.iter().take(RELATIONS) {
        text.push('\n');
        text.push_str(&change.line());
    }
    if let Some(more @ 1..) = relations.len().checked_sub(RELATIONS) {
        // Writing to a text cannot fail.
        let _ = write!(text, "\nand {more} more");
    }
    text
}

fn seconds(millis: u64) -> String {
    format!("{:.1} s", Duration::from_millis(millis).as_secs_f64())
}

/// As in `2h 30m`: seconds are of no use where it takes minutes.
fn lasting(millis: u64) -> String {
    let seconds = millis / 1000;
    let shown = if seconds < 60 { seconds } else { seconds / 60 * 60 };
    SpanPrinter::new().unsigned_duration_to_string(&Duration::from_secs(shown))
}

/// In the unit that leaves one to four digits.
fn bytes(bytes: u64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let (mut shown, mut unit) = (bytes, 0);
    while shown >= 10_000 && unit + 1 < units.len() {
        shown /= 1024;
        unit += 1;
    }
    format!("{shown} {}", units[unit])
}
