//! Server-side, binary and text pipe: the same rows, whatever the way.

use std::sync::{Arc, Mutex};

use cutover_core::{Event, EventKind, Events};
use cutover_importer::{Import, ImportError, ImportPlan, Transport, Way};
use insta::assert_snapshot;
use tokio_postgres::error::SqlState;

use crate::fixture::{
    checksum, database, ident, import, import_pipe, plan, plan_pipe, public, query, relation, settings, told,
};

const AWKWARD: &str = r#"
CREATE TYPE realm AS ENUM ('land', 'sea');
CREATE DOMAIN area AS numeric(12,3) CHECK (VALUE >= 0);
CREATE TABLE source (
  id bigint, "Name ""x""" text, small smallint, ratio double precision, area area, document jsonb, tags text[],
  matrix int[], realm realm, seen timestamptz, day date, span interval, code char(4), raw bytea, flag boolean,
  key uuid, geom geometry(Geometry, 4326));
CREATE TABLE staging_a (LIKE source INCLUDING ALL);
CREATE TABLE staging_b (LIKE source INCLUDING ALL);
INSERT INTO source
SELECT n, CASE n % 5 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN E'it''s "quoted"\t\\N\n\\.' WHEN 3 THEN 'محمية' ELSE 'plain' END,
       (n % 100)::smallint, CASE n % 7 WHEN 0 THEN 'NaN' WHEN 1 THEN '-Infinity' ELSE 1e0 / n END, n / 7.0,
       jsonb_build_object('n', n, 'text', E'a\nb"'), ARRAY['x', NULL, E'{,"\\'], ARRAY[[1, n], [NULL, 4]]::int[],
       CASE WHEN n % 2 = 0 THEN 'land' ELSE 'sea' END::realm, '2025-03-30 01:59:59.123456+01'::timestamptz + n * interval '1 h',
       CASE WHEN n = 3 THEN 'infinity' ELSE '2025-01-01'::date + n END, make_interval(months => n, secs => n / 3.0), 'ab',
       decode(md5(n::text), 'hex'), n % 3 = 0, md5(n::text)::uuid,
       CASE n % 4 WHEN 0 THEN NULL WHEN 1 THEN ST_SetSRID(ST_MakePoint(n, 1.0 / n), 4326)
                  WHEN 2 THEN 'SRID=4326;MULTIPOLYGON EMPTY' ELSE ST_Buffer(ST_SetSRID(ST_MakePoint(1, 2), 4326), n) END
  FROM generate_series(1, 400) n;
"#;

#[tokio::test]
async fn both_ways_bring_the_same_rows() {
    let db = database(AWKWARD).await;
    let server_side = Import::new("a", public("staging_a"), relation("source"));
    let outcome = import(&db, &server_side).await.unwrap();
    assert_eq!((outcome.rows, outcome.bytes), (400, 0));
    assert_eq!(outcome.way.way, Transport::ServerSide);

    let pipe = Import::new("b", public("staging_b"), relation("source"));
    let outcome = import_pipe(&db, &db, &pipe, &settings()).await.unwrap();
    assert_eq!(outcome.rows, 400);
    assert_eq!(outcome.way.way, Transport::BinaryPipe);
    assert!(outcome.bytes > 400 * 100, "{} bytes", outcome.bytes);

    let expected = checksum(&db, "source").await;
    assert_eq!(checksum(&db, "staging_a").await, expected);
    assert_eq!(checksum(&db, "staging_b").await, expected);
}

#[tokio::test]
async fn segments_lose_and_double_no_row() {
    let db = database(AWKWARD).await;
    for bytes in [1, 500, 20_000] {
        db.execute("TRUNCATE staging_b").await.unwrap();
        let pipe = Import::new("b", public("staging_b"), relation("source"));
        let outcome = import_pipe(&db, &db, &pipe, &settings().segment_bytes(bytes))
            .await
            .unwrap();
        assert_eq!(outcome.rows, 400);
        assert_eq!(checksum(&db, "staging_b").await, checksum(&db, "source").await);
    }
}

#[tokio::test]
async fn an_array_of_a_types_own_travels_as_text() {
    let schema = "CREATE TYPE realm AS ENUM ('land', 'sea'); \
                  CREATE TABLE t (id int, realms realm[], note text, ratio float8, span interval);";
    let portal = database(schema).await;
    // Made in another order, so that the OIDs differ.
    let live = database(&format!("CREATE TYPE other AS ENUM ('x'); {schema}")).await;
    portal
        .execute(
            r"INSERT INTO t SELECT n, ARRAY['land', NULL, 'sea']::realm[], E'tab\t \\N \\. \n é', 1e0 / 3 * n, '1 mon -2 days'
                FROM generate_series(1, 50) n",
        )
        .await
        .unwrap();
    let outcome = import_pipe(
        &portal,
        &live,
        &Import::new("t", public("t"), relation("t")),
        &settings().segment_bytes(300),
    )
    .await
    .unwrap();
    assert_eq!(outcome.way.way, Transport::TextPipe);
    assert!(
        outcome.way.reason.contains("column \"realms\""),
        "{}",
        outcome.way.reason
    );
    assert_eq!(checksum(&live, "t").await, checksum(&portal, "t").await);
}

