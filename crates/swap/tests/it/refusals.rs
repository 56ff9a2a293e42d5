use cutover_core::{ObjectKind, QualifiedName};
use cutover_swap::{PlanOptions, RefusalKind};

use crate::release_set::{ReleaseSet, ident, quick};

/// After `sql` the swap is refused, for exactly one reason, of this kind and about this object.
async fn check(sql: &str, kind: RefusalKind, object: &str) {
    let mut set = ReleaseSet::staged("m2").await;
    set.database.execute(sql).await.unwrap();
    let refused = set.compute(&PlanOptions::default()).await.unwrap_err();
    let found: Vec<_> = refused
        .refusals
        .iter()
        .filter(|r| r.kind == kind && r.object.contains(object))
        .collect();
    assert_eq!(found.len(), 1, "after {sql}: {refused}");
    assert_eq!(refused.refusals.len(), 1, "after {sql}: {refused}");
    assert!(refused.to_string().contains(found[0].remedy));
}

#[tokio::test]
async fn dependents_that_cannot_follow_are_refused() {
    for (sql, kind, object) in [
        (
            "CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM sites",
            RefusalKind::View,
            r#"materialized view "public"."totals""#,
        ),
        (
            "CREATE TABLE log (site sites)",
            RefusalKind::Dependent,
            "column site of table log",
        ),
        (
            "CREATE PUBLICATION everything FOR ALL TABLES",
            RefusalKind::Publication,
            r#"publication "everything""#,
        ),
        (
            "ALTER TABLE reviews DISABLE TRIGGER ALL",
            RefusalKind::ForeignKey,
            r#"constraint "reviews_site_fk" of "public"."reviews""#,
        ),
        (
            "CREATE TABLE visits (id int, site_id bigint REFERENCES sites) PARTITION BY RANGE (id)",
            RefusalKind::ForeignKey,
            r#"of "public"."visits""#,
        ),
        (
            "CREATE TABLE visits (id int, site_id bigint) PARTITION BY RANGE (id); \
             CREATE TABLE late PARTITION OF visits DEFAULT PARTITION BY RANGE (id); \
             ALTER TABLE late ADD FOREIGN KEY (site_id) REFERENCES sites",
            RefusalKind::ForeignKey,
            r#"of "public"."late""#,
        ),
    ] {
        check(sql, kind, object).await;
    }
}

#[tokio::test]
async fn each_kind_that_cannot_follow_has_a_remedy() {
    let mut set = ReleaseSet::staged("m2").await;
    set.database
        .execute(
            "CREATE TABLE log (site sites); CREATE TYPE pair AS (one sites, two integer); CREATE DOMAIN any_site AS sites; \
             CREATE DOMAIN numbered AS bigint DEFAULT nextval('sources_id_seq'); \
             CREATE DOMAIN elsewhere AS oid CHECK (VALUE <> 'sites'::regclass); \
             CREATE TABLE named (relation oid CONSTRAINT no_site CHECK (relation <> 'sites'::regclass)); \
             CREATE INDEX far ON countries ((id + 'sites'::regclass::oid::integer)); \
             CREATE STATISTICS farther ON (id + 'sites'::regclass::oid::integer), name FROM countries; \
             CREATE TRIGGER farthest BEFORE UPDATE ON countries FOR EACH ROW \
                WHEN (new.id <> 'sites'::regclass::oid::integer) EXECUTE FUNCTION keep_site(); \
             CREATE CAST (sites AS json) WITH INOUT; \
             CREATE TABLE parted (id integer) PARTITION BY RANGE ((id + 'sites'::regclass::oid::integer))",
        )
        .await
        .unwrap();
    let refused = set.compute(&PlanOptions::default()).await.unwrap_err();
    let mut found: Vec<(&str, &str)> = refused
        .refusals
        .iter()
        .map(|refusal| {
            assert_eq!(refusal.kind, RefusalKind::Dependent, "{refused}");
            (refusal.object.as_str(), refusal.remedy)
        })
        .collect();
    found.sort_unstable();
    let again = "drop it before the swap and create it again after it";
    let expected = [
        ("cast from sites to json", again),
        (
            "column one of composite type pair",
            "give the column another type",
        ),
        ("column site of table log", "give the column another type"),
        (
            "constraint elsewhere_check",
            "drop the constraint before the swap",
        ),
        (
            "constraint no_site on table named",
            "drop the constraint before the swap",
        ),
        ("index far", again),
        ("statistics object farther", again),
        ("table parted", "put it into the release set as well"),
        ("trigger farthest on table countries", again),
        ("type any_site", "drop the type before the swap"),
        ("type numbered", "drop the type before the swap"),
    ];
    assert_eq!(found.len(), expected.len(), "{refused}");
    for ((object, remedy), (expected_object, expected_remedy)) in found.into_iter().zip(expected) {
        assert_eq!(object, expected_object);
        assert!(remedy.starts_with(expected_remedy), "{object}: {remedy}");
    }
}

