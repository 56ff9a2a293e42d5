//! Columns that change on their way, and rows that a lookup sets aside.

use cutover_core::release_file::{CentroidAxis, FirstBy, Lookup, RelationRef, Transform, UnknownValue};
use cutover_core::{Events, Ident};
use cutover_importer::{Import, ImportError, RejectLimits};
use cutover_testkit::TestDatabase;
use insta::assert_snapshot;

use crate::chunks::{Record, go_on};
use crate::faults::{NO_OTHER_SESSION, poll_at_most, until};
use crate::fixture::{database, ident, import, import_pipe, plan, public, query, relation, settings};

fn of(column: &str) -> Transform {
    Transform::of(ident(column))
}

fn in_table(table: &str, matching: &str) -> Lookup {
    Lookup::new(RelationRef::new(ident(table)), ident(matching), ident("id"))
}

fn columns<T, const N: usize>(pairs: [(&str, T); N]) -> [(Ident, T); N] {
    pairs.map(|(column, from)| (ident(column), from))
}

async fn all(db: &TestDatabase, sql: &str) -> String {
    let lines = format!("SELECT coalesce(string_agg(x::text, E'\n'), '(none)') FROM ({sql}) x");
    db.query_text(&lines).await.unwrap()
}

const SITES: &str = "\
    CREATE EXTENSION IF NOT EXISTS postgis; \
    CREATE TABLE categories (id serial PRIMARY KEY, name text UNIQUE); \
    INSERT INTO categories (name) VALUES ('Ia'), ('II'), ('it''s \"V\"'); \
    CREATE TABLE parcels (site_id int, site_pid text, cat text, year text, note text, geom geometry(Geometry, 4326)); \
    INSERT INTO parcels VALUES \
        (1, '1_b', 'Ia', '1999', '', 'SRID=4326;POLYGON((0 0,4 0,4 2,0 2,0 0))'), \
        (1, '1_B', 'II', '0', '-', 'SRID=4326;POINT(8 9)'), \
        (1, '1_a', 'II', '2001', 'a', NULL), \
        (2, '2', 'it''s \"V\"', '', NULL, 'SRID=4326;MULTIPOINT(1 1,3 3)'), \
        (3, '3', NULL, NULL, 'kept', 'SRID=4326;POLYGON EMPTY'); \
    CREATE TABLE sites (id serial, site_id int PRIMARY KEY, pid varchar(10) NOT NULL, category_id int, year int DEFAULT 7, \
        note text, lat float8, lon float8)";

fn sites() -> Import {
    Import::new("sites", public("sites"), relation("parcels"))
        .columns(columns([("pid", "site_pid".to_owned())]))
        .transforms(columns([
            (
                "category_id",
                of("cat").lookup(in_table("categories", "name").unknown(UnknownValue::Null)),
            ),
            ("year", of("year").null_if(["", "0"]).default_value("1900").cast()),
            ("note", of("note").null_if(["", "-"])),
            ("lat", of("geom").centroid(CentroidAxis::Latitude)),
            ("lon", of("geom").centroid(CentroidAxis::Longitude)),
        ]))
        .others_by_name()
        .first_by(FirstBy::new([ident("site_id")], [ident("site_pid")]))
        .key([ident("site_id")])
}

