//! A zoo of everything that follows the set by oid.

use cutover_swap::{PlanOptions, SwapError};

use crate::release_set::{Observer, ReleaseSet, dump, quick};

/// What each of the zoo tells the month by.
const SEEN: &str = "SELECT string_agg(DISTINCT month, ' ') FROM ( \
    SELECT site_month() UNION ALL SELECT month FROM zoo.sources_like() UNION ALL SELECT named_month() \
    UNION ALL SELECT unnest(both_months()) UNION ALL SELECT whole_row('') UNION ALL SELECT by_name() \
    UNION ALL SELECT odd(3) UNION ALL SELECT odd(4) UNION ALL SELECT month FROM zoo.by_function \
    UNION ALL SELECT left(name, 2) FROM zoo.grouped UNION ALL SELECT month FROM zoo.over_grouped \
    UNION ALL SELECT left(name, 2) FROM all_sites() UNION ALL SELECT zoo.label(s) FROM sites s \
    UNION ALL SELECT left((zoo.first_of(array_agg(s))).site.name, 2) FROM sites s UNION ALL SELECT month FROM zoo.listed() \
    UNION ALL SELECT left((site).name, 2) FROM zoo.listed() \
    UNION ALL SELECT left((site).name, 2) FROM zoo.whole \
    UNION ALL SELECT month FROM zoo.whole UNION ALL SELECT month FROM zoo.wholes() \
    UNION ALL SELECT (w).month FROM zoo.whole_rows UNION ALL SELECT month FROM zoo.above \
    UNION ALL SELECT month FROM zoo.far_above UNION ALL SELECT left(name, 2) FROM zoo.checked \
    UNION ALL SELECT zoo.over_rows('') UNION ALL SELECT month FROM zoo.over_function) seen (month)";

/// Objects that refer to a backup relation, a sequence or a row type of one, without being part of a backup.
const LEFT_BEHIND: &str = "WITH backup AS (SELECT oid, reltype FROM pg_class \
        WHERE relnamespace IN (to_regnamespace('public'), to_regnamespace('past')) AND relname LIKE 'bk%') \
    SELECT pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_depend d \
     WHERE d.deptype = 'n' \
       AND ((d.refclassid = 'pg_class'::regclass AND d.refobjid IN (SELECT oid FROM backup)) \
         OR (d.refclassid = 'pg_type'::regclass AND d.refobjid IN (SELECT t.oid FROM pg_type t JOIN backup b ON t.typrelid = b.oid OR (t.typelem = b.reltype AND b.reltype <> 0)))) \
       AND NOT (d.classid = 'pg_class'::regclass AND d.objid IN (SELECT oid FROM backup)) \
       AND NOT (d.classid = 'pg_attrdef'::regclass AND EXISTS (SELECT FROM pg_attrdef a WHERE a.oid = d.objid AND a.adrelid IN (SELECT oid FROM backup))) \
       AND NOT (d.classid = 'pg_constraint'::regclass AND EXISTS (SELECT FROM pg_constraint k WHERE k.oid = d.objid AND k.conrelid IN (SELECT oid FROM backup))) \
       AND NOT (d.classid = 'pg_rewrite'::regclass AND EXISTS (SELECT FROM pg_rewrite r WHERE r.oid = d.objid AND r.ev_class IN (SELECT oid FROM backup)))";

pub(crate) async fn zoo() -> ReleaseSet {
    let set = ReleaseSet::new().await;
    set.database.execute(include_str!("zoo.sql")).await.unwrap();
    set
}

/// The owner of a view and of a function reads the set with its own rights.
pub(crate) async fn stage(set: &ReleaseSet, month: &str) {
    set.stage(month).await;
    let grant = "GRANT SELECT ON staging_sites, staging_sources TO zoo_owner WITH GRANT OPTION";
    set.execute_in_staging(grant).await;
}