#[tokio::test]
async fn staging_that_does_not_fit_is_refused() {
    for (sql, kind, object) in [
        (
            "DROP INDEX staging_sites_lower_name",
            RefusalKind::Unpaired,
            r#"index "public"."sites_lower_name""#,
        ),
        (
            "CREATE INDEX extra ON staging_sites (name)",
            RefusalKind::Unpaired,
            r#"index "public"."extra""#,
        ),
        (
            "DROP STATISTICS staging_sites_stats",
            RefusalKind::Unpaired,
            "sites_stats",
        ),
        (
            "ALTER TABLE staging_sources ALTER id DROP DEFAULT; DROP SEQUENCE staging_sources_id_seq",
            RefusalKind::Unpaired,
            r#"sequence "public"."sources_id_seq""#,
        ),
        (
            "ALTER TABLE staging_sites DROP CONSTRAINT sites_source_fk; \
             ALTER TABLE staging_sites ADD CONSTRAINT sites_source_fk FOREIGN KEY (source_id) REFERENCES sources",
            RefusalKind::ForeignKey,
            r#"constraint "sites_source_fk" of "public"."staging_sites""#,
        ),
        (
            "REFRESH MATERIALIZED VIEW staging_site_counts WITH NO DATA",
            RefusalKind::NotReady,
            r#"materialized view "public"."staging_site_counts""#,
        ),
        (
            "ALTER TABLE \"staging_sites & countries\" SET UNLOGGED",
            RefusalKind::NotReady,
            r#"table "public"."staging_sites & countries""#,
        ),
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'staging_sites_lower_name'::regclass",
            RefusalKind::NotReady,
            "staging_sites_lower_name",
        ),
    ] {
        check(sql, kind, object).await;
    }
}

