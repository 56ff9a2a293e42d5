//! An importer that is loaded by several ranges at once, from tables beside live and straight from a portal.

use cutover::{PortalLogin, ReleaseOptions, Selection, StopSignal};
use cutover_core::release_file::Label;
use cutover_core::{EventKind, Phase};
use cutover_testkit::{Cluster, TestDatabase};
use tempfile::TempDir;
use tokio_postgres::Client;

use crate::child::{self, Task};
use crate::world::{Ear, cutover, told, wait_until};

const RELEASE_FILE: &str = r#"
[release]
name = "lakes"
tables = ["lakes"]

[target]
url = "env:DATABASE_URL"

[load]
ranges = 3

[[import]]
name = "lakes"
into = "lakes"
from = "portal_lakes"
key = ["id"]
"#;

const CHUNK_BYTES: usize = 400_000;

/// A check of the table waits at two rows for lock 7.
const LAKES: &str = "
    CREATE TABLE lakes (id bigint PRIMARY KEY, title text NOT NULL);
    CREATE FUNCTION at_row(id bigint) RETURNS boolean LANGUAGE plpgsql AS
        $$ BEGIN IF id IN (1500, 3500) THEN PERFORM pg_advisory_xact_lock_shared(7); END IF; RETURN true; END $$;
    ALTER TABLE lakes ADD CHECK (at_row(id));";

/// Those behind the rows that wait are so many times 32 bytes: more, if need be, than sockets hold.
fn rows(md5s: u32) -> String {
    format!(
        "SELECT n::bigint AS id, \
                n || repeat(md5(n::text), CASE WHEN n < 4000 AND n % 2000 > 1500 THEN {md5s} ELSE 60 END) AS title \
           FROM generate_series(1, 6000) n"
    )
}

/// What is live, or would be.
const WHOLE: &str = "count(*) || ' ' || count(DISTINCT id) || ' ' || md5(string_agg(title, ',' ORDER BY id))";

struct Lakes {
    live: TestDatabase,
    directory: TempDir,
}

impl Lakes {
    /// Live, where the rows to import are a table.
    async fn beside() -> Self {
        let live = Cluster::shared().database().await.unwrap();
        let rows = rows(60);
        live.execute(&format!(
            "{LAKES} CREATE TABLE portal_lakes AS {rows}; ALTER TABLE portal_lakes ADD PRIMARY KEY (id)"
        ))
        .await
        .unwrap();
        Self::with(live, RELEASE_FILE)
    }

    /// Live, and a portal that has the rows to import.
    async fn on_a_portal(md5s: u32, release_file: &str) -> (TestDatabase, Self) {
        let cluster = Cluster::shared();
        let (portal, live) = (
            cluster.database().await.unwrap(),
            cluster.database().await.unwrap(),
        );
        let rows = rows(md5s);
        portal
            .execute(&format!(
                "CREATE TABLE lakes AS {rows}; ALTER TABLE lakes ADD PRIMARY KEY (id)"
            ))
            .await
            .unwrap();
        live.execute(&format!(
            "{LAKES} CREATE SCHEMA portal; \
             CREATE SERVER portal FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{}', port '{}', dbname '{}'); \
             CREATE USER MAPPING FOR CURRENT_USER SERVER portal OPTIONS (user '{}', password '{}'); \
             CREATE FOREIGN TABLE portal.lakes (id bigint, title text) SERVER portal OPTIONS (schema_name 'public'); \
             CREATE VIEW portal_lakes AS SELECT id, title FROM portal.lakes",
            cluster.host(),
            cluster.port(),
            portal.name(),
            cluster.superuser(),
            cluster.password(),
        ))
        .await
        .unwrap();
        (portal, Self::with(live, release_file))
    }

    fn with(live: TestDatabase, release_file: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let more = "\n[portal]\nuser_mapping = true\n";
        std::fs::write(
            directory.path().join("release.toml"),
            format!("{release_file}{more}"),
        )
        .unwrap();
        Self { live, directory }
    }

