//! A zoo of everything that follows the set by oid.

use cutover_swap::{PlanOptions, SwapError};

use crate::release_set::{Observer, ReleaseSet, dump, quick};

/// What each of the zoo tells the month by.
const SEEN: &str = "SELECT string_agg(DISTINCT month, ' ') FROM ( \
    SELECT site_month() UNION ALL SELECT month FROM zoo.sources_like() UNION ALL SELECT named_month() \
    UNION ALL SELECT unnest(both_months()) UNION ALL SELECT whole_row('') UNION ALL SELECT by_name() \
    UNION ALL SELECT odd(3) UNION ALL SELECT odd(4) UNION ALL SELECT month FROM zoo.by_function \
    UNION ALL SELECT left(name, 2) FROM zoo.grouped UNION ALL SELECT month FROM zoo.over_grouped) seen (month)";

/// Objects that refer to a backup relation, a sequence or a row type of one, without being part of a backup.
const LEFT_BEHIND: &str = "WITH backup AS (SELECT oid, reltype FROM pg_class \
        WHERE relnamespace = 'public'::regnamespace AND relname LIKE 'bk%') \
    SELECT pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_depend d \
     WHERE d.deptype = 'n' \
       AND ((d.refclassid = 'pg_class'::regclass AND d.refobjid IN (SELECT oid FROM backup)) \
         OR (d.refclassid = 'pg_type'::regclass AND d.refobjid IN (SELECT oid FROM pg_type WHERE typrelid IN (SELECT oid FROM backup)))) \
       AND NOT (d.classid = 'pg_class'::regclass AND d.objid IN (SELECT oid FROM backup)) \
       AND NOT (d.classid = 'pg_attrdef'::regclass AND EXISTS (SELECT FROM pg_attrdef a WHERE a.oid = d.objid AND a.adrelid IN (SELECT oid FROM backup))) \
       AND NOT (d.classid = 'pg_constraint'::regclass AND EXISTS (SELECT FROM pg_constraint k WHERE k.oid = d.objid AND k.conrelid IN (SELECT oid FROM backup))) \
       AND NOT (d.classid = 'pg_rewrite'::regclass AND EXISTS (SELECT FROM pg_rewrite r WHERE r.oid = d.objid AND r.ev_class IN (SELECT oid FROM backup)))";

async fn zoo() -> ReleaseSet {
    let set = ReleaseSet::new().await;
    set.database.execute(include_str!("zoo.sql")).await.unwrap();
    set
}

/// The owner of a view and of a function reads the set with its own rights.
async fn stage(set: &ReleaseSet, month: &str) {
    set.stage(month).await;
    let grant = "GRANT SELECT ON staging_sites, staging_sources TO zoo_owner WITH GRANT OPTION";
    set.database.execute(grant).await.unwrap();
}

async fn assert_all_follow(set: &Observer, month: &str) {
    assert_eq!(set.month().await, month);
    assert_eq!(set.database.query_text(SEEN).await.unwrap(), month);
    let left_behind = set.database.query_texts(LEFT_BEHIND).await.unwrap();
    assert_eq!(left_behind, Vec::<Option<String>>::new());
}

#[tokio::test]
async fn everything_in_the_zoo_follows_there_and_back() {
    let mut set = zoo().await;
    let before = dump(&set.database, &["--schema-only"]);
    assert_all_follow(&set, "m1").await;
    stage(&set, "m2").await;
    let report = set.swap().await;
    assert_all_follow(&set, "m2").await;
    assert_same_dump(&before, &dump(&set.database, &["--schema-only"]));
    let undone = set.roll_back(&report.backup).await;
    assert_all_follow(&set, "m1").await;
    assert_same_dump(&before, &dump(&set.database, &["--schema-only"]));
    set.roll_back(&undone.backup).await;
    assert_all_follow(&set, "m2").await;
}

#[track_caller]
fn assert_same_dump(before: &str, after: &str) {
    let gone: Vec<&str> = before.lines().filter(|line| !after.contains(line)).collect();
    let new: Vec<&str> = after.lines().filter(|line| !before.contains(line)).collect();
    assert!(
        before == after,
        "gone:\n{}\nnew:\n{}",
        gone.join("\n"),
        new.join("\n")
    );
}