#[tokio::test]
async fn a_view_over_a_column_that_goes_is_refused() {
    let mut set = ReleaseSet::staged("m2").await;
    set.database
        .execute("ALTER TABLE staging_sites DROP COLUMN name CASCADE")
        .await
        .unwrap();
    let refused = set.compute(&PlanOptions::default()).await.unwrap_err();
    let views: Vec<String> = refused
        .refusals
        .iter()
        .filter(|refusal| refusal.kind == RefusalKind::View)
        .map(|refusal| format!("{} {}", refusal.object, refusal.reason))
        .collect();
    assert_eq!(
        views,
        [r#"view "public"."named_sites" reads column "name" of "public"."sites", which goes"#]
    );
}

#[tokio::test]
async fn what_names_a_column_or_sequence_that_goes_is_refused() {
    let mut set = ReleaseSet::staged("m2").await;
    set.database
        .execute(
            "DROP VIEW site_report, titled_sources; \
             CREATE FUNCTION titles() RETURNS bigint RETURN (SELECT count(title) FROM sources); \
             CREATE FUNCTION ids() RETURNS bigint RETURN (SELECT count(id) FROM sources); \
             CREATE FUNCTION next_source() RETURNS bigint RETURN nextval('sources_id_seq'); \
             CREATE VIEW numbered AS SELECT currval('sources_id_seq') AS n; \
             CREATE RULE retitle AS ON INSERT TO upper_sites DO INSTEAD UPDATE sources SET title = new.name; \
             CREATE RULE renumber AS ON DELETE TO upper_sites DO INSTEAD SELECT nextval('sources_id_seq'), id FROM sources; \
             ALTER TABLE staging_sources DROP COLUMN title; \
             ALTER TABLE staging_sources ALTER id DROP DEFAULT; DROP SEQUENCE staging_sources_id_seq",
        )
        .await
        .unwrap();
    let gone = |kind, name: &str| (kind, QualifiedName::new(ident("public"), ident(name)));
    let (key, key_name) = gone(ObjectKind::Index, "sources_title_key");
    let (sequence, sequence_name) = gone(ObjectKind::Sequence, "sources_id_seq");
    let options = PlanOptions::default()
        .dropping(key, key_name)
        .dropping(sequence, sequence_name);
    let refused = set.compute(&options).await.unwrap_err();
    let told: Vec<String> = refused
        .refusals
        .iter()
        .map(|refusal| format!("{} {}", refusal.object, refusal.reason))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    function "public"."next_source" names sequence "public"."sources_id_seq", which the swap takes away
    function "public"."titles" names column "title" of "public"."sources", which the swap takes away
    rule "renumber" of "public"."upper_sites" names sequence "public"."sources_id_seq", which the swap takes away
    rule "retitle" of "public"."upper_sites" names column "title" of "public"."sources", which the swap takes away
    view "public"."numbered" names sequence "public"."sources_id_seq", which the swap takes away
    "#);
}

#[tokio::test]
async fn what_other_sessions_have_for_themselves_is_refused_while_they_last() {
    let mut set = ReleaseSet::staged("m2").await;
    let other = set.database.connect().await.unwrap();
    other
        .batch_execute(
            "CREATE TEMP VIEW mine AS SELECT id FROM sites; CREATE TEMP TABLE numbered (id integer DEFAULT nextval('sources_id_seq')); \
             CREATE FUNCTION pg_temp.sites() RETURNS bigint RETURN (SELECT count(*) FROM public.sites)",
        )
        .await
        .unwrap();
    let refused = set.compute(&PlanOptions::default()).await.unwrap_err();
    let mut objects: Vec<&str> = Vec::new();
    for refusal in &refused.refusals {
        assert!(
            refusal.reason.starts_with("is another session's, temporary"),
            "{refused}"
        );
        assert!(refusal.object.contains(r#""pg_temp_"#), "{refused}");
        objects.push(refusal.object.split(' ').next().unwrap());
    }
    assert_eq!(objects, ["view", "function", "column"], "{refused}");
    drop(other);
    set.wait_until(
        "SELECT to_regclass('mine') IS NULL AND NOT EXISTS (SELECT FROM pg_class WHERE relname = 'mine')",
    )
    .await;
    set.swap().await;
    assert_eq!(set.month().await, "m2");
}

#[tokio::test]
async fn inheritance_is_refused() {
    let mut set = ReleaseSet::staged("m2").await;
    set.database
        .execute("CREATE TABLE child () INHERITS (sites)")
        .await
        .unwrap();
    let refused = set.compute(&PlanOptions::default()).await.unwrap_err();
    let kinds: Vec<RefusalKind> = refused.refusals.iter().map(|refusal| refusal.kind).collect();
    assert_eq!(
        kinds,
        [RefusalKind::Inheritance, RefusalKind::Dependent],
        "{refused}"
    );
}

#[tokio::test]
async fn all_reasons_come_at_once() {
    let mut set = ReleaseSet::staged("m2").await;
    set.database
        .execute(
            "DROP TABLE staging_sources CASCADE; CREATE VIEW staging_sources AS SELECT 1 AS id; \
             CREATE PUBLICATION everything FOR ALL TABLES; CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM sources",
        )
        .await
        .unwrap();
    let refused = set.compute(&PlanOptions::default()).await.unwrap_err();
    for kind in [
        RefusalKind::Kind,
        RefusalKind::Unpaired,
        RefusalKind::Publication,
        RefusalKind::View,
    ] {
        assert!(
            refused.refusals.iter().any(|refusal| refusal.kind == kind),
            "{kind:?}: {refused}"
        );
    }
    assert!(refused.to_string().starts_with("the swap cannot be planned:"));
}

#[tokio::test]
async fn a_declared_change_of_indexes_goes_through_and_back() {
    let mut set = ReleaseSet::staged("m2").await;
    set.database
        .execute("DROP INDEX staging_sites_lower_name; CREATE INDEX sites_by_name ON staging_sites (name)")
        .await
        .unwrap();
    let options = PlanOptions::default().allow_unpaired(ObjectKind::Index);
    let plan = set.compute(&options).await.unwrap();
    let report = set.run(&plan, &quick()).await.unwrap();
    let indexes =
        "SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes WHERE tablename = 'sites'";
    assert_eq!(
        set.database.query_text(indexes).await.unwrap(),
        "sites_by_name sites_pkey"
    );
    let undone = set.roll_back(&report.backup).await;
    assert_eq!(
        set.database.query_text(indexes).await.unwrap(),
        "sites_lower_name sites_pkey"
    );
    set.roll_back(&undone.backup).await;
    assert_eq!(
        set.database.query_text(indexes).await.unwrap(),
        "sites_by_name sites_pkey"
    );
}

#[tokio::test]
async fn event_triggers_are_warned_of() {
    let mut set = ReleaseSet::staged("m2").await;
    set.database
        .execute(
            "CREATE FUNCTION audit() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; \
                  CREATE EVENT TRIGGER audit ON ddl_command_end EXECUTE FUNCTION audit()",
        )
        .await
        .unwrap();
    let plan = set.plan().await;
    assert_eq!(plan.warnings.len(), 1);
    assert!(
        plan.warnings[0].contains(r#"event trigger "audit""#),
        "{:?}",
        plan.warnings
    );
}
