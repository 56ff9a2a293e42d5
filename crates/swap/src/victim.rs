//! Who gives way in a deadlock: the swap, never a client.
//!
//! A session looks for a deadlock once, when it has waited for `deadlock_timeout`, and ends itself when it finds one.
//! Looking early (20 ms) settles the deadlocks that exist by then, and makes autovacuum step aside in time. It cannot
//! settle one that a client closes later, while the swap goes on waiting: then the client looks after its own second,
//! and it is the client that is ended. So no wait of the swap may last as long as the others' `deadlock_timeout`.

use std::time::Duration;

use tokio_postgres::GenericClient;

use cutover_core::{Ident, ObjectKind, ObjectName, Sql, StatementError};

/// What the session may do about deadlocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DeadlockRule {
    /// Whether the role may lower `deadlock_timeout` for itself: superusers, and from PostgreSQL 15 whoever was
    /// granted `SET` on the parameter.
    may_look_early: bool,
    /// When the other sessions look.
    others_look_after: Duration,
}

impl DeadlockRule {
    pub(crate) async fn read(
        client: &impl GenericClient,
        release_set: &Ident,
    ) -> Result<Self, StatementError> {
        let failed = |error| {
            let object = ObjectName::global(ObjectKind::Release, release_set);
            StatementError::new("read deadlock_timeout for the swap of", object, error)
        };
        let row = client
            .query_one(
                "SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4 >= 150000",
                &[],
            )
            .await
            .map_err(failed)?;
        // The server parses all of a statement, so one for both would not do.
        let may_set = if row.get(0) {
            "SELECT pg_catalog.has_parameter_privilege('deadlock_timeout', 'SET'), "
        } else {
            "SELECT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user), "
        };
        let sql = Sql::text(may_set)
            .then("(SELECT reset_val::bigint FROM pg_catalog.pg_settings WHERE name = 'deadlock_timeout')");
        let row = client.query_one(sql.as_str(), &[]).await.map_err(failed)?;
        let timeout = u64::try_from(row.get::<_, i64>(1)).unwrap_or(1000);
        Ok(Self {
            may_look_early: row.get(0),
            others_look_after: Duration::from_millis(timeout),
        })
    }

    /// What to append to the transaction's settings.
    pub(crate) fn setting(self) -> Sql {
        if self.may_look_early {
            Sql::text("; SET LOCAL deadlock_timeout = '20ms'")
        } else {
            Sql::text("")
        }
    }

    /// How long a wait may last: as wished, but over before anybody else looks.
    pub(crate) fn bound(self, wish: Duration) -> Duration {
        wish.min(self.others_look_after.mul_f64(0.8))
    }
}
