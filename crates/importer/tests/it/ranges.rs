//! Several ranges of one importer at once: the same rows as by one stream, whatever cuts them off, or a reason why not.

use std::sync::{Arc, Mutex};

use cutover_core::{ConnectSettings, Environment, Event, EventKind, Events};
use cutover_importer::{
    Import, ImportError, ImportOutcome, ImportPlan, KeyRanges, LoadSettings, RangeSessions, RejectLimits,
    SourceSnapshot,
};
use cutover_testkit::{Cluster, TestDatabase};
use insta::assert_snapshot;
use tokio_postgres::{Client, IsolationLevel, Transaction};

use crate::chunks::Record;
use crate::faults::{NO_OTHER_SESSION, poll_at_most, until};
use crate::fixture::{
    checksum, database, ident, import_pipe, plan_pipe, public, query, relation, settings, told,
};

/// Begins to read in one state, on each of these sessions.
async fn in_one_state<'c>(
    db: &TestDatabase,
    settings: &LoadSettings,
    sources: &'c mut [Client],
) -> Vec<Transaction<'c>> {
    let url = format!("{}?sslmode=disable", db.url());
    let login = ConnectSettings::resolve(&url, &Environment::empty()).unwrap();
    let keeper = login.connect("keeper").await.unwrap();
    let state = SourceSnapshot::export(keeper, settings).await.unwrap();
    let mut all = Vec::new();
    for source in sources {
        let begin = source
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead);
        let reading = begin.start().await.unwrap();
        state.adopt(&reading).await.unwrap();
        all.push(reading);
    }
    all
}

/// Imports what is still missing by so many ranges, where it was not cut yet, and so many at once.
async fn go_on(
    db: &TestDatabase,
    record: &Record,
    import: &Import,
    settings: &LoadSettings,
    (ranges, at_once): (u32, usize),
    events: &Events,
) -> Result<(ImportOutcome, KeyRanges), ImportError> {
    let (mut targets, mut sources) = (Vec::new(), Vec::new());
    for _ in 0..at_once {
        targets.push(db.connect().await.unwrap());
        sources.push(db.connect().await.unwrap());
    }
    let journal = record.journal();
    let kept = journal.kept_ranges(&targets[0], import.name()).await.unwrap();
    let import = import.clone().in_chunks();
    let import = match &kept {
        Some(kept) => import.in_kept_ranges(kept),
        None => import.in_ranges(ranges),
    };
    let readings = in_one_state(db, settings, &mut sources).await;
    let planning = targets[0].transaction().await.unwrap();
    let plan = ImportPlan::read(&import, settings, &planning, Some(&readings[0])).await?;
    planning.rollback().await.unwrap();
    let ranges = match kept {
        Some(kept) => kept,
        None => plan.read_ranges(&readings[0], ranges).await?,
    };
    let sessions = targets.iter_mut().zip(&readings);
    let mut sessions: Vec<RangeSessions<'_>> = sessions
        .map(|(target, source)| RangeSessions { target, source })
        .collect();
    let outcome = plan
        .run_in_ranges(&ranges, &mut sessions, &journal, events)
        .await?;
    Ok((outcome, ranges))
}

/// The first column of the key has NULLs, and many rows of one value; that of the other key sorts otherwise than by bytes.
const KEYED: &str = "\
    CREATE TABLE s (id int, a bigint, b varchar COLLATE \"en-x-icu\", filler text); \
    INSERT INTO s SELECT n, n / 7, (ARRAY['Zebra', 'apple', E'it''s \\\\', 'Äpfel', 'zebra', ''])[1 + n % 6] || n / 50, \
        repeat('x', n % 300) FROM generate_series(1, 700) n ORDER BY md5(n::text); \
    INSERT INTO s SELECT n, NULL, CASE WHEN n < 703 THEN 'z' END, 'no a' FROM generate_series(701, 704) n; \
    CREATE TABLE t (id int UNIQUE, a int8, b text, filler text); CREATE TABLE in_peace (LIKE t)";

