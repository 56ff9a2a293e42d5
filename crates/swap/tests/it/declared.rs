//! Structure that comes, goes or changes with a swap, and back.

use cutover_core::{Ident, ObjectKind, QualifiedName};
use cutover_swap::{PlanOptions, RefusalKind};

use crate::release_set::{ReleaseSet, dump, ident, quick};

fn public(name: &str) -> QualifiedName {
    QualifiedName::new(ident("public"), Ident::new(name).unwrap())
}

const A_MONTH: &str = "ALTER TABLE staging_sources ADD COLUMN remarks text, ADD CONSTRAINT remarks_key UNIQUE (remarks); \
    DROP INDEX staging_sites_lower_name; CREATE INDEX sites_by_name ON staging_sites (name)";

fn declared() -> PlanOptions {
    PlanOptions::default()
        .adding(ObjectKind::Index, public("remarks_key"))
        .adding(ObjectKind::Index, public("sites_by_name"))
        .dropping(ObjectKind::Index, public("sites_lower_name"))
}

#[tokio::test]
async fn exactly_what_is_declared_may_come_and_go() {
    let mut set = ReleaseSet::staged("m2").await;
    set.database.execute(A_MONTH).await.unwrap();
    let others = PlanOptions::default()
        .adding(ObjectKind::Index, public("sites_by_names"))
        .dropping(ObjectKind::Index, public("sites_pkey"))
        .dropping(ObjectKind::Sequence, public("sites_lower_name"));
    let refused = set.compute(&others).await.unwrap_err();
    let unpaired = refused
        .refusals
        .iter()
        .filter(|refusal| refusal.kind == RefusalKind::Unpaired);
    assert_eq!(unpaired.count(), 3, "{refused}");

    let before = dump(&set.database, &[]);
    let plan = set.compute(&declared()).await.unwrap();
    assert!(!plan.plan_safe);
    insta::assert_snapshot!(plan.warnings.join("\n"), @r#"
the columns of "public"."sources" change ("remarks" comes): prepared statements of open sessions that read * or a changed column fail with "cached plan must not change result type" until they are prepared again; let pools reconnect after the swap
view "public"."titled_sources" reads every column of "public"."sources" and does not gain "remarks"; CREATE OR REPLACE it after the swap if it should
view "public"."site_report" reads every column of "public"."sources" and does not gain "remarks"; CREATE OR REPLACE it after the swap if it should
"#);
    let report = set.run(&plan, &quick()).await.unwrap();
    set.validate(&plan).await;
    let indexes = "SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes \
        WHERE tablename IN ('sites', 'sources')";
    assert_eq!(
        set.database.query_text(indexes).await.unwrap(),
        "remarks_key sites_by_name sites_pkey sources_pkey sources_title_key"
    );
    assert_eq!(
        set.leftovers()
            .await
            .iter()
            .filter(|name| name.starts_with("staging"))
            .count(),
        0
    );
    let undone = set.roll_back(&report.backup).await;
    assert_eq!(dump(&set.database, &[]), before);
    set.roll_back(&undone.backup).await;
    assert_eq!(
        set.database.query_text(indexes).await.unwrap(),
        "remarks_key sites_by_name sites_pkey sources_pkey sources_title_key"
    );
}

#[tokio::test]
async fn a_swap_of_the_same_columns_is_plan_safe() {
    let mut set = ReleaseSet::staged("m2").await;
    let plan = set.plan().await;
    assert!(plan.plan_safe && plan.warnings.is_empty(), "{:?}", plan.warnings);
}

#[tokio::test]
async fn changed_columns_are_told() {
    let mut set = ReleaseSet::staged("m2").await;
    set.database
        .execute(
            "ALTER TABLE \"staging_sites & countries\" ADD COLUMN rank integer, \
             DROP CONSTRAINT \"staging_sites & countries_pkey\"; \
             ALTER TABLE \"staging_sites & countries\" ALTER country_id TYPE bigint; \
             ALTER TABLE \"staging_sites & countries\" ADD CONSTRAINT \"staging_sites & countries_pkey\" PRIMARY KEY (site_id, country_id)",
        )
        .await
        .unwrap();
    let plan = set.plan().await;
    assert!(!plan.plan_safe);
    insta::assert_snapshot!(plan.warnings.join("\n"), @r#"the columns of "public"."sites & countries" change ("country_id" was integer and becomes bigint, "rank" comes): prepared statements of open sessions that read * or a changed column fail with "cached plan must not change result type" until they are prepared again; let pools reconnect after the swap"#);
}

/// The very thing that the warning is about.
#[tokio::test]
async fn a_prepared_statement_fails_where_the_plan_says_so() {
    for (change, safe) in [
        ("SELECT 1", true),
        ("ALTER TABLE staging_sources ADD COLUMN remarks text", false),
    ] {
        let mut set = ReleaseSet::staged("m2").await;
        set.database.execute(change).await.unwrap();
        let reader = set.database.connect().await.unwrap();
        reader
            .batch_execute("PREPARE s AS SELECT * FROM sources; EXECUTE s")
            .await
            .unwrap();
        let plan = set.plan().await;
        assert_eq!(plan.plan_safe, safe);
        set.run(&plan, &quick()).await.unwrap();
        for _ in 0..2 {
            let again = reader.batch_execute("EXECUTE s").await;
            let code = again
                .err()
                .and_then(|error| error.code().map(|c| c.code().to_owned()));
            assert_eq!(code.as_deref(), (!safe).then_some("0A000"));
        }
        reader
            .batch_execute("DEALLOCATE s; PREPARE s AS SELECT * FROM sources; EXECUTE s")
            .await
            .unwrap();
    }
}

/// A view that is made anew gets its triggers anew, too, and whoever makes one must be allowed to call its function.
#[tokio::test]
async fn a_trigger_whose_function_may_not_be_called_is_refused() {
    let mut set = ReleaseSet::staged("m2").await;
    let role = format!("{}_swapper", set.database.name());
    set.database
        .execute(&format!(
            "CREATE ROLE {role}; ALTER TABLE staging_sites ALTER COLUMN name TYPE varchar(200); \
             REVOKE EXECUTE ON FUNCTION keep_site() FROM PUBLIC; GRANT USAGE ON SCHEMA cutover TO {role}; \
             GRANT SELECT ON ALL TABLES IN SCHEMA cutover TO {role}"
        ))
        .await
        .unwrap();
    set.plan().await;
    set.client
        .batch_execute(&format!("SET ROLE {role}"))
        .await
        .unwrap();
    let refused = set.compute(&PlanOptions::default()).await.unwrap_err();
    let expected = format!(
        "trigger \"named_sites_update\" of \"public\".\"named_sites\" has to be made anew with its view, and role \
         \"{role}\" may not call its function; GRANT EXECUTE"
    );
    assert!(refused.to_string().contains(&expected), "{refused}");
}

#[tokio::test]
async fn views_over_a_column_that_changes_its_type_are_made_anew() {
    let mut set = ReleaseSet::new().await;
    set.database
        .execute(
            "GRANT INSERT ON titled_sources TO swap_reader; COMMENT ON COLUMN titled_sources.title IS 'the title'; \
             CREATE VIEW titles AS SELECT upper(title) AS title FROM titled_sources; \
             CREATE VIEW many AS SELECT count(*) FROM sites; \
             CREATE FUNCTION longest_title() RETURNS text RETURN (SELECT max(title) FROM titles)",
        )
        .await
        .unwrap();
    let before = dump(&set.database, &["--schema-only"]);
    set.stage("m2").await;
    set.database
        .execute("ALTER TABLE staging_sources ALTER COLUMN title TYPE varchar(200)")
        .await
        .unwrap();
    let oid = "SELECT string_agg(oid::text, ' ' ORDER BY oid) FROM pg_class WHERE relname IN ('many', 'named_sites')";
    let kept = set.database.query_text(oid).await.unwrap();
    let plan = set.plan().await;
    let report = set.run(&plan, &quick()).await.unwrap();
    set.validate(&plan).await;
    assert_eq!(set.month().await, "m2");
    let types = "SELECT string_agg(DISTINCT format_type(atttypid, atttypmod), ', ') FROM pg_attribute \
        WHERE attname = 'title' AND attrelid IN ('titled_sources'::regclass, 'site_report'::regclass)";
    assert_eq!(
        set.database.query_text(types).await.unwrap(),
        "character varying(200)"
    );
    assert_eq!(set.database.query_text(oid).await.unwrap(), kept);
    let longest = "SELECT left(longest_title(), 2)";
    assert_eq!(set.database.query_text(longest).await.unwrap(), "M2");
    let undone = set.roll_back(&report.backup).await;
    assert_eq!(set.month().await, "m1");
    assert_eq!(dump(&set.database, &["--schema-only"]), before);
    set.roll_back(&undone.backup).await;
    assert_eq!(
        set.database.query_text(types).await.unwrap(),
        "character varying(200)"
    );
}
