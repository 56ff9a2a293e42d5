//! Imports in chunks: cut off anywhere and taken up, and what cannot be cut.

use std::time::Duration;

use cutover_core::records::{Checkpoint, Records, ReleaseKind};
use cutover_core::{Events, Ident};
use cutover_importer::{Import, ImportError, ImportOutcome, ImportPlan, Journal, LoadSettings};
use cutover_testkit::{Cluster, TestDatabase};
use insta::assert_snapshot;
use tokio_postgres::Client;

use crate::faults::{NO_OTHER_SESSION, poll_at_most, until};
use crate::fixture::{
    checksum, database, ident, import_pipe, plan_pipe, public, query, relation, settings, told,
};

/// A release's record to keep checkpoints and rejects in.
pub(crate) struct Record {
    pub(crate) records: Records,
    pub(crate) release: i64,
}

impl Record {
    pub(crate) async fn in_database(database: &TestDatabase) -> Self {
        let mut client = database.connect().await.unwrap();
        Records::migrate(&mut client).await.unwrap();
        let records = Records::of(&ident("parks"));
        let release = records
            .open(&client, ReleaseKind::Release, "May2026", None, "host", 1)
            .await
            .unwrap();
        Self { records, release }
    }

    pub(crate) fn journal(&self) -> Journal<'_> {
        Journal::of(&self.records, self.release)
    }

    pub(crate) async fn checkpoints(&self, client: &Client) -> Vec<Checkpoint> {
        self.records.checkpoints(client, self.release).await.unwrap()
    }
}

/// Imports what is still missing, as a program does that is started anew.
pub(crate) async fn go_on(
    database: &TestDatabase,
    record: &Record,
    import: &Import,
    settings: &LoadSettings,
    events: &Events,
) -> Result<ImportOutcome, ImportError> {
    let mut target = database.connect().await.unwrap();
    let mut source = database.connect().await.unwrap();
    let so_far = record.journal().so_far(&target, import.name()).await.unwrap();
    let import = import.clone().in_chunks().after(so_far.last_key);
    let plan = plan_pipe(&import, settings, &mut target, &mut source).await?;
    let reading = source.transaction().await.unwrap();
    plan.run_in_chunks(&mut target, Some(&reading), &record.journal(), events)
        .await
}

/// The same, in chunks of so many bytes, with nobody to hear of it.
async fn in_chunks_of(
    bytes: usize,
    database: &TestDatabase,
    record: &Record,
    import: &Import,
) -> Result<ImportOutcome, ImportError> {
    let settings = settings().chunk_bytes(bytes);
    go_on(database, record, import, &settings, &Events::none()).await
}

fn by(key: &[&str]) -> Vec<Ident> {
    key.iter().map(|name| ident(name)).collect()
}

/// Two columns make the key; it has NULLs, quotes and backslashes in it, and some rows share it.
const KEYED: &str = "\
    CREATE TABLE s AS SELECT n AS id, (n / 7)::bigint AS a, \
        CASE WHEN n % 5 = 0 THEN NULL ELSE E'it''s \\\\ ' || n % 3 END::varchar AS b, repeat('x', n % 300) AS filler \
      FROM generate_series(1, 700) n ORDER BY md5(n::text); \
    INSERT INTO s SELECT n, NULL, CASE WHEN n < 703 THEN 'z' END, 'no a' FROM generate_series(701, 704) n; \
    CREATE TABLE t (id int, a int8, b text, filler text); CREATE TABLE in_peace (LIKE t)";

