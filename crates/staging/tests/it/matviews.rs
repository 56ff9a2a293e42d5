//! Materialized views.

use cutover_core::{Events, NamingPolicy};
use cutover_staging::{CloneOptions, MatviewPlan};

use crate::workshop::{Workshop, stage};

const MATVIEWS: &str = r#"
    CREATE ROLE ROLE_reader; CREATE ROLE ROLE_owner; GRANT CREATE, USAGE ON SCHEMA app TO ROLE_owner;
    CREATE SCHEMA upstream; GRANT USAGE ON SCHEMA upstream TO ROLE_owner;
    CREATE TABLE upstream.rows (id integer, base text, n integer);
    GRANT SELECT ON upstream.rows TO ROLE_owner;
    INSERT INTO upstream.rows SELECT g, 'base' || g, g % 3 FROM generate_series(1, 10) g;
    CREATE MATERIALIZED VIEW app.base WITH (fillfactor = 80) AS
        SELECT id, base, n, base = 'base' AS named FROM upstream.rows;
    CREATE UNIQUE INDEX base_id ON app.base (id);
    CREATE INDEX base_upper ON app.base (upper(base)) WHERE n > 0;
    CREATE MATERIALIZED VIEW app.by_n AS
        WITH counted AS (SELECT n, count(*) AS base FROM app.base GROUP BY n)
        SELECT counted.n, counted.base, (SELECT max(base.id) FROM app.base WHERE base.n = counted.n) AS top FROM counted;
    CREATE UNIQUE INDEX by_n_n ON app.by_n (n);
    CREATE MATERIALIZED VIEW app."A top" AS SELECT b.id, b.n, y.base FROM app.by_n y JOIN app.base b USING (n);
    ALTER MATERIALIZED VIEW app.base RENAME COLUMN named TO "Named";
    ALTER MATERIALIZED VIEW app.base ALTER COLUMN base SET STATISTICS 77;
    ALTER MATERIALIZED VIEW app.base ALTER COLUMN base SET STORAGE EXTERNAL;
    ALTER MATERIALIZED VIEW app.base ALTER COLUMN n SET (n_distinct = 3);
    ALTER MATERIALIZED VIEW app.base CLUSTER ON base_id;
    CREATE STATISTICS app.base_stats ON id, n FROM app.base;
    COMMENT ON MATERIALIZED VIEW app.base IS 'the base';
    COMMENT ON COLUMN app.base.n IS 'a column';
    COMMENT ON INDEX app.base_id IS 'an index';
    GRANT SELECT ON app.base TO ROLE_reader; GRANT SELECT (n) ON app.by_n TO PUBLIC;
    ALTER MATERIALIZED VIEW app.by_n OWNER TO ROLE_owner;
    GRANT SELECT ON app.base TO ROLE_owner;
    REFRESH MATERIALIZED VIEW app.by_n; REFRESH MATERIALIZED VIEW app."A top";
"#;

const MEMBERS: &[&str] = &["A top", "by_n", "base"];

#[tokio::test]
async fn twins_read_twins() {
    let mut workshop = Workshop::new(MATVIEWS, MEMBERS).await;
    workshop.check_identical(&CloneOptions::default()).await;
    let reads = "SELECT DISTINCT c.relname || ' < ' || s.relname FROM pg_class c JOIN pg_rewrite r ON r.ev_class = c.oid \
        JOIN pg_depend d ON d.objid = r.oid AND d.classid = 'pg_rewrite'::regclass JOIN pg_class s ON s.oid = d.refobjid \
        WHERE c.relname LIKE 'staging%' AND s.oid <> c.oid ORDER BY 1";
    let reads: Vec<_> = workshop
        .database
        .query_texts(reads)
        .await
        .unwrap()
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(
        reads,
        [
            "staging_A top < staging_base",
            "staging_A top < staging_by_n",
            "staging_base < rows",
            "staging_by_n < staging_base",
        ]
    );
}

