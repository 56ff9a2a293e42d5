//! Refused rows scattered over a large source, and what they cost. `scripts/soak import` makes it large.

use std::time::{Duration, Instant};

use cutover_core::Events;
use cutover_importer::{Import, RejectLimits};
use cutover_testkit::TestDatabase;

use crate::chunks::{Record, go_on};
use crate::fixture::{database, ident, public, query, settings};

/// Rows of some kilobytes, every so many of which is refused for one of seven reasons.
async fn poisoned(rows: u64, one_in: u64) -> TestDatabase {
    database(&format!(
        "CREATE EXTENSION IF NOT EXISTS postgis; \
         CREATE TABLE s AS SELECT n AS id, \
             CASE bad WHEN 0 THEN NULL WHEN 1 THEN repeat('n', 41) WHEN 2 THEN 'tabu' ELSE 'site ' || n END AS name, \
             CASE bad WHEN 3 THEN 123456 ELSE n % 50 END::numeric AS area, \
             CASE bad WHEN 4 THEN 'dreamt of' ELSE 'designated' END AS status, \
             CASE bad WHEN 5 THEN 1 ELSE n END AS code, bad >= 0 AS is_bad, \
             ST_SetSRID(ST_Buffer(ST_Point(n % 180, n % 90), 1 + n % 7, 40), CASE bad WHEN 6 THEN 3857 ELSE 4326 END) AS place \
           FROM (SELECT n, CASE WHEN n % {one_in} = {one_in} / 2 THEN (n / {one_in}) % 7 ELSE -1 END AS bad \
                   FROM generate_series(1, {rows}) n) rows; \
         ANALYZE s; \
         CREATE TABLE t (id int, name varchar(40) NOT NULL, area numeric(5, 2), status text CHECK (status <> 'dreamt of'), \
             code int UNIQUE, place geometry(Polygon, 4326)); \
         CREATE FUNCTION no_tabu() RETURNS trigger LANGUAGE plpgsql AS $$ \
         BEGIN IF NEW.name = 'tabu' THEN RAISE EXCEPTION 'tabu'; END IF; RETURN NEW; END $$; \
         CREATE TRIGGER no_tabu BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION no_tabu()"
    ))
    .await
}

/// Imports the rows that the condition lets through into the emptied table.
async fn import(db: &TestDatabase, condition: &str, expected: (u64, u64)) -> Duration {
    db.execute("TRUNCATE t; CHECKPOINT").await.unwrap();
    let record = Record::in_database(db).await;
    let sql = format!("SELECT id, name, area, status, code, place FROM s WHERE {condition}");
    let import = Import::new("sites", public("t"), query(&sql))
        .key([ident("id")])
        .rejects(RejectLimits::none().at_most(1_000_000));
    let began = Instant::now();
    let outcome = go_on(db, &record, &import, &settings(), &Events::none())
        .await
        .unwrap();
    let took = began.elapsed();
    assert_eq!((outcome.rows, outcome.rejected), expected);
    took
}

#[tokio::test]
async fn refused_rows_cost_little() {
    let large =
        std::env::var_os("CUTOVER_TEST_POISONED_ROWS").and_then(|rows| rows.into_string().ok()?.parse().ok());
    let (rows, one_in) = large.map_or((3_000, 300), |rows: u64| (rows, 10_000));
    let db = poisoned(rows, one_in).await;
    let bad = rows / one_in;
    let (mut clean, mut with_bad) = (Vec::new(), Vec::new());
    for _ in 0..if large.is_some() { 5 } else { 1 } {
        clean.push(import(&db, "NOT is_bad", (rows - bad, 0)).await);
        with_bad.push(import(&db, "true", (rows - bad, bad)).await);
    }
    let reasons = "SELECT count(DISTINCT (sqlstate, reason)) >= 7 FROM cutover.reject";
    assert_eq!(db.query_text(reasons).await.unwrap(), "t");
    clean.sort();
    with_bad.sort();
    let (clean, with_bad) = (clean[clean.len() / 2], with_bad[with_bad.len() / 2]);
    let ratio = with_bad.as_secs_f64() / clean.as_secs_f64();
    println!("{rows} rows: {clean:?} clean, {with_bad:?} with {bad} refused ones, ratio {ratio:.2}");
    if large.is_some() {
        assert!(ratio <= 1.3, "refused rows cost too much: {ratio:.2}");
    }
}
