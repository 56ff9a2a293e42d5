use cutover_core::catalog::CatalogSnapshot;
use cutover_core::{Ident, NamingPolicy, Stamp};
use cutover_swap::{Pair, PlanOptions, RollbackError, SwapPlan, rollback_plan};
use jiff::Timestamp;

use crate::release_set::{MEMBERS, ReleaseSet, ident, quick};

#[tokio::test]
async fn an_unknown_stamp_is_refused_with_the_list() {
    let mut set = ReleaseSet::staged("m2").await;
    let stamp: Stamp = "0001010000".parse().unwrap();
    let policy = NamingPolicy::default();
    let error = rollback_plan(&mut set.client, &set.records, &stamp, &policy)
        .await
        .unwrap_err();
    assert!(matches!(&error, RollbackError::UnknownStamp { available, .. } if available.is_empty()));
    assert_eq!(
        error.to_string(),
        "there is no backup set 0001010000; there are none"
    );
    let report = set.swap().await;
    let error = rollback_plan(&mut set.client, &set.records, &stamp, &policy)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("there is no backup set 0001010000; there are {}", report.backup)
    );
}

#[tokio::test]
async fn any_backup_set_can_be_restored_not_only_the_last() {
    let mut set = ReleaseSet::staged("m2").await;
    let first = set.swap().await;
    set.stage("m3").await;
    let second = set.swap().await;
    assert_ne!(first.backup, second.backup, "the same minute is taken once");
    assert_eq!(set.month().await, "m3");
    let third = set.roll_back(&first.backup).await;
    assert_eq!(set.month().await, "m1");
    let stamps: Vec<Stamp> = set
        .records
        .backup_sets(&set.client)
        .await
        .unwrap()
        .into_iter()
        .map(|set| set.stamp)
        .collect();
    assert_eq!(
        stamps,
        [third.backup.clone(), second.backup.clone()],
        "newest first, the restored one gone"
    );
    set.roll_back(&second.backup).await;
    assert_eq!(set.month().await, "m2");
    set.roll_back(&third.backup).await;
    assert_eq!(set.month().await, "m3");
}

#[tokio::test]
async fn the_records_tell_what_is_live() {
    let mut set = ReleaseSet::staged("m2").await;
    let report = set.swap().await;
    let current = set.records.current(&set.client).await.unwrap().unwrap();
    assert_eq!(current.backup_stamp, Some(report.backup.clone()));
    assert!(current.swapped_at.is_some());
    set.roll_back(&report.backup).await;
    let current = set.records.current(&set.client).await.unwrap().unwrap();
    assert_eq!(current.restored_stamp, Some(report.backup));
}