/// What reads nothing but views and functions that stay what they are is not touched.
#[tokio::test]
async fn what_is_replaced_keeps_its_oid() {
    let mut set = zoo().await;
    let oids = "SELECT string_agg(oid::text, ' ' ORDER BY oid) FROM ( \
        SELECT oid FROM pg_class WHERE relkind = 'v' AND relnamespace IN ('public'::regnamespace, 'zoo'::regnamespace) \
        UNION ALL SELECT oid FROM pg_proc WHERE pronamespace IN ('public'::regnamespace, 'zoo'::regnamespace) \
        UNION ALL SELECT oid FROM pg_rewrite WHERE rulename <> '_RETURN' AND oid > 16384) o";
    let before = set.database.query_text(oids).await.unwrap();
    stage(&set, "m2").await;
    set.swap().await;
    assert_eq!(set.database.query_text(oids).await.unwrap(), before);
}

#[tokio::test]
async fn rules_of_views_act_on_the_new_relations() {
    let mut set = zoo().await;
    stage(&set, "m2").await;
    set.swap().await;
    set.database
        .execute("INSERT INTO zoo.countries VALUES (1)")
        .await
        .unwrap();
    let visited = "SELECT count(*) FROM sites WHERE name LIKE 'visited; m2%'";
    assert_eq!(set.database.query_text(visited).await.unwrap(), "12");
    let left = r#"SELECT count(*) FROM "sites & countries" WHERE country_id = 1"#;
    assert_eq!(set.database.query_text(left).await.unwrap(), "0");
}

/// Whoever changes a dependent after the plan was made would find the old one back.
#[tokio::test]
async fn a_dependent_that_changed_since_refuses_the_plan() {
    for change in [
        "CREATE OR REPLACE FUNCTION site_month() RETURNS text RETURN (SELECT 'm3' FROM sites LIMIT 1)",
        "ALTER FUNCTION site_month() OWNER TO zoo_owner",
        "GRANT EXECUTE ON FUNCTION named_month() TO zoo_friend",
        "CREATE OR REPLACE FUNCTION both_months() RETURNS text[] RETURN ARRAY[site_month()]",
        "DROP FUNCTION whole_row",
        "CREATE FUNCTION one_more() RETURNS bigint RETURN (SELECT count(*) FROM named_sites)",
        "CREATE OR REPLACE VIEW zoo.by_function AS SELECT site_month() AS month",
        "CREATE OR REPLACE RULE quiet AS ON DELETE TO titled_sources DO INSTEAD NOTHING",
        "COMMENT ON RULE \"one; two\" ON zoo.countries IS NULL",
        "CREATE OR REPLACE RULE \"one; two\" AS ON INSERT TO zoo.countries DO INSTEAD NOTHING",
    ] {
        let mut set = zoo().await;
        stage(&set, "m2").await;
        let plan = set.plan().await;
        set.database.execute(change).await.unwrap();
        let refused = set.run(&plan, &quick()).await;
        assert!(
            matches!(refused, Err(SwapError::CatalogChanged { .. })),
            "after {change}: {refused:?}"
        );
        assert_eq!(set.month().await, "m1");
    }
}

/// Rights are asked for when the swap is planned, not found missing in the middle of it.
#[tokio::test]
async fn what_the_role_may_not_replace_is_refused_by_name() {
    let mut set = zoo().await;
    stage(&set, "m2").await;
    set.database
        .execute(
            "DO $$ BEGIN CREATE ROLE zoo_swapper; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$; \
             DO $$ DECLARE r record; BEGIN FOR r IN SELECT oid::regclass AS name FROM pg_class \
                 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'm') \
             LOOP EXECUTE format('ALTER TABLE %s OWNER TO zoo_swapper', r.name); END LOOP; END $$; \
             ALTER TABLE reviews OWNER TO zoo_owner; \
             GRANT CREATE ON SCHEMA public TO zoo_swapper; GRANT USAGE ON SCHEMA cutover TO zoo_swapper; \
             GRANT SELECT ON ALL TABLES IN SCHEMA cutover TO zoo_swapper; GRANT USAGE ON SCHEMA zoo TO zoo_swapper",
        )
        .await
        .unwrap();
    set.client.batch_execute("SET ROLE zoo_swapper").await.unwrap();
    let refused = set.compute(&PlanOptions::default()).await.unwrap_err();
    insta::assert_snapshot!(refused);
}
