use std::time::Duration;

use cutover_core::{EventKind, NamingPolicy};
use cutover_swap::{DropError, LockPolicy, Retention, SwapReport, retention_plan, unmanaged};

use crate::release_set::{ReleaseSet, dump, ident, quick};

/// Three swaps: backup sets of months 1, 2 and 3.
async fn three_backups() -> (ReleaseSet, [SwapReport; 3]) {
    let mut set = ReleaseSet::new().await;
    let mut reports = Vec::new();
    for month in ["m2", "m3", "m4"] {
        set.stage(month).await;
        reports.push(set.swap().await);
    }
    (set, reports.try_into().unwrap())
}

#[tokio::test]
async fn the_oldest_sets_go() {
    let (mut set, [first, second, third]) = three_backups().await;
    let live = dump(&set.database, &[]);
    let plan = retention_plan(&mut set.client, &set.records, Retention::newest(1))
        .await
        .unwrap();
    assert!(plan.to_string().contains("DROP TABLE"), "{plan}");
    assert!(!plan.to_string().contains("CASCADE"), "{plan}");
    let dropped = plan
        .run(&mut set.client, &set.records, &quick(), &set.events)
        .await
        .unwrap();
    assert_eq!(dropped, [first.backup, second.backup]);
    let left = set.leftovers().await;
    assert!(
        !left.is_empty()
            && left
                .iter()
                .all(|name| name.starts_with(&format!("bk{}", third.backup))),
        "{left:?}"
    );
    assert_eq!(dump(&set.database, &[]), live);
    assert_eq!(set.records.backup_sets(&set.client).await.unwrap().len(), 1);
    set.roll_back(&third.backup).await;
    assert_eq!(set.month().await, "m3");
}

/// Where minutes were taken, or a machine's clock was slow, the youngest set may bear the earliest stamp.
#[tokio::test]
async fn the_oldest_is_told_by_time_and_not_by_stamp() {
    let (mut set, [first, second, third]) = three_backups().await;
    set.database
        .execute(&format!(
            "UPDATE cutover.backup_set SET created_at = now() + interval '1 hour' WHERE stamp = '{}'",
            first.backup
        ))
        .await
        .unwrap();
    let plan = retention_plan(&mut set.client, &set.records, Retention::newest(1))
        .await
        .unwrap();
    let drops: Vec<_> = plan.drops.into_iter().map(|drop| drop.stamp).collect();
    assert_eq!(drops, [second.backup, third.backup]);
}

#[tokio::test]
async fn a_set_goes_when_it_is_neither_among_the_newest_nor_young() {
    let (mut set, [first, second, third]) = three_backups().await;
    set.database
        .execute(&format!(
            "UPDATE cutover.backup_set SET created_at = now() - CASE stamp WHEN '{}' THEN interval '61 days' \
             WHEN '{}' THEN interval '59 days' ELSE interval '58 days' END",
            first.backup, second.backup
        ))
        .await
        .unwrap();
    let (day, retention) = (Duration::from_hours(24), Retention::newest(1));
    for (retention, expected) in [
        (retention.for_at_least(day * 62), vec![]),
        (retention.for_at_least(day * 60), vec![&first.backup]),
        (retention.for_at_least(day), vec![&first.backup, &second.backup]),
        (Retention::newest(2).for_at_least(day), vec![&first.backup]),
        (
            Retention::newest(0).for_at_least(day),
            vec![&first.backup, &second.backup, &third.backup],
        ),
    ] {
        let plan = retention_plan(&mut set.client, &set.records, retention)
            .await
            .unwrap();
        let drops: Vec<_> = plan.drops.iter().map(|drop| &drop.stamp).collect();
        assert_eq!(drops, expected, "{retention:?}");
    }
}

#[tokio::test]
async fn nothing_goes_while_there_are_few() {
    let (mut set, _) = three_backups().await;
    let plan = retention_plan(&mut set.client, &set.records, Retention::newest(3))
        .await
        .unwrap();
    assert!(plan.drops.is_empty() && plan.kept.is_empty());
}

