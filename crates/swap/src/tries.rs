//! Counting tries, telling who was in the way, pausing, giving up.

use std::time::{Duration, Instant};

use tokio_postgres::GenericClient;

use cutover_core::{Blocker, EventKind, Events, ObjectName, QualifiedName, StatementError, millis};

use crate::blockers;
use crate::error::SwapError;
use crate::pause::pause;
use crate::policy::{LockPolicy, NO_WAIT};
use crate::victim::DeadlockRule;
use crate::window::LockWindow;

/// The tries of one swap so far.
pub(crate) struct Tries<'a> {
    policy: &'a LockPolicy,
    rule: DeadlockRule,
    events: &'a Events,
    locked_oids: &'a [u32],
    started: Instant,
    count: u32,
    met: Vec<Blocker>,
    windows: Vec<LockWindow>,
}

impl<'a> Tries<'a> {
    pub(crate) fn new(
        policy: &'a LockPolicy,
        rule: DeadlockRule,
        events: &'a Events,
        locked_oids: &'a [u32],
    ) -> Self {
        Self {
            policy,
            rule,
            events,
            locked_oids,
            started: Instant::now(),
            count: 0,
            met: Vec::new(),
            windows: Vec::new(),
        }
    }

    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Who was in the way, each session once, as it was seen first; and when readers may have been held up.
    pub(crate) fn into_seen(self) -> (Vec<Blocker>, Vec<LockWindow>) {
        (self.met, self.windows)
    }

    /// Notes a try that asked for its locks and has given them back, or committed.
    pub(crate) fn held_up(&mut self, window: LockWindow) {
        self.windows.push(window);
    }

    pub(crate) fn rule(&self) -> DeadlockRule {
        self.rule
    }

    /// Counts a try and says how long it may wait: not at all behind somebody who has been in the way for so much longer than
    /// a try may wait that it is likely to stay. Readers would queue behind us for nothing. That is a guess, and where there
    /// is always some such reader it would keep us from ever waiting: so every third try waits all the same, for less.
    pub(crate) async fn next_wait(
        &mut self,
        client: &impl GenericClient,
        object: &ObjectName,
    ) -> Result<Duration, StatementError> {
        self.count += 1;
        let wish = self.policy.wait_in(self.count);
        if wish <= NO_WAIT {
            return Ok(wish);
        }
        let blockers = blockers::read(client, self.locked_oids, object).await?;
        let wait = if !blockers.iter().any(|blocker| self.is_likely_to_stay(blocker)) {
            wish
        } else if self.count.is_multiple_of(3) {
            wish.min(self.policy.wait_in_vain())
        } else {
            NO_WAIT
        };
        Ok(self.rule.bound(wait))
    }

    /// Autovacuum is not: it steps aside for whoever waits for a while.
    fn is_likely_to_stay(&self, blocker: &Blocker) -> bool {
        blocker.transaction_age_ms > millis(self.policy.stall_budget * 5)
            && blocker.backend_type != "autovacuum worker"
    }

    /// Tells who was in the way of a try that failed, and pauses.
    pub(crate) async fn pause_after(
        &mut self,
        client: &impl GenericClient,
        error: StatementError,
    ) -> Result<(), SwapError> {
        let blockers = blockers::read(client, self.locked_oids, &error.object).await?;
        for blocker in &blockers {
            if !self.met.iter().any(|met| met.pid == blocker.pid) {
                self.met.push(blocker.clone());
            }
        }
        let name = |schema| QualifiedName::new(schema, error.object.name.clone());
        let relation = error
            .object
            .of
            .clone()
            .or_else(|| error.object.schema.clone().map(name));
        let count = self.count.max(1);
        let length = self.policy.pause_after(count);
        let sqlstate = error.sqlstate().map_or("", |state| state.code());
        tracing::debug!(attempt = count, sqlstate, error = %error.database_error(), "locks not taken");
        self.events.emit(EventKind::LockAttemptFailed {
            attempt: count,
            relation,
            blockers: blockers.clone(),
            retry_in_ms: millis(length),
        });
        self.cancel_blockers(client, &error.object).await?;
        let Some(length) = self.time_for(length) else {
            return Err(SwapError::LockDeadline {
                waited: self.policy.deadline,
                attempts: count,
                blockers,
                source: error,
            });
        };
        Ok(pause(client, length, &error.object).await?)
    }

    /// Once patience has run out, where that was asked for.
    async fn cancel_blockers(
        &self,
        client: &impl GenericClient,
        wanted: &ObjectName,
    ) -> Result<(), SwapError> {
        let patience = self.policy.cancel_blockers_after;
        if patience.is_some_and(|patience| self.started.elapsed() >= patience) {
            for (blocker, terminated) in blockers::cancel(client, self.locked_oids, wanted).await? {
                tracing::warn!(pid = blocker.pid, terminated, "blocker cancelled");
                self.events
                    .emit(EventKind::BlockerCancelled { blocker, terminated });
            }
        }
        Ok(())
    }

    /// Pauses after a try that held its locks for too long, or met somebody else's lock while it did.
    pub(crate) async fn pause_after_overrun(
        &mut self,
        client: &impl GenericClient,
        held: Duration,
        object: &ObjectName,
        error: Option<StatementError>,
    ) -> Result<(), SwapError> {
        if let Some(error) = error.filter(|error| error.sqlstate().is_some_and(|s| s.code() != "57014")) {
            return self.pause_after(client, error).await;
        }
        let budget = self.policy.exclusive_budget;
        self.events.emit(EventKind::Warning {
            message: format!(
                "the swap held its locks for {} ms, more than its budget of {} ms, and was rolled back; it tries again",
                held.as_millis(),
                budget.as_millis()
            ),
        });
        match self.time_for(self.policy.pause_after(self.count.max(1))) {
            Some(length) => Ok(pause(client, length, object).await?),
            None => Err(SwapError::TooSlow {
                budget,
                attempts: self.count,
            }),
        }
    }

    /// How much of a pause there is time for; `None` once the deadline has passed. The last try comes right at it.
    fn time_for(&self, pause: Duration) -> Option<Duration> {
        let left = self.policy.deadline.saturating_sub(self.started.elapsed());
        (!left.is_zero()).then_some(pause.min(left))
    }
}
