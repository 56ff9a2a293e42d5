//! Straight from the foreign server: the same rows as through the foreign data wrapper, or a reason why not.

use cutover_core::Events;
use cutover_importer::{Direct, Import, ImportOutcome, ImportPlan, NotDirect, Transport};
use cutover_testkit::{Cluster, TestDatabase};
use tokio_postgres::{Client, NoTls};

use crate::fixture::{checksum, database, import, public, query, relation, settings};

const PORTAL: &str = r#"
CREATE SCHEMA portal;
CREATE TYPE portal.realm AS ENUM ('sea', 'land');
CREATE TABLE portal.language_cat (id int PRIMARY KEY, description jsonb NOT NULL);
CREATE TABLE portal."Site" (id bigint PRIMARY KEY, "Title" text NOT NULL, lang int, year int, code varchar(8),
    seen timestamptz, realm portal.realm, geom geometry(Point, 4326));
CREATE TABLE portal.site_iso3 (site_id bigint, iso3 text);
INSERT INTO portal.language_cat VALUES (1, '{"en": "English"}'), (2, '{"en": "it''s \\ French"}');
INSERT INTO portal."Site" SELECT n, 'Title ' || n, nullif(n % 3, 0), 1990 + n % 30, 'c' || n, now(), 'sea',
       ST_SetSRID(ST_MakePoint(n % 90, n % 80), 4326) FROM generate_series(1, 300) n;
INSERT INTO portal.site_iso3 SELECT n, c FROM generate_series(1, 300) n, unnest(ARRAY['ITA', 'FRA', 'äöü']) c WHERE n % 2 = 0;
"#;

/// Names of tables and columns differ from the portal's; `sites` is reached through two more views.
const VIEWS: &str = r"
CREATE TYPE realm AS ENUM ('sea', 'land');
CREATE FOREIGN TABLE portal_fdw.site (id bigint, title text OPTIONS (column_name 'Title'), gone int, lang int, year int,
    code varchar(8), seen timestamptz, realm realm, geom geometry) SERVER portal OPTIONS (schema_name 'portal', table_name 'Site');
ALTER FOREIGN TABLE portal_fdw.site DROP COLUMN gone;
CREATE FOREIGN TABLE portal_fdw.language_cat (id int, description jsonb) SERVER portal OPTIONS (schema_name 'portal');
CREATE FOREIGN TABLE portal_fdw.site_iso3 (site_id bigint, iso3 text) SERVER portal OPTIONS (schema_name 'portal');
CREATE VIEW languages AS SELECT id, description ->> 'en' AS name FROM portal_fdw.language_cat;
CREATE VIEW recent AS SELECT s.id, s.title, s.lang, s.year, s.geom, l.name AS language
  FROM portal_fdw.site s LEFT JOIN languages l ON l.id = s.lang WHERE s.year > 2000;
CREATE VIEW sites AS
WITH agg AS (SELECT site_id, string_agg(DISTINCT iso3, ';' ORDER BY iso3) AS iso3 FROM portal_fdw.site_iso3 GROUP BY site_id)
SELECT r.id, r.title, upper(r.title) || E'\\ it''s' AS shout, r.language, r.year::text AS year, agg.iso3,
       CASE WHEN r.id % 2 = 0 THEN 'even' ELSE coalesce(r.language, 'none') END AS parity,
       row_number() OVER (ORDER BY r.id) AS rank, ST_X(r.geom) AS x, r.geom
  FROM recent r LEFT JOIN agg ON agg.site_id = r.id
 ORDER BY r.id DESC LIMIT 150;
CREATE TABLE staging_a (id bigint, title text, shout text, language text, year text, iso3 text, parity text, rank int,
    x float8, geom geometry(Point, 4326));
CREATE TABLE staging_b (LIKE staging_a);
";

