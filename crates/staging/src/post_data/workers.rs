//! The sessions that do the work after the load, and the one that watches them.

use cutover_core::{ObjectName, StatementError};
use tokio_postgres::Client;

/// The sessions that work after the load: at least one, and one more that looks on, if wanted.
///
/// All of them connect to the same database. A `&mut Client` alone is one worker that nobody watches.
///
/// ```no_run
/// # async fn example(
/// #     staged: cutover_staging::StagedSet,
/// #     mut first: tokio_postgres::Client, mut second: tokio_postgres::Client, third: tokio_postgres::Client,
/// # ) -> Result<(), cutover_staging::StagingError> {
/// use cutover_core::Events;
/// use cutover_staging::{PostDataOptions, Workers};
///
/// let workers = Workers::new(&mut first).and(&mut second).watched_by(&third);
/// staged.run_post_data(workers, &PostDataOptions::default(), &Events::none()).await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use]
pub struct Workers<'c> {
    first: &'c mut Client,
    more: Vec<&'c mut Client>,
    observer: Option<&'c Client>,
}

impl<'c> Workers<'c> {
    /// One worker.
    pub fn new(client: &'c mut Client) -> Self {
        Self {
            first: client,
            more: Vec::new(),
            observer: None,
        }
    }

    /// One worker more.
    pub fn and(mut self, client: &'c mut Client) -> Self {
        self.more.push(client);
        self
    }

    /// A session that does none of the work: through it the progress of the builds is seen, and the other workers'
    /// statements are cancelled when one has failed. It has to have the workers' role, or `pg_read_all_stats` and
    /// `pg_signal_backend`; without these rights it sees and cancels nothing, and that is no error.
    pub fn watched_by(mut self, client: &'c Client) -> Self {
        self.observer = Some(client);
        self
    }

    pub(super) fn into_parts(self) -> (Vec<&'c mut Client>, Option<&'c Client>) {
        let mut workers = vec![self.first];
        workers.extend(self.more);
        (workers, self.observer)
    }
}

impl<'c> From<&'c mut Client> for Workers<'c> {
    fn from(client: &'c mut Client) -> Self {
        Self::new(client)
    }
}

/// What a session says about itself and its server.
#[derive(Debug, Clone)]
pub(super) struct SessionFacts {
    pub(super) backend: Backend,
    /// `server_version_num`.
    pub(super) version_num: u32,
    /// `maintenance_work_mem`, in bytes.
    pub(super) maintenance_memory: u64,
}

/// A server process. A later one may bear the same number, but has not begun at the same moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Backend {
    pub(super) pid: i32,
    /// `None` where the session may not even see itself: it works in a role that its own is no member of.
    pub(super) since: Option<String>,
}

impl SessionFacts {
    pub(super) async fn read(client: &Client, schema: &ObjectName) -> Result<Self, StatementError> {
        let row = client
            .query_one(
                "SELECT a.pid, a.backend_start::pg_catalog.text, \
                        pg_catalog.current_setting('server_version_num')::pg_catalog.int4, \
                        pg_catalog.pg_size_bytes(pg_catalog.current_setting('maintenance_work_mem')) \
                   FROM pg_catalog.pg_stat_activity a WHERE a.pid = pg_catalog.pg_backend_pid()",
                &[],
            )
            .await
            .map_err(|error| {
                StatementError::new("ask for the session that works on", schema.clone(), error)
            })?;
        let (version, memory): (i32, i64) = (row.get(2), row.get(3));
        Ok(Self {
            backend: Backend {
                pid: row.get(0),
                since: row.get(1),
            },
            version_num: u32::try_from(version).unwrap_or_default(),
            maintenance_memory: u64::try_from(memory).unwrap_or_default(),
        })
    }
}
