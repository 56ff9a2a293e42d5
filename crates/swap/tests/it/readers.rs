use std::time::{Duration, Instant};

use cutover_swap::LockPolicy;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::dependents::{stage, zoo};

/// What one reader saw.
#[derive(Debug, Default)]
struct Seen {
    reads: u32,
    longest: Duration,
    months: std::collections::BTreeSet<String>,
}

/// Two relations, by name, by view and by function, in one statement each: the months must agree, and there must be rows. Short: a
/// reader that takes longer than the stall budget holds up the swap, which is another test.
const QUERIES: [&str; 6] = [
    "SELECT DISTINCT left(s.name, 2), left(so.title, 2) FROM sites s JOIN sources so ON so.id = s.source_id",
    "SELECT left((SELECT max(title) FROM sources), 2), left((SELECT min(name) FROM named_sites), 2)",
    "SELECT DISTINCT left(r.name, 2), left(r.title, 2) FROM site_report r",
    "SELECT lower(left((SELECT min(name) FROM upper_sites), 2)), left((SELECT max(title) FROM titled_sources), 2) \
       FROM \"sites & countries\" LIMIT 1",
    "SELECT site_month(), left((SELECT max(title) FROM sources), 2)",
    "SELECT DISTINCT g.month, f.month FROM zoo.over_grouped g JOIN zoo.by_function f USING (month)",
];

async fn hammer(client: tokio_postgres::Client, nth: usize, stop: watch::Receiver<bool>) -> Seen {
    let query = QUERIES[nth % QUERIES.len()];
    let prepared = client.prepare(query).await.unwrap();
    let mut seen = Seen::default();
    while !*stop.borrow() {
        let started = Instant::now();
        // Half of them prepared, half parsed anew.
        let rows = if nth < QUERIES.len() {
            client.query(&prepared, &[]).await.unwrap()
        } else {
            client.query(query, &[]).await.unwrap()
        };
        seen.longest = seen.longest.max(started.elapsed());
        seen.reads += 1;
        assert_eq!(rows.len(), 1, "{query}: a mix, or nothing");
        let (a, b): (String, String) = (rows[0].get(0), rows[0].get(1));
        assert_eq!(a, b, "{query}: a mix");
        seen.months.insert(a);
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_notice_nothing_of_twenty_swaps() {
    let mut set = zoo().await;
    stage(&set, "m2").await;
    let (stop, stopped) = watch::channel(false);
    let mut readers = JoinSet::new();
    for nth in 0..2 * QUERIES.len() {
        readers.spawn(hammer(
            set.database.connect().await.unwrap(),
            nth,
            stopped.clone(),
        ));
    }
    let policy = LockPolicy::default()
        .longest_pause(Duration::from_millis(200))
        .deadline(Duration::from_mins(1));
    let plan = set.plan().await;
    let mut backup = set.run(&plan, &policy).await.unwrap().backup;
    set.validate(&plan).await;
    for _ in 0..19 {
        let plan = cutover_swap::rollback_plan(
            &mut set.client,
            &set.records,
            &backup,
            &cutover_core::NamingPolicy::default(),
        )
        .await
        .unwrap();
        backup = set.run(&plan, &policy).await.unwrap().backup;
        set.validate(&plan).await;
    }
    stop.send(true).unwrap();
    let mut reads = 0;
    while let Some(reader) = readers.join_next().await {
        let seen = reader.unwrap();
        assert_eq!(seen.months.len(), 2, "it saw both months: {seen:?}");
        assert!(seen.longest < Duration::from_secs(1), "{seen:?}");
        reads += seen.reads;
    }
    assert!(reads > 200, "{reads} reads are no load");
}
