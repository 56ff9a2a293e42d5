//! `post_swap`: what follows the swap: foreign keys from outside, added `NOT VALID` under the locks, are validated.

use std::time::Duration;

use cutover_core::{DoneWhen, LockMode, ObjectKind, ObjectName, QualifiedName, Sql, StatementError, Step};
use cutover_swap::SwapPlan;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::release::with_causes;
use crate::run::{Run, session_error};
use crate::{Cutover, ReleaseError};

/// How long a validation waits for its locks, which only hold up DDL.
const LOCK_TIMEOUT: Duration = Duration::from_mins(1);

impl Run<'_> {
    /// Locks: `SHARE UPDATE EXCLUSIVE` on the referencing table, `ROW SHARE` on the member; readers and writers go on.
    /// A kill leaves keys `NOT VALID`: they are checked for new rows already, and taken up again by the next
    /// `post_swap`, or before the next swap.
    pub(super) async fn post_swap(&mut self) -> Result<String, ReleaseError> {
        let validated = self.validate_pending_keys().await?;
        Ok(match validated {
            0 => "nothing to validate".to_owned(),
            1 => "1 foreign key from outside validated".to_owned(),
            n => format!("{n} foreign keys from outside validated"),
        })
    }

    /// Validates the keys that the record of the current release names and that are not validated yet.
    pub(super) async fn validate_pending_keys(&self) -> Result<usize, ReleaseError> {
        let mut client = self.client().await?;
        self.cutover.validate_pending_keys(&mut client).await
    }

    /// The same before the swap. A key that cannot be, because rows violate it, does not stop a release that may bring
    /// what they refer to: it is tried again after the swap.
    pub(super) async fn validate_what_can_be(&self) -> Result<(), ReleaseError> {
        match self.validate_pending_keys().await {
            Err(ReleaseError::Statement(error)) if is_violation(&error) => {
                self.warn(format!("{}; tried again after the swap", with_causes(&error)));
                Ok(())
            }
            validated => validated.map(drop),
        }
    }
}

/// Whether rows stand against a key, and nothing else.
pub(crate) fn is_violation(error: &StatementError) -> bool {
    error.sqlstate() == Some(&SqlState::FOREIGN_KEY_VIOLATION)
}

impl Cutover {
    /// Keeps the names of the keys that will have to be validated, before they are dropped and added again: the plan's,
    /// and those that the present release left `NOT VALID`. They are in no plan, and its record is about to be history.
    pub(crate) async fn remember_keys_to_validate(
        &self,
        client: &Client,
        release: i64,
        plan: &SwapPlan,
    ) -> Result<(), ReleaseError> {
        let records = self.records()?;
        let planned = plan.post_swap.steps.iter().map(|step| step.object.clone());
        let mut keys: Vec<ObjectName> = planned.collect();
        keys.extend(records.keys_to_validate(client).await?);
        Ok(records.set_keys_to_validate(client, release, &keys).await?)
    }

    /// Validates, one transaction each, and returns how many there were. One that cannot be does not keep the others
    /// from it; its error is told in the end.
    pub(crate) async fn validate_pending_keys(&self, client: &mut Client) -> Result<usize, ReleaseError> {
        let keys = self.records()?.keys_to_validate(client).await?;
        let steps: Vec<Step> = keys.iter().filter_map(validate).collect();
        let mut failed = None;
        for (done, step) in steps.iter().enumerate() {
            if let Err(error) = validate_key(client, step, done).await {
                failed.get_or_insert(error);
            }
        }
        failed.map_or(Ok(steps.len()), Err)
    }
}

async fn validate_key(client: &mut Client, step: &Step, done: usize) -> Result<(), ReleaseError> {
    let tx = client
        .transaction()
        .await
        .map_err(|error| session_error("begin to validate a key in", error))?;
    let timeout = Sql::text("SET LOCAL lock_timeout = ")
        .number(i64::try_from(LOCK_TIMEOUT.as_millis()).unwrap_or(i64::MAX));
    tx.batch_execute(timeout.as_str())
        .await
        .map_err(|error| session_error("limit the wait for locks in", error))?;
    step.run(&tx, done).await?;
    tx.commit()
        .await
        .map_err(|error| session_error("commit a validated key in", error))
}

fn validate(key: &ObjectName) -> Option<Step> {
    let table: &QualifiedName = key.of.as_ref()?;
    if key.kind != ObjectKind::Constraint {
        return None;
    }
    let sql = Sql::text("ALTER TABLE ")
        .name(table)
        .then(" VALIDATE CONSTRAINT ")
        .ident(&key.name);
    Some(
        Step::new("validate", key.clone(), sql)
            .locking(LockMode::ShareUpdateExclusive, table)
            .done_when(DoneWhen::Repeatable),
    )
}
