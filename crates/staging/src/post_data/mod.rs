//! Carrying out what was put off until the rows were there.

use std::time::Instant;

use cutover_core::{DoneWhen, EventKind, Events, ObjectKind, ObjectName, Plan, StatementError, Step, millis};
use tokio_postgres::Client;

use crate::references::refuse_references_to_live;
use crate::retry::LockPatience;
use crate::{DeferredStep, StagedSet, StagingError, build};

impl StagedSet {
    /// The steps of [`StagedSet::run_post_data`] as a plan to print.
    #[must_use]
    pub fn post_data_plan(&self) -> Plan {
        let mut plan = Plan::new("after the rows are there", self.live_fingerprint.clone());
        plan.steps = self.post_data.iter().map(DeferredStep::step).collect();
        plan
    }

    /// Builds indexes, attaches keys, adds and validates foreign keys, lets triggers fire: each in a transaction of its
    /// own. What was done before, by this or an earlier run, is recognised and left out, so it may be run again after
    /// anything.
    ///
    /// # Locks
    /// On staging, which nobody else uses; and on tables outside the set `SHARE ROW EXCLUSIVE` while a foreign key to
    /// them is added, which stops their writers for that moment, then `ROW SHARE` while it is validated. A lock that is not there within
    /// [`LockPatience::lock_timeout`] is asked for again until [`LockPatience::deadline`].
    /// # Cancel safety
    /// Dropped at any time, whole steps have happened or have not; run it again.
    /// # Errors
    /// [`StagingError::Statement`] names the object and how many steps went before, e.g. when rows violate a key;
    /// [`StagingError::RefersToLive`] when an index was bound to live.
    pub async fn run_post_data(
        &self,
        client: &mut Client,
        patience: &LockPatience,
        events: &Events,
    ) -> Result<(), StagingError> {
        let schema = ObjectName::global(ObjectKind::Schema, &self.schema);
        let version: i32 = client
            .query_one(
                "SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4",
                &[],
            )
            .await
            .map_err(|error| StatementError::new("ask for the version of the server of", schema, error))?
            .get(0);
        let version = u32::try_from(version).unwrap_or_default();
        let settings = build::settings(&self.schema, version, patience.lock_timeout);
        for (done, deferred) in self.post_data.iter().enumerate() {
            let step = deferred.step();
            let started = Instant::now();
            let mut tries = patience.tries();
            let happened = loop {
                match run_once(client, &settings, &step, done).await {
                    Ok(happened) => break happened,
                    Err(error) => tries.pause_after(error, events).await?,
                }
            };
            if happened {
                events.emit(EventKind::StepDone {
                    purpose: step.purpose,
                    object: step.object,
                    took_ms: millis(started.elapsed()),
                });
            }
        }
        let live: Vec<u32> = self.members.iter().map(|member| member.live_oid).collect();
        refuse_references_to_live(client, &self.schema, &self.oids(), &live).await
    }
}

/// One step in one transaction; `false` when it had happened before.
pub(crate) async fn run_once(
    client: &mut Client,
    settings: &Step,
    step: &Step,
    done: usize,
) -> Result<bool, StagingError> {
    let failed = |error| StatementError::new(step.purpose, step.object.clone(), error).after(done);
    let tx = client.transaction().await.map_err(failed)?;
    settings.run(&tx, done).await?;
    if let DoneWhen::Query(query) = &step.done_when {
        let row = tx.query_one(query.as_str(), &[]).await.map_err(failed)?;
        if row.get(0) {
            return Ok(false);
        }
    }
    step.run(&tx, done).await?;
    tx.commit().await.map_err(failed)?;
    Ok(true)
}