#[tokio::test]
async fn types_are_converted_as_an_assignment_would() {
    let db = database(
        "CREATE TABLE source AS SELECT n AS id, n::text AS code, n / 3.0 AS area, n::int AS year, now() AS at, \
                '{\"a\": 1}'::json AS document, ARRAY[n] AS list, ARRAY[n] AS words FROM generate_series(1, 90) n; \
         CREATE TABLE staging_a (id bigint, code varchar(3), area numeric(6,2), year text, at date, document text, list bigint[], words text[]); \
         CREATE TABLE staging_b (LIKE staging_a)",
    )
    .await;
    import(&db, &Import::new("a", public("staging_a"), relation("source")))
        .await
        .unwrap();
    let pipe = Import::new("b", public("staging_b"), relation("source"));
    let outcome = import_pipe(&db, &db, &pipe, &settings()).await.unwrap();
    assert_eq!(outcome.way.way, Transport::BinaryPipe);
    assert_eq!(checksum(&db, "staging_a").await, checksum(&db, "staging_b").await);

    // Neither way cuts a value without a word.
    db.execute("UPDATE source SET code = 'four' WHERE id = 77")
        .await
        .unwrap();
    let error = import(&db, &Import::new("a", public("staging_a"), relation("source")))
        .await
        .unwrap_err();
    assert_eq!(
        error.sqlstate().map(SqlState::code),
        Some("22001"),
        "{}",
        told(&error)
    );
    let error = import_pipe(&db, &db, &pipe, &settings().segment_bytes(700))
        .await
        .unwrap_err();
    assert_eq!(error.sqlstate().map(SqlState::code), Some("22001"));
    let ImportError::RowRefused { column, row, .. } = &error else {
        panic!("{}", told(&error))
    };
    assert_eq!(column.as_ref().map(cutover_core::Ident::as_str), Some("code"));
    assert!((1..=90).contains(row), "row {row} of 90");
}

#[tokio::test]
async fn a_refused_row_is_numbered_across_segments() {
    let db = database("CREATE TABLE t (id int, year int CHECK (year > 0))").await;
    let pipe = Import::new(
        "t",
        public("t"),
        query("SELECT n AS id, CASE WHEN n = 777 THEN -1 ELSE 1 END AS year FROM generate_series(1, 1000) n"),
    );
    let error = import_pipe(&db, &db, &pipe, &settings().segment_bytes(400))
        .await
        .unwrap_err();
    assert!(
        matches!(error, ImportError::RowRefused { row: 777, .. }),
        "{}",
        told(&error)
    );
    assert_eq!(
        db.query_text("SELECT count(*) FROM t").await.unwrap(),
        "0",
        "segments share a transaction"
    );
}

#[tokio::test]
async fn the_plan_reads_as_a_script() {
    let db = database(
        "CREATE TABLE sources (metadataid int, data_title text, year numeric, ignored int); \
         CREATE VIEW portal_sources AS SELECT * FROM sources; \
         CREATE TABLE staging_sources (id bigint GENERATED ALWAYS AS IDENTITY, title text NOT NULL, year int, \
             upper_title text GENERATED ALWAYS AS (upper(title)) STORED, created_at timestamptz DEFAULT now()); \
         CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; \
         CREATE TRIGGER t BEFORE INSERT ON staging_sources FOR EACH ROW EXECUTE FUNCTION f()",
    )
    .await;
    let sources = Import::new("sources", public("staging_sources"), relation("portal_sources"))
        .columns([
            (ident("id"), "metadataid".to_owned()),
            (ident("title"), "data_title".to_owned()),
            (ident("year"), "year".to_owned()),
        ])
        .key([ident("id")])
        .sample(1000);
    let mut target = db.connect().await.unwrap();
    let mut source = db.connect().await.unwrap();
    // Which of these lines there are depends on the server's version and on how it was built.
    let stable = |plan: ImportPlan| {
        plan.to_string()
            .replace("SET LOCAL default_toast_compression = 'lz4';\n", "")
            .replace("SET LOCAL transaction_timeout = 0;\n", "")
    };
    assert_snapshot!(
        "plan_server_side",
        stable(plan(&sources, &mut target).await.unwrap())
    );
    let piped = plan_pipe(&sources, &settings(), &mut target, &mut source)
        .await
        .unwrap();
    assert_snapshot!("plan_pipe", stable(piped));
}