async fn portal_and_live() -> (TestDatabase, TestDatabase) {
    let portal = database(PORTAL).await;
    let cluster = Cluster::shared();
    let live = database(&format!(
        "CREATE SCHEMA portal_fdw; \
         CREATE SERVER portal FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{}', port '{}', dbname '{}', \
             fetch_size '7', extensions ' postgis , \"nothing\"'); \
         CREATE USER MAPPING FOR CURRENT_USER SERVER portal OPTIONS (user '{}', password '{}'); {VIEWS}",
        cluster.host(),
        cluster.port(),
        portal.name(),
        cluster.superuser(),
        cluster.password()
    ))
    .await;
    (portal, live)
}

/// All there is before an import goes straight to the server.
async fn import_straight(target: &mut Client, asked: &Import) -> Result<ImportOutcome, NotDirect> {
    let writing = target.transaction().await.unwrap();
    let direct = Direct::find(asked, &settings(), &writing).await.unwrap()?;
    let login = direct.login(&writing).await.unwrap()?;
    let mut session = login.connect("import").await.unwrap();
    let reading = session.build_transaction().read_only(true).start().await.unwrap();
    direct.verify(&writing, &reading).await.unwrap()?;
    let plan = ImportPlan::read(direct.import(), direct.settings(), &writing, Some(&reading))
        .await
        .unwrap();
    let told = format!("{plan}{plan:?}{direct:?}{login:?}");
    assert!(!told.contains(Cluster::shared().password()), "{told}");
    let outcome = plan
        .run_in(&writing, Some(&reading), &Events::none())
        .await
        .unwrap();
    writing.commit().await.unwrap();
    Ok(outcome)
}

#[tokio::test]
async fn views_over_one_server_are_read_from_it() {
    let (_portal, live) = portal_and_live().await;
    import(&live, &Import::new("a", public("staging_a"), relation("sites")))
        .await
        .unwrap();
    let mut target = live.connect().await.unwrap();
    let outcome = import_straight(
        &mut target,
        &Import::new("b", public("staging_b"), relation("sites")),
    )
    .await
    .unwrap();
    assert_eq!((outcome.rows, outcome.way.way), (150, Transport::BinaryPipe));
    assert_eq!(
        outcome.way.reason,
        "straight from foreign server \"portal\": all that the source reads is there, and means the same, and every \
         column's binary form is the same on both sides"
    );
    assert_eq!(
        checksum(&live, "staging_b").await,
        checksum(&live, "staging_a").await
    );

    // A query, and what an import does to any source.
    live.execute("TRUNCATE staging_a, staging_b").await.unwrap();
    let sample = |table| {
        Import::new(
            "sample",
            public(table),
            query("SELECT * FROM sites WHERE parity <> 'even' -- odd"),
        )
        .key([cutover_core::Ident::new("id").unwrap()])
        .sample(20)
    };
    import(&live, &sample("staging_a")).await.unwrap();
    let outcome = import_straight(&mut target, &sample("staging_b")).await.unwrap();
    assert_eq!(outcome.rows, 20);
    assert_eq!(
        checksum(&live, "staging_b").await,
        checksum(&live, "staging_a").await
    );
    let left = "SELECT count(*) FROM pg_class WHERE relname LIKE 'cutover\\_%'";
    assert_eq!(
        live.query_text(left).await.unwrap(),
        "0",
        "nothing is left of what was asked"
    );
}

/// The reason why a query is read the local way.
async fn why_not(target: &mut Client, sql: &str) -> String {
    let asked = Import::new("t", public("staging_a"), query(sql));
    import_straight(target, &asked).await.unwrap_err().to_string()
}