#[tokio::test]
async fn a_set_that_something_depends_on_stays() {
    for dependent in [
        "CREATE VIEW history AS SELECT * FROM TABLE_NAME",
        "CREATE TABLE notes (site_id bigint REFERENCES TABLE_NAME (id))",
        "CREATE FUNCTION f(TABLE_NAME) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ] {
        let (mut set, [first, second, _]) = three_backups().await;
        let table = format!("bk{}_sites", first.backup);
        set.database
            .execute(&dependent.replace("TABLE_NAME", &table))
            .await
            .unwrap();
        let plan = retention_plan(&mut set.client, &set.records, Retention::newest(1))
            .await
            .unwrap();
        assert_eq!(plan.kept.len(), 1);
        assert_eq!(plan.kept[0].stamp, first.backup);
        assert_eq!(plan.kept[0].because.len(), 1, "{:?}", plan.kept);
        let dropped = plan
            .run(&mut set.client, &set.records, &quick(), &set.events)
            .await
            .unwrap();
        assert_eq!(dropped, [second.backup]);
        let warned = set
            .events_seen()
            .into_iter()
            .any(|event| matches!(event, EventKind::Warning { message } if message.contains("is kept")));
        assert!(warned);
        assert!(set.leftovers().await.contains(&table));
    }
}