#[tokio::test]
async fn ranges_cut_off_anywhere_are_taken_up_and_bring_each_row_once() {
    let db = database(&KEYED.replace(" UNIQUE", "")).await;
    let in_peace = Import::new("peace", public("in_peace"), relation("s"));
    import_pipe(&db, &db, &in_peace, &settings()).await.unwrap();
    let expected = checksum(&db, "in_peace").await;
    let settings = settings().chunk_bytes(3000);
    let (mut cuts, mut halves) = (0, 0);
    for (key, first) in [(["a", "id"], 9_usize), (["b", "id"], 30)] {
        db.execute("TRUNCATE t").await.unwrap();
        let record = Record::in_database(&db).await;
        let import = Import::new("keyed", public("t"), relation("s")).key(key.map(ident));
        for (round, polls) in (first..).step_by(first).enumerate() {
            // Of three ranges sometimes two are loaded at once, or one after the other.
            let at_once = 3 - round % 3;
            let none = Events::none();
            let going_on = Box::pin(go_on(&db, &record, &import, &settings, (3, at_once), &none));
            let ended = poll_at_most(polls, going_on).await;
            until(&db, NO_OTHER_SESSION).await;
            let Some(outcome) = ended else {
                cuts += 1;
                let rows = db.query_text("SELECT count(*) FROM t").await.unwrap();
                halves += i32::from(rows != "0" && rows != "704");
                continue;
            };
            let (outcome, ranges) = outcome.unwrap();
            assert_eq!((outcome.rows, outcome.rejected, ranges.count()), (704, 0, 3));
            assert_eq!(checksum(&db, "t").await, expected);
            let client = db.connect().await.unwrap();
            let checkpoints = record.checkpoints(&client).await;
            let rows_of = |range| -> i64 {
                let its = checkpoints.iter().filter(|chunk| chunk.range == range);
                its.map(|chunk| chunk.rows).sum()
            };
            let rows = [rows_of(0), rows_of(1), rows_of(2)];
            assert!(rows.iter().all(|rows| (200..270).contains(rows)), "{rows:?}");
            assert_eq!(rows.iter().sum::<i64>(), 704);
            assert_eq!(
                checkpoints
                    .iter()
                    .filter(|chunk| chunk.last_key.is_none())
                    .count(),
                3
            );
            assert_eq!(checkpoints.iter().filter(|chunk| chunk.done).count(), 1);
            break;
        }
    }
    assert!(cuts > 6 && halves > 3, "cut off {cuts} times, {halves} half way");
}

#[tokio::test]
async fn refused_rows_of_all_ranges_are_counted_together() {
    let db = database(KEYED).await;
    db.execute("ALTER TABLE t DROP CONSTRAINT t_id_key, ADD CHECK (id NOT IN (20, 300, 301, 600))")
        .await
        .unwrap();
    let import = |limits| {
        Import::new("keyed", public("t"), relation("s"))
            .key([ident("id")])
            .rejects(limits)
    };
    let settings = settings().chunk_bytes(3000);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    let events = Events::to(move |event: &Event| log.lock().unwrap().push(event.kind.clone()));
    let record = Record::in_database(&db).await;
    // Each range alone would be tolerated, by number and by share.
    for limits in [RejectLimits::none().at_most(3), RejectLimits::none().share(0.005)] {
        let going_on = go_on(&db, &record, &import(limits), &settings, (3, 3), &events).await;
        let error = going_on.unwrap_err();
        let ImportError::Rejected { refused, .. } = &error else {
            panic!("{}", told(&error))
        };
        assert_eq!(
            (refused.rejected, refused.tolerated),
            (4, limits),
            "{}",
            told(&error)
        );
    }
    let four = import(RejectLimits::none().at_most(4));
    let (outcome, _) = go_on(&db, &record, &four, &settings, (3, 3), &events)
        .await
        .unwrap();
    assert_eq!((outcome.rows, outcome.rejected), (700, 4));
    assert!(
        outcome.way.reason.contains("; in 3 ranges of \"id\", "),
        "{}",
        outcome.way
    );
    let set_aside = "SELECT count(*) || ' ' || string_agg(key ->> 'id', ' ' ORDER BY (key ->> 'id')::int) FROM cutover.reject";
    assert_eq!(db.query_text(set_aside).await.unwrap(), "4 20 300 301 600");
    let heard = heard.lock().unwrap();
    let last = |kind: fn(&EventKind) -> Option<u64>| heard.iter().rev().find_map(kind);
    let rejected = last(|kind| match kind {
        EventKind::RowsRejected { rejected, .. } => Some(*rejected),
        _ => None,
    });
    let finished = last(|kind| match kind {
        EventKind::ImportFinished { rows, .. } => Some(*rows),
        _ => None,
    });
    assert_eq!((rejected, finished), (Some(4), Some(700)));
}

