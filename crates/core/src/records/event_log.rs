//! The events of a release, kept with it.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio_postgres::GenericClient;

use super::Records;
use crate::{Event, Phase, StatementError};

/// What the log tells of how a release has gone so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Course {
    /// Phases that have ended, in their order, each with how long it took when it last ran, in milliseconds.
    pub phases: Vec<(Phase, u64)>,
    /// What the checks of sources, and of rows on their way, found when they last ran: violations by check.
    pub checks: BTreeMap<String, u64>,
}

impl Records {
    /// Reads how a release has gone so far, in all its runs.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be read.
    pub async fn course(&self, client: &impl GenericClient, release: i64) -> Result<Course, StatementError> {
        let rows = client
            .query(include_str!("sql/course.sql"), &[&release])
            .await
            .map_err(self.failed("read the course of"))?;
        let mut course = Course::default();
        for row in &rows {
            let (kind, name): (&str, String) = (row.get(0), row.get(1));
            let number = row.get::<_, i64>(2).unsigned_abs();
            if kind == "check_finished" {
                course.checks.insert(name, number);
            } else if let Ok(phase) = name.parse() {
                course.phases.push((phase, number));
            }
        }
        course.phases.sort_unstable();
        Ok(course)
    }

    /// Appends events to a release's log.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be written.
    pub async fn add_events(
        &self,
        client: &impl GenericClient,
        release: i64,
        phase: Option<Phase>,
        events: &[Event],
    ) -> Result<(), StatementError> {
        let failed = self.failed("log the events of");
        let mut times = Vec::with_capacity(events.len());
        let mut kinds = Vec::with_capacity(events.len());
        let mut payloads = Vec::with_capacity(events.len());
        for event in events {
            // Events are plain data of ours; one that cannot be written as JSON is not worth failing a release for.
            let Ok(mut payload) = serde_json::to_value(&event.kind) else {
                continue;
            };
            replace_nuls(&mut payload);
            times.push(event.at);
            kinds.push(
                payload
                    .get("event")
                    .and_then(|kind| kind.as_str())
                    .unwrap_or_default()
                    .to_owned(),
            );
            payloads.push(payload);
        }
        client
            .execute(
                "INSERT INTO cutover.event (release, seq, at, phase, kind, payload) \
                 SELECT $1, e.n + (SELECT coalesce(pg_catalog.max(seq), 0) FROM cutover.event WHERE release = $1), \
                        e.at, $2, e.kind, e.payload \
                   FROM ROWS FROM (pg_catalog.unnest($3::timestamptz[]), pg_catalog.unnest($4::text[]), \
                                   pg_catalog.unnest($5::jsonb[])) \
                        WITH ORDINALITY e (at, kind, payload, n)",
                &[&release, &phase.map(Phase::as_str), &times, &kinds, &payloads],
            )
            .await
            .map_err(&failed)?;
        Ok(())
    }
}

/// A quoted value in a message may hold a NUL, which `jsonb` refuses.
fn replace_nuls(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => *text = text.replace('\0', "\u{fffd}"),
        Value::Array(items) => items.iter_mut().for_each(replace_nuls),
        Value::Object(fields) => fields.values_mut().for_each(replace_nuls),
        _ => {}
    }
}
