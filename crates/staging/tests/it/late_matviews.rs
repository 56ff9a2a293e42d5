//! Materialized views that read tables of the set: made with them, filled after them.

use cutover_core::{Events, NamingPolicy};
use cutover_staging::{CloneOptions, ClonePlan, MatviewPlan};

use crate::workshop::Workshop;

/// Some read tables, some read those, one reads both kinds; a policy and a rule read them.
const SET: &str = r#"
    CREATE ROLE ROLE_reader; CREATE ROLE ROLE_owner; GRANT CREATE, USAGE ON SCHEMA app TO ROLE_owner;
    CREATE SCHEMA upstream;
    CREATE TABLE upstream.names (country text, name text);
    INSERT INTO upstream.names VALUES ('a', 'Aland'), ('b', 'Benin');
    CREATE TABLE app.sites (id serial PRIMARY KEY, country text NOT NULL, area numeric, per_country integer);
    CREATE INDEX ON app.sites (country);
    CREATE TABLE app.log (at timestamptz, n bigint);
    CREATE MATERIALIZED VIEW app.names AS SELECT country, name FROM upstream.names;
    CREATE UNIQUE INDEX names_country ON app.names (country);
    CREATE MATERIALIZED VIEW app.per_country WITH (fillfactor = 90) AS
        SELECT country, count(*) AS n, sum(area) AS area, max(per_country) AS sites FROM app.sites GROUP BY country;
    CREATE UNIQUE INDEX per_country_key ON app.per_country (country);
    CREATE INDEX per_country_big ON app.per_country (round(area)) WHERE n > 1;
    CREATE MATERIALIZED VIEW app."Named" AS
        SELECT per_country.country, names.name, n FROM app.per_country JOIN app.names USING (country);
    CREATE UNIQUE INDEX "Named country" ON app."Named" (country);
    CREATE MATERIALIZED VIEW app.aa_top AS
        SELECT (SELECT max(n) FROM app."Named") AS n, (SELECT count(*) FROM app.sites) AS sites, "Named".name FROM app.names "Named";
    ALTER MATERIALIZED VIEW app.per_country ALTER COLUMN n SET STATISTICS 77;
    ALTER MATERIALIZED VIEW app.per_country ALTER COLUMN area SET STORAGE EXTERNAL;
    ALTER MATERIALIZED VIEW app.per_country CLUSTER ON per_country_key;
    CREATE STATISTICS app.per_country_stats ON country, n FROM app.per_country;
    COMMENT ON MATERIALIZED VIEW app.per_country IS 'counted';
    COMMENT ON COLUMN app.per_country.n IS 'sites';
    COMMENT ON INDEX app.per_country_key IS 'for REFRESH CONCURRENTLY';
    GRANT SELECT ON app.sites TO ROLE_owner;
    ALTER MATERIALIZED VIEW app.per_country OWNER TO ROLE_owner;
    GRANT SELECT ON app.per_country TO ROLE_reader; GRANT SELECT (n) ON app."Named" TO PUBLIC;
    ALTER TABLE app.sites ENABLE ROW LEVEL SECURITY;
    CREATE POLICY big ON app.sites FOR SELECT TO ROLE_owner USING (area > 1);
    CREATE POLICY known ON app.log FOR SELECT TO ROLE_reader USING (n IN (SELECT n FROM app.per_country));
    CREATE RULE counts AS ON INSERT TO app.log DO ALSO UPDATE app.sites SET per_country = (SELECT max(n) FROM app."Named");
"#;

const MEMBERS: &[&str] = &["aa_top", "Named", "per_country", "names", "sites", "log"];

async fn reads(workshop: &Workshop) -> Vec<String> {
    let reads = "SELECT DISTINCT c.relname || ' < ' || s.relname FROM pg_class c JOIN pg_rewrite r ON r.ev_class = c.oid \
        JOIN pg_depend d ON d.objid = r.oid AND d.classid = 'pg_rewrite'::regclass JOIN pg_class s ON s.oid = d.refobjid \
        WHERE c.relname LIKE 'staging%' AND s.oid <> c.oid ORDER BY 1";
    let rows = workshop.database.query_texts(reads).await.unwrap();
    rows.into_iter().flatten().collect()
}

