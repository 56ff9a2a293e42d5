//! The release lock: a session-level advisory lock, one per release set and database.

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio_postgres::{GenericClient, Transaction};

use crate::{Ident, ObjectKind, ObjectName, StatementError};

/// The first key of every lock of ours: `Cut0` in ASCII, so they can be told apart in `pg_locks`.
pub(crate) const CLASS: i32 = 0x4375_7430;

/// The release lock of one release set.
///
/// A session-level advisory lock ([13.3.5]): it is gone when its session is, however that ended, and it does not
/// survive a transaction-pooling proxy, which is why such a proxy is refused. The swap runs on the session that
/// holds it and calls [`ReleaseLock::keep_until_commit`] in its transaction, so a lost lock is never followed by a swap.
///
/// [13.3.5]: https://www.postgresql.org/docs/15/explicit-locking.html#ADVISORY-LOCKS
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseLock {
    release_set: Ident,
    key: i32,
}

/// The session that holds a release lock.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LockHolder {
    /// Its server process.
    pub pid: i32,
    /// Its role.
    pub user: String,
    /// Its application name.
    pub application: String,
    /// The address it came from; absent for a Unix socket.
    pub client_address: Option<String>,
    /// When the session began; absent where the asking role may not see it (another role's session, without
    /// `pg_read_all_stats`).
    pub since: Option<Timestamp>,
}

impl ReleaseLock {
    /// The lock of a release set; takes nothing yet.
    #[must_use]
    pub fn of(release_set: &Ident) -> Self {
        let hash = Sha256::digest(release_set.as_str().as_bytes());
        let key = hash
            .iter()
            .take(4)
            .fold(0_i32, |key, byte| (key << 8) | i32::from(*byte));
        Self {
            release_set: release_set.clone(),
            key,
        }
    }

    /// Takes the lock on this session without waiting; `false` when another session holds it.
    ///
    /// A session that holds it already gets it once more, and must then give it back as often.
    ///
    /// # Errors
    /// [`StatementError`] when the server cannot be asked.
    pub async fn try_acquire(&self, client: &impl GenericClient) -> Result<bool, StatementError> {
        self.ask(
            client,
            "take the lock of",
            "SELECT pg_catalog.pg_try_advisory_lock($1, $2)",
        )
        .await
    }

    /// Gives the lock back; `false` when this session did not hold it.
    ///
    /// # Errors
    /// [`StatementError`] when the server cannot be asked.
    pub async fn release(&self, client: &impl GenericClient) -> Result<bool, StatementError> {
        self.ask(
            client,
            "give back the lock of",
            "SELECT pg_catalog.pg_advisory_unlock($1, $2)",
        )
        .await
    }

    /// Whether this very session holds the lock.
    ///
    /// # Errors
    /// [`StatementError`] when the server cannot be asked.
    pub async fn is_held(&self, client: &impl GenericClient) -> Result<bool, StatementError> {
        self.ask(
            client,
            "check the lock of",
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks l \
               WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted AND l.mode = 'ExclusiveLock' \
                 AND l.classid::pg_catalog.int8 = $1::pg_catalog.int4 \
                 AND l.objid::pg_catalog.int8 = ($2::pg_catalog.int4::pg_catalog.int8 & 4294967295) \
                 AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) \
                 AND l.pid = pg_catalog.pg_backend_pid())",
        )
        .await
    }

    /// Keeps the lock for this session until the transaction it is in has ended, whatever becomes of the session's own
    /// hold on it meanwhile; `false` when the session does not hold it.
    ///
    /// So who has made sure of it before work under exclusive locks need not do so again under them: no other session can
    /// have got it by then.
    ///
    /// # Errors
    /// [`StatementError`] when the server cannot be asked.
    pub async fn keep_until_commit(&self, tx: &Transaction<'_>) -> Result<bool, StatementError> {
        // In this order: taking it for the transaction would look like holding it.
        Ok(self.is_held(tx).await?
            && self
                .ask(
                    tx,
                    "keep the lock of",
                    "SELECT pg_catalog.pg_try_advisory_xact_lock($1, $2)",
                )
                .await?)
    }

    /// Who holds the lock, from any session.
    ///
    /// # Errors
    /// [`StatementError`] when the server cannot be asked.
    pub async fn holder(&self, client: &impl GenericClient) -> Result<Option<LockHolder>, StatementError> {
        let row = client
            .query_opt(
                "SELECT l.pid, coalesce(a.usename::text, ''), coalesce(a.application_name, ''), \
                        pg_catalog.host(a.client_addr), a.backend_start \
                   FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid \
                  WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted AND l.mode = 'ExclusiveLock' \
                    AND l.pid IS NOT NULL AND l.classid::pg_catalog.int8 = $1::pg_catalog.int4 \
                    AND l.objid::pg_catalog.int8 = ($2::pg_catalog.int4::pg_catalog.int8 & 4294967295) \
                    AND l.database = (SELECT oid FROM pg_catalog.pg_database \
                                       WHERE datname = pg_catalog.current_database())",
                &[&CLASS, &self.key],
            )
            .await
            .map_err(|error| StatementError::new("look for the holder of", self.object(), error))?;
        Ok(row.map(|row| LockHolder {
            pid: row.get(0),
            user: row.get(1),
            application: row.get(2),
            client_address: row.get(3),
            since: row.get(4),
        }))
    }

    async fn ask(
        &self,
        client: &impl GenericClient,
        purpose: &'static str,
        query: &str,
    ) -> Result<bool, StatementError> {
        let row = client
            .query_one(query, &[&CLASS, &self.key])
            .await
            .map_err(|error| StatementError::new(purpose, self.object(), error))?;
        Ok(row.get(0))
    }

    fn object(&self) -> ObjectName {
        ObjectName::global(ObjectKind::Release, &self.release_set)
    }
}
