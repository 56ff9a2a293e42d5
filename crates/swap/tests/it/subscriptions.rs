//! Subscriptions that write to members are refused.

use cutover_core::Ident;
use cutover_swap::{PlanOptions, RefusalKind, SwapError};
use cutover_testkit::{Cluster, TestDatabase};

use crate::release_set::{ReleaseSet, quick};

/// Another database of the cluster that publishes a table of this name.
async fn publisher(table: &str) -> TestDatabase {
    let publisher = Cluster::shared().empty_database().await.unwrap();
    publisher
        .execute(&format!(
            "CREATE TABLE {table} (id bigint); CREATE PUBLICATION changes FOR TABLE {table}"
        ))
        .await
        .unwrap();
    publisher
}

/// Subscribes without a slot, so that nothing is ever sent; the tables are noted all the same.
async fn subscribe(set: &ReleaseSet, publisher: &TestDatabase) {
    set.database
        .execute(&format!(
            "CREATE SUBSCRIPTION feed CONNECTION '{}' PUBLICATION changes \
             WITH (enabled = false, create_slot = false, slot_name = NONE)",
            publisher.url().replace('\'', "''")
        ))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_table_that_is_subscribed_to_does_not_change_places() {
    for (table, named) in [
        ("sites", r#"writes to "public"."sites""#),
        ("staging_sites", r#"writes to "public"."staging_sites""#),
    ] {
        let mut set = ReleaseSet::staged("m2").await;
        let publisher = publisher(table).await;
        let early = set.plan().await;
        subscribe(&set, &publisher).await;

        let error = set.run(&early, &quick()).await.unwrap_err();
        assert!(matches!(error, SwapError::CatalogChanged { .. }), "{error:?}");

        let refused = set.compute(&PlanOptions::default()).await.unwrap_err();
        let [refusal] = &refused.refusals[..] else {
            panic!("{refused}");
        };
        assert_eq!(refusal.kind, RefusalKind::Subscription);
        assert_eq!(refusal.object, r#"subscription "feed""#);
        assert!(refusal.reason.starts_with(named), "{refused}");

        // A role of no particular rights sees it as well.
        set.client.batch_execute("SET ROLE swap_reader").await.unwrap();
        let (live, incoming) = set.snapshots().await;
        let subscriptions = |snapshot: &cutover_core::catalog::CatalogSnapshot| -> Vec<Ident> {
            let members = snapshot.relations.iter();
            members.flat_map(|member| member.subscriptions.clone()).collect()
        };
        assert_eq!([subscriptions(&live), subscriptions(&incoming)].concat().len(), 1);
        set.client.batch_execute("RESET ROLE").await.unwrap();

        set.database.execute("DROP SUBSCRIPTION feed").await.unwrap();
        set.swap().await;
        assert_eq!(set.month().await, "m2");
    }
}
