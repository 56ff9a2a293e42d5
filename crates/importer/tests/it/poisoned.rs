//! Rows that the table refuses.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use cutover_core::{Event, EventKind, Events};
use cutover_importer::{Import, RejectLimits};
use cutover_testkit::TestDatabase;
use insta::assert_snapshot;

use crate::chunks::{Record, go_on};
use crate::fixture::{database, ident, public, query, relation, settings, told};

/// Seven kinds of rows that are refused, among many that are not: at the first row, the last, and side by side.
const POISON: &str = "\
    CREATE EXTENSION IF NOT EXISTS postgis; \
    CREATE TABLE s AS SELECT n AS id, 'site ' || n AS name, (n % 50)::numeric AS area, 'designated' AS status, \
        n AS code, ST_SetSRID(ST_Point(n % 180, n % 90), 4326) AS place \
      FROM generate_series(1, 3000) n; \
    UPDATE s SET name = NULL WHERE id IN (1, 700); \
    UPDATE s SET status = 'dreamt of' WHERE id IN (701, 702); \
    UPDATE s SET code = 10 WHERE id = 1500; \
    UPDATE s SET name = repeat('n', 41) WHERE id = 1501; \
    UPDATE s SET area = 123456 WHERE id = 2000; \
    UPDATE s SET place = ST_SetSRID(place, 3857) WHERE id = 2001; \
    UPDATE s SET place = ST_Buffer(place, 1) WHERE id = 2002; \
    UPDATE s SET name = 'tabu' WHERE id IN (2500, 3000); \
    UPDATE s SET code = -1 WHERE id = 2600; \
    CREATE TABLE codes (code int PRIMARY KEY); INSERT INTO codes SELECT generate_series(1, 3000); \
    CREATE TABLE t (id int PRIMARY KEY, name varchar(40) NOT NULL, area numeric(5, 2), \
        status text CHECK (status IN ('designated', 'proposed')), code int UNIQUE REFERENCES codes, \
        place geometry(Point, 4326)); \
    CREATE FUNCTION no_tabu() RETURNS trigger LANGUAGE plpgsql AS $$ \
    BEGIN IF NEW.name = 'tabu' THEN RAISE EXCEPTION 'tabu: %', NEW.id USING HINT = 'say something else'; END IF; RETURN NEW; END $$; \
    CREATE TRIGGER no_tabu BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION no_tabu()";

const REFUSED: &[(i32, &str)] = &[
    (1, "23502"),
    (700, "23502"),
    (701, "23514"),
    (702, "23514"),
    (1500, "23505"),
    (1501, "22001"),
    (2000, "22003"),
    (2001, "22023"),
    (2002, "22023"),
    (2500, "P0001"),
    (2600, "23503"),
    (3000, "P0001"),
];

async fn rejects(db: &TestDatabase) -> BTreeMap<i32, String> {
    let client = db.connect().await.unwrap();
    let rows = client
        .query("SELECT (key ->> 'id')::int, sqlstate FROM cutover.reject", &[])
        .await
        .unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test]
async fn every_good_row_goes_in_and_every_bad_one_is_set_aside() {
    let db = database(POISON).await;
    let expected: BTreeMap<i32, String> = REFUSED
        .iter()
        .map(|(id, code)| (*id, (*code).to_owned()))
        .collect();
    let good = "SELECT count(*) || ' of ' || (SELECT count(*) FROM s WHERE id NOT IN \
                (1, 700, 701, 702, 1500, 1501, 2000, 2001, 2002, 2500, 2600, 3000)) FROM t";
    // In chunks with a key; in one transaction without one, and so in text.
    for (chunk_bytes, keyed) in [(20_000, true), (1 << 20, true), (20_000, false)] {
        db.execute("TRUNCATE t").await.unwrap();
        let record = Record::in_database(&db).await;
        db.execute("DELETE FROM cutover.reject").await.unwrap();
        let mut import =
            Import::new("sites", public("t"), relation("s")).rejects(RejectLimits::none().at_most(12));
        if keyed {
            import = import.key([ident("id")]);
        }
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heard);
        let events = Events::to(move |event: &Event| log.lock().unwrap().push(event.kind.clone()));
        let settings = settings().chunk_bytes(chunk_bytes);
        let outcome = go_on(&db, &record, &import, &settings, &events).await.unwrap();
        assert_eq!((outcome.rows, outcome.rejected), (2988, 12));
        assert_eq!(db.query_text(good).await.unwrap(), "2988 of 2988");
        let last = heard.lock().unwrap().iter().rev().find_map(|kind| match kind {
            EventKind::RowsRejected { rejected, .. } => Some(*rejected),
            _ => None,
        });
        assert_eq!(last, Some(12));
        if keyed {
            assert_eq!(rejects(&db).await, expected);
            let client = db.connect().await.unwrap();
            let checkpoints = record.checkpoints(&client).await;
            assert_eq!(checkpoints.iter().map(|chunk| chunk.rejected).sum::<i64>(), 12);
        } else {
            assert_eq!(
                db.query_text("SELECT count(*) || ' ' || count(key) FROM cutover.reject")
                    .await
                    .unwrap(),
                "12 0"
            );
        }
    }
    let told = db
        .query_text(
            "SELECT string_agg(reason || ' | ' || (\"row\" - 'place')::text || ' | ' || \
                    coalesce(ST_AsText(ST_SnapToGrid((\"row\" ->> 'place')::geometry, 1)), ''), E'\\n' ORDER BY (\"row\" ->> 'id')::int) \
               FROM cutover.reject WHERE \"row\" ->> 'id' IN ('1', '1500', '1501', '2000', '2001', '2600', '3000')",
        )
        .await
        .unwrap();
    assert_snapshot!(told, @r#"
    null value in column "name" of relation "t" violates not-null constraint | {"id": "1", "area": "1", "code": "1", "name": null, "status": "designated"} | POINT(1 1)
    duplicate key value violates unique constraint "t_code_key" | {"id": "1500", "area": "0", "code": "10", "name": "site 1500", "status": "designated"} | POINT(60 60)
    column "name": value too long for type character varying(40) | {"id": "1501", "area": "1", "code": "1501", "name": "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn", "status": "designated"} | POINT(61 61)
    column "area": numeric field overflow | {"id": "2000", "area": "123456", "code": "2000", "name": "site 2000", "status": "designated"} | POINT(20 20)
    column "place": Geometry SRID (3857) does not match column SRID (4326) | {"id": "2001", "area": "1", "code": "2001", "name": "site 2001", "status": "designated"} | POINT(21 21)
    insert or update on table "t" violates foreign key constraint "t_code_fkey" | {"id": "2600", "area": "0", "code": "-1", "name": "site 2600", "status": "designated"} | POINT(80 80)
    tabu: 3000 | {"id": "3000", "area": "0", "code": "3000", "name": "tabu", "status": "designated"} | POINT(120 30)
    "#);
}

