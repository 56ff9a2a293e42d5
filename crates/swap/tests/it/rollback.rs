use cutover_core::{NamingPolicy, Stamp};
use cutover_swap::{RollbackError, rollback_plan};

use crate::release_set::{ReleaseSet, quick};

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
