//! Who gives way in a deadlock.

use std::time::Duration;

use tokio_postgres::GenericClient;

use cutover_core::{Ident, ObjectKind, ObjectName, Sql, StatementError};

/// How the swap makes sure that it is the one to give way, never a client.
///
/// The server looks for a deadlock once a session has waited for `deadlock_timeout`, and ends the session that looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeadlockRule {
    /// The role may lower the timeout for itself: it looks first. This also makes autovacuum step aside in time.
    LookFirst,
    /// It may not: it must stop waiting before anybody else would look.
    StopWithin(Duration),
}

impl DeadlockRule {
    /// Asks what the role may do: a superuser always, others since PostgreSQL 15 by `GRANT SET ON PARAMETER`.
    pub(crate) async fn read(
        client: &impl GenericClient,
        server_version: u32,
        release_set: &Ident,
    ) -> Result<Self, StatementError> {
        let may_set = if server_version >= 150_000 {
            "SELECT pg_catalog.has_parameter_privilege('deadlock_timeout', 'SET'), "
        } else {
            "SELECT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user), "
        };
        let sql = Sql::text(may_set)
            .then("(SELECT setting::bigint FROM pg_catalog.pg_settings WHERE name = 'deadlock_timeout')");
        let row = client.query_one(sql.as_str(), &[]).await.map_err(|error| {
            let object = ObjectName::global(ObjectKind::Release, release_set);
            StatementError::new("read deadlock_timeout for the swap of", object, error)
        })?;
        if row.get(0) {
            return Ok(Self::LookFirst);
        }
        let timeout = Duration::from_millis(u64::try_from(row.get::<_, i64>(1)).unwrap_or(1000));
        Ok(Self::StopWithin(timeout.mul_f64(0.8)))
    }

    /// What to append to the transaction's settings.
    pub(crate) fn setting(self) -> Sql {
        match self {
            Self::LookFirst => Sql::text("; SET LOCAL deadlock_timeout = '20ms'"),
            Self::StopWithin(_) => Sql::text(""),
        }
    }

    /// How long a try may wait at most.
    pub(crate) fn bound(self, wait: Duration) -> Duration {
        match self {
            Self::LookFirst => wait,
            Self::StopWithin(most) => wait.min(most),
        }
    }
}