#[tokio::test]
async fn a_name_with_a_line_break_stays_in_its_comment() {
    let db = database("CREATE TABLE s (id int); CREATE TABLE t (id int, \"a\nDROP TABLE s; --\" int)").await;
    let mut target = db.connect().await.unwrap();
    let import = Import::new("two\nlines", public("t"), relation("s"));
    let script = plan(&import, &mut target).await.unwrap().to_string();
    assert!(
        script.contains("-- note: left to their default or NULL: \"a DROP TABLE s; --\""),
        "{script}"
    );
    assert!(script.starts_with("-- import two lines into "), "{script}");
    assert!(!script.lines().any(|line| line.starts_with("DROP")), "{script}");
}

/// Settings of the role that change what values print as.
#[tokio::test]
async fn values_print_alike_whatever_the_roles_settings() {
    let db = database(
        "CREATE TABLE source AS SELECT 1 AS id, interval '-1 day 2 hours' AS span, 0.1::float8 + 0.2 AS sum, date '2025-02-01' AS day; \
         CREATE TABLE staging_a (id int, span text, sum text, day text); CREATE TABLE staging_b (LIKE staging_a)",
    )
    .await;
    db.execute(&format!(
        "ALTER DATABASE {name} SET intervalstyle = 'iso_8601'; ALTER DATABASE {name} SET extra_float_digits = 0; \
         ALTER DATABASE {name} SET datestyle = 'German'",
        name = db.name()
    ))
    .await
    .unwrap();
    import(&db, &Import::new("a", public("staging_a"), relation("source")))
        .await
        .unwrap();
    let pipe = Import::new("b", public("staging_b"), relation("source"));
    import_pipe(&db, &db, &pipe, &settings()).await.unwrap();
    for table in ["staging_a", "staging_b"] {
        let sql = format!("SELECT concat_ws(' | ', span, sum, day) FROM {table}");
        assert_eq!(
            db.query_text(&sql).await.unwrap(),
            "-1 days +02:00:00 | 0.30000000000000004 | 2025-02-01",
            "{table}"
        );
    }
}

#[tokio::test]
async fn identity_and_generated_columns() {
    let table = "(title text, id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
                  shout text GENERATED ALWAYS AS (upper(title)) STORED)";
    let db = database(&format!(
        "CREATE TABLE source (shout text, id int, title text); CREATE TABLE staging_a {table}; CREATE TABLE staging_b {table}; \
         INSERT INTO source VALUES ('stale', 7, 'a'), ('stale', 9, 'b')"
    ))
    .await;
    import(&db, &Import::new("a", public("staging_a"), relation("source")))
        .await
        .unwrap();
    let pipe = Import::new("b", public("staging_b"), relation("source"));
    import_pipe(&db, &db, &pipe, &settings()).await.unwrap();
    for table in ["staging_a", "staging_b"] {
        let sql = format!("SELECT string_agg(id || title || shout, ',' ORDER BY id) FROM {table}");
        assert_eq!(db.query_text(&sql).await.unwrap(), "7aA,9bB", "{table}");
    }
}

#[tokio::test]
async fn a_sample_is_the_first_rows_in_key_order() {
    let db = database(
        "CREATE TABLE source AS SELECT 100 - n AS site_id, 'x' AS name FROM generate_series(1, 99) n; \
         CREATE TABLE t (id int, name text)",
    )
    .await;
    let sample = Import::new("t", public("t"), relation("source"))
        .columns([(ident("id"), "site_id".to_owned())])
        .key([ident("id")])
        .sample(3);
    assert_eq!(import(&db, &sample).await.unwrap().rows, 3);
    assert_eq!(
        db.query_text("SELECT string_agg(id::text, ',' ORDER BY id) FROM t")
            .await
            .unwrap(),
        "1,2,3"
    );
}

