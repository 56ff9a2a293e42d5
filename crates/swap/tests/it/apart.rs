//! Staging and backups in schemas of their own (trap 34).

use cutover_core::NamingPolicy;
use cutover_swap::PlanOptions;
use cutover_testkit::Cluster;

use crate::dependents::{assert_all_follow, assert_same_dump, stage, zoo};
use crate::release_set::{Observer, ReleaseSet, apart, dump, ident};

/// What a tile server or an API publishes: whatever it may find and read.
const PUBLISHED: &str = "SELECT string_agg(c.oid::regclass::text, ' ' ORDER BY c.oid::regclass::text) FROM pg_class c \
    WHERE c.relkind IN ('r', 'p', 'v', 'm') AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) \
      AND has_schema_privilege('swap_reader', c.relnamespace, 'USAGE') AND has_table_privilege('swap_reader', c.oid, 'SELECT')";

/// What is called like live, and in the way of nothing.
const DECOYS: &str = "CREATE TABLE sites (id serial PRIMARY KEY); CREATE STATISTICS sites_stats ON (id + 1), (id - 1) FROM sites; \
    CREATE TABLE sources (id serial PRIMARY KEY, title text UNIQUE); CREATE VIEW site_counts AS SELECT 1 AS n";

async fn published(set: &Observer) -> String {
    set.database.query_text(PUBLISHED).await.unwrap()
}

/// The policies: two schemas; and in full, one for both, and either alone.
fn policies() -> Vec<NamingPolicy> {
    let mut policies = vec![apart()];
    if std::env::var_os("CUTOVER_TEST_IN_FULL").is_some() {
        let policy = NamingPolicy::default;
        let (next, past) = (ident("next"), ident("past"));
        policies.extend([
            policy().staging_in(past.clone()).backups_in(past.clone()),
            policy().staging_in(next),
            policy().backups_in(past),
        ]);
    }
    policies
}

#[tokio::test]
async fn the_zoo_follows_there_and_back_through_other_schemas() {
    for policy in policies() {
        let mut set = zoo().await;
        set.policy = policy;
        let before = dump(&set.database, &["--schema-only"]);
        let seen = published(&set).await;
        stage(&set, "m2").await;
        if set.policy.staging_schema(&ident("public")) != &ident("public") {
            set.execute_in_staging(DECOYS).await;
        }
        let report = set.swap().await;
        assert_all_follow(&set, "m2").await;
        assert_same_dump(&before, &dump(&set.database, &["--schema-only"]));
        let undone = set.roll_back(&report.backup).await;
        assert_all_follow(&set, "m1").await;
        assert_same_dump(&before, &dump(&set.database, &["--schema-only"]));
        set.roll_back(&undone.backup).await;
        assert_all_follow(&set, "m2").await;
        if set.policy == apart() {
            assert_eq!(published(&set).await, seen);
            assert_eq!(set.leftovers().await, Vec::<String>::new());
        }
    }
}

/// Publications of schemas: of live's where only live is in it, it follows; of what is not live, none is let through.
#[tokio::test]
async fn a_publication_of_lives_schema_publishes_what_is_live() {
    // There are none before.
    if Cluster::shared().version() < 15 {
        return;
    }
    let mut set = ReleaseSet::new().await;
    set.policy = apart();
    set.database
        .execute("CREATE PUBLICATION whole FOR TABLES IN SCHEMA public")
        .await
        .unwrap();
    let listed = "SELECT string_agg(schemaname || '.' || tablename, ' ' ORDER BY tablename) FROM pg_publication_tables";
    let before = set.database.query_text(listed).await.unwrap();
    set.stage("m2").await;
    assert_eq!(set.database.query_text(listed).await.unwrap(), before);
    let plan = set.plan().await;
    let told = |warning: &String| warning.starts_with("publication \"whole\" goes on with what goes live");
    assert_eq!(
        plan.warnings.iter().filter(|warning| told(warning)).count(),
        1,
        "{:?}",
        plan.warnings
    );

    // Where backups stay, it would take them in.
    set.policy = NamingPolicy::default().staging_in(ident("next"));
    let refused = set.compute(&PlanOptions::default()).await.unwrap_err();
    assert!(
        refused
            .refusals
            .iter()
            .all(|refusal| refusal.object == "publication \"whole\""),
        "{refused}"
    );
    set.policy = apart();
    let report = set.swap().await;
    assert_eq!(set.month().await, "m2");
    assert_eq!(set.database.query_text(listed).await.unwrap(), before);
    set.roll_back(&report.backup).await;
    assert_eq!(set.database.query_text(listed).await.unwrap(), before);

    set.stage("m3").await;
    set.database
        .execute("CREATE PUBLICATION next FOR TABLES IN SCHEMA next; CREATE PUBLICATION past FOR TABLES IN SCHEMA past")
        .await
        .unwrap();
    let refused = set.compute(&PlanOptions::default()).await.unwrap_err();
    let told: std::collections::BTreeSet<&str> = refused
        .refusals
        .iter()
        .map(|refusal| refusal.object.as_str())
        .collect();
    assert_eq!(
        told.into_iter().collect::<Vec<_>>(),
        ["publication \"next\"", "schema \"past\""]
    );
}

/// The schema of the backups is its maker's own: default privileges give nobody a look, and only owners of the set have one.
#[tokio::test]
async fn what_is_made_for_backups_is_open_to_their_owners_alone() {
    let mut set = ReleaseSet::new().await;
    set.policy = apart();
    set.stage("m2").await;
    let role = format!("{}_owner", set.database.name());
    set.database
        .execute(&format!(
            "CREATE ROLE {role}; ALTER TABLE sites OWNER TO {role}; ALTER TABLE next.staging_sites OWNER TO {role}; \
             GRANT CREATE ON SCHEMA public TO {role}; GRANT USAGE ON SCHEMA next TO {role}; \
             ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO PUBLIC, swap_reader"
        ))
        .await
        .unwrap();
    let report = set.swap().await;
    let open_to = format!(
        "SELECT string_agg(r, ' ') FROM unnest('{{swap_reader,{role}}}'::text[]) r WHERE has_schema_privilege(r, 'past', 'USAGE')"
    );
    assert_eq!(set.database.query_text(&open_to).await.unwrap(), role);
    let may_create = format!("SELECT has_schema_privilege('{role}', 'past', 'CREATE')");
    assert_eq!(set.database.query_text(&may_create).await.unwrap(), "f");
    // A backup's key to a table outside is checked with the rights of the backup's owner.
    set.database
        .execute("INSERT INTO countries VALUES (9, ''); DELETE FROM countries WHERE id = 9")
        .await
        .unwrap();
    set.roll_back(&report.backup).await;
    assert_eq!(set.month().await, "m1");
}
