//! Imports that are slowed down: by a rate, and by a gate.

use std::io::Write as _;
use std::num::NonZeroU64;
use std::pin::{Pin, pin};
use std::time::{Duration, Instant};

use cutover_core::Events;
use cutover_importer::{CsvSource, Import, ImportPlan, Source, Throttle};
use tokio_postgres::Client;

use crate::fixture::{database, plan_pipe, public, relation, settings};

const TABLES: &str = "CREATE TABLE source AS SELECT n AS id, repeat('x', 1000) AS name FROM generate_series(1, 200) n; \
                      CREATE TABLE staging_sites (LIKE source)";

/// Some 200 kB at 400 kB/s, through a pipe and out of a file.
#[tokio::test]
async fn rows_come_no_faster_than_they_may() {
    let db = database(TABLES).await;
    let rate = NonZeroU64::new(400_000).unwrap();
    let slow = || settings().throttle(Throttle::none().bytes_per_s(rate));
    // A fifth of a second's worth may have been saved up while it was planned.
    let least = Duration::from_millis(290);

    let (mut source, mut target) = (db.connect().await.unwrap(), db.connect().await.unwrap());
    let pipe = Import::new("sites", public("staging_sites"), relation("source"));
    let plan = plan_pipe(&pipe, &slow(), &mut target, &mut source).await.unwrap();
    let began = Instant::now();
    let outcome = plan
        .run(&mut target, Some(&mut source), &Events::none())
        .await
        .unwrap();
    assert_eq!(outcome.rows, 200);
    assert!(began.elapsed() >= least, "{:?}", began.elapsed());

    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "id,name").unwrap();
    for n in 0..200 {
        writeln!(file, "{n},{}", "x".repeat(1000)).unwrap();
    }
    let csv = Source::Csv(CsvSource::new(file.path()));
    let import = Import::new("sites", public("staging_sites"), csv);
    let plan = {
        let tx = target.transaction().await.unwrap();
        ImportPlan::read(&import, &slow(), &tx, None).await.unwrap()
    };
    let began = Instant::now();
    plan.run(&mut target, None, &Events::none()).await.unwrap();
    assert!(began.elapsed() >= least, "{:?}", began.elapsed());
}

/// The source has sent all its rows, and none has gone on to the table; what the server moves does not even begin.
#[tokio::test]
async fn nothing_passes_a_shut_gate() {
    let db = database(TABLES).await;
    let observer = db.connect().await.unwrap();
    let (mut source, mut target) = (db.connect().await.unwrap(), db.connect().await.unwrap());
    let import = Import::new("sites", public("staging_sites"), relation("source"));
    let (throttle, gate) = Throttle::none().gate();
    let settings = settings().throttle(throttle);

    let events = Events::none();
    gate.shut();
    let plan = plan_pipe(&import, &settings, &mut target, &mut source)
        .await
        .unwrap();
    {
        let run = pin!(plan.run(&mut target, Some(&mut source), &events));
        let run = waits(run, &observer, "COPY %TO STDOUT%").await;
        gate.open();
        assert_eq!(run.await.unwrap().rows, 200);
    }

    gate.shut();
    let plan = {
        let tx = target.transaction().await.unwrap();
        ImportPlan::read(&import, &settings, &tx, None).await.unwrap()
    };
    let run = pin!(plan.run(&mut target, None, &events));
    let run = waits(run, &observer, "%").await;
    gate.open();
    assert_eq!(run.await.unwrap().rows, 200);
}

/// Drives an import until a session rests in a transaction that has locked the table, with this as its last statement:
/// either it reads, and has sent everything, or it is to write, and waits.
async fn waits<'a, F: Future>(mut run: Pin<&'a mut F>, observer: &Client, statement: &str) -> Pin<&'a mut F> {
    let resting = "SELECT EXISTS (SELECT FROM pg_stat_activity a WHERE datname = current_database() \
                    AND state = 'idle in transaction' AND query LIKE $1 AND EXISTS ( \
                        SELECT FROM pg_locks l WHERE l.pid = a.pid \
                           AND l.relation IN ('source'::regclass, 'staging_sites'::regclass)))";
    let waiting = async {
        while !observer
            .query_one(resting, &[&statement])
            .await
            .unwrap()
            .get::<_, bool>(0)
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        biased;
        _ = &mut run => panic!("it passed the gate"),
        () = waiting => run,
    }
}
