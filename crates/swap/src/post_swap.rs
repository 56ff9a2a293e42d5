//! What follows a committed swap: foreign keys from outside are validated.

use std::time::Duration;

use tokio_postgres::Client;

use cutover_core::{ObjectName, Sql, StatementError};

use crate::plan::SwapPlan;

impl SwapPlan {
    /// Validates the foreign keys that the swap re-pointed, each in a transaction of its own, and returns those that
    /// could not be, with the reason. They stay `NOT VALID`: new rows are checked, old ones were not.
    ///
    /// Does not need the plan's catalog facts: it may run at any time after the swap, and again.
    ///
    /// # Locks
    /// `SHARE UPDATE EXCLUSIVE` on the referring table and `ROW SHARE` on the member: neither stops readers or writers.
    /// Waits for them at most `lock_timeout`.
    ///
    /// # Cancel safety
    /// Keys validated so far stay so.
    pub async fn run_post_swap(
        &self,
        client: &mut Client,
        lock_timeout: Duration,
    ) -> Vec<(ObjectName, StatementError)> {
        let mut failures = Vec::new();
        for (done, step) in self.post_swap.steps.iter().enumerate() {
            let validate = async {
                let failed =
                    |error| StatementError::new(step.purpose, step.object.clone(), error).after(done);
                let tx = client.transaction().await.map_err(failed)?;
                let ms = i64::try_from(lock_timeout.as_millis()).unwrap_or(i64::MAX);
                let limit = Sql::text("SET LOCAL lock_timeout = ").number(ms);
                tx.batch_execute(limit.as_str()).await.map_err(failed)?;
                step.run(&tx, done).await?;
                tx.commit().await.map_err(failed)
            };
            if let Err(error) = validate.await {
                failures.push((step.object.clone(), error));
            }
        }
        failures
    }
}
