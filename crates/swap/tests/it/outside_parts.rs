//! Policies, rules and column defaults of relations outside the set that name it.

use cutover_core::ObjectKind;
use cutover_swap::{PlanOptions, RefusalKind, SwapError};

use crate::release_set::{ReleaseSet, dump, quick};

/// One of each, with what a `pg_dump` prints of them.
const PARTS: &str = "
    CREATE SCHEMA elsewhere;
    CREATE TABLE elsewhere.sites (id bigint, note text);
    INSERT INTO elsewhere.sites SELECT n, 'note ' || n FROM generate_series(41, 60) n;
    GRANT USAGE ON SCHEMA elsewhere TO swap_reader;
    GRANT SELECT ON elsewhere.sites TO swap_reader;
    ALTER TABLE elsewhere.sites ENABLE ROW LEVEL SECURITY;
    CREATE POLICY known ON elsewhere.sites TO swap_reader
        USING (EXISTS (SELECT FROM public.sites s WHERE s.id = sites.id));
    CREATE POLICY titled ON elsewhere.sites AS RESTRICTIVE FOR INSERT
        WITH CHECK (note IN (SELECT 'sources' || title FROM public.sources));
    COMMENT ON POLICY known ON elsewhere.sites IS 'sites that are live';

    CREATE RULE also AS ON INSERT TO countries WHERE new.id > 5
        DO ALSO UPDATE sources SET title = title || ' and ' || new.name WHERE id = 1;
    CREATE RULE asleep AS ON DELETE TO countries DO ALSO DELETE FROM sites WHERE country_id = old.id;
    ALTER TABLE countries DISABLE RULE asleep;
    COMMENT ON RULE also ON countries IS 'also';

    CREATE TABLE elsewhere.visits (
        id integer DEFAULT nextval('sources_id_seq'), of oid DEFAULT 'sites'::regclass, n integer
    ) PARTITION BY LIST (n);
    CREATE TABLE elsewhere.visits_1 PARTITION OF elsewhere.visits FOR VALUES IN (1);
    ALTER TABLE elsewhere.visits_1 ALTER COLUMN id SET DEFAULT 100 + nextval('sites_id_seq');
    CREATE VIEW elsewhere.newest AS SELECT id, name FROM countries;
    ALTER VIEW elsewhere.newest ALTER COLUMN id SET DEFAULT currval('sources_id_seq');
    ALTER VIEW named_sites ALTER COLUMN id SET DEFAULT nextval('sources_id_seq');
    CREATE FOREIGN DATA WRAPPER nowhere;
    CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
    CREATE FOREIGN TABLE elsewhere.remote (id integer DEFAULT nextval('sources_id_seq')) SERVER nowhere;";

async fn seen_by_reader(set: &ReleaseSet) -> String {
    set.database
        .query_text("SET ROLE swap_reader; SELECT count(*) FROM elsewhere.sites")
        .await
        .unwrap()
}

#[tokio::test]
async fn they_follow_swap_and_rollback() {
    let mut set = ReleaseSet::new().await;
    set.database.execute(PARTS).await.unwrap();
    let oids = "SELECT string_agg(oid::text, ' ' ORDER BY oid) FROM (SELECT oid FROM pg_policy UNION ALL \
                SELECT oid FROM pg_rewrite WHERE rulename <> '_RETURN') parts";
    let before = set.database.query_text(oids).await.unwrap();
    let structure = dump(&set.database, &["--schema-only"]);
    set.stage("m2").await;
    assert_eq!(seen_by_reader(&set).await, "10", "live has sites to 50");

    let report = set.swap().await;
    assert_eq!(dump(&set.database, &["--schema-only"]), structure);
    assert_eq!(set.database.query_text(oids).await.unwrap(), before);
    assert_eq!(seen_by_reader(&set).await, "20", "live has sites to 60");
    set.database
        .execute("INSERT INTO countries VALUES (6, 'six')")
        .await
        .unwrap();
    let title = "SELECT title FROM sources WHERE id = 1";
    assert_eq!(
        set.database.query_text(title).await.unwrap(),
        "m2 source 1 and six"
    );
    let newest = "SELECT count(*) FROM elsewhere.newest";
    assert_eq!(set.database.query_text(newest).await.unwrap(), "6");

    set.roll_back(&report.backup).await;
    assert_eq!(dump(&set.database, &["--schema-only"]), structure);
    assert_eq!(set.database.query_text(oids).await.unwrap(), before);
    assert_eq!(seen_by_reader(&set).await, "10");
    assert_eq!(set.database.query_text(title).await.unwrap(), "m1 source 1");
}

/// Numbers that were given outside are not given again, whichever release is live.
#[tokio::test]
async fn sequences_that_are_drawn_from_outside_go_on() {
    let mut set = ReleaseSet::new().await;
    set.database
        .execute(
            "CREATE TABLE visits (id integer PRIMARY KEY DEFAULT nextval('sources_id_seq'), note text); \
             CREATE SEQUENCE down INCREMENT -1 OWNED BY sources.title; ALTER TABLE countries ADD deep integer; \
             ALTER TABLE countries ALTER deep SET DEFAULT nextval('down'); \
             CREATE FUNCTION next_site() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT nextval('sites_id_seq'); END",
        )
        .await
        .unwrap();
    set.stage("m2").await;
    set.database
        .execute("CREATE SEQUENCE staging_down INCREMENT -1 OWNED BY staging_sources.title")
        .await
        .unwrap();
    let draw = "WITH v AS (INSERT INTO visits (note) VALUES ('x') RETURNING id), \
                     c AS (INSERT INTO countries (id, name) SELECT 100 + id, 'x' FROM v RETURNING deep) \
                SELECT id || ' ' || deep || ' ' || next_site() FROM v, c";
    let drawn = async |set: &ReleaseSet| set.database.query_text(draw).await.unwrap();
    assert_eq!(drawn(&set).await, "4 -1 51");
    assert_eq!(drawn(&set).await, "5 -2 52");
    let report = set.swap().await;
    assert_eq!(drawn(&set).await, "6 -3 61");
    set.roll_back(&report.backup).await;
    assert_eq!(drawn(&set).await, "7 -4 62");
}

