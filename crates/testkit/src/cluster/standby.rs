//! A streaming standby of a throwaway cluster.

use anyhow::Result;

use super::{Cluster, ClusterBuilder};
use crate::database::TestDatabase;

/// A hot standby that streams from a [`Cluster`], on the same machine, with data directory and port of its own.
///
/// Server and directory go when it is dropped, as those of a cluster do. Its primary shows it by the application name that
/// it was made with.
///
/// # Examples
/// ```no_run
/// # async fn example() -> anyhow::Result<()> {
/// use cutover_testkit::{Cluster, Standby};
///
/// let primary = Cluster::builder().start()?;
/// let database = primary.empty_database().await?;
/// let standby = Standby::of(&primary, "reports", &[("max_standby_streaming_delay", "-1")])?;
/// standby.catch_up_with(&database).await?;
/// assert_eq!(standby.database(&database).query_text("SELECT pg_is_in_recovery()").await?, "t");
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Standby {
    server: Cluster,
}

impl Standby {
    /// Copies `primary` and follows it from there on. Blocks until it accepts connections, some two seconds.
    ///
    /// `settings` are of `postgresql.conf`, over those that came along from the primary.
    ///
    /// # Errors
    /// When the copy fails, or the server does not start; with its log.
    pub fn of(primary: &Cluster, name: &str, settings: &[(&str, &str)]) -> Result<Self> {
        let mut builder = ClusterBuilder::default()
            .version(Some(primary.version()))
            .setting("cluster_name", name);
        for (setting, value) in settings {
            builder = builder.setting(*setting, *value);
        }
        let server = builder.start_as_copy_of(primary)?;
        Ok(Self { server })
    }

    /// A database of the primary as it is to be read here. There once its creation has been replayed.
    #[must_use]
    pub fn database(&self, of_primary: &TestDatabase) -> TestDatabase {
        of_primary.on(&self.server)
    }

    /// Waits until everything has been replayed here that was written to the primary before the call.
    ///
    /// # Errors
    /// When it has not been after half a minute, or one of the servers does not answer.
    pub async fn catch_up_with(&self, on_primary: &TestDatabase) -> Result<()> {
        // What is committed asynchronously is only on its way to the log; a commit that is not takes it along.
        on_primary
            .execute("SET synchronous_commit = local; SELECT pg_logical_emit_message(true, 'catch up', '')")
            .await?;
        let written = on_primary.query_text("SELECT pg_current_wal_flush_lsn()").await?;
        let replayed = format!("SELECT pg_last_wal_replay_lsn() >= '{written}'::pg_lsn");
        let here = self.server.url("postgres");
        let client = crate::database::connect(&here).await?;
        for _ in 0..1200 {
            if client.query_one(&replayed, &[]).await?.get(0) {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        anyhow::bail!("the standby has not replayed {written} after half a minute")
    }

    /// The server, to be stopped, started, and looked at.
    #[must_use]
    pub fn server(&self) -> &Cluster {
        &self.server
    }
}