#[tokio::test]
async fn a_drop_that_was_interrupted_is_finished_by_the_next() {
    let (mut set, [first, ..]) = three_backups().await;
    // What an interrupted drop leaves: some relations gone, the record there.
    set.database
        .execute(&format!(
            "DROP MATERIALIZED VIEW bk{0}_site_counts; DROP TABLE \"bk{0}_sites & countries\"",
            first.backup
        ))
        .await
        .unwrap();
    let plan = retention_plan(&mut set.client, &set.records, Retention::newest(2))
        .await
        .unwrap();
    assert_eq!(plan.drops[0].steps.len(), 2);
    plan.run(&mut set.client, &set.records, &quick(), &set.events)
        .await
        .unwrap();
    assert!(
        !set.leftovers()
            .await
            .iter()
            .any(|name| name.starts_with(&format!("bk{}", first.backup)))
    );
    assert_eq!(set.records.backup_sets(&set.client).await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_is_no_longer_what_was_recorded_is_left_alone() {
    let (mut set, [first, ..]) = three_backups().await;
    let name = format!("bk{}_site_counts", first.backup);
    set.database
        .execute(&format!(
            "DROP MATERIALIZED VIEW {name}; CREATE TABLE {name} AS SELECT 'mine' AS whose"
        ))
        .await
        .unwrap();
    let plan = retention_plan(&mut set.client, &set.records, Retention::newest(2))
        .await
        .unwrap();
    assert_eq!(plan.drops[0].left_alone[0].name.as_str(), name);
    plan.run(&mut set.client, &set.records, &quick(), &set.events)
        .await
        .unwrap();
    assert_eq!(
        set.database
            .query_text(&format!("SELECT whose FROM {name}"))
            .await
            .unwrap(),
        "mine"
    );
}

#[tokio::test]
async fn a_relation_replaced_after_the_plan_survives() {
    let (mut set, [first, ..]) = three_backups().await;
    let plan = retention_plan(&mut set.client, &set.records, Retention::newest(2))
        .await
        .unwrap();
    let name = format!("bk{}_site_counts", first.backup);
    set.database
        .execute(&format!(
            "ALTER MATERIALIZED VIEW {name} RENAME TO saved; CREATE MATERIALIZED VIEW {name} AS SELECT 1 AS x"
        ))
        .await
        .unwrap();
    let error = plan
        .run(&mut set.client, &set.records, &quick(), &set.events)
        .await
        .unwrap_err();
    assert!(matches!(error, DropError::Replaced { .. }), "{error:?}");
    assert_eq!(
        set.database
            .query_text(&format!("SELECT x FROM {name}"))
            .await
            .unwrap(),
        "1"
    );
}

#[tokio::test]
async fn a_reader_of_a_backup_makes_the_drop_wait_and_give_up() {
    let (mut set, [first, ..]) = three_backups().await;
    let reader = set.database.connect().await.unwrap();
    reader
        .batch_execute(&format!("BEGIN; SELECT count(*) FROM bk{}_sites", first.backup))
        .await
        .unwrap();
    let plan = retention_plan(&mut set.client, &set.records, Retention::newest(2))
        .await
        .unwrap();
    let policy = LockPolicy::default()
        .stall_budget(Duration::from_millis(20))
        .deadline(Duration::from_millis(100));
    let error = plan
        .run(&mut set.client, &set.records, &policy, &set.events)
        .await
        .unwrap_err();
    let DropError::Statement(error) = error else {
        panic!("{error:?}")
    };
    assert_eq!(error.sqlstate().unwrap().code(), "55P03");
    reader.batch_execute("COMMIT").await.unwrap();
    let plan = retention_plan(&mut set.client, &set.records, Retention::newest(2))
        .await
        .unwrap();
    plan.run(&mut set.client, &set.records, &quick(), &set.events)
        .await
        .unwrap();
}

#[tokio::test]
async fn tables_whose_keys_go_in_circles_are_dropped() {
    let (mut set, [first, ..]) = three_backups().await;
    set.database
        .execute(&format!(
            "ALTER TABLE bk{0}_sources ADD best bigint CONSTRAINT best_site REFERENCES bk{0}_sites",
            first.backup
        ))
        .await
        .unwrap();
    let plan = retention_plan(&mut set.client, &set.records, Retention::newest(2))
        .await
        .unwrap();
    plan.run(&mut set.client, &set.records, &quick(), &set.events)
        .await
        .unwrap();
    assert!(
        !set.leftovers()
            .await
            .iter()
            .any(|name| name.starts_with(&format!("bk{}", first.backup)))
    );
}

#[tokio::test]
async fn tables_whose_policies_rules_and_defaults_go_in_circles_are_dropped() {
    let (mut set, [first, ..]) = three_backups().await;
    set.database
        .execute(
            &"CREATE POLICY of_sites ON bk{0}_sources USING (id IN (SELECT s.source_id FROM bk{0}_sites s));
              CREATE POLICY of_sources ON bk{0}_sites USING (source_id IN (SELECT s.id FROM bk{0}_sources s));
              CREATE RULE quiet AS ON DELETE TO bk{0}_sources DO ALSO
                  DELETE FROM \"bk{0}_sites & countries\" WHERE site_id = OLD.id;
              ALTER TABLE bk{0}_sites ALTER source_id SET DEFAULT nextval('bk{0}_sources_id_seq');"
                .replace("{0}", first.backup.as_str()),
        )
        .await
        .unwrap();
    let plan = retention_plan(&mut set.client, &set.records, Retention::newest(2))
        .await
        .unwrap();
    plan.run(&mut set.client, &set.records, &quick(), &set.events)
        .await
        .unwrap();
    assert!(
        !set.leftovers()
            .await
            .iter()
            .any(|name| name.starts_with(&format!("bk{}", first.backup)))
    );
}

#[tokio::test]
async fn tables_that_hold_each_others_rows_are_dropped() {
    let (mut set, [first, ..]) = three_backups().await;
    set.database
        .execute(
            &"ALTER TABLE bk{0}_sources ADD held bk{0}_sites[];
              ALTER TABLE \"bk{0}_sites & countries\" ADD CHECK (NULL::bk{0}_sources IS NULL);"
                .replace("{0}", first.backup.as_str()),
        )
        .await
        .unwrap();
    let plan = retention_plan(&mut set.client, &set.records, Retention::newest(2))
        .await
        .unwrap();
    plan.run(&mut set.client, &set.records, &quick(), &set.events)
        .await
        .unwrap();
    assert!(
        !set.leftovers()
            .await
            .iter()
            .any(|name| name.starts_with(&format!("bk{}", first.backup)))
    );
}

#[tokio::test]
async fn look_alikes_are_listed() {
    let mut set = ReleaseSet::staged("m2").await;
    set.swap().await;
    set.database
        .execute("CREATE TABLE bk2501010000_sites (); CREATE VIEW staging_old AS SELECT 1")
        .await
        .unwrap();
    let found = unmanaged(
        &set.client,
        &[&ident("public")],
        &NamingPolicy::default(),
        &set.records,
        &[],
    )
    .await
    .unwrap();
    let names: Vec<&str> = found.iter().map(|relation| relation.name.name.as_str()).collect();
    assert_eq!(names, ["bk2501010000_sites", "staging_old"]);
    let known = [found[1].name.clone()];
    let found = unmanaged(
        &set.client,
        &[&ident("public")],
        &NamingPolicy::default(),
        &set.records,
        &known,
    )
    .await
    .unwrap();
    assert_eq!(found.len(), 1);
}
