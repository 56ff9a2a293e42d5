//! Foreign keys from outside, of the less common kinds.

use cutover_core::catalog::CatalogSnapshot;
use cutover_core::{NamingPolicy, Stamp};
use cutover_swap::{Pair, PlanOptions, RefusalKind, SwapPlan, SwapRefused};

use crate::release_set::{ReleaseSet, dump};

#[tokio::test]
async fn a_key_of_a_partitions_own_follows() {
    let mut set = ReleaseSet::new().await;
    set.database
        .execute(
            "CREATE TABLE visits (id integer, site_id bigint) PARTITION BY RANGE (id); \
             CREATE TABLE early PARTITION OF visits FOR VALUES FROM (0) TO (10); \
             CREATE TABLE late PARTITION OF visits DEFAULT; \
             ALTER TABLE early ADD CONSTRAINT of_site FOREIGN KEY (site_id) REFERENCES sites ON DELETE CASCADE; \
             INSERT INTO visits SELECT n, n FROM generate_series(1, 20) n",
        )
        .await
        .unwrap();
    let before = dump(&set.database, &["--schema-only"]);
    set.stage("m2").await;
    let report = set.swap().await;
    assert_eq!(dump(&set.database, &["--schema-only"]), before);
    let rows = "WITH gone AS (DELETE FROM \"sites & countries\" RETURNING 1) SELECT count(*) FROM gone";
    set.database.query_text(rows).await.unwrap();
    set.database
        .execute("DELETE FROM sites WHERE id BETWEEN 3 AND 12")
        .await
        .unwrap();
    let left = "SELECT count(*) FROM visits";
    assert_eq!(
        set.database.query_text(left).await.unwrap(),
        "13",
        "early alone has the key"
    );
    set.roll_back(&report.backup).await;
    assert_eq!(dump(&set.database, &["--schema-only"]), before);
}

/// What inherits from a table has rows that a key to the table does not see.
#[tokio::test]
async fn rows_of_heirs_are_nothing_to_refer_to() {
    let mut set = ReleaseSet::staged("m2").await;
    let (live, incoming) = set.snapshots().await;
    set.database
        .execute(
            "CREATE TABLE heirs () INHERITS (staging_sites); \
             INSERT INTO heirs (id, source_id, name) VALUES (100, 1, 'an heir'); INSERT INTO reviews VALUES (99, 1); \
             SET session_replication_role = replica; INSERT INTO reviews VALUES (100, 100)",
        )
        .await
        .unwrap();
    let plan = compute(&live, &incoming).unwrap();
    let orphans = plan.read_orphans(&set.client).await.unwrap();
    assert_eq!(
        (orphans.len(), orphans[0].sample.as_slice()),
        (1, ["[100]".to_owned()].as_slice())
    );
}

/// The key finds `a` where the referenced column has `A`, and has no trouble with two collations: so must the precheck,
/// whatever the search path.
#[tokio::test]
async fn orphans_are_looked_for_as_the_key_compares() {
    let mut set = ReleaseSet::new().await;
    set.database
        .execute(
            "CREATE SCHEMA extensions; CREATE EXTENSION citext SCHEMA extensions; \
             ALTER TABLE sources ADD code extensions.citext CONSTRAINT sources_code UNIQUE; \
             UPDATE sources SET code = 'A' || id; \
             CREATE TABLE notes (code extensions.citext REFERENCES sources (code), \
                                 title text COLLATE \"C\" REFERENCES sources (title) ON UPDATE CASCADE); \
             INSERT INTO notes VALUES ('a1', 'm1 source 1'), ('a2', 'm1 source 2')",
        )
        .await
        .unwrap();
    set.stage("m1").await;
    set.database
        .execute(
            "ALTER INDEX staging_sources_code_key RENAME TO staging_sources_code; \
             UPDATE staging_sources SET code = 'A' || id WHERE id > 1; DELETE FROM reviews",
        )
        .await
        .unwrap();
    let plan = set.plan().await;
    set.client.batch_execute("SET search_path = ''").await.unwrap();
    let mut found = Vec::new();
    for precheck in &plan.prechecks {
        found.extend(precheck.read(&set.client).await.unwrap());
    }
    let [orphans] = &found[..] else {
        panic!("{found:?}");
    };
    assert_eq!(orphans.key.name.as_str(), "notes_code_fkey");
    assert_eq!(
        (orphans.rows, &orphans.sample[..]),
        (1, &[r#"["a1"]"#.to_owned()][..])
    );
}

#[tokio::test]
async fn a_table_whose_rows_are_hidden_is_refused() {
    let mut set = ReleaseSet::staged("m2").await;
    let role = format!("{}_operator", set.database.name());
    set.database
        .execute(&format!(
            "CREATE ROLE {role}; GRANT USAGE ON SCHEMA cutover TO {role}; \
             GRANT SELECT ON ALL TABLES IN SCHEMA cutover TO {role}; ALTER TABLE reviews OWNER TO {role}; \
             ALTER TABLE reviews ENABLE ROW LEVEL SECURITY; ALTER TABLE reviews FORCE ROW LEVEL SECURITY"
        ))
        .await
        .unwrap();
    assert!(
        set.compute(&PlanOptions::default()).await.is_ok(),
        "a superuser sees them all"
    );
    set.client
        .batch_execute(&format!("SET ROLE {role}"))
        .await
        .unwrap();
    let refused = set.compute(&PlanOptions::default()).await.unwrap_err();
    let found = refused
        .refusals
        .iter()
        .find(|refusal| refusal.kind == RefusalKind::ForeignKey);
    let refusal = found.unwrap_or_else(|| panic!("{refused}"));
    assert!(
        refusal
            .reason
            .starts_with("is of a table whose row-level security hides rows"),
        "{refused}"
    );
}

fn compute(live: &CatalogSnapshot, incoming: &CatalogSnapshot) -> Result<SwapPlan, SwapRefused> {
    let (stamp, policy): (Stamp, _) = ("2501010000".parse().unwrap(), NamingPolicy::default());
    let pairing = Pair::by_policy(live, incoming, &policy);
    SwapPlan::compute(live, incoming, &pairing, &stamp, &policy, &PlanOptions::default())
}

/// What only PostgreSQL 18 makes, as its catalog tells it.
#[tokio::test]
async fn keys_of_later_releases() {
    let mut set = ReleaseSet::staged("m2").await;
    let (mut live, incoming) = set.snapshots().await;
    live.inbound_foreign_keys[0].enforced = false;
    live.inbound_foreign_keys[0].validated = false;
    let plan = compute(&live, &incoming).unwrap();
    let key = plan
        .switch
        .steps
        .iter()
        .find(|step| step.object.name.as_str() == "reviews_site_fk")
        .unwrap();
    assert!(
        key.sql.as_str().ends_with(" DEFERRABLE NOT ENFORCED"),
        "{}",
        key.sql
    );
    assert!(plan.prechecks.is_empty() && plan.post_swap.steps.is_empty());

    live.inbound_foreign_keys[0].temporal = true;
    let refused = compute(&live, &incoming).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains(r#"constraint "reviews_site_fk" of "public"."reviews" has a PERIOD"#),
        "{refused}"
    );
}
