//! The importer in chunks, straight from the portal, by one stream or by ranges at once, as a release runs it.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow, ensure};
use cutover_core::records::{Records, ReleaseKind};
use cutover_core::{Events, Ident, Session};
use cutover_importer::{Direct, Import, ImportPlan, Journal, LoadSettings, RangeSessions, SourceSnapshot};
use cutover_testkit::TestDatabase;
use tokio_postgres::{Client, IsolationLevel, Transaction};

/// An import with a key into `live`, in chunks that commit with their checkpoints, past the foreign data wrapper that its
/// source is behind. Whoever imports, it is another release each time: nothing is taken up.
pub struct ChunkedImport<'a> {
    /// The database that is imported into.
    pub live: &'a TestDatabase,
    /// What is imported: a relation that is a foreign table, by its key.
    pub import: Import,
    /// The size of a chunk, and the search path.
    pub settings: LoadSettings,
    /// How many ranges of the key are imported at once.
    pub ranges: u32,
}

impl ChunkedImport<'_> {
    /// Connects, proves that both sides mean the same, and imports; returns when all is committed.
    ///
    /// # Errors
    /// The importer's; when the source cannot be read straight, or cannot be cut into so many ranges.
    pub async fn run(&self) -> Result<()> {
        let mut target = self.live.connect().await?;
        Records::migrate(&mut target).await?;
        let records = Records::of(&Ident::new("bench")?);
        let release = begin_release(&records, &target).await?;
        let journal = Journal::of(&records, release);
        let not_direct = |why| anyhow!("not straight from the portal: {why}");
        let planning = target.transaction().await?;
        let direct = Direct::find(&self.import, &self.settings, &planning).await?;
        let direct = direct.map_err(not_direct)?;
        let login = direct.login(&planning).await?.map_err(not_direct)?;
        let state = SourceSnapshot::export(login.connect("state").await?, direct.settings()).await?;
        let mut portals = Vec::new();
        for _ in 0..self.ranges {
            portals.push(login.connect("import").await?);
        }
        let mut readings = Vec::new();
        for portal in &mut portals {
            readings.push(begin_to_read(portal, &state).await?);
        }
        direct
            .verify(&planning, &readings[0])
            .await?
            .map_err(not_direct)?;
        let planned = direct.import().clone().in_chunks().in_ranges(self.ranges);
        let plan = ImportPlan::read(&planned, direct.settings(), &planning, Some(&readings[0])).await?;
        planning.rollback().await?;
        if self.ranges == 1 {
            plan.run_in_chunks(&mut target, Some(&readings[0]), &journal, &Events::none())
                .await?;
            return Ok(());
        }
        let cut = plan.read_ranges(&readings[0], self.ranges).await?;
        ensure!(
            cut.count() == usize::try_from(self.ranges)?,
            "the keys are all different"
        );
        let mut targets: Vec<Client> = vec![target];
        for _ in 1..self.ranges {
            targets.push(self.live.connect().await?);
        }
        let pairs = targets.iter_mut().zip(&readings);
        let mut sessions: Vec<RangeSessions<'_>> = pairs
            .map(|(target, source)| RangeSessions { target, source })
            .collect();
        plan.run_in_ranges(&cut, &mut sessions, &journal, &Events::none())
            .await?;
        Ok(())
    }
}

async fn begin_release(records: &Records, target: &Client) -> Result<i64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let label = now.as_nanos().to_string();
    let release = records.open(target, ReleaseKind::Release, &label, None, "bench", 1);
    Ok(release.await?)
}

async fn begin_to_read<'s>(portal: &'s mut Session, state: &SourceSnapshot) -> Result<Transaction<'s>> {
    let reading = portal
        .build_transaction()
        .read_only(true)
        .isolation_level(IsolationLevel::RepeatableRead)
        .start()
        .await?;
    state.adopt(&reading).await?;
    Ok(reading)
}