#[tokio::test]
async fn a_backup_set_that_lacks_a_member_is_not_restored() {
    let mut set = ReleaseSet::staged("m2").await;
    let report = set.swap().await;
    set.database
        .execute("DELETE FROM cutover.backup_object WHERE live_name = 'site_counts' OR of_relation = 'site_counts'")
        .await
        .unwrap();
    set.stage("m3").await;
    set.swap().await;
    let error = rollback_plan(
        &mut set.client,
        &set.records,
        &report.backup,
        &NamingPolicy::default(),
    )
    .await
    .unwrap_err();
    let RollbackError::SetChanged { missing, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(missing[0].name.as_str(), "site_counts");
}

#[tokio::test]
async fn a_table_that_took_a_backups_name_does_not_go_live() {
    let mut set = ReleaseSet::staged("m2").await;
    let report = set.swap().await;
    let name = format!("bk{}_sources", report.backup);
    set.database
        .execute(&format!(
            "ALTER TABLE {name} RENAME TO elsewhere; CREATE TABLE {name} (id int, title text)"
        ))
        .await
        .unwrap();
    let error = rollback_plan(
        &mut set.client,
        &set.records,
        &report.backup,
        &NamingPolicy::default(),
    )
    .await
    .unwrap_err();
    assert!(error.to_string().contains(&name), "{error}");
    assert_eq!(set.month().await, "m2");
}

#[tokio::test]
async fn a_rollback_plan_goes_stale_too() {
    let mut set = ReleaseSet::staged("m2").await;
    let report = set.swap().await;
    let plan = rollback_plan(
        &mut set.client,
        &set.records,
        &report.backup,
        &NamingPolicy::default(),
    )
    .await
    .unwrap();
    set.database
        .execute("COMMENT ON TABLE sites IS 'changed'; ALTER TABLE sites ADD x int")
        .await
        .unwrap();
    assert!(set.run(&plan, &quick()).await.is_err());
    assert_eq!(set.month().await, "m2");
}

/// Swaps what is staged, and the materialized view `totals` along with it; returns the stamp of the backup set.
async fn swap_with_totals(set: &mut ReleaseSet) -> Stamp {
    let (schema, policy) = (ident("public"), NamingPolicy::default());
    let members = || MEMBERS.into_iter().chain(["totals"]);
    let live: Vec<Ident> = members().map(ident).collect();
    let staging: Vec<Ident> = members().map(|name| ident(&format!("staging_{name}"))).collect();
    let tx = set.client.transaction().await.unwrap();
    let live = CatalogSnapshot::read(&tx, &schema, &live).await.unwrap();
    let incoming = CatalogSnapshot::read(&tx, &schema, &staging).await.unwrap();
    tx.commit().await.unwrap();
    let sets = set.records.backup_sets(&set.client).await.unwrap();
    let taken: Vec<Stamp> = sets.into_iter().map(|set| set.stamp).collect();
    let stamp = Stamp::first_free(Timestamp::now(), &taken);
    let pairing = Pair::by_policy(&live, &incoming, &policy);
    let plan = SwapPlan::compute(
        &live,
        &incoming,
        &pairing,
        &stamp,
        &policy,
        &PlanOptions::default(),
    )
    .unwrap();
    set.run(&plan, &quick()).await.unwrap();
    set.validate(&plan).await;
    stamp
}

/// A materialized view outside that came along with a later release: an older backup set does not hold it, and a newer one
/// does after it was dropped.
#[tokio::test]
async fn what_came_along_stands_against_a_rollback_in_either_direction() {
    let mut set = ReleaseSet::staged("m2").await;
    let without = set.swap().await.backup;
    set.stage("m3").await;
    set.database
        .execute(
            "CREATE MATERIALIZED VIEW totals AS SELECT left(min(name), 2) AS month FROM sites; \
             CREATE MATERIALIZED VIEW staging_totals AS SELECT left(min(name), 2) AS month FROM staging_sites",
        )
        .await
        .unwrap();
    let with = swap_with_totals(&mut set).await;
    let policy = NamingPolicy::default();

    let error = rollback_plan(&mut set.client, &set.records, &without, &policy)
        .await
        .unwrap_err();
    let RollbackError::SetChanged { missing, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(missing[0].to_string(), r#""public"."totals""#);

    // Once it is dropped, it is no part of a mix any more, but nothing whose place could be taken either.
    set.database
        .execute("DROP MATERIALIZED VIEW totals")
        .await
        .unwrap();
    set.roll_back(&without).await;
    assert_eq!(set.month().await, "m1");
    let error = rollback_plan(&mut set.client, &set.records, &with, &policy)
        .await
        .unwrap_err();
    let RollbackError::LiveGone { gone, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(gone, &[ident("totals")]);
    assert!(
        error.remedy().starts_with("create it again"),
        "{}",
        error.remedy()
    );
    set.database
        .execute("CREATE MATERIALIZED VIEW totals AS SELECT 1 AS whatever")
        .await
        .unwrap();
    set.roll_back(&with).await;
    assert_eq!(set.month().await, "m2");
    let totals = set.database.query_text("SELECT month FROM totals").await.unwrap();
    assert_eq!(totals, "m2");
}