#[tokio::test]
async fn columns_change_on_their_way_whatever_the_way() {
    let db = database(SITES).await;
    let expected = "\
(1,1_B,2,1900,,9,8)
(2,2,3,1900,,2,2)
(3,3,,1900,kept,,)";
    let rows = "SELECT site_id, pid, category_id, year, note, lat, lon FROM sites ORDER BY site_id";
    let outcome = import(&db, &sites()).await.unwrap();
    assert_eq!(outcome.rows, 3);
    assert_eq!(all(&db, rows).await, expected);
    db.execute("TRUNCATE sites").await.unwrap();
    let outcome = import_pipe(&db, &db, &sites(), &settings()).await.unwrap();
    assert_snapshot!(outcome.way, @r#"text COPY pipe: the source has a connection of its own, and the table reads the text of column "year""#);
    assert_eq!(all(&db, rows).await, expected);
    db.execute("TRUNCATE sites").await.unwrap();
    let record = Record::in_database(&db).await;
    go_on(&db, &record, &sites(), &settings(), &Events::none())
        .await
        .unwrap();
    assert_eq!(all(&db, rows).await, expected);
    let mut client = db.connect().await.unwrap();
    assert_snapshot!(plan(&sites(), &mut client).await.unwrap(), @r#"
-- import sites into "public"."sites"
-- way: server-side INSERT … SELECT: the source is in the target's database, so no row has to leave the server
-- note: left to their default or NULL: "id"
-- set up the session to fill table "public"."sites"
SET LOCAL search_path = "public";
SET LOCAL statement_timeout = 0;
SET LOCAL lock_timeout = 30000;
SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL row_security = off;
SET LOCAL datestyle = 'ISO, YMD';
SET LOCAL intervalstyle = 'postgres';
SET LOCAL extra_float_digits = 1;
SET LOCAL default_toast_compression = 'lz4';
-- fill table "public"."sites"
--   locks "public"."sites" ROW EXCLUSIVE
--   locks "public"."categories" ACCESS SHARE
--   locks "public"."parcels" ACCESS SHARE
INSERT INTO "public"."sites" ("site_id", "pid", "category_id", "year", "note", "lat", "lon")
SELECT s."site_id", s."pid", s."category_id", s."year", s."note", s."lat", s."lon"
  FROM (SELECT r."site_pid" AS "pid",
        l2."id" AS "category_id",
        CAST(CAST(COALESCE(NULLIF(NULLIF(r."year", ''), '0'), '1900') AS pg_catalog.text) AS "pg_catalog"."int4") AS "year",
        NULLIF(NULLIF(r."note", ''), '-') AS "note",
        "public".st_y(c5.centroid) AS "lat",
        "public".st_x(c5.centroid) AS "lon",
        r."site_id" AS "site_id"
   FROM (SELECT DISTINCT ON (f."site_id") f."site_id", f."site_pid", f."cat", f."year", f."note", f."geom"
          FROM "public"."parcels" AS f
         ORDER BY f."site_id", f."site_pid" COLLATE pg_catalog."C") AS r
   LEFT JOIN "public"."categories" AS l2 ON l2."name" = r."cat"
 CROSS JOIN LATERAL (SELECT "public".st_centroid(r."geom") AS centroid OFFSET 0) AS c5
) AS s
 ORDER BY s."site_id";
"#);
}

#[tokio::test]
async fn a_text_that_is_no_such_value_is_refused_with_its_key() {
    let db = database(SITES).await;
    db.execute("INSERT INTO parcels VALUES (4, '4', 'Ia', 'soon', NULL, NULL)")
        .await
        .unwrap();
    let record = Record::in_database(&db).await;
    let import = sites().rejects(RejectLimits::none().at_most(1));
    let outcome = go_on(&db, &record, &import, &settings(), &Events::none())
        .await
        .unwrap();
    assert_eq!((outcome.rows, outcome.rejected), (3, 1));
    assert_snapshot!(
        all(&db, "SELECT key->>'site_id', reason, sqlstate FROM cutover.reject").await,
        @r#"(4,"column ""year"": invalid input syntax for type integer: ""soon""",22P02)"#
    );
}

const COUNTRIES: &str = "\
    CREATE TABLE countries (id int PRIMARY KEY, iso3 text); \
    INSERT INTO countries VALUES (1, 'FRA'), (2, 'ESP'), (3, 'PRT'), (4, NULL), (5, NULL); \
    CREATE TABLE areas (site_id int, iso3 text); \
    INSERT INTO areas VALUES (10, 'FRA;ESP'), (11, ' PRT ;; FRA; PRT;'), (12, NULL), (13, ''), (14, ' ; '), \
        (15, 'ZZZ'), (16, 'ESP;it''s \"x\\\\y\";fra'), (17, '-;FRA'); \
    CREATE TABLE countries_areas (country_id int NOT NULL REFERENCES countries, area int NOT NULL, UNIQUE (country_id, area))";

fn junction(unknown: UnknownValue) -> Import {
    let countries = in_table("countries", "iso3").unknown(unknown);
    Import::new("countries_areas", public("countries_areas"), relation("areas"))
        .columns(columns([("area", "site_id".to_owned())]))
        .transforms(columns([(
            "country_id",
            of("iso3").split(";").null_if(["-"]).lookup(countries),
        )]))
}

#[tokio::test]
async fn a_list_becomes_rows_and_its_unknown_parts_rejects() {
    let db = database(COUNTRIES).await;
    let record = Record::in_database(&db).await;
    let import = junction(UnknownValue::Reject).rejects(RejectLimits::none().at_most(3));
    let outcome = go_on(&db, &record, &import, &settings(), &Events::none())
        .await
        .unwrap();
    assert_eq!((outcome.rows, outcome.rejected), (6, 3));
    assert_snapshot!(
        all(&db, "SELECT area, country_id FROM countries_areas ORDER BY 1, 2").await,
        @"
(10,1)
(10,2)
(11,1)
(11,3)
(16,2)
(17,1)
"
    );
    assert_snapshot!(
        all(&db, "SELECT key, reason, sqlstate, \"row\" FROM cutover.reject ORDER BY reason").await,
        @r#"
(,"column ""country_id"": ""ZZZ"" is not in countries.iso3",,"{""area"": ""15"", ""country_id"": null}")
(,"column ""country_id"": ""fra"" is not in countries.iso3",,"{""area"": ""16"", ""country_id"": null}")
(,"column ""country_id"": ""it's ""x\\\\y"""" is not in countries.iso3",,"{""area"": ""16"", ""country_id"": null}")
"#
    );
}

#[tokio::test]
async fn an_unknown_value_is_a_refused_row_or_null_as_is_said() {
    let db = database(COUNTRIES).await;
    let record = Record::in_database(&db).await;
    // None is tolerated unless that is said.
    let error = go_on(
        &db,
        &record,
        &junction(UnknownValue::Reject),
        &settings(),
        &Events::none(),
    )
    .await
    .unwrap_err();
    assert_snapshot!(error, @r#"
importer countries_areas: "public"."countries_areas" refused 3 rows, tolerated: none
  - a row: column "country_id": "ZZZ" is not in countries.iso3
  - a row: column "country_id": "fra" is not in countries.iso3
  - a row: column "country_id": "it's "x\\y"" is not in countries.iso3
"#);
    assert_eq!(
        all(
            &db,
            "SELECT 1 FROM cutover.reject UNION ALL SELECT 1 FROM countries_areas"
        )
        .await,
        "(none)"
    );
    // NULL is the table's to refuse.
    let import = junction(UnknownValue::Null).rejects(RejectLimits::none().share(0.5));
    let outcome = go_on(&db, &record, &import, &settings(), &Events::none())
        .await
        .unwrap();
    assert_eq!((outcome.rows, outcome.rejected), (6, 3));
    assert_snapshot!(all(&db, "SELECT DISTINCT reason, sqlstate FROM cutover.reject").await, @r#"("null value in column ""country_id"" of relation ""countries_areas"" violates not-null constraint",23502)"#);
}

#[tokio::test]
async fn rows_set_aside_are_so_once_however_often_an_import_is_cut_off() {
    let db = database(
        "CREATE TABLE kinds (id int PRIMARY KEY, name text UNIQUE); \
         INSERT INTO kinds SELECT n, 'kind ' || n FROM generate_series(0, 9) n; \
         CREATE TABLE s AS SELECT n AS id, 'kind ' || n % 12 AS kind, CASE WHEN n % 50 = 0 THEN 'x' ELSE n::text END AS size, \
             repeat('x', n % 300) AS filler FROM generate_series(1, 600) n ORDER BY md5(n::text); \
         CREATE TABLE t (id int, kind_id int, size int, filler text)",
    )
    .await;
    // Once in binary, once as text, with values that the table refuses among them.
    for cast in [false, true] {
        let mut transforms = vec![(ident("kind_id"), of("kind").lookup(in_table("kinds", "name")))];
        let mut import = Import::new("t", public("t"), relation("s"))
            .columns(columns([
                ("id", "id".to_owned()),
                ("filler", "filler".to_owned()),
            ]))
            .key([ident("id")])
            .rejects(RejectLimits::none().at_most(200));
        if cast {
            transforms.push((ident("size"), of("size").cast()));
        }
        import = import.transforms(transforms);
        let (rows, rejected) = if cast { (490, 110) } else { (500, 100) };
        let settings = settings().chunk_bytes(5000);
        let mut cuts = 0;
        db.execute("TRUNCATE t").await.unwrap();
        let record = Record::in_database(&db).await;
        for polls in (7..).step_by(17) {
            let round = poll_at_most(polls, go_on(&db, &record, &import, &settings, &Events::none())).await;
            until(&db, NO_OTHER_SESSION).await;
            if let Some(outcome) = round {
                let outcome = outcome.unwrap();
                assert_eq!((outcome.rows, outcome.rejected), (rows, rejected));
                break;
            }
            cuts += 1;
        }
        assert!(cuts > 5, "cut off {cuts} times");
        let aside = all(
            &db,
            "SELECT count(*), count(DISTINCT key->>'id'), count(*) FILTER (WHERE sqlstate IS NULL AND reason ~ 'kind 1[01]') \
               FROM cutover.reject",
        );
        assert_eq!(aside.await, format!("({rejected},{rejected},100)"));
        let whole = all(
            &db,
            "SELECT count(*), count(DISTINCT id), bool_and(kind_id = id % 12 AND filler = repeat('x', id % 300)) FROM t",
        );
        assert_eq!(whole.await, format!("({rows},{rows},t)"));
        db.execute("DROP SCHEMA cutover CASCADE").await.unwrap();
    }
}

/// What is wrong with an import.
async fn problem(db: &TestDatabase, import: &Import) -> String {
    let planned = import_pipe(db, db, &import.clone().in_chunks(), &settings()).await;
    let error = planned.unwrap_err();
    assert!(matches!(error, ImportError::Columns { .. }), "{error:?}");
    error.to_string()
}

#[tokio::test]
async fn what_cannot_be_is_told_before_a_row_moves() {
    let db = database(COUNTRIES).await;
    let with = |transforms: [(&str, Transform); 1]| {
        Import::new("j", public("countries_areas"), relation("areas"))
            .columns(columns([("area", "site_idd".to_owned())]))
            .transforms(columns(transforms))
    };
    let wrong = with([(
        "country_id",
        of("iso3").split(";").lookup(in_table("countries", "iso")),
    )]);
    assert_snapshot!(problem(&db, &wrong).await, @r#"
importer j: the columns of "public"."areas" do not fit "public"."countries_areas"
  - column "area" is to be filled from "site_idd", which the source does not have: mend the name in `columns`, or add the column to the source; did you mean `site_id`?
  - column "country_id" is to be looked up by "iso", which "public"."countries" does not have: mend the name in `lookup`; did you mean `iso3`?
"#);
    let wrong = with([("country_id", of("iso3").lookup(in_table("country", "iso3")))]);
    assert_snapshot!(problem(&db, &wrong).await, @r#"
importer j: the columns of "public"."areas" do not fit "public"."countries_areas"
  - column "area" is to be filled from "site_idd", which the source does not have: mend the name in `columns`, or add the column to the source; did you mean `site_id`?
  - column "country_id" is to be looked up in "public"."country", which is not there: mend `lookup.table`
"#);
    db.execute("INSERT INTO countries VALUES (6, 'FRA'), (7, 'ESP')")
        .await
        .unwrap();
    let wrong = junction(UnknownValue::Reject);
    assert_snapshot!(problem(&db, &wrong).await, @r#"
importer countries_areas: the columns of "public"."areas" do not fit "public"."countries_areas"
  - column "country_id" is to be looked up in "public"."countries", which has several rows with the same "iso3", as ["ESP", "FRA"]: leave one of each there (a unique index keeps it so), or match by another column
"#);
    // What inherits is read with its parent, and not in the parent's index.
    db.execute(
        "DELETE FROM countries WHERE id > 5; CREATE UNIQUE INDEX ON countries (iso3); \
         CREATE TABLE former (until date) INHERITS (countries); INSERT INTO former VALUES (8, 'PRT', '2000-01-01')",
    )
    .await
    .unwrap();
    assert!(problem(&db, &wrong).await.contains(r#"as ["PRT"]"#));
    // One transaction inside the server cannot set a row aside.
    let error = import(&db, &wrong).await.unwrap_err();
    assert_snapshot!(error, @"importer countries_areas: a lookup may set rows aside, for which they have to be read in chunks, on a connection of their own");
    assert_eq!(all(&db, "SELECT 1 FROM countries_areas").await, "(none)");
    // Of a query, too.
    let first = Import::new(
        "j",
        public("countries_areas"),
        query("SELECT 1 AS area, 2 AS country_id"),
    )
    .first_by(FirstBy::new([ident("aera")], [ident("country_id")]));
    assert_snapshot!(problem(&db, &first).await, @r#"
importer j: the columns of its query do not fit "public"."countries_areas"
  - `first_by` names "aera", which the source does not have: mend the name; did you mean `area`?
"#);
}