#[tokio::test]
async fn a_way_that_cannot_be_gone_is_refused() {
    let db = database("CREATE TABLE s (id int); CREATE TABLE t (id int)").await;
    let mut target = db.connect().await.unwrap();
    let mut source = db.connect().await.unwrap();
    let pipe = Import::new("t", public("t"), relation("s")).way(Way::CopyPipe);
    let error = plan(&pipe, &mut target).await.unwrap_err();
    assert_snapshot!(told(&error), @r"
    importer t: the COPY pipe was asked for, and it needs a second connection to read the source
      remedy: choose another `way`, or give the source the connection it needs
    ");
    let server_side = Import::new("t", public("t"), relation("s")).way(Way::ServerSide);
    let error = plan_pipe(&server_side, &settings(), &mut target, &mut source)
        .await
        .unwrap_err();
    assert!(matches!(error, ImportError::Way { .. }), "{}", told(&error));
}

#[tokio::test]
async fn a_checkpoint_commits_with_the_rows_or_not_at_all() {
    let db = database("CREATE TABLE t (id int); CREATE TABLE checkpoint (importer text, rows bigint)").await;
    let mut target = db.connect().await.unwrap();
    let numbers = Import::new(
        "t",
        public("t"),
        query("SELECT n AS id FROM generate_series(1, 10) n;\n"),
    );
    let plan = plan(&numbers, &mut target).await.unwrap();
    for (commit, expected) in [(false, "0 0"), (true, "10 1")] {
        let transaction = target.transaction().await.unwrap();
        let outcome = plan.run_in(&transaction, None, &Events::none()).await.unwrap();
        let rows = i64::try_from(outcome.rows).unwrap();
        transaction
            .execute(
                "INSERT INTO public.checkpoint VALUES ($1, $2)",
                &[&plan.importer(), &rows],
            )
            .await
            .unwrap();
        if commit {
            transaction.commit().await.unwrap();
        } else {
            transaction.rollback().await.unwrap();
        }
        let found =
            db.query_text("SELECT (SELECT count(*) FROM t) || ' ' || (SELECT count(*) FROM checkpoint)");
        assert_eq!(found.await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_plan_that_no_longer_fits_is_refused() {
    let db = database("CREATE TABLE s (id int, name text); CREATE TABLE t (id int, name text)").await;
    let mut target = db.connect().await.unwrap();
    let plan = plan(&Import::new("t", public("t"), relation("s")), &mut target)
        .await
        .unwrap();
    db.execute("ALTER TABLE t ALTER name TYPE varchar(9)")
        .await
        .unwrap();
    let error = plan.run(&mut target, None, &Events::none()).await.unwrap_err();
    assert!(matches!(error, ImportError::Stale { .. }), "{}", told(&error));
}

#[tokio::test]
async fn toast_is_compressed_with_lz4_where_the_server_has_it() {
    let db = database("CREATE TABLE t (id int, name text)").await;
    let has_lz4 = db
        .query_text("SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'")
        .await
        .unwrap();
    let expected = if has_lz4 == "t" { "lz4" } else { "pglz" };
    import(
        &db,
        &Import::new(
            "t",
            public("t"),
            query("SELECT 1 AS id, repeat('abc', 5000) AS name"),
        ),
    )
    .await
    .unwrap();
    assert_eq!(
        db.query_text("SELECT pg_column_compression(name) FROM t")
            .await
            .unwrap(),
        expected
    );
    let definition = db.query_text(
        "SELECT attcompression = '' FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'name'",
    );
    assert_eq!(definition.await.unwrap(), "t", "the definition stays");
}

#[tokio::test]
async fn the_roles_timeouts_do_not_hold() {
    let db = database("CREATE TABLE t (id int)").await;
    let mut target = db.connect().await.unwrap();
    target
        .batch_execute("SET statement_timeout = '50ms'")
        .await
        .unwrap();
    let slow = Import::new("t", public("t"), query("SELECT 1 AS id FROM pg_sleep(0.2)"));
    let plan = plan(&slow, &mut target).await.unwrap();
    assert_eq!(
        plan.run(&mut target, None, &Events::none()).await.unwrap().rows,
        1
    );
    let after: String = target
        .query_one("SHOW statement_timeout", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(after, "50ms", "SET LOCAL ends with the transaction");
}

#[tokio::test]
async fn events_tell_the_way_and_the_rows() {
    let db = database(
        "CREATE TABLE s AS SELECT n AS id FROM generate_series(1, 100) n; ANALYZE s; CREATE TABLE t (id int)",
    )
    .await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let events = Events::to(move |event: &Event| log.lock().unwrap().push(event.kind.clone()));
    let mut target = db.connect().await.unwrap();
    let plan = plan(&Import::new("numbers", public("t"), relation("s")), &mut target)
        .await
        .unwrap();
    plan.run(&mut target, None, &events).await.unwrap();
    let seen = seen.lock().unwrap();
    assert!(
        matches!(&seen[0], EventKind::ImportStarted { importer, way, expected_rows: Some(100), .. }
            if importer == "numbers" && way.starts_with("server-side INSERT … SELECT: ")),
        "{seen:?}"
    );
    assert!(
        matches!(
            &seen[1],
            EventKind::ImportFinished {
                rows: 100,
                bytes: 0,
                ..
            }
        ),
        "{seen:?}"
    );
    assert_eq!(seen.len(), 2);
}
