//! Settings of the sessions that load and read, always `SET LOCAL`: they end with the transaction.

use std::collections::BTreeSet;
use std::time::Duration;

use cutover_core::{Ident, Sql};
use tokio_postgres::GenericClient;

use crate::Throttle;
use crate::preflight::Workers;

/// How the loading session and the source session are set up.
#[derive(Debug, Clone)]
pub struct LoadSettings {
    search_path: Vec<Ident>,
    source_search_path: Option<Vec<Ident>>,
    lock_timeout: Duration,
    segment_bytes: usize,
    chunk_bytes: usize,
    source_silence: Option<Duration>,
    throttle: Throttle,
    workers: Workers,
}

impl LoadSettings {
    /// Queries resolve their unqualified names in these schemas, in this order; PostGIS's schema belongs here when
    /// queries use its functions. Nothing is looked up in the role's own search path.
    #[must_use]
    pub fn new(search_path: impl IntoIterator<Item = Ident>) -> Self {
        Self {
            search_path: search_path.into_iter().collect(),
            source_search_path: None,
            lock_timeout: Duration::from_secs(30),
            segment_bytes: 64 << 20,
            chunk_bytes: 16 << 20,
            source_silence: None,
            throttle: Throttle::none(),
            workers: Workers::on_all_cores(),
        }
    }

    /// The search path on a source connection of its own; the same as the target's unless set.
    #[must_use]
    pub fn source_search_path(mut self, schemas: impl IntoIterator<Item = Ident>) -> Self {
        self.source_search_path = Some(schemas.into_iter().collect());
        self
    }

    /// How long to wait for the locks on staging and source; 30 seconds unless set, zero waits for ever.
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// How many bytes travel in one `COPY` before the next begins; 64 MiB unless set.
    ///
    /// The server answers only at the end of a `COPY`, so this bounds how much is sent in vain after a row that it
    /// refused. All of them run in one transaction.
    #[must_use]
    pub fn segment_bytes(mut self, bytes: usize) -> Self {
        self.segment_bytes = bytes.max(1);
        self
    }

    /// How many bytes a chunk holds before it is committed; 16 MiB unless set. The client keeps them until then.
    #[must_use]
    pub fn chunk_bytes(mut self, bytes: usize) -> Self {
        self.chunk_bytes = bytes.max(1);
        self
    }

    /// How long the source of an import in chunks may send nothing, its first row included: for ever unless set. A portal
    /// that hangs is not told from one that sorts: keepalives notice only that a machine or the way to it is gone.
    #[must_use]
    pub fn source_silence(mut self, longest: Duration) -> Self {
        self.source_silence = Some(longest);
        self
    }

    /// What slows the import down, shared with others; nothing unless set.
    #[must_use]
    pub fn throttle(mut self, throttle: Throttle) -> Self {
        self.throttle = throttle;
        self
    }

    /// Returns when so many bytes may be sent to the table.
    pub(crate) async fn may_send(&self, bytes: usize) {
        self.throttle.pass(bytes).await;
    }

    /// Who judges geometries as they pass: shared by all imports with these settings, or copies of them.
    pub(crate) fn workers(&self) -> &Workers {
        &self.workers
    }

    pub(crate) fn longest_silence(&self) -> Option<Duration> {
        self.source_silence
    }

    pub(crate) fn chunk_limit(&self) -> usize {
        self.chunk_bytes
    }

    pub(crate) fn segment_limit(&self) -> usize {
        self.segment_bytes
    }

    pub(crate) fn path(&self) -> &[Ident] {
        &self.search_path
    }

    pub(crate) fn source_path(&self) -> &[Ident] {
        self.source_search_path.as_deref().unwrap_or(&self.search_path)
    }

    /// Sets up the session that loads.
    pub(crate) fn for_target(&self, known: KnownSettings) -> Sql {
        let mut all = common(self.path(), self.lock_timeout, known);
        if known.lz4 {
            // pglz dominates the cost of loading geometry; columns that name a method keep theirs.
            all.push(Sql::text("SET LOCAL default_toast_compression = 'lz4'"));
        }
        Sql::join(all, ";\n")
    }

    /// Sets up the session that only reads.
    pub(crate) fn for_source(&self, known: KnownSettings) -> Sql {
        Sql::join(common(self.source_path(), self.lock_timeout, known), ";\n")
    }
}

/// Sets up a session that checks views.
pub(crate) fn for_checks(path: &[Ident], lock_timeout: Duration, known: KnownSettings) -> Sql {
    Sql::join(common(path, lock_timeout, known), ";\n")
}

fn common(path: &[Ident], lock_timeout: Duration, known: KnownSettings) -> Vec<Sql> {
    let path = if path.is_empty() {
        Sql::text("SET LOCAL search_path = ''")
    } else {
        Sql::text("SET LOCAL search_path = ").idents(path)
    };
    let lock_timeout = i64::try_from(lock_timeout.as_millis()).unwrap_or(i64::from(i32::MAX));
    let mut all = vec![
        path,
        Sql::text("SET LOCAL statement_timeout = 0"),
        Sql::text("SET LOCAL lock_timeout = ").number(lock_timeout.min(i64::from(i32::MAX))),
        Sql::text("SET LOCAL idle_in_transaction_session_timeout = 0"),
        // Row-level security must fail loudly, not filter rows.
        Sql::text("SET LOCAL row_security = off"),
        // What a value reads and prints as must depend neither on the role's settings nor on the way it travels. (The
        // time zone stays: what a time without one means is the database's say, in queries and files alike.)
        Sql::text("SET LOCAL datestyle = 'ISO, YMD'"),
        Sql::text("SET LOCAL intervalstyle = 'postgres'"),
        Sql::text("SET LOCAL extra_float_digits = 1"),
    ];
    if known.transaction_timeout {
        all.push(Sql::text("SET LOCAL transaction_timeout = 0"));
    }
    all
}

/// What a server knows of the settings that not all supported versions or builds have.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct KnownSettings {
    lz4: bool,
    transaction_timeout: bool,
}

impl KnownSettings {
    pub(crate) async fn read(client: &impl GenericClient) -> Result<Self, tokio_postgres::Error> {
        let rows = client
            .query(
                "SELECT name, coalesce(enumvals, '{}') FROM pg_catalog.pg_settings \
                  WHERE name IN ('default_toast_compression', 'transaction_timeout')",
                &[],
            )
            .await?;
        let mut known = Self::default();
        for row in rows {
            let values: BTreeSet<String> = row.get::<_, Vec<String>>(1).into_iter().collect();
            match row.get::<_, &str>(0) {
                "transaction_timeout" => known.transaction_timeout = true, // PostgreSQL 17
                _ => known.lz4 = values.contains("lz4"),                   // built --with-lz4
            }
        }
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_search_path_is_spelt_out() {
        let sql = LoadSettings::new([]).for_target(KnownSettings::default());
        assert!(sql.as_str().starts_with("SET LOCAL search_path = '';"));
        assert!(!sql.as_str().contains("lz4"), "only where the server has it");
    }
}
