//! Typed events: what progress bars, JSON lines, logs and notifications consume.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::records::{Go, ReleaseKind};
use crate::release_file::HookPoint;
use crate::{ObjectName, Phase, QualifiedName, Stamp};

/// Something that happened, when, and how long after the run began.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// Wall-clock time.
    pub at: Timestamp,
    /// Milliseconds since the run began.
    pub elapsed_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened. Serialised with its name in the field `event`.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// A release or rollback could not begin: no record was opened, and nothing was changed.
    NotBegun {
        /// The release set's name.
        name: String,
        /// New data, or a backup set to be put back.
        operation: ReleaseKind,
        /// The label that was to go live, where one was given.
        label: Option<String>,
        /// The error with its causes.
        error: String,
        /// What to do about it.
        remedy: String,
    },
    /// A release took the lock and opened its record.
    ReleaseStarted {
        /// The record's id.
        release: i64,
        /// The release set's name.
        name: String,
        /// The label that goes live.
        label: String,
        /// Whether new data is to go live or a backup set.
        operation: ReleaseKind,
        /// Since when what is live now has been live; absent before the first release.
        live_since: Option<Timestamp>,
    },
    /// A release ended, well or not.
    ReleaseFinished {
        /// The record's id.
        release: i64,
        /// How it ended, as `status` prints it.
        state: String,
    },
    /// A phase began.
    PhaseStarted {
        /// Which.
        phase: Phase,
    },
    /// A phase ended well.
    PhaseFinished {
        /// Which.
        phase: Phase,
        /// One calm line about what it did.
        summary: String,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
    /// A phase was left out.
    PhaseSkipped {
        /// Which.
        phase: Phase,
        /// Why.
        reason: String,
    },
    /// A phase failed.
    PhaseFailed {
        /// Which.
        phase: Phase,
        /// The error with its causes.
        error: String,
        /// What to do about it.
        remedy: String,
    },
    /// A step of a plan was carried out.
    StepDone {
        /// What was done: a verb phrase that the object completes.
        purpose: &'static str,
        /// To what.
        object: ObjectName,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
    /// How far the build of an index has come, as `pg_stat_progress_create_index` tells it. Counts are those of the
    /// present stage, and 0 of 0 where it counts nothing.
    IndexProgress {
        /// The index.
        index: QualifiedName,
        /// Its table.
        table: QualifiedName,
        /// What the server is doing, e.g. `building index: loading tuples in tree`.
        stage: String,
        /// Blocks done.
        blocks_done: u64,
        /// Blocks to do.
        blocks_total: u64,
        /// Tuples done.
        tuples_done: u64,
        /// Tuples to do.
        tuples_total: u64,
        /// How long it has been built, in milliseconds.
        running_ms: u64,
    },
    /// An importer began.
    ImportStarted {
        /// The importer's name.
        importer: String,
        /// The table it fills.
        into: QualifiedName,
        /// The way the rows travel, and why.
        way: String,
        /// Rows expected, where the source's statistics say so.
        expected_rows: Option<u64>,
    },
    /// An importer goes on where an earlier run of it was broken off. Its source is read in the state that it has now.
    ImportTakenUp {
        /// The importer's name.
        importer: String,
        /// Chunks that are in.
        chunks: u64,
        /// Rows in them.
        rows: u64,
    },
    /// The connection to an importer's source was lost; it is tried again, and what is committed stays.
    ImportSourceLost {
        /// The importer's name.
        importer: String,
        /// The error with its causes.
        error: String,
        /// Pause until the next try, in milliseconds.
        retry_in_ms: u64,
    },
    /// Rows and bytes an importer has moved so far.
    ImportProgress {
        /// The importer's name.
        importer: String,
        /// Rows so far, where they can be seen.
        rows: Option<u64>,
        /// Bytes so far, where they pass through the client.
        bytes: Option<u64>,
        /// Rows expected, where the source's statistics say so.
        expected_rows: Option<u64>,
        /// Rows a second over the last half minute; absent until that can be told.
        rows_per_s: Option<u64>,
        /// Bytes a second over the last half minute.
        bytes_per_s: Option<u64>,
        /// How long the rows still expected take at this rate, in milliseconds. It rests on `expected_rows`, an estimate of the
        /// source's planner from its statistics; absent where there is none, or where more rows than that have come.
        left_ms: Option<u64>,
    },
    /// How far all importers of a phase are together; at most once a second, and when one has ended.
    ImportTotals {
        /// Importers that are done, those included that an earlier run had done.
        done: usize,
        /// Importers of the phase that were asked for.
        importers: usize,
        /// Rows that they have moved, as far as they can be seen.
        rows: u64,
        /// Bytes that passed through the client.
        bytes: u64,
        /// Rows a second of those under way.
        rows_per_s: u64,
        /// Bytes a second of those under way.
        bytes_per_s: u64,
        /// The longest time that one of them has left, in milliseconds; absent while there are importers that have not begun, or
        /// whose time left is unknown.
        left_ms: Option<u64>,
    },
    /// An importer ended well: the server took its rows. They are committed when the transaction they are in is.
    ImportFinished {
        /// The importer's name.
        importer: String,
        /// Rows imported.
        rows: u64,
        /// Bytes that passed through the client; 0 when the server moved the rows itself.
        bytes: u64,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
    /// A lookup added what it did not find to its table, which is outside the release set: committed, and there to stay.
    ValuesAdded {
        /// The importer's name.
        importer: String,
        /// The table.
        table: QualifiedName,
        /// The column of that table that got the values.
        column: String,
        /// How many.
        values: u64,
    },
    /// The table refused rows of an importer, which were set aside.
    RowsRejected {
        /// The importer's name.
        importer: String,
        /// How many so far.
        rejected: u64,
    },
    /// Rows that a check of the preflight has looked at so far, where they pass through the client.
    CheckProgress {
        /// Which check.
        check: String,
        /// Rows so far.
        rows: u64,
        /// Bytes so far.
        bytes: u64,
        /// Rows expected, where the relation's statistics say so.
        expected_rows: Option<u64>,
    },
    /// A check of the preflight, of the rows of an importer or of the validation ended.
    CheckFinished {
        /// Which check.
        check: String,
        /// How many violations it found.
        violations: u64,
        /// How many rows may offend without stopping the release.
        tolerated: u64,
        /// Whether they stop the release.
        fatal: bool,
    },
    /// What is staged, or the backup set of a rollback, was counted beside what is live; told again when a later run takes it up.
    Measured {
        /// Tables and materialized views, by live name.
        relations: Vec<RowsMeasured>,
    },
    /// A release is ready and waits before its swap, holding nothing but the release lock.
    Held {
        /// The record's id.
        release: i64,
        /// Whether somebody has to say go.
        waits_for_go: bool,
        /// The moment before which it does not go live.
        not_before: Option<Timestamp>,
        /// What staging takes on disk, in bytes.
        staging_bytes: u64,
    },
    /// The release still waits before its swap: a reminder.
    StillHeld {
        /// The record's id.
        release: i64,
        /// Whether somebody has to say go, and has not.
        waits_for_go: bool,
        /// The moment before which it does not go live.
        not_before: Option<Timestamp>,
        /// What staging takes on disk, in bytes.
        staging_bytes: u64,
        /// How long it has waited, in milliseconds.
        held_ms: u64,
    },
    /// The wait before the swap is over, and the swap begins.
    Released {
        /// The record's id.
        release: i64,
        /// Who said go; `None` where only a moment was waited for.
        go: Option<Go>,
        /// How long the release waited, in milliseconds.
        held_ms: u64,
    },
    /// The swap tried to take its locks and did not get them.
    LockAttemptFailed {
        /// Counted from 1.
        attempt: u32,
        /// The relation that could not be locked, where known.
        relation: Option<QualifiedName>,
        /// Who was in the way.
        blockers: Vec<Blocker>,
        /// Pause until the next attempt, in milliseconds.
        retry_in_ms: u64,
    },
    /// While the swap tried for its locks, sessions waited behind it; told once the try has ended. It is sampled: a wait
    /// of some milliseconds may be missed.
    WaitingBehind {
        /// The most that waited at once.
        waiting: u32,
        /// The longest wait seen, in milliseconds.
        longest_ms: u64,
        /// Some of them, the longest wait first.
        sample: Vec<Waiter>,
    },
    /// A session that blocked the swap was made to let go, because that was asked for.
    BlockerCancelled {
        /// Which.
        blocker: Blocker,
        /// Whether the session was ended: it was idle in a transaction, where there is no statement to cancel.
        terminated: bool,
    },
    /// The swap waits for transactions whose snapshot is older than the load.
    WaitingForSnapshots {
        /// Whose.
        holders: Vec<Blocker>,
    },
    /// The swap, or importers, wait for standbys that are further behind than they may be.
    WaitingForStandbys {
        /// Their names.
        standbys: Vec<String>,
    },
    /// A standby has replayed the swap: its readers see the new release.
    LiveOnStandby {
        /// Its name.
        standby: String,
        /// How long after the commit, in milliseconds.
        after_ms: u64,
    },
    /// The swap committed.
    Swapped {
        /// The backup set that holds what was live.
        backup: Stamp,
        /// How many relations changed places.
        relations: usize,
        /// Attempts it took to get the locks.
        attempts: u32,
        /// How long readers could be held up, in milliseconds: from the first exclusive lock to the commit.
        exclusive_ms: u64,
    },
    /// A hook began.
    HookStarted {
        /// Its name.
        hook: String,
        /// The point it is for.
        point: HookPoint,
        /// The phase that is complete, where the point is about one.
        phase: Option<Phase>,
        /// What it does, in a few words without a secret.
        does: String,
    },
    /// A hook did what it is for.
    HookFinished {
        /// Its name.
        hook: String,
        /// The point it is for.
        point: HookPoint,
        /// The phase that is complete, where the point is about one.
        phase: Option<Phase>,
        /// How long it took, in milliseconds.
        took_ms: u64,
        /// The end of what it printed, or was answered; secrets are masked.
        output: String,
    },
    /// A hook failed.
    HookFailed {
        /// Its name.
        hook: String,
        /// The point it is for.
        point: HookPoint,
        /// The phase that is complete, where the point is about one.
        phase: Option<Phase>,
        /// How long it took, in milliseconds.
        took_ms: u64,
        /// Why, without the output.
        error: String,
        /// The end of what it printed, or was answered; secrets are masked.
        output: String,
        /// Whether that stops the release.
        fatal: bool,
    },
    /// A hook was left out.
    HookSkipped {
        /// Its name.
        hook: String,
        /// The point it is for.
        point: HookPoint,
        /// The phase that is complete, where the point is about one.
        phase: Option<Phase>,
        /// Why.
        reason: String,
    },
    /// A backup set was dropped.
    BackupDropped {
        /// Which.
        backup: Stamp,
        /// Its size, in bytes.
        bytes: u64,
    },
    /// Something the operator should know that stops nothing.
    Warning {
        /// The text, with the remedy.
        message: String,
    },
}

/// How many rows a relation has in staging, or in the backup set that comes back, and live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowsMeasured {
    /// Its live name.
    pub relation: String,
    /// Rows live.
    pub live_rows: u64,
    /// Rows of what is to go live.
    pub rows: u64,
}

/// A session that waits behind the swap, as `pg_locks` and `pg_stat_activity` show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiter {
    /// Its server process.
    pub pid: i32,
    /// Its role; absent for background workers.
    pub user: Option<String>,
    /// Its application name.
    pub application: String,
    /// For how long it had waited, in milliseconds.
    pub waited_ms: u64,
    /// The start of its query, at most 200 characters and never as far as a value in it; empty where the asking role may not
    /// see it.
    pub query: String,
}

