use crate::release_set::{ReleaseSet, dump};

#[tokio::test]
async fn the_structure_is_the_same_after_a_swap() {
    let mut set = ReleaseSet::new().await;
    let before = dump(&set.database, &["--schema-only"]);
    set.stage("m2").await;
    let report = set.swap().await;
    assert_eq!(set.month().await, "m2");
    assert_eq!(report.relations, 4);
    assert_eq!(report.attempts, 1);
    pretty_equal(&before, &dump(&set.database, &["--schema-only"]));
}

#[tokio::test]
async fn swap_then_rollback_is_the_identity() {
    let mut set = ReleaseSet::new().await;
    let month_1 = dump(&set.database, &[]);
    set.stage("m2").await;
    let report = set.swap().await;
    let month_2 = dump(&set.database, &[]);
    let undone = set.roll_back(&report.backup).await;
    assert_eq!(set.month().await, "m1");
    pretty_equal(&month_1, &dump(&set.database, &[]));
    // And the rollback can be undone.
    set.roll_back(&undone.backup).await;
    assert_eq!(set.month().await, "m2");
    pretty_equal(&month_2, &dump(&set.database, &[]));
    assert_eq!(set.records.backup_sets(&set.client).await.unwrap().len(), 1);
}

#[tokio::test]
async fn views_keep_their_oids_and_follow() {
    let mut set = ReleaseSet::staged("m2").await;
    let oids = "SELECT array_agg(oid ORDER BY oid) FROM pg_class WHERE relkind = 'v' \
                AND relnamespace = 'public'::regnamespace";
    let before = set.database.query_text(oids).await.unwrap();
    set.swap().await;
    assert_eq!(set.database.query_text(oids).await.unwrap(), before);
    for relation in ["sites", "named_sites", "upper_sites"] {
        let may = format!("SELECT has_table_privilege('swap_reader', '{relation}', 'SELECT')");
        let expected = if relation == "upper_sites" { "f" } else { "t" };
        assert_eq!(
            set.database.query_text(&may).await.unwrap(),
            expected,
            "{relation}"
        );
    }
}

#[tokio::test]
async fn foreign_keys_from_outside_follow() {
    let mut set = ReleaseSet::staged("m2").await;
    set.swap().await;
    // Site 55 exists in month 2 only.
    set.database
        .execute("INSERT INTO reviews VALUES (100, 55)")
        .await
        .unwrap();
    let unknown = set
        .database
        .execute("INSERT INTO reviews VALUES (101, 5555)")
        .await;
    assert!(unknown.is_err());
    set.database
        .execute("DELETE FROM \"sites & countries\"; DELETE FROM sites WHERE id = 55")
        .await
        .unwrap();
    assert_eq!(
        set.database
            .query_text("SELECT count(*) FROM reviews WHERE id = 100")
            .await
            .unwrap(),
        "0",
        "ON DELETE CASCADE works on the new table"
    );
}

#[tokio::test]
async fn rows_that_would_be_orphaned_are_counted_before_and_named_after() {
    let mut set = ReleaseSet::staged("m2").await;
    set.database
        .execute("DELETE FROM \"staging_sites & countries\"; DELETE FROM staging_sites WHERE id <= 4")
        .await
        .unwrap();
    let plan = set.plan().await;
    assert_eq!(plan.prechecks.len(), 1);
    let orphans = plan.prechecks[0].read(&set.client).await.unwrap().unwrap();
    assert_eq!(orphans.rows, 4);
    assert_eq!(orphans.sample.len(), 4);
    set.run(&plan, &crate::release_set::quick()).await.unwrap();
    let failures = plan
        .run_post_swap(&mut set.client, std::time::Duration::from_secs(5))
        .await;
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].1.sqlstate().unwrap().code(), "23503");
}

#[tokio::test]
async fn serial_and_identity_go_on_after_swap_and_rollback() {
    let mut set = ReleaseSet::staged("m2").await;
    let report = set.swap().await;
    let insert = "WITH s AS (INSERT INTO sources (title) VALUES ('m2 more') RETURNING id) SELECT id FROM s";
    assert_eq!(set.database.query_text(insert).await.unwrap(), "4");
    set.roll_back(&report.backup).await;
    assert_eq!(
        set.database
            .query_text(&insert.replace("m2", "m1"))
            .await
            .unwrap(),
        "4"
    );
    let owned = "SELECT pg_get_serial_sequence('sites', 'id') || pg_get_serial_sequence('sources', 'id')";
    assert_eq!(
        set.database.query_text(owned).await.unwrap(),
        "public.sites_id_seqpublic.sources_id_seq"
    );
}

#[track_caller]
fn pretty_equal(before: &str, after: &str) {
    let gone: Vec<&str> = before.lines().filter(|line| !after.contains(line)).collect();
    let new: Vec<&str> = after.lines().filter(|line| !before.contains(line)).collect();
    assert!(
        before == after,
        "gone:\n{}\nnew:\n{}",
        gone.join("\n"),
        new.join("\n")
    );
}