    fn url(&self) -> String {
        format!("{}?sslmode=disable", self.live.url())
    }

    /// Holds back the rows that wait.
    async fn held(&self) -> Client {
        let holder = self.live.connect().await.unwrap();
        holder.batch_execute("SELECT pg_advisory_lock(7)").await.unwrap();
        holder
    }

    /// Returns once so many sessions wait at a row.
    async fn until_held(&self, sessions: i64) {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'";
        let observer = self.live.connect().await.unwrap();
        wait_until("rows are held back", async || {
            observer.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == sessions
        })
        .await;
    }

    async fn text(&self, sql: &str) -> String {
        self.live.query_text(sql).await.unwrap()
    }

    /// For each range its chunks and whether it has ended, and how many chunks end the import.
    async fn chunks(&self) -> String {
        self.text(
            "SELECT coalesce(string_agg(state, ' ' ORDER BY range), 'none') FROM ( \
                 SELECT range, range || CASE WHEN bool_or(last_key IS NULL) THEN ' has ended' ELSE ' goes on' END \
                            || CASE WHEN bool_or(done) THEN ' with all' ELSE '' END AS state \
                   FROM cutover.checkpoint GROUP BY range HAVING count(*) = max(chunk) + 1) r",
        )
        .await
    }
}

fn release(label: &str) -> ReleaseOptions {
    ReleaseOptions::default()
        .label(label.parse::<Label>().unwrap())
        .chunk_bytes(CHUNK_BYTES)
}

fn rest() -> ReleaseOptions {
    let rest = Selection::all().start_at(Phase::ImportCore).unwrap();
    ReleaseOptions::default().selection(rest).chunk_bytes(CHUNK_BYTES)
}

fn ways(ear: &Ear) -> Vec<String> {
    let ways = ear.heard().into_iter().filter_map(|kind| match kind {
        EventKind::ImportStarted { way, .. } => Some(way),
        _ => None,
    });
    ways.collect()
}

#[tokio::test]
async fn ranges_that_are_killed_go_on_each_behind_its_own_last_chunk() {
    child::obey().await;
    let test = "import_ranges::ranges_that_are_killed_go_on_each_behind_its_own_last_chunk";
    let lakes = Lakes::beside().await;
    let holder = lakes.held().await;
    let task = Task::ReleaseInChunks {
        label: "Jan2026".to_owned(),
        chunk_bytes: CHUNK_BYTES,
        resume: false,
    };
    let mut child = child::start(test, lakes.url(), lakes.directory.path(), task);
    // Two of three are held back in the middle; the third goes on to its end.
    lakes.until_held(2).await;
    wait_until("the third range ends", async || {
        lakes.chunks().await == "0 goes on 1 goes on 2 has ended"
    })
    .await;
    child.kill().unwrap();
    child.wait().unwrap();
    holder
        .batch_execute("SELECT pg_advisory_unlock(7)")
        .await
        .unwrap();
    let bounds = "SELECT bounds::text FROM cutover.import_ranges";
    let (cut, in_before) = (
        lakes.text(bounds).await,
        lakes.text("SELECT count(*) FROM cutover.checkpoint").await,
    );
    assert_eq!(cut, "{2000,4000}");
    let gone = "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'cutover%'";
    wait_until("the server has noticed", async || lakes.text(gone).await == "t").await;

    let ear = Ear::default();
    cutover(&lakes.url(), lakes.directory.path())
        .release(&rest(), StopSignal::never(), &ear.events())
        .await
        .unwrap();
    let taken_up = ear.heard().into_iter().find_map(|kind| match kind {
        EventKind::ImportTakenUp { chunks, .. } => Some(chunks.to_string()),
        _ => None,
    });
    assert_eq!(taken_up, Some(in_before));
    let ways = ways(&ear);
    assert!(
        ways[0].ends_with("; in 3 ranges of \"id\", 2 at once"),
        "{ways:?}"
    );
    let chunks = lakes.chunks().await;
    assert_eq!(chunks.matches("has ended").count(), 3, "{chunks}");
    assert_eq!(chunks.matches("with all").count(), 1, "{chunks}");
    assert_eq!(lakes.text(bounds).await, cut);
    let same = format!("SELECT (SELECT {WHOLE} FROM lakes) = (SELECT {WHOLE} FROM portal_lakes)");
    assert_eq!(lakes.text(&same).await, "t");
}