#[tokio::test]
async fn what_needs_this_database_is_read_here() {
    let (_portal, live) = portal_and_live().await;
    live.execute(
        "CREATE TABLE here (id bigint); CREATE FUNCTION twice(bigint) RETURNS bigint IMMUTABLE RETURN $1 * 2; \
         CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw; \
         CREATE FOREIGN TABLE elsewhere (id bigint) SERVER other; \
         CREATE FOREIGN TABLE site (id bigint, title varchar(5), code varchar(3), lang text) SERVER portal \
             OPTIONS (schema_name 'portal', table_name 'site_iso3'); \
         ALTER FOREIGN TABLE site ALTER id OPTIONS (column_name 'site_id'), ALTER title OPTIONS (column_name 'iso3'); \
         CREATE ROLE importer_viewer; CREATE VIEW theirs AS SELECT id FROM portal_fdw.language_cat; \
         GRANT USAGE ON SCHEMA portal_fdw TO importer_viewer; GRANT SELECT ON portal_fdw.language_cat TO importer_viewer; \
         ALTER VIEW theirs OWNER TO importer_viewer",
    )
    .await
    .unwrap();
    let mut target = live.connect().await.unwrap();
    let listed = "which no extension has that the server's option \"extensions\" lists";
    for (sql, expected) in [
        ("SELECT 1::bigint AS id", "it reads no foreign table".to_owned()),
        (
            "SELECT r.id FROM recent r JOIN here USING (id)",
            "it reads \"public\".\"here\", which is in this database".to_owned(),
        ),
        (
            "SELECT id FROM recent UNION ALL SELECT relpages FROM pg_class",
            "it reads pg_class, which is in this database".to_owned(),
        ),
        (
            "SELECT id FROM recent UNION ALL SELECT id FROM elsewhere",
            "it reads from several servers (\"other\", \"portal\")".to_owned(),
        ),
        (
            "SELECT id FROM portal_fdw.site UNION ALL SELECT id FROM theirs",
            "its views read as several roles (importer_viewer, postgres)".to_owned(),
        ),
        (
            "SELECT id FROM theirs",
            "there is no user mapping, or the role may not see its options (server \"portal\", user mapping of \
             \"importer_viewer\")"
                .to_owned(),
        ),
        ("SELECT twice(id) AS id FROM recent", format!("it uses function twice(bigint), {listed}")),
        (
            "SELECT id, realm::text AS title FROM portal_fdw.site",
            format!("it uses type realm, {listed}"),
        ),
        (
            "SELECT id, now()::text AS title FROM recent",
            "it uses function now(), which is not immutable".to_owned(),
        ),
        (
            "SELECT id, to_char(seen, 'YYYY') AS title FROM portal_fdw.site",
            "it uses function to_char(timestamp with time zone,text), which is not immutable".to_owned(),
        ),
        (
            "SELECT id, seen::text AS title FROM portal_fdw.site",
            "it casts by way of the text to or from type timestamp with time zone, whose text depends on the session"
                .to_owned(),
        ),
        (
            "SELECT id, CURRENT_USER::text AS title FROM recent",
            "its query holds a SQLVALUEFUNCTION, of which it is not known whether it means the same there".to_owned(),
        ),
        (
            "SELECT id, 'sites'::regclass::text AS title FROM recent",
            "it uses type regclass, whose values mean nothing in another database".to_owned(),
        ),
        (
            "WITH site AS (SELECT 1 AS one) SELECT s.id FROM portal_fdw.site s, site",
            "it has a WITH query called like a relation that it reads".to_owned(),
        ),
        (
            "SELECT a.id FROM site a JOIN portal_fdw.site b USING (id)",
            "it reads \"public\".\"site\" and another relation of that name".to_owned(),
        ),
        (
            "SELECT id, title FROM site",
            "column iso3 of portal.site_iso3 is another one there than the foreign table says: text COLLATE \
             pg_catalog.default"
                .to_owned(),
        ),
        (
            "SELECT id, lang AS title FROM site",
            "column lang of portal.site_iso3 is another one there than the foreign table says: not there".to_owned(),
        ),
        ("SELECT id, nothing FROM recent", "column \"nothing\" does not exist".to_owned()),
    ] {
        let why = why_not(&mut target, sql).await;
        assert!(why.starts_with(&expected), "{sql}: {why}");
    }
}

#[tokio::test]
async fn what_the_portal_has_of_its_own_is_not_taken_for_what_is_meant() {
    let (portal, live) = portal_and_live().await;
    let mut target = live.connect().await.unwrap();
    portal
        .execute("CREATE FUNCTION upper(varchar) RETURNS text IMMUTABLE RETURN 'mine'")
        .await
        .unwrap();
    let why = why_not(&mut target, "SELECT id, ST_X(geom) AS x FROM recent").await;
    assert!(
        why.starts_with("upper(character varying) there might be taken"),
        "{why}"
    );
    // Without an extension's functions, that schema is not even looked into.
    let upper = query("SELECT id, upper(code) AS shout FROM portal_fdw.site");
    import_straight(&mut target, &Import::new("t", public("staging_a"), upper))
        .await
        .unwrap();
    let shout = live.query_text("SELECT max(shout) FROM staging_a").await.unwrap();
    assert!(shout.starts_with('C'), "{shout}");
}

