//! Rows that a program makes.

use std::sync::Arc;

use cutover_core::Events;
use cutover_importer::{
    Import, ImportError, ImportOutcome, ImportPlan, RowSink, RowSource, RowsSent, Source, Transport,
};
use cutover_testkit::TestDatabase;
use futures_util::FutureExt;
use insta::assert_snapshot;
use tokio::sync::Notify;
use tokio_postgres::Transaction;

use crate::fixture::{database, ident, plan, public, settings, told};

const TABLE: &str = "
    CREATE TYPE realm AS ENUM ('land', 'sea');
    CREATE TABLE staging_sites (
        id int GENERATED ALWAYS AS IDENTITY, site_id bigint NOT NULL, name text, area numeric(20, 10), ratio float8,
        realm realm, is_new boolean, tags text[], seen timestamptz, place geometry(Point, 4326),
        double_id bigint GENERATED ALWAYS AS (site_id * 2) STORED)";

/// What a program does with the sink.
type Program = for<'a> fn(Option<&'a Transaction<'_>>, &'a mut RowSink<'_>) -> RowsSent<'a>;

#[derive(Debug)]
struct Sites {
    columns: &'static [&'static str],
    program: Program,
}

impl RowSource for Sites {
    fn columns(&self) -> Vec<String> {
        self.columns.iter().map(ToString::to_string).collect()
    }

    fn send_rows<'a>(
        &'a self,
        reading: Option<&'a Transaction<'_>>,
        rows: &'a mut RowSink<'_>,
    ) -> RowsSent<'a> {
        (self.program)(reading, rows)
    }
}

fn sites(columns: &'static [&'static str], program: Program) -> Import {
    let source = Source::Program(Arc::new(Sites { columns, program }));
    Import::new("sites", public("staging_sites"), source)
}

async fn import(db: &TestDatabase, import: &Import) -> Result<ImportOutcome, ImportError> {
    let mut target = db.connect().await.unwrap();
    let mut source = db.connect().await.unwrap();
    let transaction = target.transaction().await.unwrap();
    let reading = source.transaction().await.unwrap();
    // Small segments: what is wrong with a row comes out in the middle.
    let settings = settings().segment_bytes(100_000);
    let plan = ImportPlan::read(import, &settings, &transaction, Some(&reading)).await?;
    let ended = plan.run_in(&transaction, Some(&reading), &Events::none()).await;
    // Even who commits after an error keeps nothing of it.
    transaction.commit().await.unwrap();
    ended
}

async fn count(db: &TestDatabase) -> String {
    db.query_text("SELECT count(*) FROM staging_sites").await.unwrap()
}

