//! Dropping backup sets, one relation a transaction.

use std::time::{Duration, Instant};

use tokio_postgres::Client;

use cutover_core::records::Records;
use cutover_core::{DoneWhen, EventKind, Events, ObjectName, Stamp, StatementError, Step};

use crate::message::{Limits, Stage, StageError};
use crate::pause::pause;
use crate::policy::LockPolicy;
use crate::retention::RetentionPlan;
use crate::victim::DeadlockRule;

/// Dropping backup sets stopped half way. What was dropped is dropped; planning and running again goes on with the
/// rest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DropError {
    /// A statement failed.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The relation of this name is not the one that was recorded; the drop was rolled back.
    #[error("{object} was replaced since the drop was planned")]
    Replaced {
        /// The relation.
        object: Box<ObjectName>,
    },
}

impl DropError {
    /// What the operator can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Statement(error) => error.remedy(),
            Self::Replaced { .. } => "plan the drop again",
        }
    }
}

impl RetentionPlan {
    /// Drops the sets and their records, and returns their stamps.
    ///
    /// # Locks
    /// `ACCESS EXCLUSIVE` on one backup relation at a time, and on the tables its foreign keys refer to. Each is waited
    /// for no longer than [`LockPolicy::stall_budget`], the whole statement takes no longer than
    /// [`LockPolicy::exclusive_budget`], and it is tried again until [`LockPolicy::deadline`].
    ///
    /// Whoever calls this should hold the release lock: a rollback to a set must not meet its drop.
    ///
    /// # Cancel safety
    /// What was dropped is dropped, and a set is forgotten only after its last relation is gone: planning and running
    /// again finishes it.
    ///
    /// # Errors
    /// [`DropError`]; the sets after the one that failed are untouched.
    pub async fn run(
        &self,
        client: &mut Client,
        records: &Records,
        policy: &LockPolicy,
        events: &Events,
    ) -> Result<Vec<Stamp>, DropError> {
        for kept in &self.kept {
            let because: Vec<&str> = kept.because.iter().map(|reason| reason.0.as_str()).collect();
            events.emit(EventKind::Warning {
                message: format!(
                    "backup set {} is kept: {} depends on it; drop that, or point it at live",
                    kept.stamp,
                    because.join(", ")
                ),
            });
        }
        let mut dropped = Vec::with_capacity(self.drops.len());
        if self.drops.is_empty() {
            return Ok(dropped);
        }
        let rule = DeadlockRule::read(client, records.release_set()).await?;
        for set in &self.drops {
            for name in &set.left_alone {
                events.emit(EventKind::Warning {
                    message: format!(
                        "{name} of backup set {} is no longer what was recorded and stays",
                        set.stamp
                    ),
                });
            }
            for (done, step) in set.steps.iter().enumerate() {
                drop_one(client, step, done, policy, rule).await?;
            }
            records.forget_backup(client, &set.stamp).await?;
            events.emit(EventKind::BackupDropped {
                backup: set.stamp.clone(),
                bytes: set.bytes,
            });
            dropped.push(set.stamp.clone());
        }
        Ok(dropped)
    }
}

async fn drop_one(
    client: &mut Client,
    step: &Step,
    done: usize,
    policy: &LockPolicy,
    rule: DeadlockRule,
) -> Result<(), DropError> {
    let started = Instant::now();
    for attempt in 1.. {
        let Some(error) = try_drop(client, step, done, policy, rule).await? else {
            return Ok(());
        };
        if started.elapsed() >= policy.deadline {
            return Err(error.into());
        }
        pause(client, policy.pause_after(attempt), &step.object).await?;
    }
    Ok(())
}

/// `Some` when somebody was in the way.
async fn try_drop(
    client: &mut Client,
    step: &Step,
    done: usize,
    policy: &LockPolicy,
    rule: DeadlockRule,
) -> Result<Option<StatementError>, DropError> {
    let failed = |error| StatementError::new(step.purpose, step.object.clone(), error).after(done);
    let tx = client.transaction().await.map_err(failed)?;
    let limits = Limits {
        lock: rule.bound(policy.stall_budget),
        stage: policy.exclusive_budget,
        after: Duration::ZERO,
        silence: policy.exclusive_budget + Duration::from_secs(1),
    };
    let drop = Stage::send(&tx, "drop", std::slice::from_ref(step))
        .await
        .map_err(|error| error.after(done))?;
    match drop.run(&tx, &limits).await {
        Ok(()) => {}
        Err(StageError::Busy(error)) => {
            tx.rollback().await.map_err(failed)?;
            return Ok(Some(error.after(done)));
        }
        Err(StageError::Failed(error)) => return Err(error.after(done).into()),
    }
    // The name was dropped; was it the relation that was recorded?
    if let DoneWhen::Query(gone) = &step.done_when
        && !tx
            .query_one(gone.as_str(), &[])
            .await
            .map_err(failed)?
            .get::<_, bool>(0)
    {
        tx.rollback().await.map_err(failed)?;
        return Err(DropError::Replaced {
            object: Box::new(step.object.clone()),
        });
    }
    tx.commit().await.map_err(failed)?;
    Ok(None)
}
