//! Which standbys there are, how far behind, and what a swap means for readers there.

use std::fmt;

use serde::Serialize;
use tokio_postgres::{GenericClient, Row};

use cutover_core::StatementError;

use super::schema_object;

/// The standbys of a server at one moment, as it sees them.
///
/// A standby replays the exclusive locks of a swap, a rehearsal's and those of failed tries too. What readers there notice
/// depends on the standby's own settings, which cannot be read from here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StandbyReport {
    /// Attached standbys, and slots whose standby is away, by name.
    pub standbys: Vec<Standby>,
    /// `synchronous_standby_names`, where commits of this session wait for one of them: the swap, live by then and without
    /// its locks, is told of only once it has answered.
    pub waits_for: Option<String>,
    /// This session's `synchronous_commit`.
    pub synchronous_commit: String,
}

/// A standby.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Standby {
    /// Its application name, which is its `cluster_name` unless set otherwise; else its slot's.
    pub name: String,
    /// The walsender that serves it; `None` when it is away and only its slot is left.
    pub pid: Option<i32>,
    /// Where it connects from; `None` for a Unix socket, or where the role may not see it.
    pub client: Option<String>,
    /// `streaming`, `catchup`, …; `None` when it is away, or where the role may not see it (`pg_read_all_stats`).
    pub state: Option<String>,
    /// `async`, `potential`, `sync` or `quorum`.
    pub sync_state: Option<String>,
    /// Its replication slot.
    pub slot: Option<String>,
    /// How much of the log it has not yet written.
    pub write: Lag,
    /// How much of the log it has not yet flushed to disk.
    pub flush: Lag,
    /// How much of the log it has not yet replayed; of one that is away, how much is kept for it.
    pub replay: Lag,
    /// Whether it tells of its oldest snapshot (`hot_standby_feedback`).
    pub feedback: bool,
}

/// How far behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Lag {
    /// In bytes of the log; `None` where it cannot be seen.
    pub bytes: Option<u64>,
    /// How long it took what was last confirmed, in milliseconds; `None` when idle, or where it cannot be seen. It does not
    /// grow while nothing is confirmed.
    pub ms: Option<u64>,
}

impl StandbyReport {
    /// Reads who is attached. Without `pg_read_all_stats` it is told how many, by name, and nothing of how far they are.
    ///
    /// # Errors
    /// The server's.
    pub async fn read(
        client: &impl GenericClient,
        schema: &cutover_core::Ident,
    ) -> Result<Self, StatementError> {
        let failed =
            |error| StatementError::new("look for standbys that replay", schema_object(schema), error);
        let rows = client
            .query_typed(include_str!("../sql/standbys.sql"), &[])
            .await
            .map_err(failed)?;
        let settings = client
            .query_typed(
                "SELECT pg_catalog.current_setting('synchronous_standby_names'), \
                        pg_catalog.current_setting('synchronous_commit')",
                &[],
            )
            .await
            .map_err(failed)?;
        let setting = |index| {
            settings
                .first()
                .map(|row| row.get::<_, String>(index))
                .unwrap_or_default()
        };
        let (names, synchronous_commit) = (setting(0), setting(1));
        let waits = !names.is_empty() && !matches!(synchronous_commit.as_str(), "off" | "local");
        Ok(Self {
            standbys: rows.iter().map(standby).collect(),
            waits_for: waits.then_some(names),
            synchronous_commit,
        })
    }

    /// What the operator should know of them before a swap, in sentences.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let named = |which: &dyn Fn(&&Standby) -> bool| {
            let names: Vec<&str> = self
                .standbys
                .iter()
                .filter(which)
                .map(|s| s.name.as_str())
                .collect();
            (!names.is_empty()).then(|| names.join(", "))
        };
        let mut warnings = Vec::new();
        if let Some(names) = named(&|standby| standby.pid.is_some()) {
            warnings.push(format!(
                "standbys replay the swap's exclusive locks ({names}): there a query that reads the set makes the replay, and \
                 every later reader of the set, wait until it ends or is cancelled after max_standby_streaming_delay, whatever \
                 hot_standby_feedback says; that setting cannot be read from here (SHOW it there)"
            ));
        }
        if let Some(names) = named(&|standby| standby.pid.is_some() && standby.feedback) {
            warnings.push(format!(
                "hot_standby_feedback is on ({names}): the swap waits until no snapshot older than the load is left there, as \
                 told every wal_receiver_status_interval"
            ));
        }
        if let Some(names) = named(&|standby| standby.pid.is_none()) {
            warnings.push(format!(
                "standbys are away ({names}): until they are back and have caught up, readers there go on with the old release"
            ));
        }
        if self
            .standbys
            .iter()
            .any(|standby| standby.pid.is_some() && standby.state.is_none())
        {
            warnings.push(
                "how far the standbys are behind is hidden from this role; GRANT pg_read_all_stats to it to have it told"
                    .to_owned(),
            );
        }
        if let Some(names) = &self.waits_for {
            let until = if self.synchronous_commit == "remote_apply" {
                "has replayed it, past every query there that is in the way"
            } else {
                "has answered"
            };
            warnings.push(format!(
                "commits wait for synchronous standbys ({names}): the swap is told of only when one {until}; readers \
                 of the primary do not wait for that"
            ));
        }
        warnings
    }
}