#[tokio::test]
async fn values_of_all_kinds_come_in_by_name() {
    let db = database(TABLE).await;
    let columns = &[
        "tags", "site_id", "area", "ratio", "realm", "is_new", "seen", "place", "name",
    ];
    let all = sites(columns, |reading, rows| {
        Box::pin(async move {
            let reading = reading.ok_or("no session to read with")?;
            let numbers = reading
                .query("SELECT n::text FROM generate_series(1, 2) n", &[])
                .await?;
            for number in numbers {
                let name = format!("tab\tback\\slash\nmarsh {}\\N", number.get::<_, &str>(0));
                rows.send(&[
                    &"{a,\"b c\"}",
                    &i64::MAX.div_euclid(4),
                    &"0.1234567891",
                    &(0.1_f64 + 0.2),
                    &Some("sea"),
                    &true,
                    &"2025-09-01T12:00:00Z",
                    &"SRID=4326;POINT(30 10)",
                    &name,
                ])
                .await?;
            }
            let none: Option<String> = None;
            rows.send(&[&none, &7, &none, &f64::INFINITY, &none, &none, &none, &none, &""])
                .await?;
            Ok(())
        })
    });
    let mut target = db.connect().await.unwrap();
    let text = plan(&all, &mut target).await.unwrap().to_string();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("SET LOCAL"))
        .collect();
    assert_snapshot!(lines.join("\n"), @r#"
    -- import sites into "public"."staging_sites"
    -- way: rows of a program through COPY: the program that runs the import makes them; the server parses the values
    -- note: left to their default or NULL: "id"
    -- note: computed by the server: "double_id"
    -- set up the session to fill table "public"."staging_sites"
    -- fill table "public"."staging_sites"
    --   locks "public"."staging_sites" ROW EXCLUSIVE
    COPY "public"."staging_sites" ("site_id", "name", "area", "ratio", "realm", "is_new", "tags", "seen", "place") FROM STDIN;
    "#);
    let outcome = import(&db, &all).await.unwrap();
    assert_eq!((outcome.rows, outcome.way.way), (3, Transport::Program));
    assert!(outcome.bytes > 0);
    let rows = "SELECT string_agg(to_jsonb(s)::text, E'\\n' ORDER BY id) FROM staging_sites s";
    assert_snapshot!(db.query_text(rows).await.unwrap(), @r#"
    {"id": 1, "area": 0.1234567891, "name": "tab\tback\\slash\nmarsh 1\\N", "seen": "2025-09-01T12:00:00+00:00", "tags": ["a", "b c"], "place": {"crs": {"type": "name", "properties": {"name": "EPSG:4326"}}, "type": "Point", "coordinates": [30, 10]}, "ratio": 0.30000000000000004, "realm": "sea", "is_new": true, "site_id": 2305843009213693951, "double_id": 4611686018427387902}
    {"id": 2, "area": 0.1234567891, "name": "tab\tback\\slash\nmarsh 2\\N", "seen": "2025-09-01T12:00:00+00:00", "tags": ["a", "b c"], "place": {"crs": {"type": "name", "properties": {"name": "EPSG:4326"}}, "type": "Point", "coordinates": [30, 10]}, "ratio": 0.30000000000000004, "realm": "sea", "is_new": true, "site_id": 2305843009213693951, "double_id": 4611686018427387902}
    {"id": 3, "area": null, "name": "", "seen": null, "tags": null, "place": null, "ratio": "Infinity", "realm": null, "is_new": null, "site_id": 7, "double_id": 14}
    "#);

    // Renamed, and a sample of it.
    let db = database(TABLE).await;
    let renamed = sites(&["key", "title", "unused"], |_, rows| {
        Box::pin(async move {
            for key in 1_u64.. {
                rows.send(&[&key, &"marsh", &'x']).await?;
            }
            Ok(())
        })
    });
    let renamed = renamed
        .columns([
            (ident("site_id"), "key".to_owned()),
            (ident("name"), "title".to_owned()),
        ])
        .sample(10_000);
    assert_eq!(import(&db, &renamed).await.unwrap().rows, 10_000);
    let first = "SELECT count(*) || ' ' || max(site_id) || max(name) FROM staging_sites";
    assert_eq!(db.query_text(first).await.unwrap(), "10000 10000marsh");
}

#[tokio::test]
async fn what_goes_wrong_is_told_and_leaves_nothing() {
    let db = database(TABLE).await;
    let columns = &["site_id", "name", "area"];
    let refused = sites(columns, |_, rows| {
        Box::pin(async move {
            for site in 1..=20_000 {
                let area = if site == 15_000 { "vast" } else { "1.5" };
                // A program that does not care is stopped all the same.
                let _closed = rows.send(&[&site, &"marsh", &area]).await;
            }
            Ok(())
        })
    });
    assert_snapshot!(told(&import(&db, &refused).await.unwrap_err()), @r#"
    importer sites: row 15000 of the source was refused, column "area"
      caused by: could not fill table "public"."staging_sites"
      caused by: invalid input syntax for type numeric: "vast" (SQLSTATE 22P02); where: COPY staging_sites, line 6187, column area: "vast"
      remedy: mend the row at its source, or convert the column in a query
    "#);
    let failing = sites(columns, |_, rows| {
        Box::pin(async move {
            for site in 1..=12_345 {
                rows.send(&[&site, &"marsh", &1.5]).await?;
            }
            Err("the file ends in the middle of a line".into())
        })
    });
    assert_snapshot!(told(&import(&db, &failing).await.unwrap_err()), @"
    importer sites: the program that makes its rows failed behind row 12345
      caused by: the file ends in the middle of a line
      remedy: mend what it says, then run again; none of its rows are in
    ");
    let narrow = sites(columns, |_, rows| {
        Box::pin(async move {
            rows.send(&[&1, &"marsh", &1.5]).await?;
            rows.send(&[&2, &"marsh"]).await?;
            Ok(())
        })
    });
    assert_snapshot!(told(&import(&db, &narrow).await.unwrap_err()), @"
    importer sites: the program that makes its rows failed behind row 1
      caused by: it sent a row of 2 values for its 3 columns
      remedy: mend what it says, then run again; none of its rows are in
    ");
    let impatient = sites(columns, |_, rows| {
        Box::pin(async move {
            let mut site = 0;
            // Sends until it has to wait, and does not wait.
            while let Some(sent) = rows.send(&[&site, &"x".repeat(100_000), &1.5]).now_or_never() {
                sent?;
                site += 1;
            }
            Ok(())
        })
    });
    assert_snapshot!(told(&import(&db, &impatient).await.unwrap_err()), @"
    importer sites: the program that makes its rows failed behind row 1
      caused by: it gave up a `send` before that was done, so rows may be lost
      remedy: mend what it says, then run again; none of its rows are in
    ");
    let unfit = sites(&["site_id", "nam", "double_id"], |_, _| {
        Box::pin(async { Ok(()) })
    });
    assert_snapshot!(told(&import(&db, &unfit).await.unwrap_err()), @r#"
    importer sites: the columns of its program's rows do not fit "public"."staging_sites"
      - the source's column "nam" has no counterpart in the table (nearest: "name"): list the wanted columns in `columns`, or leave it out of the source
      remedy: mend what is listed above, then run again; nothing was imported
    "#);
    assert_eq!(count(&db).await, "0");
}

#[tokio::test]
async fn a_dropped_import_ends_its_program() {
    static SENT: Notify = Notify::const_new();
    let db = database(TABLE).await;
    let endless = sites(&["site_id", "name"], |_, rows| {
        Box::pin(async move {
            for site in 1..=5_000 {
                rows.send(&[&site, &"marsh"]).await?;
            }
            SENT.notify_one();
            std::future::pending().await
        })
    });
    let mut target = db.connect().await.unwrap();
    let plan = plan(&endless, &mut target).await.unwrap();
    let events = Events::none();
    tokio::select! {
        ended = plan.run(&mut target, None, &events) => panic!("it has ended: {ended:?}"),
        () = SENT.notified() => {}
    }
    // The session is of use again.
    let row = target
        .query_one("SELECT count(*) FROM staging_sites", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 0);
}
