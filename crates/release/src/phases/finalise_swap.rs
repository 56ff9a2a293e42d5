//! `finalise_swap`: staging goes live in one transaction, on the session that holds the lock.

use cutover_core::catalog::CatalogSnapshot;
use cutover_core::{Ident, Session, Stamp};
use cutover_swap::{LockPolicy, StandbyReport, SwapContext, SwapError, SwapPlan};
use jiff::Timestamp;
use tokio_postgres::Client;

use super::counted;
use crate::changes::plan_options;
use crate::report::SwapFigures;
use crate::run::{Run, session_error};
use crate::staged::Staged;
use crate::{Cutover, ReleaseError};

/// How often a swap is planned again because the catalog changed under it.
const PLANS: usize = 3;
impl Run<'_> {
    /// Plans the swap from what the catalog says now, and runs it.
    ///
    /// Locks: see [`SwapPlan::run`]. Killed before the commit, live is as it was; after it, live is new and recorded.
    pub(super) async fn finalise_swap(&mut self) -> Result<String, ReleaseError> {
        if !self.staged.validated {
            let why = "what was staged has not been validated, or is only a part of the dataset".to_owned();
            return Err(ReleaseError::NothingToTakeUp { why });
        }
        let cutover = self.cutover;
        self.validate_what_can_be().await?;
        self.vacuum_what_is_left().await?;
        let prewarmed = self.prewarm().await?;
        self.end_loading_sessions().await?;
        let policy = cutover.lock_policy();
        for message in StandbyReport::read(&*self.session, cutover.schema())
            .await?
            .warnings()
        {
            self.warn(message);
        }
        let observer = cutover.observer().await;
        let mut planned = 0;
        let report = loop {
            planned += 1;
            let plan = cutover.plan_swap(&mut self.session, &self.staged).await?;
            for message in &plan.warnings {
                self.warn(message.clone());
            }
            refuse_orphans(&self.session, &plan).await?;
            cutover
                .remember_keys_to_validate(&self.session, self.release, &plan)
                .await?;
            let context = SwapContext {
                lock: &self.lock,
                records: &self.records,
                release: self.release,
                events: &self.events,
                observer: observer.as_deref(),
            };
            match plan.run(&mut self.session, &context, &policy).await {
                Ok(report) => break SwapFigures::of(&report),
                Err(SwapError::CatalogChanged { .. }) if planned < PLANS => {}
                Err(error @ SwapError::OutcomeUnknown { .. }) => {
                    // Where the records say that it happened, it did; what follows needs the lost session, and warns.
                    let figures = cutover.settle_lost_commit(&context, &plan, error).await?;
                    self.warn(
                        "the connection was lost at the commit; the records tell that it happened".to_owned(),
                    );
                    break figures;
                }
                Err(error) => return Err(error.into()),
            }
        };
        let mut report = report;
        let (replays, warnings) = cutover.wait_for_replay(&self.session, &self.events).await;
        report.standbys = replays;
        for message in warnings {
            self.warn(message);
        }
        let summary = format!(
            "{} relations live, readers held up for at most {} ms, {}{}; backup set {}{}",
            report.relations,
            report.exclusive_ms,
            if report.attempts == 1 {
                "first try".to_owned()
            } else {
                format!("{} tries", report.attempts)
            },
            match report.waited_behind {
                Some(behind) if behind.most_waiting > 0 => format!(
                    " with up to {} waiting behind, {} ms at most",
                    counted(behind.most_waiting, "session"),
                    behind.longest_wait_ms
                ),
                _ => String::new(),
            },
            report.backup,
            prewarmed.map(|told| format!("; {told}")).unwrap_or_default(),
        );
        self.swap = Some(report);
        self.staged = Staged::default();
        Ok(summary)
    }
}

/// Rows outside that would lose what they refer to are told before anything is locked, never deleted.
pub(crate) async fn refuse_orphans(client: &Client, plan: &SwapPlan) -> Result<(), ReleaseError> {
    let orphans = plan.read_orphans(client).await?;
    if orphans.is_empty() {
        Ok(())
    } else {
        Err(ReleaseError::Orphans { orphans })
    }
}

impl Cutover {
    /// The session from which is seen who waits behind the swap; the swap goes on without where there is none to be had.
    pub(crate) async fn observer(&self) -> Option<Session> {
        match self.target.connect("observer").await {
            Ok(session) => Some(session),
            Err(error) => {
                tracing::warn!(%error, "whoever waits behind the swap is not seen");
                None
            }
        }
    }

    /// The bounds of the swap, as `[swap]` sets them.
    pub(crate) fn lock_policy(&self) -> LockPolicy {
        let swap = self.file.swap();
        let policy = LockPolicy::default()
            .stall_budget(swap.stall_budget)
            .exclusive_budget(swap.lock_budget)
            .deadline(swap.deadline)
            .snapshot_deadline(swap.snapshot_deadline)
            .old_snapshots(swap.old_snapshots);
        let policy = match swap.max_standby_lag {
            Some(lag) => policy.max_standby_lag(lag),
            None => policy,
        };
        match swap.cancel_blockers_after {
            Some(patience) => policy.cancel_blockers_after(patience),
            None => policy,
        }
    }

    /// Plans the swap of live and staging; reads only.
    pub(crate) async fn plan_swap(
        &self,
        client: &mut Client,
        staged: &Staged,
    ) -> Result<SwapPlan, ReleaseError> {
        let taken: Vec<Stamp> = self
            .records()?
            .backup_sets(client)
            .await?
            .into_iter()
            .map(|backup| backup.stamp)
            .collect();
        let stamp = Stamp::first_free(Timestamp::now(), &taken);
        let members = self.members_staged(staged);
        let twins: Vec<Ident> = members.iter().map(|member| self.staging(member).name).collect();
        let (live, staging) = self.read_sets(client, &members, &twins).await?;
        let declared = self.declared_changes();
        let set = staged.whole();
        if let Some(set) = &set {
            // Hours may have passed since it was validated.
            declared.check(&live, &staging, set)?;
        }
        let options = plan_options(&declared, &live, set.as_ref());
        let plan = SwapPlan::compute(&live, &staging, &staged.pairing(), &stamp, &self.naming, &options)
            .map_err(|refused| ReleaseError::SwapRefused(Box::new(refused)))?;
        Ok(if self.file.swap().allow_lost_writes {
            plan
        } else {
            plan.refuse_writes_since(staged.writes.clone())
        })
    }

    /// Reads live relations and staging relations as of one moment.
    pub(crate) async fn read_sets(
        &self,
        client: &mut Client,
        live: &[Ident],
        staging: &[Ident],
    ) -> Result<(CatalogSnapshot, CatalogSnapshot), ReleaseError> {
        let tx = client
            .build_transaction()
            .read_only(true)
            .isolation_level(tokio_postgres::IsolationLevel::RepeatableRead)
            .start()
            .await
            .map_err(|error| session_error("begin to read the catalog in", error))?;
        let (schema, beside) = (self.schema(), self.naming.staging_schema(self.schema()));
        let live = CatalogSnapshot::read(&tx, schema, live).await?;
        let live = live.with_schemas(&tx, &self.naming).await?;
        let staging = CatalogSnapshot::read_beside(&tx, schema, beside, staging).await?;
        tx.commit()
            .await
            .map_err(|error| session_error("end reading the catalog in", error))?;
        Ok((live, staging))
    }
}
