//! What is swapped in is ready: the first queries after a release are planned and run as those before it.

use std::collections::BTreeMap;

use cutover::{Cutover, ReleaseOptions, ReleaseReport, RollbackOptions, Selection, StopSignal};
use cutover_core::release_file::Label;
use cutover_core::{Events, Phase};
use cutover_testkit::{Cluster, TestDatabase};
use serde_json::Value;
use tempfile::TempDir;

use crate::world::cutover;

const RELEASE_FILE: &str = r#"
[release]
name = "parks"
label = "%b%Y"
tables = ["parks", "visits"]
matviews = ["park_visits"]

[target]
url = "env:DATABASE_URL"

[[import]]
name = "parks"
into = "parks"
query = "SELECT id, name, city, zip, note FROM upstream_parks"

[[import]]
name = "visits"
into = "visits"
query = "SELECT park_id, year, visitors FROM upstream_visits"
"#;

/// Upstream shows the same in every month, so that statistics and plans have no reason to differ. Every table is small enough
/// for ANALYZE to read it whole, so that chance does not decide either.
const SCHEMA: &str = "
    CREATE TABLE upstream_parks AS
        SELECT n AS id, 'Park ' || n AS name, n % 100 AS city, n % 100 + 1000 AS zip, repeat('x', n % 50) AS note
          FROM generate_series(1, 12000) n;
    CREATE TABLE upstream_visits AS
        SELECT 1 + n % 12000 AS park_id, 2023 + n % 3 AS year, n % 77 AS visitors FROM generate_series(1, 24000) n;
    CREATE TABLE parks (id integer PRIMARY KEY, name text NOT NULL, city integer, zip integer, note text);
    ALTER TABLE parks ALTER COLUMN name SET STATISTICS 500;
    CREATE INDEX parks_lower_name ON parks (lower(name));
    CREATE STATISTICS parks_city_zip (dependencies, mcv) ON city, zip FROM parks;
    CREATE TABLE visits (park_id integer NOT NULL REFERENCES parks, year integer NOT NULL, visitors integer)
        PARTITION BY LIST (year);
    CREATE TABLE visits_2023 PARTITION OF visits FOR VALUES IN (2023);
    CREATE TABLE visits_rest PARTITION OF visits DEFAULT;
    CREATE INDEX visits_of_park ON visits (park_id);
    INSERT INTO parks SELECT * FROM upstream_parks;
    INSERT INTO visits SELECT * FROM upstream_visits;
    CREATE MATERIALIZED VIEW park_visits AS SELECT park_id, sum(visitors) AS visitors FROM visits GROUP BY park_id;
    CREATE UNIQUE INDEX park_visits_key ON park_visits (park_id);
";

const QUERIES: [&str; 6] = [
    "SELECT * FROM parks WHERE id = 777",
    "SELECT count(*) FROM parks WHERE id BETWEEN 100 AND 400",
    "SELECT * FROM parks WHERE city = 7 AND zip = 1007",
    "SELECT id FROM parks WHERE lower(name) = 'park 777'",
    "SELECT p.name, sum(v.visitors) FROM parks p JOIN visits v ON v.park_id = p.id WHERE p.id < 50 GROUP BY p.name",
    "SELECT p.name, v.visitors FROM parks p JOIN park_visits v ON v.park_id = p.id WHERE p.city = 7",
];

/// What the planner goes by: of columns, of the tables above partitions, of expressions, of columns together.
const STATISTICS: &str = "
    SELECT format('%s.%s %s: %s distinct, %s bounds, %s common', tablename, attname, inherited, n_distinct,
                  array_length(histogram_bounds::text::text[], 1), array_length(most_common_freqs, 1))
      FROM pg_stats WHERE tablename IN ('parks', 'visits', 'visits_2023', 'visits_rest', 'park_visits', 'parks_lower_name')
    UNION ALL
    SELECT format('%s: %s, %s', statistics_name, dependencies, array_length(most_common_freqs, 1))
      FROM pg_stats_ext WHERE tablename = 'parks'
    UNION ALL
    SELECT format('%s: %s rows', relname, reltuples) FROM pg_class
     WHERE relname IN ('parks', 'visits', 'visits_2023', 'visits_rest', 'park_visits', 'parks_lower_name', 'visits_of_park')
     ORDER BY 1";

/// Tables of the set that vacuum has something left to do for.
const UNREADY: &str = "
    SELECT format('%s: %s of %s pages all-visible, frozen %s transactions ago', c.oid::regclass, c.relallvisible, c.relpages,
                  age(c.relfrozenxid))
      FROM pg_class c
     WHERE c.relkind IN ('r', 'm', 't') AND (c.relallvisible < c.relpages OR age(c.relfrozenxid) > 5000)
       AND (c.relname IN ('parks', 'visits_2023', 'visits_rest', 'park_visits')
            OR c.oid IN (SELECT reltoastrelid FROM pg_class WHERE relname = 'parks'))";

/// A server whose own `ANALYZE` does not come by: its snapshot would keep pages from being marked, as any old one does.
fn undisturbed() -> Cluster {
    Cluster::builder().setting("autovacuum", "off").start().unwrap()
}

/// Any short transaction of the moment may still keep the last vacuum from marking pages; then the release says so.
async fn assert_made_good_or_told(database: &TestDatabase) {
    let left = database.query_texts(UNREADY).await.unwrap();
    let told = "SELECT count(*) > 0 FROM cutover.event \
                 WHERE kind = 'warning' AND payload::text LIKE '%keeps vacuum from marking pages%'";
    assert!(
        left.is_empty() || database.query_text(told).await.unwrap() == "t",
        "{left:?}"
    );
}