/// A session that stands in the way, as `pg_stat_activity` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocker {
    /// Its server process.
    pub pid: i32,
    /// Its role; absent for background workers.
    pub user: Option<String>,
    /// Its application name.
    pub application: String,
    /// What kind of process: `client backend`, `autovacuum worker`, …
    pub backend_type: String,
    /// Age of its transaction, in milliseconds.
    pub transaction_age_ms: u64,
    /// The start of its current or last query, at most 200 characters and never as far as a value in it (a string, a number,
    /// a comment); of what is no query (an autovacuum worker, a prepared transaction) what the server says it is.
    pub query: String,
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "pid {} ({} {:?}, user {}, in a transaction for {:.1} s): {}",
            self.pid,
            self.backend_type,
            self.application,
            self.user.as_deref().unwrap_or("none"),
            Duration::from_millis(self.transaction_age_ms).as_secs_f64(),
            self.query.trim_start().lines().next().unwrap_or_default(),
        )
    }
}

/// Takes events as they happen. Must return quickly and not block: it is called from async code.
pub trait EventSink: Send + Sync {
    /// One event happened.
    fn emit(&self, event: &Event);
}

impl<F: Fn(&Event) + Send + Sync> EventSink for F {
    fn emit(&self, event: &Event) {
        self(event);
    }
}