#[tokio::test]
async fn another_database_is_found_out_and_the_plan_says_why() {
    let (portal, live) = portal_and_live().await;
    let mut target = live.connect().await.unwrap();
    let writing = target.transaction().await.unwrap();
    let asked = Import::new("b", public("staging_b"), relation("sites"));
    let direct = Direct::find(&asked, &settings(), &writing)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(direct.server().as_str(), "portal");
    // Restored from the same backup, say: everything is as it is there.
    let twin = Cluster::shared().copy_of(&portal).await.unwrap();
    let mut elsewhere = twin.connect().await.unwrap();
    let reading = elsewhere.transaction().await.unwrap();
    let why = direct.verify(&writing, &reading).await.unwrap().unwrap_err();
    assert_eq!(
        why.to_string(),
        "the connection leads to another server or database than foreign server \"portal\""
    );
    let local = asked.not_direct(why);
    let plan = ImportPlan::read(&local, &settings(), &writing, None)
        .await
        .unwrap();
    assert_eq!(
        plan.way().to_string(),
        "server-side INSERT … SELECT: the source is in the target's database, so no row has to leave the server; not \
         straight from the foreign server: the connection leads to another server or database than foreign server \
         \"portal\""
    );
}

/// Not a superuser: it sees its own user mapping, and no other's.
#[tokio::test]
async fn credentials_are_read_by_whom_they_are_for() {
    let (portal, live) = portal_and_live().await;
    let cluster = Cluster::shared();
    portal
        .execute(
            "CREATE ROLE importer_portal LOGIN PASSWORD 'remote-pw'; GRANT USAGE ON SCHEMA portal TO importer_portal; \
             GRANT SELECT ON portal.language_cat TO importer_portal",
        )
        .await
        .unwrap();
    live.execute(
        "CREATE ROLE importer_loader LOGIN PASSWORD 'local-pw'; GRANT USAGE ON SCHEMA portal_fdw TO importer_loader; \
         GRANT USAGE ON FOREIGN SERVER portal TO importer_loader; \
         CREATE USER MAPPING FOR importer_loader SERVER portal OPTIONS (user 'importer_portal', password 'remote-pw'); \
         GRANT SELECT ON portal_fdw.language_cat, languages TO importer_loader; \
         GRANT SELECT, INSERT ON staging_b TO importer_loader",
    )
    .await
    .unwrap();
    let url = cluster.url_for("importer_loader", "local-pw", live.name());
    let (mut target, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    let connection = tokio::spawn(connection);

    let own = query("SELECT id::bigint AS id, description ->> 'en' AS language FROM portal_fdw.language_cat");
    let outcome = import_straight(&mut target, &Import::new("b", public("staging_b"), own))
        .await
        .unwrap();
    assert_eq!(outcome.rows, 2);

    // The view reads as its owner, whose mapping is not for this role to see.
    let theirs = query("SELECT id::bigint AS id, name AS language FROM languages");
    let why = import_straight(&mut target, &Import::new("b", public("staging_b"), theirs))
        .await
        .unwrap_err();
    assert_eq!(
        why.to_string(),
        format!(
            "there is no user mapping, or the role may not see its options (server \"portal\", user mapping of \"{}\")",
            cluster.superuser()
        )
    );
    // Nor is a right got by going there: the table is not this role's to read here.
    let denied = query("SELECT id, title FROM portal_fdw.site");
    let why = import_straight(&mut target, &Import::new("b", public("staging_b"), denied))
        .await
        .unwrap_err();
    assert!(
        why.to_string()
            .starts_with("permission denied for foreign table site"),
        "{why}"
    );
    drop(target);
    connection.await.unwrap().unwrap();
}