/// How a query is run.
#[derive(Debug, Default, PartialEq)]
struct Run {
    /// Every node, with its index and how many rows it was expected to find.
    plan: Vec<String>,
    /// How many pages it read, cached or not.
    pages: i64,
    heap_fetches: i64,
    /// By how much the worst estimate was wrong.
    misjudged: f64,
}

impl Run {
    async fn of(database: &TestDatabase, query: &str) -> Self {
        let explain = format!("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {query}");
        let explained: Value = serde_json::from_str(&database.query_text(&explain).await.unwrap()).unwrap();
        let root = &explained[0]["Plan"];
        let mut run = Self {
            pages: number(root, "Shared Hit Blocks") + number(root, "Shared Read Blocks"),
            ..Self::default()
        };
        run.visit(root);
        run
    }

    fn visit(&mut self, node: &Value) {
        let text = |key| node[key].as_str().unwrap_or_default();
        let name = format!(
            "{} {} {}: {}",
            text("Node Type"),
            text("Relation Name"),
            text("Index Name"),
            node["Plan Rows"]
        );
        self.plan.push(name);
        self.heap_fetches += number(node, "Heap Fetches");
        if let (Some(planned), Some(actual)) = (node["Plan Rows"].as_f64(), node["Actual Rows"].as_f64()) {
            let (planned, actual) = (planned.max(1.0), actual.max(1.0));
            self.misjudged = self.misjudged.max(planned / actual).max(actual / planned);
        }
        for child in node["Plans"].as_array().into_iter().flatten() {
            self.visit(child);
        }
    }
}

fn number(node: &Value, key: &str) -> i64 {
    node[key].as_i64().unwrap_or(0)
}

async fn runs(database: &TestDatabase) -> BTreeMap<&'static str, Run> {
    let mut runs = BTreeMap::new();
    for query in QUERIES {
        runs.insert(query, Run::of(database, query).await);
    }
    runs
}

async fn statistics(database: &TestDatabase) -> Vec<Option<String>> {
    database.query_texts(STATISTICS).await.unwrap()
}

fn parks(database: &TestDatabase) -> (TempDir, Cutover) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("release.toml"), RELEASE_FILE).unwrap();
    let cutover = cutover(database.url(), directory.path());
    (directory, cutover)
}

async fn release(cutover: &Cutover, selection: Selection) -> ReleaseReport {
    let options = ReleaseOptions::default()
        .label(Label::new("Sep2025").unwrap())
        .selection(selection);
    cutover
        .release(&options, StopSignal::never(), &Events::none())
        .await
        .unwrap()
}

#[tokio::test]
async fn the_first_queries_after_a_release_are_run_like_those_before_it() {
    let cluster = undisturbed();
    let database = cluster.empty_database().await.unwrap();
    database.execute(SCHEMA).await.unwrap();
    // Live as it is when it has been cared for.
    for table in ["parks", "visits", "park_visits"] {
        let sql = format!("VACUUM (FREEZE, ANALYZE) {table}");
        database.execute(&sql).await.unwrap();
    }
    let before = runs(&database).await;
    let known = statistics(&database).await;
    let index_only = &before[QUERIES[1]];
    assert!(
        index_only
            .plan
            .iter()
            .any(|node| node.starts_with("Index Only Scan")),
        "{index_only:?}"
    );

    let (_directory, cutover) = parks(&database);
    let released = release(&cutover, Selection::all()).await;

    // These are the very first queries, before any worker of the server can have come by.
    let first = runs(&database).await;
    for (query, before) in &before {
        let after = &first[query];
        assert_eq!(after.plan, before.plan, "{query}");
        assert_eq!(after.heap_fetches, 0, "{query}");
        assert!(after.misjudged < 3.0, "{query}: {after:?}");
        // Indexes built after the load are no larger than those that grew with it.
        assert!(
            after.pages <= before.pages + before.pages / 10 + 2,
            "{query}: {} pages, {} before",
            after.pages,
            before.pages
        );
    }
    assert_eq!(statistics(&database).await, known);
    assert_made_good_or_told(&database).await;

    // A rollback brings back relations that were never touched.
    let stamp = released.swap.unwrap().backup;
    cutover
        .rollback(
            &stamp,
            &RollbackOptions::default(),
            StopSignal::never(),
            &Events::none(),
        )
        .await
        .unwrap();
    assert_eq!(runs(&database).await, before);
    assert_eq!(statistics(&database).await, known);
}

/// An old snapshot keeps vacuum from marking anything; once it is gone, that is made good before the swap.
#[tokio::test]
async fn what_an_old_snapshot_kept_from_being_vacuumed_is_vacuumed_before_the_swap() {
    let cluster = undisturbed();
    let database = cluster.empty_database().await.unwrap();
    database.execute(SCHEMA).await.unwrap();
    let report = database.connect().await.unwrap();
    report
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        .await
        .unwrap();
    let (_directory, cutover) = parks(&database);
    let build = Selection::all().stop_after(Phase::ValidateAndManifest).unwrap();
    release(&cutover, build).await;
    let staged = UNREADY.replace("'parks'", "'staging_parks'");
    assert_ne!(
        database.query_texts(&staged).await.unwrap(),
        [],
        "there is nothing to make good"
    );
    report.batch_execute("COMMIT").await.unwrap();
    release(&cutover, Selection::all().start_at(Phase::FinaliseSwap).unwrap()).await;
    assert_made_good_or_told(&database).await;
}