#[tokio::test]
async fn an_import_cut_off_anywhere_is_taken_up_and_brings_each_row_once() {
    let db = database(KEYED).await;
    let in_peace = Import::new("peace", public("in_peace"), relation("s"));
    import_pipe(&db, &db, &in_peace, &settings()).await.unwrap();
    let expected = checksum(&db, "in_peace").await;
    let import = Import::new("keyed", public("t"), relation("s")).key(by(&["a", "b"]));
    let settings = settings().chunk_bytes(6000);
    let (mut cuts, mut halves) = (0, 0);
    // Each round is cut off a little later than the one before, in whatever state its last chunk is then.
    'rounds: for first in [4_usize, 11, 25] {
        db.execute("TRUNCATE t").await.unwrap();
        let record = Record::in_database(&db).await;
        for polls in (first..).step_by(first) {
            let round = poll_at_most(polls, go_on(&db, &record, &import, &settings, &Events::none())).await;
            until(&db, NO_OTHER_SESSION).await;
            if let Some(outcome) = round {
                let outcome = outcome.unwrap();
                assert_eq!((outcome.rows, outcome.rejected), (704, 0));
                assert_eq!(checksum(&db, "t").await, expected);
                let client = db.connect().await.unwrap();
                let checkpoints = record.checkpoints(&client).await;
                assert_eq!(checkpoints.iter().map(|chunk| chunk.rows).sum::<i64>(), 704);
                assert!(checkpoints.len() > 10, "{checkpoints:#?}");
                assert_eq!(checkpoints.iter().filter(|chunk| chunk.done).count(), 1);
                continue 'rounds;
            }
            cuts += 1;
            let rows = db.query_text("SELECT count(*) FROM t").await.unwrap();
            halves += i32::from(rows != "0" && rows != "704");
        }
    }
    assert!(
        cuts > 10 && halves > 5,
        "cut off {cuts} times, {halves} of them half way"
    );
}

#[tokio::test]
async fn text_travels_in_chunks_too() {
    let db = database(
        "CREATE TYPE mood AS ENUM ('calm', 'wild'); \
         CREATE TABLE s AS SELECT n AS id, E'a\\tb\\\\' || n AS name, ARRAY['wild']::mood[] AS moods FROM generate_series(1, 500) n; \
         CREATE TABLE t (id int, name text, moods mood[])",
    )
    .await;
    let record = Record::in_database(&db).await;
    let import = Import::new("text", public("t"), relation("s")).key(by(&["name"]));
    let settings = settings().chunk_bytes(2000);
    let mut rounds = 0;
    for polls in (40..).step_by(40) {
        rounds += 1;
        if let Some(outcome) =
            poll_at_most(polls, go_on(&db, &record, &import, &settings, &Events::none())).await
        {
            assert!(outcome.unwrap().way.to_string().starts_with("text COPY pipe"));
            break;
        }
        until(&db, NO_OTHER_SESSION).await;
    }
    assert!(rounds > 1);
    assert_eq!(checksum(&db, "t").await, checksum(&db, "s").await);
}

