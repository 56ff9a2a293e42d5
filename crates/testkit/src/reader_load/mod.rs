//! Readers that do what an application does, and notice what an application would.

mod asking;
mod options;
mod reader;
mod release_map;
mod report;
mod statements;
mod tally;
mod timed_read;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use deadpool_postgres::{Manager, Pool, Runtime};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_postgres::NoTls;

use asking::Way;
pub use options::LoadOptions;
use reader::Reader;
pub use release_map::ReleaseMap;
pub use report::{LoadError, LoadReport};
use tally::Tally;
pub use timed_read::TimedRead;

/// A statement that hangs for longer is an error, rather than a test that never ends.
const STATEMENT_TIMEOUT: Duration = Duration::from_mins(2);

/// A load of readers on a live database of the [dataset](crate::dataset): by id, by bounding box, over junctions, through
/// views, counts; in the simple protocol, prepared once and reused, parsed anew each time, from a pool, in `REPEATABLE READ`
/// transactions, from cursors in pieces; and, where [`LoadOptions`] ask for it, in reports that take long.
///
/// Each reader runs one statement after the other until [`stop`](Self::stop). A reader that loses its connection makes a new
/// one and goes on; the loss is an error in the report. Dropping the load ends the readers without a report.
///
/// # Examples
/// ```no_run
/// # use cutover_testkit::{Cluster, ReaderLoad, ReleaseMap, TestDatabase, dataset::LIVE_READER};
/// # async fn example(cluster: &Cluster, live: &TestDatabase) -> anyhow::Result<()> {
/// let load = ReaderLoad::start(&cluster.url_for(LIVE_READER, LIVE_READER, live.name()), 8).await?;
/// load.statements_reach(1000).await?;
/// // … publish a release …
/// let releases = ReleaseMap::read(&live.connect().await?).await?;
/// let report = load.stop(&releases).await?;
/// assert!(report.is_clean(), "{report:#?}");
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct ReaderLoad {
    readers: JoinSet<Tally>,
    stop: watch::Sender<bool>,
    statements: Arc<AtomicU64>,
    started: Instant,
}

impl ReaderLoad {
    /// Starts `connections` readers that never pause, one after the other each of the six ways, on the database that `url`
    /// names.
    ///
    /// # Errors
    /// When the first connection cannot be made.
    pub async fn start(url: &str, connections: usize) -> Result<Self> {
        Self::start_with(url, &LoadOptions::new(connections)).await
    }

    /// Starts readers as the options say, on the database that `url` names.
    ///
    /// # Errors
    /// When the first connection cannot be made.
    pub async fn start_with(url: &str, options: &LoadOptions) -> Result<Self> {
        let mut config: tokio_postgres::Config =
            url.parse().context("could not understand the readers' URL")?;
        config.application_name("reader load");
        config.options(format!("-c statement_timeout={}", STATEMENT_TIMEOUT.as_millis()));
        let pool = Pool::builder(Manager::new(config.clone(), NoTls))
            .max_size(options.connections.max(1))
            .runtime(Runtime::Tokio1)
            .build()
            .context("could not make the readers' pool")?;
        drop(pool.get().await.context("the readers cannot connect")?);

        let (stop, stopped) = watch::channel(false);
        let statements = Arc::new(AtomicU64::new(0));
        let mut readers = JoinSet::new();
        let reporters = std::iter::repeat_n(Way::Report, options.reporters);
        let ways = reporters.chain(Way::ALL.iter().copied().cycle());
        for (number, way) in (0..options.connections).zip(ways) {
            let reader = Reader {
                number: number as u64,
                way,
                options: options.clone(),
                config: config.clone(),
                pool: pool.clone(),
                stopped: stopped.clone(),
                statements: Arc::clone(&statements),
            };
            readers.spawn(reader.run());
        }
        Ok(Self {
            readers,
            stop,
            statements,
            started: Instant::now(),
        })
    }

    /// How many statements have been answered so far, errors included.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Waits until as many statements have been answered since the start, to be sure that the load is at work.
    ///
    /// # Errors
    /// When that takes more than two minutes.
    pub async fn statements_reach(&self, statements: u64) -> Result<()> {
        let reached = async {
            while self.statements() < statements {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let late = || {
            format!(
                "the readers had only {} of {statements} statements answered",
                self.statements()
            )
        };
        tokio::time::timeout(STATEMENT_TIMEOUT, reached)
            .await
            .with_context(late)
    }

    /// Lets every reader finish its statement, and reports what they saw. `releases` must know every relation that was live
    /// at any time since the start.
    ///
    /// # Errors
    /// When a reader has panicked.
    pub async fn stop(mut self, releases: &ReleaseMap) -> Result<LoadReport> {
        // Fails when all readers are gone, which is what it is for.
        let _ = self.stop.send(true);
        let connections = self.readers.len();
        let mut all = Tally::default();
        while let Some(tally) = self.readers.join_next().await {
            all.merge(tally.context("a reader has panicked")?);
        }
        Ok(LoadReport::new(
            all,
            releases,
            connections,
            self.started.elapsed(),
        ))
    }
}