#[tokio::test]
async fn their_tables_are_locked_before_the_members() {
    let mut set = ReleaseSet::staged("m2").await;
    set.database.execute(PARTS).await.unwrap();
    let plan = set.plan().await;
    let locked: Vec<String> = plan
        .take_locks
        .steps
        .iter()
        .map(|step| step.object.to_string())
        .collect();
    let place = |object: &str| locked.iter().position(|locked| locked == object);
    let first_member = place(r#"table "public"."sources""#).unwrap();
    for object in [
        r#"table "elsewhere"."sites""#,
        r#"table "elsewhere"."visits""#,
        r#"table "elsewhere"."visits_1""#,
        r#"view "elsewhere"."newest""#,
        r#"foreign table "elsewhere"."remote""#,
        r#"table "public"."countries""#,
    ] {
        assert!(place(object).unwrap() < first_member, "{object} in {locked:#?}");
    }
    let of_view = locked
        .iter()
        .filter(|locked| locked.ends_with(r#""named_sites""#));
    assert_eq!(of_view.count(), 1, "{locked:#?}");
}

#[tokio::test]
async fn one_that_changed_makes_the_plan_stale() {
    let mut set = ReleaseSet::staged("m2").await;
    set.database.execute(PARTS).await.unwrap();
    for change in [
        "ALTER POLICY known ON elsewhere.sites USING (id IN (SELECT id FROM sites WHERE id > 3))",
        "CREATE OR REPLACE RULE also AS ON INSERT TO countries DO ALSO DELETE FROM sources WHERE id = new.id",
        "ALTER TABLE elsewhere.visits_1 ALTER COLUMN id SET DEFAULT nextval('sites_id_seq')",
        "CREATE POLICY more ON reviews USING (site_id IN (SELECT id FROM sites))",
        "ALTER TABLE elsewhere.visits RENAME TO calls",
        "ALTER TABLE reviews RENAME TO opinions",
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

/// After `sql` the swap is refused for exactly one reason, of this kind and in these words.
async fn check(sql: &str, kind: RefusalKind, words: &str) {
    let mut set = ReleaseSet::staged("m2").await;
    set.database.execute(sql).await.unwrap();
    let options = PlanOptions::default().allow_unpaired(ObjectKind::Sequence);
    let refused = set.compute(&options).await.unwrap_err();
    let [refusal] = &refused.refusals[..] else {
        panic!("after {sql}: {refused}");
    };
    assert_eq!(refusal.kind, kind, "{refused}");
    assert!(refusal.to_string().starts_with(words), "{refused}");
}

#[tokio::test]
async fn what_cannot_follow_is_refused() {
    check(
        "CREATE TABLE log (id integer, of integer GENERATED ALWAYS AS (id + 'sites'::regclass::oid::integer) STORED)",
        RefusalKind::Dependent,
        r#"column "of" of "public"."log" is generated by an expression that names the set"#,
    )
    .await;
    check(
        "ALTER TABLE staging_sources ALTER id SET DEFAULT nextval('sources_id_seq')",
        RefusalKind::Dependent,
        r#"column "id" of "public"."staging_sources" goes live with its table but names what is live now"#,
    )
    .await;
    check(
        "DROP VIEW site_report, titled_sources; ALTER TABLE staging_sources ALTER COLUMN title TYPE varchar(99); \
         CREATE POLICY known ON reviews USING (id IN (SELECT length(title) FROM sources)); \
         CREATE POLICY other ON reviews USING (id IN (SELECT id FROM sources))",
        RefusalKind::Dependent,
        r#"policy "known" of "public"."reviews" names column "title" of "public"."sources", which changes"#,
    )
    .await;
    check(
        "CREATE SEQUENCE extra OWNED BY sources.title; CREATE TABLE log (id bigint DEFAULT nextval('extra'))",
        RefusalKind::Dependent,
        r#"column "id" of "public"."log" draws from a sequence that goes"#,
    )
    .await;
}

#[tokio::test]
async fn parts_of_somebody_elses_tables_are_refused() {
    let mut set = ReleaseSet::staged("m2").await;
    let role = format!("{}_operator", set.database.name());
    set.database
        .execute(&format!(
            "{PARTS} CREATE ROLE {role}; GRANT USAGE ON SCHEMA cutover, elsewhere TO {role}; \
             GRANT SELECT ON ALL TABLES IN SCHEMA cutover TO {role}"
        ))
        .await
        .unwrap();
    set.client
        .batch_execute(&format!("SET ROLE {role}"))
        .await
        .unwrap();
    let refused = set.compute(&PlanOptions::default()).await.unwrap_err();
    let found = refused.refusals.iter().find(|refusal| {
        refusal.kind == RefusalKind::Rights && refusal.object == r#"policy "known" of "elsewhere"."sites""#
    });
    let reason = &found.unwrap_or_else(|| panic!("{refused}")).reason;
    assert!(
        reason.starts_with(r#"is of a relation of "postgres""#),
        "{reason}"
    );
}