#[tokio::test]
async fn more_refused_rows_than_tolerated_fail_the_import_by_name() {
    let db = database(POISON).await;
    let keyed = Import::new("sites", public("t"), relation("s")).key([ident("id")]);
    let settings = settings().chunk_bytes(60_000);
    let record = Record::in_database(&db).await;
    let error = go_on(&db, &record, &keyed, &settings, &Events::none())
        .await
        .unwrap_err();
    assert_snapshot!(told(&error), @r#"
    importer sites: "public"."t" refused 1 row, tolerated: none
      - id = 1: null value in column "name" of relation "t" violates not-null constraint (SQLSTATE 23502)
      remedy: mend the rows at their source, or raise `max_rejects`; then take the release up again
    "#);
    assert_eq!(
        rejects(&db).await.len(),
        0,
        "a chunk that fails sets nothing aside"
    );

    // What was tolerated in earlier chunks stays set aside, and counts when the import is taken up.
    let some = keyed.clone().rejects(RejectLimits::none().at_most(5));
    let error = go_on(&db, &record, &some, &settings, &Events::none())
        .await
        .unwrap_err();
    assert_snapshot!(told(&error).lines().next().unwrap(), @r#"importer sites: "public"."t" refused 6 rows, tolerated: at most 5 rows"#);
    let share = keyed.clone().rejects(RejectLimits::none().share(0.003));
    let error = go_on(&db, &record, &share, &settings, &Events::none())
        .await
        .unwrap_err();
    assert_snapshot!(told(&error).lines().next().unwrap(), @r#"importer sites: "public"."t" refused 12 rows, tolerated: at most 0.3 % of the rows"#);
    let share = keyed.rejects(RejectLimits::none().share(0.004));
    let outcome = go_on(&db, &record, &share, &settings, &Events::none())
        .await
        .unwrap();
    assert_eq!((outcome.rows, outcome.rejected), (2988, 12));
    assert_eq!(rejects(&db).await.len(), 12);
}

#[tokio::test]
async fn what_is_no_rows_fault_fails_the_import() {
    let db = database(
        "CREATE TABLE s AS SELECT n AS id FROM generate_series(1, 100) n; CREATE TABLE t (id int); \
         CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ \
         BEGIN IF NEW.id = 50 THEN PERFORM missing(); END IF; RETURN NEW; END $$; \
         CREATE TRIGGER broken BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION broken()",
    )
    .await;
    let record = Record::in_database(&db).await;
    let tolerant = RejectLimits::none().at_most(1000);
    let import = Import::new("t", public("t"), relation("s"))
        .key([ident("id")])
        .rejects(tolerant);
    let error = go_on(&db, &record, &import, &settings(), &Events::none())
        .await
        .unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "42883", "{}", told(&error));
    // A source that fails is no reject either.
    let import = Import::new(
        "t",
        public("t"),
        query("SELECT 1 / (id - 50) AS id FROM s ORDER BY id"),
    )
    .key([ident("id")])
    .rejects(tolerant);
    let error = go_on(&db, &record, &import, &settings(), &Events::none())
        .await
        .unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "22012", "{}", told(&error));
    assert_eq!(db.query_text("SELECT count(*) FROM t").await.unwrap(), "0");
}