#[tokio::test]
async fn they_are_filled_from_one_state_and_analysed() {
    let mut workshop = Workshop::new(MATVIEWS, MEMBERS).await;
    workshop.execute("UPDATE upstream.rows SET n = 0").await;
    let set = workshop.stage(&CloneOptions::default()).await;
    let rows = "SELECT (SELECT string_agg(format('%s %s %s', n, base, top), ',') FROM app.staging_by_n) || \
        (SELECT reltuples FROM pg_class WHERE relname = 'staging_base') || ' ' || (SELECT count(*) FROM app.by_n)";
    assert_eq!(workshop.database.query_text(rows).await.unwrap(), "0 10 1010 3");
    workshop.execute("DELETE FROM upstream.rows WHERE id = 1").await;
    set.fill_materialized_views(&mut workshop.client, &Events::none())
        .await
        .unwrap();
    let refilled = "SELECT base FROM app.staging_by_n";
    assert_eq!(workshop.database.query_text(refilled).await.unwrap(), "9");
}

#[tokio::test]
async fn their_values_are_compressed_fast_where_no_method_is_named() {
    let sql = "CREATE MATERIALIZED VIEW app.m AS SELECT repeat('abc', 3000) AS free, repeat('abc', 3000) AS bound; \
        ALTER MATERIALIZED VIEW app.m ALTER bound SET COMPRESSION pglz";
    let mut workshop = Workshop::new(sql, &["m"]).await;
    workshop.stage(&CloneOptions::default()).await;
    let fast = "SELECT CASE WHEN 'lz4' = ANY (enumvals) THEN 'lz4' ELSE 'pglz' END \
        FROM pg_settings WHERE name = 'default_toast_compression'";
    let fast = workshop.database.query_text(fast).await.unwrap();
    let found =
        "SELECT pg_column_compression(free) || ' ' || pg_column_compression(bound) FROM app.staging_m";
    let found = workshop.database.query_text(found).await.unwrap();
    assert_eq!(found, format!("{fast} pglz"));
}

#[tokio::test]
async fn put_live_they_print_as_before() {
    let mut workshop = Workshop::new(MATVIEWS, MEMBERS).await;
    let before = crate::dump::blocks(&workshop.database, "app");
    workshop.stage(&CloneOptions::default()).await;
    workshop
        .execute(
            r#"DROP MATERIALIZED VIEW app.base CASCADE;
            ALTER MATERIALIZED VIEW app.staging_base RENAME TO base;
            ALTER MATERIALIZED VIEW app.staging_by_n RENAME TO by_n;
            ALTER MATERIALIZED VIEW app."staging_A top" RENAME TO "A top";
            ALTER INDEX app.staging_base_id RENAME TO base_id;
            ALTER INDEX app.staging_base_upper RENAME TO base_upper;
            ALTER INDEX app.staging_by_n_n RENAME TO by_n_n;
            ALTER STATISTICS app.staging_base_stats RENAME TO base_stats;"#,
        )
        .await;
    assert_eq!(crate::dump::blocks(&workshop.database, "app"), before);
}

#[tokio::test]
async fn one_that_reads_the_set_through_a_view_is_refused() {
    let sql = "CREATE MATERIALIZED VIEW app.m AS SELECT 1 AS one; CREATE VIEW app.v AS SELECT one FROM app.m; \
        CREATE MATERIALIZED VIEW app.over_view AS SELECT one FROM app.v;";
    let mut workshop = Workshop::new(sql, &["m", "over_view"]).await;
    let snapshot = workshop.snapshot().await;
    let error =
        MatviewPlan::compute(&snapshot, &NamingPolicy::default(), &CloneOptions::default()).unwrap_err();
    let refused: Vec<_> = error
        .refusals
        .iter()
        .map(|refusal| refusal.object.name.as_str())
        .collect();
    assert_eq!(refused, ["over_view"], "{error}");
}

#[tokio::test]
async fn a_reference_that_hides_behind_a_query_name_is_found() {
    // The server prints the inner name qualified, because the WITH query has the same.
    let sql = "CREATE MATERIALIZED VIEW app.m AS SELECT 1 AS one; \
        CREATE MATERIALIZED VIEW app.hidden AS WITH m AS (SELECT 2 AS two) SELECT one, two FROM m, app.m AS other";
    let mut workshop = Workshop::new(sql, &["m", "hidden"]).await;
    let snapshot = workshop.snapshot().await;
    let error = stage(&mut workshop.client, &snapshot, &CloneOptions::default())
        .await
        .unwrap_err();
    assert!(
        error.to_string().starts_with("staging would refer to live: "),
        "{error}"
    );
}