pub(crate) async fn assert_all_follow(set: &Observer, month: &str) {
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
    let plan = set.plan().await;
    let warned = |function: &str| plan.warnings.iter().any(|warning| warning.contains(function));
    assert!(
        warned(r#"function "public"."all_sites" is made of a row type"#),
        "{:?}",
        plan.warnings
    );
    assert!(!warned("site_month"), "{:?}", plan.warnings);
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
pub(crate) fn assert_same_dump(before: &str, after: &str) {
    let differs = before
        .lines()
        .zip(after.lines())
        .position(|(before, after)| before != after);
    let around = |dump: &str| {
        let lines = dump.lines().skip(differs.unwrap_or_default().saturating_sub(5));
        lines.take(20).collect::<Vec<_>>().join("\n")
    };
    assert!(
        before == after,
        "before:\n{}\n\nafter:\n{}",
        around(before),
        around(after)
    );
}

/// Those, too, that had to be detached from what was made anew, and what is not touched at all.
#[tokio::test]
async fn what_is_replaced_keeps_its_oid() {
    let mut set = zoo().await;
    let oids = "SELECT string_agg(oid::text, ' ' ORDER BY oid) FROM ( \
        SELECT oid FROM pg_class WHERE relkind = 'v' AND relnamespace IN ('public'::regnamespace, 'zoo'::regnamespace) \
            AND relname NOT IN ('whole', 'whole_rows') \
        UNION ALL SELECT oid FROM pg_proc WHERE pronamespace IN ('public'::regnamespace, 'zoo'::regnamespace) \
            AND proname NOT IN ('all_sites', 'label', 'first_of', 'listed', 'take', 'wholes') \
        UNION ALL SELECT oid FROM pg_rewrite WHERE oid > 16384 AND rulename NOT IN ('_RETURN', 'gone', 'across')) o";
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
    set.database
        .execute("GRANT UPDATE, DELETE ON sites TO zoo_owner; UPDATE zoo.countries SET name = '' WHERE id = 2; DELETE FROM reviews; DELETE FROM \"sites & countries\"; \
                  DELETE FROM zoo.whole WHERE id = 60; INSERT INTO zoo.whole (month) VALUES ('no')")
        .await
        .unwrap();
    let after = "SELECT count(*) FILTER (WHERE name = 'm2 renamed') || ' of ' || count(*) FROM sites";
    assert_eq!(set.database.query_text(after).await.unwrap(), "12 of 59");
    let unchecked = "UPDATE zoo.checked SET name = NULL";
    assert!(set.database.execute(unchecked).await.is_err());
}

/// Whoever changes a dependent after the plan was made would find the old one back.
#[tokio::test]
async fn a_dependent_that_changed_since_refuses_the_plan() {
    let mut set = zoo().await;
    stage(&set, "m2").await;
    for change in [
        "CREATE OR REPLACE FUNCTION site_month() RETURNS text RETURN (SELECT 'm3' FROM sites LIMIT 1)",
        "ALTER FUNCTION site_month() OWNER TO zoo_owner",
        "GRANT EXECUTE ON FUNCTION named_month() TO zoo_friend",
        "CREATE OR REPLACE FUNCTION both_months() RETURNS text[] RETURN ARRAY[site_month()]",
        "DROP FUNCTION whole_row",
        "COMMENT ON FUNCTION zoo.label IS NULL",
        "COMMENT ON COLUMN zoo.whole.site IS NULL",
        "GRANT SELECT ON zoo.whole TO swap_reader",
        "ALTER VIEW zoo.whole ALTER COLUMN month SET DEFAULT ''",
        "CREATE OR REPLACE FUNCTION zoo.over_rows(month text DEFAULT '') RETURNS text RETURN (SELECT max(zoo.label(s)) FROM all_sites() s)",
        "ALTER FUNCTION all_sites() VOLATILE",
        "CREATE FUNCTION one_more() RETURNS bigint RETURN (SELECT count(*) FROM named_sites)",
        "CREATE OR REPLACE VIEW zoo.by_function AS SELECT site_month() AS month",
        "CREATE OR REPLACE RULE quiet AS ON DELETE TO titled_sources DO INSTEAD NOTHING",
        "COMMENT ON RULE \"one; two\" ON zoo.countries IS NULL",
        "CREATE OR REPLACE RULE \"one; two\" AS ON INSERT TO zoo.countries DO INSTEAD NOTHING",
    ] {
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

/// What stands on something that has to be dropped stops the swap, by name.
#[tokio::test]
async fn what_stands_on_a_function_of_rows_and_cannot_be_detached_is_refused() {
    let mut set = ReleaseSet::staged("m2").await;
    set.database
        .execute(
            "CREATE FUNCTION label(sites) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT $1.name::text$$; \
             CREATE FUNCTION half_named(integer, n integer) RETURNS bigint RETURN (SELECT count(*) + $1 FROM sites); \
             CREATE FUNCTION not_used(integer, n integer) RETURNS bigint RETURN (SELECT count(*) + n FROM sites); \
             CREATE FUNCTION of_label() RETURNS text RETURN label(NULL); \
             CREATE TABLE labelled (id integer, label text DEFAULT label(NULL), CHECK (label(NULL) IS NULL)); \
             CREATE TABLE not_labelled (id integer, label text DEFAULT of_label()); \
             CREATE POLICY by_label ON labelled USING (label = label(NULL)); \
             CREATE RULE label AS ON INSERT TO labelled DO ALSO SELECT label(NULL); \
             CREATE INDEX ON labelled ((label(NULL))); \
             CREATE TRIGGER label BEFORE UPDATE ON labelled FOR EACH ROW WHEN (label(NULL) > '') EXECUTE FUNCTION keep_site(); \
             CREATE FUNCTION longest(sites, sites) RETURNS sites LANGUAGE sql AS 'SELECT $1'; \
             CREATE AGGREGATE longest(sites) (sfunc = longest, stype = sites); \
             CREATE OPERATOR === (function = longest, leftarg = sites, rightarg = sites)",
        )
        .await
        .unwrap();
    let refused = set.compute(&PlanOptions::default()).await.unwrap_err();
    insta::assert_snapshot!(refused);
}

/// No order of dropping and creating suits these, nor does pg_dump have one.
#[tokio::test]
async fn functions_of_rows_that_call_each_other_follow() {
    let mut set = ReleaseSet::new().await;
    set.database
        .execute(
            "CREATE FUNCTION tick(site sites, n integer) RETURNS text RETURN NULL; \
             CREATE FUNCTION tock(site sites, n integer) RETURNS text \
                 RETURN CASE WHEN n > 0 THEN tick(site, n - 1) ELSE left(site.name, 2) END; \
             CREATE OR REPLACE FUNCTION tick(site sites, n integer) RETURNS text \
                 RETURN CASE WHEN n > 0 THEN tock(site, n - 1) ELSE left(site.name, 2) END; \
             CREATE VIEW ticks AS SELECT DISTINCT tick(s, 2) || tick(s, 3) AS months FROM sites s",
        )
        .await
        .unwrap();
    set.stage("m2").await;
    let report = set.swap().await;
    let months = "SELECT months FROM ticks";
    assert_eq!(set.database.query_text(months).await.unwrap(), "m2m2");
    set.roll_back(&report.backup).await;
    assert_eq!(set.database.query_text(months).await.unwrap(), "m1m1");
}

/// No provider of labels comes with the server, so the statements are read rather than run.
#[tokio::test]
async fn what_is_made_anew_gets_its_security_labels_again() {
    let mut set = zoo().await;
    stage(&set, "m2").await;
    set.database
        .execute(
            "INSERT INTO pg_seclabel SELECT o.oid, o.class, o.part, 'provider', o.label FROM (VALUES \
                 ('zoo.whole'::regclass::oid, 'pg_class'::regclass, 0, 'of the view'), \
                 ('zoo.whole'::regclass::oid, 'pg_class'::regclass, 1, 'of a column'), \
                 ('all_sites()'::regprocedure::oid, 'pg_proc'::regclass, 0, 'of the function') \
             ) o (oid, class, part, label)",
        )
        .await
        .unwrap();
    let column = set
        .database
        .query_text("SELECT attname FROM pg_attribute WHERE attrelid = 'zoo.whole'::regclass AND attnum = 1")
        .await
        .unwrap();
    let plan = set.plan().await.to_string();
    for labelled in [
        r#"ON VIEW "zoo"."whole" IS 'of the view'"#.to_owned(),
        format!(r#"ON COLUMN "zoo"."whole"."{column}" IS 'of a column'"#),
        r#"ON FUNCTION "public"."all_sites"() IS 'of the function'"#.to_owned(),
    ] {
        let statement = format!("SECURITY LABEL FOR 'provider' {labelled}");
        assert!(plan.contains(&statement), "{statement} is missing from\n{plan}");
    }
}