#[tokio::test]
async fn a_plan_tells_how_it_is_cut() {
    let db = database("CREATE TABLE s (id int, name varchar); CREATE TABLE t (id bigint, name text)").await;
    let (mut target, mut source) = (db.connect().await.unwrap(), db.connect().await.unwrap());
    let import = Import::new("t", public("t"), relation("s"))
        .key(by(&["id", "name"]))
        .in_chunks()
        .after(Some(vec![Some("7".to_owned()), Some("it's".to_owned())]));
    let plan = plan_pipe(&import, &settings(), &mut target, &mut source)
        .await
        .unwrap();
    assert_snapshot!(plan.to_string().lines().filter(|line| !line.starts_with("SET")).collect::<Vec<_>>().join("\n"), @r#"
    -- import t into "public"."t"
    -- way: binary COPY pipe: the source has a connection of its own, and every column's binary form is the same on both sides
    -- note: in chunks of 16 MiB by "id", "name", each committed with its checkpoint
    -- set up the session to fill table "public"."t"
    -- set up the session to read the source of table "public"."t"
    -- read the source of table "public"."t"
    --   locks "public"."s" ACCESS SHARE
    COPY (SELECT CAST(s."id" AS "pg_catalog"."int8"), CAST(s."name" AS "pg_catalog"."text")
      FROM "public"."s" AS s
     WHERE (CAST(s."id" AS "pg_catalog"."int8") > '7' OR CAST(s."id" AS "pg_catalog"."int8") IS NULL)
        OR CAST(s."id" AS "pg_catalog"."int8") = '7' AND (CAST(s."name" AS "pg_catalog"."text") > 'it''s' OR CAST(s."name" AS "pg_catalog"."text") IS NULL)
     ORDER BY CAST(s."id" AS "pg_catalog"."int8"), CAST(s."name" AS "pg_catalog"."text")) TO STDOUT (FORMAT binary);
    -- fill table "public"."t"
    --   locks "public"."t" ROW EXCLUSIVE
    COPY "public"."t" ("id", "name") FROM STDIN (FORMAT binary);
    "#);
}

#[tokio::test]
async fn what_cannot_be_taken_up_is_one_transaction() {
    let db = database(
        "CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false); \
         CREATE TABLE s AS SELECT 1 AS id, 1.0::numeric AS n, '{}'::jsonb AS j, point(1, 1) AS p, 'a'::text COLLATE any_case AS c; \
         CREATE TABLE t (LIKE s); CREATE TABLE d (LIKE s, UNIQUE (id) DEFERRABLE INITIALLY DEFERRED)",
    )
    .await;
    let mut told = Vec::new();
    for (table, key) in [
        ("t", ""),
        ("t", "n"),
        ("t", "j"),
        ("t", "p"),
        ("t", "c"),
        ("d", "id"),
        ("t", "id"),
    ] {
        let (mut target, mut source) = (db.connect().await.unwrap(), db.connect().await.unwrap());
        let mut import = Import::new("t", public(table), relation("s")).in_chunks();
        if !key.is_empty() {
            import = import.key([ident(key)]);
        }
        let plan = plan_pipe(&import, &settings(), &mut target, &mut source)
            .await
            .unwrap();
        told.push(format!(
            "{table} {key}: {}",
            plan.one_transaction_because().unwrap_or("in chunks")
        ));
    }
    assert_snapshot!(told.join("\n"), @r#"
    t : it has no key to go on from
    t n: values of its key may be equal and spelt differently, or have no order (numeric); cast it in a query
    t j: values of its key may be equal and spelt differently, or have no order (jsonb); cast it in a query
    t p: values of its key may be equal and spelt differently, or have no order (point); cast it in a query
    t c: its key has a nondeterministic collation; give it another in a query
    d id: "d_id_key" is checked when all rows are in (INITIALLY DEFERRED)
    t id: in chunks
    "#);

    let record = Record::in_database(&db).await;
    let import = Import::new(
        "whole",
        public("t"),
        query("SELECT s.* FROM s, generate_series(1, 100)"),
    );
    let outcome = in_chunks_of(500, &db, &record, &import).await.unwrap();
    assert_eq!(outcome.rows, 100);
    let client = db.connect().await.unwrap();
    let checkpoints = record.checkpoints(&client).await;
    assert_eq!((checkpoints.len(), checkpoints[0].done), (1, true));
}

#[tokio::test]
async fn chunks_of_another_query_are_not_gone_on_from() {
    let db = database(
        "CREATE TABLE s AS SELECT n AS id, repeat('x', 100) AS name FROM generate_series(1, 500) n; \
         CREATE TABLE t (id int, name text); \
         CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ \
         BEGIN IF NEW.id = 400 THEN PERFORM missing(); END IF; RETURN NEW; END $$; \
         CREATE TRIGGER broken BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION broken()",
    )
    .await;
    let record = Record::in_database(&db).await;
    let settings = settings().chunk_bytes(2000);
    let first = Import::new("t", public("t"), query("SELECT * FROM s")).key([ident("id")]);
    let broken = go_on(&db, &record, &first, &settings, &Events::none())
        .await
        .unwrap_err();
    assert_eq!(broken.sqlstate().unwrap().code(), "42883", "{}", told(&broken));
    db.execute("DROP TRIGGER broken ON t").await.unwrap();
    let chunks = db
        .query_text("SELECT count(*) FROM cutover.checkpoint")
        .await
        .unwrap();
    assert_ne!(chunks, "0");
    let other = Import::new("t", public("t"), query("SELECT * FROM s WHERE id > 0")).key([ident("id")]);
    let error = go_on(&db, &record, &other, &settings, &Events::none())
        .await
        .unwrap_err();
    assert!(
        matches!(error, ImportError::OtherChunks { .. }),
        "{}",
        told(&error)
    );
    // Nor does a plan made for the beginning begin again.
    let (mut target, mut source) = (db.connect().await.unwrap(), db.connect().await.unwrap());
    let plan: ImportPlan = plan_pipe(&first.clone().in_chunks(), &settings, &mut target, &mut source)
        .await
        .unwrap();
    let reading = source.transaction().await.unwrap();
    let error = plan
        .run_in_chunks(&mut target, Some(&reading), &record.journal(), &Events::none())
        .await
        .unwrap_err();
    assert!(
        matches!(error, ImportError::OtherChunks { .. }),
        "{}",
        told(&error)
    );
    go_on(&db, &record, &first, &settings, &Events::none())
        .await
        .unwrap();
    assert_eq!(checksum(&db, "t").await, checksum(&db, "s").await);
}

/// The program that began a chunk is gone, but its commit is still to come.
#[tokio::test]
async fn a_chunk_whose_commit_is_on_its_way_is_not_brought_again() {
    let db =
        database("CREATE TABLE s AS SELECT n AS id FROM generate_series(1, 10) n; CREATE TABLE t (id int)")
            .await;
    let record = Record::in_database(&db).await;
    let import = Import::new("t", public("t"), relation("s")).key([ident("id")]);
    let mut late = db.connect().await.unwrap();
    let commit = late.transaction().await.unwrap();
    commit
        .batch_execute("INSERT INTO t SELECT * FROM s")
        .await
        .unwrap();
    record
        .records
        .add_checkpoint(&commit, record.release, &Checkpoint::whole("t", 10, 0))
        .await
        .unwrap();
    let committing = async {
        until(&db, "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").await;
        commit.commit().await.unwrap();
    };
    let events = Events::none();
    let settings = settings();
    let (outcome, ()) = tokio::join!(go_on(&db, &record, &import, &settings, &events), committing);
    let error = outcome.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "23505", "{}", told(&error));
    assert_eq!(db.query_text("SELECT count(*) FROM t").await.unwrap(), "10");
}

#[tokio::test]
async fn rows_of_one_key_are_not_parted() {
    let db = database(
        "CREATE TABLE s AS SELECT n AS id, n / 500 AS part, repeat('x', 20) AS name FROM generate_series(0, 999) n; \
         CREATE TABLE t (LIKE s)",
    )
    .await;
    let record = Record::in_database(&db).await;
    let import = Import::new("t", public("t"), relation("s")).key([ident("part")]);
    let error = in_chunks_of(1000, &db, &record, &import).await.unwrap_err();
    assert_snapshot!(told(&error), @"
    importer t: more than 4032 bytes of rows bear one key (part)
      remedy: name columns in `key` that tell the rows apart
    ");
    in_chunks_of(10_000, &db, &record, &import).await.unwrap();
    let client = db.connect().await.unwrap();
    let rows: Vec<i64> = record
        .checkpoints(&client)
        .await
        .iter()
        .map(|chunk| chunk.rows)
        .collect();
    assert_eq!(rows, [500, 500]);
}

/// A portal whose rows come one at a time, and where row 400 waits for a lock.
async fn slow_portal() -> (TestDatabase, TestDatabase) {
    let portal = database(
        "CREATE TABLE rows AS SELECT n AS id, repeat('x', 100) AS name FROM generate_series(1, 600) n; \
         ALTER TABLE rows ADD PRIMARY KEY (id); ANALYZE rows; \
         CREATE FUNCTION wait_at(n int) RETURNS int STABLE LANGUAGE plpgsql AS $$ \
         BEGIN IF n = 400 THEN PERFORM pg_advisory_xact_lock_shared(1); END IF; RETURN n; END $$; \
         CREATE VIEW s AS SELECT id, name, wait_at(id) AS n FROM rows",
    )
    .await;
    let (port, user) = (Cluster::shared().port(), Cluster::shared().superuser());
    let live = database(&format!(
        "CREATE SERVER portal FOREIGN DATA WRAPPER postgres_fdw \
            OPTIONS (host '127.0.0.1', port '{port}', dbname '{}', fetch_size '20'); \
         CREATE USER MAPPING FOR CURRENT_USER SERVER portal OPTIONS (user '{user}', password '{}'); \
         CREATE FOREIGN TABLE s (id int, name text, n int) SERVER portal; \
         CREATE TABLE t (id int, name text, n int)",
        portal.name(),
        Cluster::shared().password()
    ))
    .await;
    // Row by row on either side, as a large table is read that has an index on its key.
    for (db, setting) in [
        (&portal, "enable_sort"),
        (&portal, "enable_seqscan"),
        (&live, "enable_sort"),
    ] {
        let name = db.name();
        db.execute(&format!("ALTER DATABASE {name} SET {setting} = off"))
            .await
            .unwrap();
    }
    (portal, live)
}

const WAITS: &str = "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'";

#[tokio::test]
async fn a_portal_that_dies_loses_what_is_not_committed_and_one_that_hangs_is_not_waited_for() {
    let (portal, live) = slow_portal().await;
    let gate = portal.connect().await.unwrap();
    gate.batch_execute("SELECT pg_advisory_lock(1)").await.unwrap();
    let record = Record::in_database(&live).await;
    let import = Import::new("s", public("t"), relation("s")).key(by(&["id"]));
    let patient = settings().chunk_bytes(4000);
    let impatient = patient.clone().source_silence(Duration::from_millis(300));
    let events = Events::none();

    let killing = async {
        until(&portal, WAITS).await;
        let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                     WHERE datname = current_database() AND wait_event = 'advisory'";
        portal.execute(kill).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(go_on(&live, &record, &import, &patient, &events), killing);
    let error = outcome.unwrap_err();
    assert!(error.is_source_lost(), "{}", told(&error));
    assert!(matches!(error, ImportError::Source { .. }), "{}", told(&error));
    let rows: i64 = live
        .query_text("SELECT count(*) FROM t")
        .await
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..400).contains(&rows), "{rows} rows are in");

    let error = go_on(&live, &record, &import, &impatient, &events)
        .await
        .unwrap_err();
    assert!(!error.is_source_lost());
    assert_snapshot!(told(&error), @r#"
    importer s: "public"."s" has sent nothing for 0 s
      remedy: look at the portal: pg_stat_activity there tells what it is doing; raise `max_silence` where its query takes so long
    "#);

    gate.batch_execute("SELECT pg_advisory_unlock(1)").await.unwrap();
    go_on(&live, &record, &import, &impatient, &events).await.unwrap();
    let both = "SELECT count(*) || ' ' || count(DISTINCT id) || ' ' || sum(n) FROM t";
    assert_eq!(live.query_text(both).await.unwrap(), "600 600 180300");
}

#[tokio::test]
async fn a_source_whose_columns_change_is_not_gone_on_from() {
    let (portal, live) = slow_portal().await;
    let gate = portal.connect().await.unwrap();
    gate.batch_execute("SELECT pg_advisory_lock(1)").await.unwrap();
    let record = Record::in_database(&live).await;
    let columns = [(ident("id"), "id".to_owned()), (ident("name"), "name".to_owned())];
    let import = Import::new("s", public("t"), relation("s"))
        .key(by(&["id"]))
        .columns(columns);
    let settings = settings()
        .chunk_bytes(4000)
        .source_silence(Duration::from_millis(300));
    let import_n = Import::new("s", public("t"), relation("s")).key(by(&["id"]));
    go_on(&live, &record, &import_n, &settings, &Events::none())
        .await
        .unwrap_err();
    // The server goes on waiting for its portal until that answers.
    gate.batch_execute("SELECT pg_advisory_unlock(1)").await.unwrap();
    until(&live, NO_OTHER_SESSION).await;
    // The same source with another column in its place, and the same with other columns wanted.
    live.execute("ALTER FOREIGN TABLE s ALTER COLUMN n TYPE smallint")
        .await
        .unwrap();
    for import in [&import, &import_n] {
        let error = go_on(&live, &record, import, &settings, &Events::none())
            .await
            .unwrap_err();
        assert!(
            matches!(error, ImportError::OtherChunks { .. }),
            "{}",
            told(&error)
        );
    }
}
