//! Publications that list members: their lists follow, and what cannot is refused.

use cutover_swap::{PlanOptions, RefusalKind, SwapError};
use cutover_testkit::{Cluster, TestDatabase};

use crate::release_set::{ReleaseSet, dump, quick};

/// Lists with all there is to a member of one: columns and rows from PostgreSQL 15 on.
fn publications() -> String {
    let some = if Cluster::shared().version() >= 15 {
        " (id, name) WHERE (id > 5 AND id <> 0)"
    } else {
        ""
    };
    format!(
        "CREATE PUBLICATION changes FOR TABLE sites{some}, sources, countries; \
         CREATE PUBLICATION inserts FOR TABLE sites WITH (publish = 'insert'); \
         COMMENT ON PUBLICATION inserts IS 'what comes'"
    )
}

async fn listed(database: &TestDatabase) -> Vec<String> {
    let listed = "SELECT p.pubname || ' ' || r.prrelid::regclass FROM pg_publication_rel r \
                    JOIN pg_publication p ON p.oid = r.prpubid ORDER BY 1";
    let listed = database.query_texts(listed).await.unwrap();
    listed.into_iter().flatten().collect()
}

#[tokio::test]
async fn lists_follow_swap_and_rollback() {
    let mut set = ReleaseSet::new().await;
    set.database.execute(&publications()).await.unwrap();
    let before = dump(&set.database, &["--schema-only"]);
    let lists = [
        "changes countries",
        "changes sites",
        "changes sources",
        "inserts sites",
    ];
    set.stage("m2").await;
    let plan = set.plan().await;
    assert_eq!(plan.warnings.len(), 2, "{:?}", plan.warnings);
    assert!(
        plan.warnings[0].starts_with(r#"publication "changes" goes on with what goes live"#)
            && plan.warnings[0].contains(r#"later changes of "public"."sources", "public"."sites", but"#),
        "{:?}",
        plan.warnings
    );
    let report = set.swap().await;
    assert_eq!(listed(&set.database).await, lists);
    assert_eq!(dump(&set.database, &["--schema-only"]), before);
    set.roll_back(&report.backup).await;
    assert_eq!(listed(&set.database).await, lists);
    assert_eq!(dump(&set.database, &["--schema-only"]), before);
}

/// What a slot's subscribers would be sent since they asked last: the kind of message and the table.
async fn sent(set: &ReleaseSet) -> Vec<String> {
    let messages = set
        .database
        .query_texts(
            "SELECT chr(get_byte(data, 0)) || ' ' || \
                    (('x' || encode(substr(data, 2, 4), 'hex'))::bit(32)::bigint::oid::regclass) \
               FROM pg_logical_slot_get_binary_changes('subscriber', NULL, NULL, 'proto_version', '1', \
                                                       'publication_names', 'changes') \
              WHERE chr(get_byte(data, 0)) IN ('I', 'U', 'D', 'T')",
        )
        .await
        .unwrap();
    messages.into_iter().flatten().collect()
}

#[tokio::test]
async fn subscribers_are_sent_changes_of_live_and_of_nothing_else() {
    let cluster = Cluster::builder()
        .setting("wal_level", "logical")
        // A slot reads what has been flushed.
        .setting("synchronous_commit", "on")
        .start()
        .unwrap();
    let mut set = ReleaseSet::staged_on(&cluster, "m2").await;
    set.database.execute(&publications()).await.unwrap();
    set.database
        .query_text("SELECT 'made' FROM pg_create_logical_replication_slot('subscriber', 'pgoutput')")
        .await
        .unwrap();
    set.database
        .execute(
            "UPDATE sites SET name = 'm1 changed' WHERE id = 6; UPDATE staging_sites SET name = 'm2 early'",
        )
        .await
        .unwrap();
    let report = set.swap().await;
    let backup = format!("bk{}_sites", report.backup);
    // Written before the swap, so it is still to be sent, of what is a backup by now.
    assert_eq!(sent(&set).await, [format!("U {backup}")]);
    set.database
        .execute(&format!(
            "UPDATE sites SET name = 'm2 changed' WHERE id = 7; \
             INSERT INTO sites (source_id, name) VALUES (1, 'm2 new'); UPDATE {backup} SET name = 'm1 again'"
        ))
        .await
        .unwrap();
    assert_eq!(sent(&set).await, ["U sites", "I sites"]);
    set.roll_back(&report.backup).await;
    set.database
        .execute("UPDATE sites SET name = 'm1 last' WHERE id IN (1, 8)")
        .await
        .unwrap();
    let filtered = if cluster.version() >= 15 { 1 } else { 2 };
    assert_eq!(sent(&set).await, vec!["U sites"; filtered]);
}

#[tokio::test]
async fn a_list_that_changed_makes_the_plan_stale() {
    let mut set = ReleaseSet::staged("m2").await;
    set.database.execute(&publications()).await.unwrap();
    for change in [
        "ALTER PUBLICATION changes DROP TABLE sites",
        "ALTER PUBLICATION changes RENAME TO renamed",
        "CREATE PUBLICATION another FOR TABLE sources",
    ] {
        let plan = set.plan().await;
        set.database.execute(change).await.unwrap();
        let error = set.run(&plan, &quick()).await.unwrap_err();
        assert!(
            matches!(error, SwapError::CatalogChanged { .. }),
            "{change}: {error:?}"
        );
    }
}

#[tokio::test]
async fn what_would_publish_staging_or_backups_is_refused() {
    let mut cases = vec![
        (
            "CREATE PUBLICATION everything FOR ALL TABLES",
            r#"publication "everything" publishes all tables"#,
        ),
        (
            "CREATE PUBLICATION early FOR TABLE staging_sites",
            r#"publication "early" publishes "public"."staging_sites", which is not live; ALTER PUBLICATION"#,
        ),
    ];
    if Cluster::shared().version() >= 15 {
        cases.push((
            "CREATE PUBLICATION whole FOR TABLES IN SCHEMA public",
            r#"publication "whole" publishes "public"."sites" with its whole schema"#,
        ));
    }
    for (sql, expected) in cases {
        let mut set = ReleaseSet::staged("m2").await;
        set.database.execute(sql).await.unwrap();
        let refused = set.compute(&PlanOptions::default()).await.unwrap_err();
        assert!(
            refused
                .refusals
                .iter()
                .all(|refusal| refusal.kind == RefusalKind::Publication),
            "{refused}"
        );
        assert!(refused.to_string().contains(expected), "{refused}");
    }
}

#[tokio::test]
async fn a_published_column_that_changes_is_refused() {
    if Cluster::shared().version() < 15 {
        return;
    }
    let mut set = ReleaseSet::staged("m2").await;
    set.database
        .execute(
            "CREATE PUBLICATION titles FOR TABLE sources (id, title); CREATE PUBLICATION ids FOR TABLE sources (id); \
             DROP VIEW site_report, titled_sources; ALTER TABLE staging_sources ALTER COLUMN title TYPE varchar(99)",
        )
        .await
        .unwrap();
    let refused = set.compute(&PlanOptions::default()).await.unwrap_err();
    let [refusal] = &refused.refusals[..] else {
        panic!("{refused}");
    };
    assert_eq!(refusal.object, r#"publication "titles""#);
    assert_eq!(
        refusal.reason,
        r#"names column "title" of "public"."sources", which changes"#
    );
}

#[tokio::test]
async fn a_publication_of_somebody_else_is_refused() {
    let mut set = ReleaseSet::staged("m2").await;
    let role = format!("{}_operator", set.database.name());
    set.database
        .execute(&format!(
            "CREATE PUBLICATION changes FOR TABLE sites; CREATE ROLE {role}; GRANT USAGE ON SCHEMA cutover TO {role}; \
             GRANT SELECT ON ALL TABLES IN SCHEMA cutover TO {role}"
        ))
        .await
        .unwrap();
    set.client
        .batch_execute(&format!("SET ROLE {role}"))
        .await
        .unwrap();
    let refused = set.compute(&PlanOptions::default()).await.unwrap_err();
    let of_it: Vec<_> = refused
        .refusals
        .iter()
        .filter(|refusal| refusal.kind == RefusalKind::Publication)
        .collect();
    let [refusal] = of_it[..] else {
        panic!("{refused}");
    };
    assert!(
        refusal.reason.starts_with(r#"belongs to "postgres""#),
        "{}",
        refusal.reason
    );
}
