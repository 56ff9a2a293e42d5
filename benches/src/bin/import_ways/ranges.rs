//! The importer in chunks, straight from the portal, by one stream or by ranges at once, as a release runs it.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow, ensure};
use cutover_core::records::{Records, ReleaseKind};
use cutover_core::{Events, Ident, Session};
use cutover_importer::{Direct, ImportPlan, Journal, RangeSessions, SourceSnapshot};
use tokio_postgres::{Client, IsolationLevel, Transaction};

use crate::importer::{import, settings};
use crate::servers::Servers;

/// Whoever imports, it is another release each time: nothing is taken up.
pub(crate) async fn straight(servers: &Servers, ranges: u32) -> Result<()> {
    let mut target = servers.live.connect().await?;
    Records::migrate(&mut target).await?;
    let records = Records::of(&Ident::new("sites")?);
    let label = SystemTime::now()
        .duration_since(UNIX_EPOCH)?
        .as_nanos()
        .to_string();
    let release = records.open(&target, ReleaseKind::Release, &label, None, "bench", 1);
    let release = release.await?;
    let journal = Journal::of(&records, release);

    let asked = import("portal_sites")?.key([Ident::new("id")?]);
    let not_direct = |why| anyhow!("not straight from the portal: {why}");
    let planning = target.transaction().await?;
    let direct = Direct::find(&asked, &settings()?, &planning).await?;
    let direct = direct.map_err(not_direct)?;
    let login = direct.login(&planning).await?.map_err(not_direct)?;
    let state = SourceSnapshot::export(login.connect("state").await?, direct.settings()).await?;
    let mut portals = Vec::new();
    for _ in 0..ranges {
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
    let planned = direct.import().clone().in_chunks().in_ranges(ranges);
    let plan = ImportPlan::read(&planned, direct.settings(), &planning, Some(&readings[0])).await?;
    planning.rollback().await?;
    if ranges == 1 {
        plan.run_in_chunks(&mut target, &readings[0], &journal, &Events::none())
            .await?;
        return Ok(());
    }
    let cut = plan.read_ranges(&readings[0], ranges).await?;
    ensure!(
        cut.count() == usize::try_from(ranges)?,
        "the keys are all different"
    );
    let mut targets: Vec<Client> = vec![target];
    for _ in 1..ranges {
        targets.push(servers.live.connect().await?);
    }
    let pairs = targets.iter_mut().zip(&readings);
    let mut sessions: Vec<RangeSessions<'_>> = pairs
        .map(|(target, source)| RangeSessions { target, source })
        .collect();
    plan.run_in_ranges(&cut, &mut sessions, &journal, &Events::none())
        .await?;
    Ok(())
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