/// A cheap handle through which the crates report events.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use cutover_core::{Event, EventKind, Events};
///
/// let seen = Arc::new(Mutex::new(Vec::new()));
/// let log = Arc::clone(&seen);
/// let events = Events::to(move |event: &Event| log.lock().unwrap().push(event.elapsed_ms));
/// events.emit(EventKind::Warning { message: "disk is filling".into() });
/// assert_eq!(seen.lock().unwrap().len(), 1);
/// ```
#[derive(Clone)]
pub struct Events {
    sinks: Vec<Arc<dyn EventSink>>,
    started: Instant,
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("sinks", &self.sinks.len())
            .finish_non_exhaustive()
    }
}

impl Events {
    /// Nobody listens.
    #[must_use]
    pub fn none() -> Self {
        Self {
            sinks: Vec::new(),
            started: Instant::now(),
        }
    }

    /// One listener; elapsed times count from now.
    pub fn to(sink: impl EventSink + 'static) -> Self {
        Self::none().and(sink)
    }

    /// Adds a listener.
    #[must_use]
    pub fn and(mut self, sink: impl EventSink + 'static) -> Self {
        self.sinks.push(Arc::new(sink));
        self
    }

    /// Tells every listener.
    pub fn emit(&self, kind: EventKind) {
        if self.sinks.is_empty() {
            return;
        }
        let event = Event {
            at: Timestamp::now(),
            elapsed_ms: millis(self.started.elapsed()),
            kind,
        };
        for sink in &self.sinks {
            sink.emit(&event);
        }
    }
}