#[tokio::test]
async fn they_read_twins_and_are_like_live() {
    let mut workshop = Workshop::new(SET, MEMBERS).await;
    workshop.check_identical(&CloneOptions::default()).await;
    assert_eq!(
        reads(&workshop).await,
        [
            "staging_Named < staging_names",
            "staging_Named < staging_per_country",
            "staging_aa_top < staging_Named",
            "staging_aa_top < staging_names",
            "staging_aa_top < staging_sites",
            "staging_log < staging_Named",
            "staging_log < staging_sites",
            "staging_names < names",
            "staging_per_country < staging_sites",
        ]
    );
}

#[tokio::test]
async fn they_are_like_live_with_everything_made_before_the_load() {
    let mut workshop = Workshop::new(SET, MEMBERS).await;
    workshop
        .check_identical(&CloneOptions::default().lightweight(false))
        .await;
}

/// What importers read comes first; the rest is told apart however the set is ordered.
#[tokio::test]
async fn only_what_reads_no_table_comes_before_them() {
    let mut workshop = Workshop::new(SET, MEMBERS).await;
    let snapshot = workshop.snapshot().await;
    let (naming, options) = (NamingPolicy::default(), CloneOptions::default());
    let early = MatviewPlan::compute(&snapshot, &naming, &options).unwrap();
    let early = early.run(&mut workshop.client, &Events::none()).await.unwrap();
    let names = |set: &cutover_staging::StagedSet| -> Vec<String> {
        let members = set.members.iter();
        members
            .map(|member| member.live.name.as_str().to_owned())
            .collect()
    };
    assert_eq!(names(&early), ["names"]);
    let late = ClonePlan::compute(&snapshot, &naming, &options).unwrap();
    let late = late.run(&mut workshop.client, &Events::none()).await.unwrap();
    assert_eq!(names(&late), ["sites", "log", "per_country", "Named", "aa_top"]);
}

/// Filled after the rows, by their owners and as policies let these see them; ready for REFRESH CONCURRENTLY.
#[tokio::test]
async fn they_are_filled_from_the_twins() {
    let mut workshop = Workshop::new(SET, MEMBERS).await;
    let set = workshop.stage(&CloneOptions::default()).await;
    workshop
        .execute(
            "INSERT INTO app.staging_sites (country, area) VALUES ('a', 5), ('a', 6), ('b', 7), ('b', 0.5); \
             REFRESH MATERIALIZED VIEW app.per_country; REFRESH MATERIALIZED VIEW app.\"Named\"",
        )
        .await;
    set.fill_materialized_views(&mut workshop.client, &Events::none())
        .await
        .unwrap();
    let filled = "SELECT string_agg(format('%s %s %s', country, name, n), ',' ORDER BY country) || \
        (SELECT format(' %s %s', max(n), max(sites)) FROM app.staging_aa_top) || \
        (SELECT format(' %s', reltuples) FROM pg_class WHERE relname = 'staging_per_country') \
        FROM app.\"staging_Named\"";
    assert_eq!(
        workshop.database.query_text(filled).await.unwrap(),
        "a Aland 2,b Benin 1 2 4 2"
    );
    assert_eq!(
        workshop
            .database
            .query_text("SELECT count(*) FROM app.\"Named\"")
            .await
            .unwrap(),
        "0",
        "live is as it was"
    );
    workshop
        .execute("REFRESH MATERIALIZED VIEW CONCURRENTLY app.staging_per_country")
        .await;
}

#[tokio::test]
async fn nobody_but_its_owner_reads_one_before_the_load_has_ended() {
    let mut workshop = Workshop::new(SET, MEMBERS).await;
    let snapshot = workshop.snapshot().await;
    crate::workshop::stage(&mut workshop.client, &snapshot, &CloneOptions::default())
        .await
        .unwrap();
    let may = format!(
        "SELECT has_table_privilege('{}', 'app.staging_per_country', 'SELECT')",
        workshop.role("reader")
    );
    assert_eq!(workshop.database.query_text(&may).await.unwrap(), "f");
}

#[tokio::test]
async fn they_are_dropped_before_what_they_read() {
    let mut workshop = Workshop::new(SET, MEMBERS).await;
    let before = crate::dump::blocks(&workshop.database, "app");
    let set = workshop.stage(&CloneOptions::default()).await;
    cutover_staging::drop_staging(
        &mut workshop.client,
        &set,
        &cutover_staging::LockPatience::default(),
        &Events::none(),
    )
    .await
    .unwrap();
    assert_eq!(crate::dump::blocks(&workshop.database, "app"), before);
}
