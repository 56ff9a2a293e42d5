//! Puts two tables that were staged by hand live in one transaction, and takes that back.
//!
//! `cargo run -p cutover-examples --bin swap_and_roll_back [URL]`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use anyhow::{Result, ensure};
use cutover_core::catalog::CatalogSnapshot;
use cutover_core::records::{Records, ReleaseKind, ReleaseState};
use cutover_core::{Events, Ident, NamingPolicy, ReleaseLock, Session, Stamp};
use cutover_examples::Place;
use cutover_swap::{LockPolicy, Pair, PlanOptions, SwapContext, SwapPlan, rollback_plan};

#[tokio::main]
async fn main() -> Result<()> {
    let place = Place::find(std::env::args().nth(1)).await?;
    let mut session = place.session(include_str!("swap_and_roll_back.sql")).await?;

    // Who swaps holds the lock of the release set, and writes into its records.
    let set = Ident::new("cutover_example")?;
    let (lock, records) = (ReleaseLock::of(&set), Records::of(&set));
    Records::migrate(&mut session).await?;
    ensure!(lock.try_acquire(&*session).await?, "another release runs");

    // Plan: live is paired with staging by the naming policy; nothing is changed yet.
    let (schema, policy) = (set, NamingPolicy::default());
    let tables = [Ident::new("sources")?, Ident::new("sites")?];
    let twins = [Ident::new("staging_sources")?, Ident::new("staging_sites")?];
    let tx = session.transaction().await?;
    let live = CatalogSnapshot::read(&tx, &schema, &tables).await?;
    let staging = CatalogSnapshot::read(&tx, &schema, &twins).await?;
    let kept = records.backup_sets(&tx).await?;
    tx.commit().await?;
    let taken: Vec<Stamp> = kept.into_iter().map(|set| set.stamp).collect();
    let stamp = Stamp::first_free(jiff::Timestamp::now(), &taken);
    let pairs = Pair::by_policy(&live, &staging, &policy);
    let options = PlanOptions::default();
    let plan = SwapPlan::compute(&live, &staging, &pairs, &stamp, &policy, &options)?;
    println!("{plan}");

    run(&plan, ReleaseKind::Release, &mut session, &lock, &records).await?;
    for set in records.backup_sets(&*session).await? {
        println!("-- backup set {} holds {} relations", set.stamp, set.relations);
    }
    let plan = rollback_plan(&mut session, &records, &stamp, &policy).await?;
    run(&plan, ReleaseKind::Rollback, &mut session, &lock, &records).await
}

#[rustfmt::skip] // a parameter a line says nothing more
async fn run(
    plan: &SwapPlan, kind: ReleaseKind, session: &mut Session, lock: &ReleaseLock, records: &Records,
) -> Result<()> {
    let release = records.open(&**session, kind, "example", None, "", std::process::id()).await?;
    let context = SwapContext { lock, records, release, events: &Events::none(), observer: None };
    let report = plan.run(session, &context, &LockPolicy::default()).await?;
    records.close(&**session, release, ReleaseState::Completed, None).await?;

    // A view over the set follows it.
    let row = session.query_one("SELECT site, source FROM cutover_example.sites_with_source", &[]).await?;
    let (site, source): (&str, &str) = (row.get(0), row.get(1));
    println!("-- {kind:?} done, {} ms under lock; readers now see {site:?} of {source:?}", report.exclusive_ms);
    Ok(())
}
