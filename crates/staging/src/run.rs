//! Carrying out a build, and reading back what came of it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use cutover_core::catalog::{CatalogSnapshot, Relation, read_fingerprint};
use cutover_core::{
    EventKind, Events, Ident, ObjectKind, ObjectName, Plan, QualifiedName, Sql, StatementError, Step, millis,
    write_comment,
};
use tokio_postgres::{Client, Transaction};

use crate::build::Build;
use crate::diff::reprinted;
use crate::in_the_way::refuse_what_is_in_the_way;
use crate::pipeline;
use crate::references::refuse_references_to_live;
use crate::staged::StagedMember;
use crate::{CloneOptions, Reprinted, StagedSet, StagingError};

/// A build with the facts of live that running it needs.
#[derive(Debug, Clone)]
pub(crate) struct Construction {
    schema: Ident,
    build: Build,
    /// The members that get twins, to compare the twins with.
    live: Vec<Relation>,
    /// All members: none of them may be referred to.
    member_oids: Vec<u32>,
    fingerprint_oids: Vec<u32>,
    /// The schema in which the twins are built.
    scratch: Ident,
}

impl Construction {
    pub(crate) fn new(
        snapshot: &CatalogSnapshot,
        live: &[&Relation],
        build: Build,
        options: &CloneOptions,
    ) -> Self {
        Self {
            schema: snapshot.schema.clone(),
            build,
            live: live.iter().map(|relation| (*relation).clone()).collect(),
            member_oids: snapshot.relations.iter().map(|relation| relation.oid).collect(),
            fingerprint_oids: snapshot.fingerprint_oids(),
            scratch: options.scratch().clone(),
        }
    }

    pub(crate) fn build(&self) -> &Build {
        &self.build
    }

    pub(crate) async fn run(&self, client: &mut Client, events: &Events) -> Result<StagedSet, StagingError> {
        let schema = || ObjectName::global(ObjectKind::Schema, &self.schema);
        let tx = client
            .transaction()
            .await
            .map_err(|error| StatementError::new("begin staging", schema(), error))?;
        let staged = self.run_in(&tx, events).await?;
        tx.commit()
            .await
            .map_err(|error| StatementError::new("commit staging", schema(), error))?;
        Ok(staged)
    }

    pub(crate) async fn run_in(
        &self,
        tx: &Transaction<'_>,
        events: &Events,
    ) -> Result<StagedSet, StagingError> {
        // Settings and locks come first, so the tables compared here cannot change any more. A materialized view cannot be
        // locked; what is done to one after this shows when its twin is compared with it.
        let (first, rest) = self.build.steps.steps.split_at(self.steps_before_check());
        for notice in &self.build.notices {
            events.emit(EventKind::Warning {
                message: notice.clone(),
            });
        }
        run_steps(tx, first, 0, events).await?;
        let found = read_fingerprint(tx, &self.fingerprint_oids).await?;
        if found != self.build.steps.digest {
            return Err(StagingError::LiveChanged {
                planned: self.build.steps.digest.clone(),
                found,
            });
        }
        refuse_what_is_in_the_way(
            tx,
            &self.schema,
            self.staging_schema(),
            &self.build.members,
            &self.scratch,
        )
        .await?;
        run_steps(tx, rest, first.len(), events).await?;
        let live_untouched = self.make_changes(tx, events).await?;

        let names: Vec<Ident> = self
            .build
            .members
            .iter()
            .map(|m| m.staging.name.clone())
            .collect();
        let twins = CatalogSnapshot::read_relations(tx, &self.schema, self.staging_schema(), &names).await?;
        let staged = self.staged(&twins);
        refuse_references_to_live(tx, &self.schema, &staged.oids(), &self.member_oids).await?;
        if !live_untouched {
            return Err(StagingError::ChangesLive);
        }
        run_steps(
            tx,
            &self.build.put_off.steps,
            self.build.steps.steps.len(),
            events,
        )
        .await?;
        Ok(staged)
    }