#[tokio::test]
async fn few_rows_are_few_ranges_and_one_value_is_not_parted() {
    let db = database("CREATE TABLE s (id int, part text); CREATE TABLE t (LIKE s)").await;
    let (mut target, mut source) = (db.connect().await.unwrap(), db.connect().await.unwrap());
    let mut counts = Vec::new();
    for (key, rows) in [
        ("id", "SELECT 1, 'a' WHERE false"),
        ("id", "SELECT NULL, 'a'"),
        ("id", "SELECT 7, 'a' UNION ALL SELECT 7, 'b'"),
        ("id", "SELECT 1, 'a' UNION ALL SELECT 2, 'b'"),
        (
            "part",
            "SELECT n, CASE WHEN n < 90 THEN 'a' ELSE 'b' || n END FROM generate_series(1, 100) n",
        ),
        ("part", "SELECT n, chr(1000 + n) FROM generate_series(1, 100) n"),
    ] {
        db.execute(&format!("TRUNCATE s; INSERT INTO s {rows}"))
            .await
            .unwrap();
        let import = Import::new("t", public("t"), relation("s")).key([ident(key)]);
        let import = import.in_chunks().in_ranges(4);
        let plan = plan_pipe(&import, &settings(), &mut target, &mut source)
            .await
            .unwrap();
        let reading = source.transaction().await.unwrap();
        let ranges = plan.read_ranges(&reading, 4).await.unwrap();
        reading.rollback().await.unwrap();
        counts.push(ranges.count());
        db.execute("TRUNCATE t; DROP SCHEMA IF EXISTS cutover CASCADE")
            .await
            .unwrap();
        let record = Record::in_database(&db).await;
        let (outcome, _) = go_on(&db, &record, &import, &settings(), (4, 4), &Events::none())
            .await
            .unwrap();
        let differ =
            "SELECT count(*) FROM (TABLE s EXCEPT ALL TABLE t UNION ALL (TABLE t EXCEPT ALL TABLE s)) d";
        assert_eq!(db.query_text(differ).await.unwrap(), "0");
        let rows = db.query_text("SELECT count(*) FROM s").await.unwrap();
        assert_eq!(outcome.rows.to_string(), rows);
    }
    assert_eq!(counts, [1, 1, 1, 2, 2, 4]);
}

const OF_ITS_OWN: &str = "binary COPY pipe: the source has a connection of its own, and every column's binary form is the same on both sides; in ";