#[tokio::test]
async fn a_range_whose_connection_to_the_portal_is_cut_is_gone_on_with() {
    let (portal, lakes) = Lakes::on_a_portal(1250, RELEASE_FILE).await;
    let holder = lakes.held().await;
    let ear = Ear::default();
    let cutover = cutover(&lakes.url(), lakes.directory.path()).portal(PortalLogin::UserMapping);
    let (options, events) = (release("Jan2026"), ear.events());
    let cutting = async {
        lakes.until_held(2).await;
        // They have more to send than anybody takes now.
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                    WHERE datname = current_database() AND query LIKE 'COPY%<=%' AND state = 'active' ORDER BY pid LIMIT 1";
        portal.query_text(cut).await.unwrap();
        holder
            .batch_execute("SELECT pg_advisory_unlock(7)")
            .await
            .unwrap();
    };
    let (outcome, ()) = tokio::join!(
        Box::pin(cutover.release(&options, StopSignal::never(), &events)),
        cutting
    );
    outcome.unwrap();
    let lost = ear
        .heard()
        .iter()
        .filter(|kind| matches!(kind, EventKind::ImportSourceLost { .. }))
        .count();
    let ways = ways(&ear);
    assert_eq!((lost, ways.len()), (1, 2), "{ways:?}");
    assert!(
        ways[0].starts_with("binary COPY pipe: straight from foreign server \"portal\""),
        "{ways:?}"
    );
    assert!(
        ways[0].ends_with("; in 3 ranges of \"id\", 3 at once"),
        "{ways:?}"
    );
    assert!(ways[1].contains("; in 3 ranges of \"id\", "), "{ways:?}");
    let whole = format!("SELECT {WHOLE} FROM lakes");
    assert_eq!(lakes.text(&whole).await, portal.query_text(&whole).await.unwrap());
    let left = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'cutover%'";
    assert_eq!(portal.query_text(left).await.unwrap(), "0");
}

/// One stream here. Texts may sort in another order there, and the way is part of what the chunks were read by.
#[tokio::test]
async fn chunks_that_were_read_straight_are_gone_on_with_straight() {
    let (_portal, lakes) = Lakes::on_a_portal(60, &RELEASE_FILE.replace("ranges = 3", "ranges = 1")).await;
    let says = |answer: &str| {
        format!(
            "CREATE OR REPLACE FUNCTION at_row(id bigint) RETURNS boolean LANGUAGE sql AS 'SELECT {answer}'"
        )
    };
    lakes.live.execute(&says("id <> 3000")).await.unwrap();
    let url = lakes.url();
    let local = || cutover(&url, lakes.directory.path());
    let straight = || local().portal(PortalLogin::UserMapping);
    let ear = Ear::default();
    let refused = straight()
        .release(&release("Jan2026"), StopSignal::never(), &ear.events())
        .await
        .unwrap_err();
    assert!(told(&refused).contains("id = 3000"), "{}", told(&refused));
    lakes.live.execute(&says("true")).await.unwrap();
    let other = local()
        .release(&rest(), StopSignal::never(), &ear.events())
        .await
        .unwrap_err();
    let problem = "were read by another query, mapping or key";
    assert!(told(&other).contains(problem), "{}", told(&other));
    straight()
        .release(&rest(), StopSignal::never(), &ear.events())
        .await
        .unwrap();
    assert_eq!(lakes.chunks().await, "0 has ended with all");
    assert_eq!(
        lakes.text("SELECT count(*) || ' ' || max(id) FROM lakes").await,
        "6000 6000"
    );
}