    /// Runs the statements of the release file's owner, which may not end the transaction; `true` when live is as it was.
    async fn make_changes(&self, tx: &Transaction<'_>, events: &Events) -> Result<bool, StagingError> {
        let changes = &self.build.changes.steps;
        if changes.is_empty() {
            return Ok(true);
        }
        let before = read_fingerprint(tx, &self.fingerprint_oids).await?;
        let guarded: Vec<Step> = changes.iter().map(within_the_transaction).collect();
        run_steps(tx, &guarded, self.build.steps.steps.len(), events).await?;
        Ok(read_fingerprint(tx, &self.fingerprint_oids).await? == before)
    }

    fn staging_schema(&self) -> &Ident {
        let members = &self.build.members;
        members
            .first()
            .map_or(&self.schema, |member| &member.staging.schema)
    }

    /// The settings, and the lock on live where there are tables.
    fn steps_before_check(&self) -> usize {
        let locks = self
            .build
            .steps
            .steps
            .iter()
            .take(2)
            .filter(|step| !step.locks.is_empty());
        1 + locks.count()
    }

    fn staged(&self, twins: &[Relation]) -> StagedSet {
        let by_name: BTreeMap<&QualifiedName, &Relation> =
            twins.iter().map(|twin| (&twin.name, twin)).collect();
        let twin_of = |staging: &QualifiedName| by_name.get(staging).copied();
        let pairs = self.build.members.iter();
        let pairs = pairs.filter_map(|member| Some((member, twin_of(&member.staging)?)));
        let members = pairs.map(|(member, twin)| StagedMember {
            live: member.live.clone(),
            live_oid: member.live_oid,
            staging: member.staging.clone(),
            oid: twin.oid,
            kind: member.kind,
            partition_of: member.partition_of.clone(),
            parts: member.parts.clone(),
            reprinted: Vec::new(),
        });
        let mut staged = StagedSet {
            schema: self.schema.clone(),
            members: members.collect(),
            post_data: self.build.post_data.clone(),
            live_fingerprint: self.build.steps.digest.clone(),
            live_oids: self.fingerprint_oids.clone(),
        };
        let found: Vec<Vec<Reprinted>> = staged
            .members
            .iter()
            .map(|member| {
                let live = self.live.iter().find(|live| live.oid == member.live_oid);
                match (live, twin_of(&member.staging)) {
                    (Some(live), Some(twin)) => reprinted(live, twin, &staged),
                    _ => Vec::new(),
                }
            })
            .collect();
        for (member, reprinted) in staged.members.iter_mut().zip(found) {
            member.reprinted = reprinted;
        }
        staged
    }
}

/// The server refuses to end a transaction from within a function.
fn within_the_transaction(step: &Step) -> Step {
    let body = Sql::text("BEGIN EXECUTE ")
        .literal(step.sql.as_str())
        .then("; END");
    Step {
        sql: Sql::text("DO LANGUAGE plpgsql ").literal(body.as_str()),
        ..step.clone()
    }
}

impl fmt::Display for Construction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let build = &self.build;
        for notice in &build.notices {
            write_comment(f, format_args!("note: {notice}"))?;
        }
        write!(f, "{}", build.steps)?;
        if !build.changes.steps.is_empty() {
            write!(f, "{}", build.changes)?;
        }
        if !build.put_off.steps.is_empty() {
            write!(f, "{}", build.put_off)?;
        }
        if !build.post_data.is_empty() {
            let mut after = Plan::new("after the rows are there", build.steps.digest.clone());
            after.steps = build.post_data.iter().map(crate::DeferredStep::step).collect();
            write!(f, "{after}")?;
        }
        Ok(())
    }
}

async fn run_steps(
    tx: &Transaction<'_>,
    steps: &[Step],
    done_before: usize,
    events: &Events,
) -> Result<(), StagingError> {
    let mut last = Instant::now();
    let told = pipeline::run_steps(tx, steps, done_before, |step| {
        events.emit(EventKind::StepDone {
            purpose: step.purpose,
            object: step.object.clone(),
            took_ms: millis(last.elapsed()),
        });
        last = Instant::now();
    });
    Ok(told.await?)
}