#[tokio::test]
async fn what_several_sessions_cannot_load_soundly_is_one_range() {
    let (port, user) = (Cluster::shared().port(), Cluster::shared().superuser());
    let db = database(&format!(
        "CREATE TABLE s (id int, other int, n numeric); CREATE TABLE t (LIKE s, UNIQUE (other, id)); \
         CREATE TABLE referring (id int PRIMARY KEY, other int REFERENCES referring, n numeric); \
         CREATE TABLE unique_else (id int, other int, n numeric, UNIQUE (other) INCLUDE (id)); \
         CREATE TABLE excluding (id int, other int, n numeric, EXCLUDE USING btree (id WITH =)); \
         CREATE TABLE parted (LIKE s) PARTITION BY LIST (other); CREATE TABLE part PARTITION OF parted DEFAULT; \
         CREATE TABLE fired (LIKE s); CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; \
         CREATE TRIGGER \"on Row\" BEFORE INSERT ON fired FOR EACH ROW EXECUTE FUNCTION nothing(); \
         CREATE TRIGGER of_part AFTER INSERT ON part FOR EACH ROW EXECUTE FUNCTION nothing(); \
         CREATE SERVER portal FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '{port}', dbname 'x'); \
         CREATE USER MAPPING FOR CURRENT_USER SERVER portal OPTIONS (user '{user}', password 'x'); \
         CREATE FOREIGN TABLE far (id int, other int, n numeric) SERVER portal"
    ))
    .await;
    let (mut target, mut source) = (db.connect().await.unwrap(), db.connect().await.unwrap());
    let mut told_of = Vec::new();
    for (table, key, from) in [
        ("t", "id", "s"),
        ("t", "n", "s"),
        ("referring", "id", "s"),
        ("unique_else", "id", "s"),
        ("excluding", "id", "s"),
        ("parted", "id", "s"),
        ("fired", "id", "s"),
        ("t", "id", "far"),
    ] {
        let from = query(&format!(
            "SELECT id, other, n FROM s UNION ALL SELECT id, other, n FROM {from}"
        ));
        let import = Import::new("t", public(table), from).key([ident(key)]);
        let import = import.in_chunks().in_ranges(2);
        let plan = plan_pipe(&import, &settings(), &mut target, &mut source)
            .await
            .unwrap();
        let noted = plan.to_string();
        let noted = noted
            .lines()
            .find_map(|line| line.strip_prefix("-- note: in 2 ranges "));
        let told = match (plan.one_range_because(), noted) {
            (Some(why), None) => {
                let way = plan.way().to_string();
                way.strip_prefix(OF_ITS_OWN)
                    .and_then(|more| more.strip_suffix(why))
                    .unwrap()
                    .to_owned()
                    + why
            }
            (None, Some(note)) => note.to_owned(),
            both => panic!("{both:?}"),
        };
        told_of.push(format!("{table} {key}: {told}"));
    }
    assert_snapshot!(told_of.join("\n"), @r#"
    t id: of "id" at once, or as many as its values allow; each takes two sessions, all read one state
    t n: one range: values of its key may be equal and spelt differently, or have no order (numeric); cast it in a query
    referring id: one range: foreign key referring_other_fkey refers to the table itself
    unique_else id: one range: index unique_else_other_id_key would have rows of one range wait for those of another
    excluding id: one range: index excluding_id_excl would have rows of one range wait for those of another
    parted id: one range: trigger of_part fires for each row
    fired id: one range: trigger "on Row" fires for each row
    t id: one range: through a foreign data wrapper each session reads a state of its own
    "#);

    // Nor is what two sessions read in different states, by mistake.
    db.execute("INSERT INTO s SELECT n, n FROM generate_series(1, 10) n")
        .await
        .unwrap();
    let record = Record::in_database(&db).await;
    let import = Import::new("t", public("t"), relation("s")).key([ident("id")]);
    let import = import.in_chunks().in_ranges(2);
    let plan = plan_pipe(&import, &settings(), &mut target, &mut source)
        .await
        .unwrap();
    let (mut other_target, mut other) = (db.connect().await.unwrap(), db.connect().await.unwrap());
    let readings = [
        source.transaction().await.unwrap(),
        other.transaction().await.unwrap(),
    ];
    let ranges = plan.read_ranges(&readings[0], 2).await.unwrap();
    let mut sessions = [&mut target, &mut other_target]
        .into_iter()
        .zip(&readings)
        .map(|(target, source)| RangeSessions { target, source })
        .collect::<Vec<_>>();
    let error = plan
        .run_in_ranges(&ranges, &mut sessions, &record.journal(), &Events::none())
        .await
        .unwrap_err();
    assert_snapshot!(told(&error), @"
    importer t: its ranges would read different states of the source
      remedy: choose another `way`, or give the source the connection it needs
    ");
}