const DECLARED: &str = r#"
[release]
name = "shores"
tables = ["shores"]

[target]
url = "env:DATABASE_URL"

[load]
jobs = 2

[[import]]
name = "shores"
into = "shores"
from = "portal_shores"
key = ["lake_id", "country_id"]
ranges = 2
max_rejects = 40
[import.columns]
lake_id = "lake"
country_id = { from = "iso3", split = ";", lookup = { table = "countries", match = "iso3", take = "id" } }
"#;

/// Every fiftieth lake has a country that nobody knows beside one that is known.
const SHORES: &str = "
    CREATE TABLE countries (id int PRIMARY KEY, iso3 text NOT NULL UNIQUE);
    INSERT INTO countries VALUES (1, 'KEN'), (2, 'PER'), (3, 'DEU');
    CREATE TABLE shores (lake_id bigint NOT NULL, country_id int NOT NULL REFERENCES countries, UNIQUE (lake_id, country_id));
    CREATE TABLE portal_shores AS
        SELECT n::bigint AS lake, CASE WHEN n % 50 = 0 THEN 'KEN;QQQ' WHEN n % 2 = 0 THEN 'KEN; PER;DEU' ELSE 'PER' END AS iso3
          FROM generate_series(1, 2000) n";

#[tokio::test]
async fn a_list_is_split_and_looked_up_by_several_ranges() {
    let live = Cluster::shared().database().await.unwrap();
    live.execute(SHORES).await.unwrap();
    let shores = Lakes::with(live, DECLARED);
    let cutover = cutover(&shores.url(), shores.directory.path());
    let plan = cutover.plan().await.unwrap();
    let told = plan.to_string();
    let told: Vec<&str> = told
        .lines()
        .filter(|line| line.starts_with("-- importer"))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    -- importers: 2 at once; up to 4 connections to the target, of 4 that there may be, and up to 5 to a foreign server that they read from
    -- importer shores: in 2 ranges of "lake_id" at once, if nothing stands against it
    "#);
    let imports = serde_json::to_value(&plan).unwrap()["imports"].to_string();
    insta::assert_snapshot!(imports, @r#"{"importers":[{"importer":"shores","of":"lake_id","ranges":2}],"jobs":2,"portal_connections":5,"target_connections":4,"target_pool_size":4}"#);

    let ear = Ear::default();
    let options = release("Jan2026").chunk_bytes(4000);
    cutover
        .release(&options, StopSignal::never(), &ear.events())
        .await
        .unwrap();
    let ways = ways(&ear);
    assert!(
        ways[0].ends_with("; in 2 ranges of \"lake_id\", 2 at once"),
        "{ways:?}"
    );
    let chunks = shores.chunks().await;
    assert_eq!(chunks.matches("has ended").count(), 2, "{chunks}");
    assert_eq!(
        shores
            .text("SELECT (count(*) > 10)::text FROM cutover.checkpoint")
            .await,
        "true"
    );
    let same = "SELECT concat_ws(' ', count(*), bool_and(s IS NOT NULL AND w IS NOT NULL)) \
                  FROM (SELECT p.lake AS lake_id, c.id AS country_id FROM portal_shores p, \
                               unnest(string_to_array(replace(p.iso3, ' ', ''), ';')) i(iso3) JOIN countries c USING (iso3)) w \
                  FULL JOIN shores s USING (lake_id, country_id)";
    // A thousand of one, 960 of three, 40 of one that is known.
    assert_eq!(shores.text(same).await, "3920 t");
    let rejects = "SELECT concat_ws(' ', count(*), count(DISTINCT key ->> 'lake_id'), bool_and((key ->> 'lake_id')::int % 50 = 0), \
                          min(reason)) FROM cutover.reject";
    insta::assert_snapshot!(shores.text(rejects).await, @r#"40 40 t column "country_id": "QQQ" is not in countries.iso3"#);
}