fn standby(row: &Row) -> Standby {
    let unsigned = |column| {
        row.get::<_, Option<i64>>(column)
            .map(|value| u64::try_from(value).unwrap_or(0))
    };
    let lag = |bytes, ms| Lag {
        bytes: unsigned(bytes),
        ms: unsigned(ms),
    };
    Standby {
        name: row.get("name"),
        pid: row.get("pid"),
        client: row.get("client"),
        state: row.get("state"),
        sync_state: row.get("sync_state"),
        slot: row.get("slot"),
        write: lag("write_bytes", "write_ms"),
        flush: lag("flush_bytes", "flush_ms"),
        replay: lag("replay_bytes", "replay_ms"),
        feedback: row.get("feedback"),
    }
}

/// `reports from 10.0.0.7 (streaming, async): 8192 bytes to replay`
impl fmt::Display for Standby {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(client) = &self.client {
            write!(f, " from {client}")?;
        }
        let state = match (&self.pid, &self.state) {
            (None, _) => "away",
            (Some(_), Some(state)) => state,
            (Some(_), None) => "attached",
        };
        write!(f, " ({state}")?;
        if let Some(sync_state) = &self.sync_state {
            write!(f, ", {sync_state}")?;
        }
        f.write_str(")")?;
        match self.replay.bytes {
            Some(0) => f.write_str(": nothing to replay"),
            Some(bytes) => write!(f, ": {bytes} bytes to replay"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standby(name: &str) -> Standby {
        let none = Lag {
            bytes: None,
            ms: None,
        };
        Standby {
            name: name.to_owned(),
            pid: Some(7),
            client: None,
            state: Some("streaming".to_owned()),
            sync_state: Some("async".to_owned()),
            slot: None,
            write: none,
            flush: none,
            replay: Lag {
                bytes: Some(0),
                ms: None,
            },
            feedback: false,
        }
    }

    fn report(standbys: Vec<Standby>, waits_for: Option<&str>, synchronous_commit: &str) -> StandbyReport {
        StandbyReport {
            standbys,
            waits_for: waits_for.map(str::to_owned),
            synchronous_commit: synchronous_commit.to_owned(),
        }
    }

    #[track_caller]
    fn check(report: &StandbyReport, beginnings: &[&str]) {
        let warnings = report.warnings();
        assert_eq!(warnings.len(), beginnings.len(), "{warnings:#?}");
        for (warning, beginning) in warnings.iter().zip(beginnings) {
            assert!(warning.starts_with(beginning), "{warning}");
        }
    }

    #[test]
    fn each_state_of_things_has_its_warning() {
        check(&report(Vec::new(), None, "on"), &[]);
        let plain = || standby("reports");
        check(
            &report(vec![plain(), standby("maps")], None, "on"),
            &["standbys replay the swap's exclusive locks (reports, maps):"],
        );
        let mut telling = plain();
        telling.feedback = true;
        check(
            &report(vec![telling], None, "on"),
            &["standbys replay", "hot_standby_feedback is on (reports):"],
        );
        let mut away = plain();
        away.pid = None;
        check(&report(vec![away], None, "on"), &["standbys are away (reports):"]);
        let mut hidden = plain();
        hidden.state = None;
        check(&report(vec![hidden], None, "on"), &["standbys replay", "how far"]);
    }

    #[test]
    fn a_commit_that_waits_for_replay_is_told_apart() {
        let waits = report(vec![standby("reports")], Some("ANY 1 (reports)"), "remote_apply");
        assert!(
            waits.warnings()[1].contains("has replayed it"),
            "{:?}",
            waits.warnings()
        );
        let waits = report(vec![standby("reports")], Some("ANY 1 (reports)"), "on");
        assert!(
            waits.warnings()[1].contains("has answered"),
            "{:?}",
            waits.warnings()
        );
    }

    #[test]
    fn a_standby_is_a_line() {
        let mut one = standby("reports");
        assert_eq!(one.to_string(), "reports (streaming, async): nothing to replay");
        one.client = Some("10.0.0.7".to_owned());
        one.replay.bytes = Some(8192);
        assert_eq!(
            one.to_string(),
            "reports from 10.0.0.7 (streaming, async): 8192 bytes to replay"
        );
        one.pid = None;
        assert!(one.to_string().contains("(away, async)"));
    }
}