/// Whole milliseconds of a duration, for events and records.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn blocker(query: &str) -> Blocker {
        Blocker {
            pid: 7,
            user: None,
            application: "report \"x\"".to_owned(),
            backend_type: "client backend".to_owned(),
            transaction_age_ms: 61_250,
            query: query.to_owned(),
        }
    }

    #[test]
    fn a_blocker_is_one_line() {
        let expected =
            r#"pid 7 (client backend "report \"x\"", user none, in a transaction for 61.2 s): SELECT 1"#;
        assert_eq!(blocker("SELECT 1").to_string(), expected);
        assert_eq!(blocker("\n  SELECT 1\n  FROM x").to_string(), expected);
        assert!(blocker("").to_string().ends_with("61.2 s): "));
    }

    #[test]
    fn every_listener_hears_every_event_in_order() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let listener = |name: &'static str| {
            let heard = Arc::clone(&heard);
            move |event: &Event| {
                heard
                    .lock()
                    .unwrap()
                    .push((name, serde_json::to_value(event).unwrap()));
            }
        };
        let events = Events::to(listener("a")).and(listener("b"));
        events.emit(EventKind::PhaseStarted {
            phase: Phase::Preflight,
        });
        events.emit(EventKind::Warning {
            message: "hm".to_owned(),
        });
        let heard = heard.lock().unwrap();
        let told: Vec<(&str, &str)> = heard
            .iter()
            .map(|(name, event)| (*name, event["event"].as_str().unwrap()))
            .collect();
        assert_eq!(
            told,
            [
                ("a", "phase_started"),
                ("b", "phase_started"),
                ("a", "warning"),
                ("b", "warning")
            ]
        );
        assert_eq!(heard[0].1["phase"], "preflight");
        assert!(heard[0].1["at"].is_string() && heard[0].1["elapsed_ms"].is_u64());
    }

    #[test]
    fn durations_too_long_to_count_do_not_wrap() {
        assert_eq!(millis(Duration::from_micros(1999)), 1);
        assert_eq!(millis(Duration::MAX), u64::MAX);
    }
}
