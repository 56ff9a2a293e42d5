//! Importers written in Rust: what they read and send, what becomes of them when they fail, wait or are not there.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cutover::{
    Concern, Cutover, FailureClass, Importer, ImporterContext, PortalLogin, ReleaseOptions, ResumeOptions,
    RowSink, RowsSent, Selection, StopSignal, stop_pair,
};
use cutover_core::release_file::{Label, ReleaseFile};
use cutover_core::{ConnectSettings, Environment, EventKind, Events, Phase};
use cutover_testkit::{Cluster, TestDatabase};
use tokio::sync::Notify;

use crate::world::{Ear, told};

const RELEASE_FILE: &str = r#"
[release]
name = "parks"
tables = ["sites", "statistics"]
matviews = ["portal_names"]

[target]
url = "env:DATABASE_URL"

[refresh]
views = ["portal_names"]

[load]
jobs = 2

[[import]]
name = "sites"
into = "sites"
from = "portal_sites"

[[import]]
name = "statistics"
into = "statistics"
phase = "related"
rust = "per_country"
after = ["sites"]
"#;

const SCHEMA: &str = "
    CREATE TABLE portal_sites AS SELECT n AS id, CASE WHEN n % 3 = 0 THEN 'KEN' ELSE 'PER' END AS iso3 FROM generate_series(1, 9) n;
    CREATE MATERIALIZED VIEW portal_names AS SELECT DISTINCT iso3, lower(iso3) AS name FROM portal_sites;
    CREATE TABLE sites (id int, iso3 text);
    CREATE TABLE statistics (iso3 text, sites bigint NOT NULL, name text, share numeric, remark text);";

/// How a run of the importer goes.
#[derive(Debug, Clone, Copy)]
enum Run {
    Well,
    FailsInTheMiddle,
    NeverEnds,
}

/// Statistics per country, from staging.
#[derive(Debug)]
struct PerCountry {
    /// The runs; those behind the last go well.
    runs: Vec<Run>,
    begun: Arc<AtomicUsize>,
    waits: Arc<Notify>,
}

impl PerCountry {
    fn new(runs: impl IntoIterator<Item = Run>) -> Self {
        Self {
            runs: runs.into_iter().collect(),
            begun: Arc::default(),
            waits: Arc::default(),
        }
    }
}

impl Importer for PerCountry {
    fn columns(&self) -> Vec<String> {
        ["remark", "iso3", "sites", "name"].map(str::to_owned).to_vec()
    }

    fn send_rows<'a>(&'a self, release: ImporterContext<'a>, rows: &'a mut RowSink<'_>) -> RowsSent<'a> {
        Box::pin(async move {
            let run = self.runs.get(self.begun.fetch_add(1, Ordering::SeqCst)).copied();
            let mode: String = release
                .session()
                .query_one("SHOW transaction_read_only", &[])
                .await?
                .get(0);
            assert!(mode == "on" && release.staging("portal_sites").is_none());
            let sites = release.staging("sites").ok_or("no member")?;
            let counts = format!(
                "SELECT s.iso3, count(*), min(n.name) FROM {sites} s JOIN portal_names n USING (iso3) GROUP BY 1 ORDER BY 1"
            );
            for row in release.session().query(&counts, &[]).await? {
                let (iso3, count, name): (String, i64, String) = (row.get(0), row.get(1), row.get(2));
                rows.send(&[&release.label().as_str(), &iso3, &count, &name])
                    .await?;
            }
            rows.send(&[&None::<String>, &None::<String>, &0, &"nowhere"])
                .await?;
            match run.unwrap_or(Run::Well) {
                Run::Well => Ok(()),
                Run::FailsInTheMiddle => {
                    // Enough for rows to be on their way.
                    for _ in 0..10_000 {
                        rows.send(&[&"to be rolled back", &"QQQ", &1, &"x"]).await?;
                    }
                    Err("the file ends in the middle of a line".into())
                }
                Run::NeverEnds => {
                    self.waits.notify_one();
                    std::future::pending().await
                }
            }
        })
    }
}

struct Parks {
    database: TestDatabase,
}

impl Parks {
    async fn new() -> Self {
        let database = Cluster::shared().empty_database().await.unwrap();
        database.execute(SCHEMA).await.unwrap();
        Self { database }
    }

    fn cutover(&self) -> Cutover {
        self.cutover_with(RELEASE_FILE)
    }

    fn cutover_with(&self, release_file: &str) -> Cutover {
        let url = format!("{}?sslmode=disable", self.database.url());
        let target = ConnectSettings::resolve(&url, &Environment::empty()).unwrap();
        let file = ReleaseFile::parse(release_file, "release.toml").unwrap();
        Cutover::new(file, target).folder(Path::new("/srv/parks"))
    }

    async fn statistics(&self, table: &str) -> String {
        let rows = format!("SELECT coalesce(string_agg(s::text, ' ' ORDER BY sites), 'none') FROM {table} s");
        self.database.query_text(&rows).await.unwrap()
    }
}

fn options() -> ReleaseOptions {
    ReleaseOptions::default().label(Label::new("Jan2026").unwrap())
}

fn until_imported() -> ReleaseOptions {
    options().selection(Selection::all().stop_after(Phase::ImportRelated).unwrap())
}

const ROWS: &str = r"(,0,nowhere,,) (KEN,3,ken,,Jan2026) (PER,6,per,,Jan2026)";

#[tokio::test]
async fn one_that_fails_leaves_nothing_and_is_done_again_by_resume() {
    let parks = Parks::new().await;
    let importer = PerCountry::new([Run::FailsInTheMiddle]);
    let begun = Arc::clone(&importer.begun);
    let cutover = parks.cutover().importer("per_country", importer);
    cutover.plan().await.unwrap();
    assert!(!cutover.check().await.unwrap().has_errors());

    let error = cutover
        .release(&options(), StopSignal::never(), &Events::none())
        .await
        .unwrap_err();
    insta::assert_snapshot!(told(&error), @"
    Build: importer statistics: the program that makes its rows failed behind row 10003
      caused by: the file ends in the middle of a line
    remedy: mend what it says, then run again; none of its rows are in
    ");
    assert_eq!(parks.statistics("staging_statistics").await, "none");
    assert_eq!(parks.statistics("statistics").await, "none");

    let ear = Ear::default();
    cutover
        .resume(&ResumeOptions::default(), StopSignal::never(), &ear.events())
        .await
        .unwrap();
    let ways = ear.heard().into_iter().filter_map(|kind| match kind {
        EventKind::ImportStarted { importer, way, .. } => Some(format!("{importer}: {way}")),
        _ => None,
    });
    insta::assert_snapshot!(ways.collect::<Vec<_>>().join("\n"), @"statistics: rows of a program through COPY: the program that runs the import makes them; the server parses the values");
    assert_eq!(begun.load(Ordering::SeqCst), 2);
    assert_eq!(parks.statistics("statistics").await, ROWS);
}

#[tokio::test]
async fn one_that_waits_for_ever_is_stopped_and_one_that_is_done_does_not_run_again() {
    let parks = Parks::new().await;
    let importer = PerCountry::new([Run::NeverEnds]);
    let (begun, waits) = (Arc::clone(&importer.begun), Arc::clone(&importer.waits));
    let cutover = parks.cutover().importer("per_country", importer);
    let (stop, stopped) = stop_pair();
    let (events, options) = (Events::none(), options());
    let (ended, ()) = tokio::join!(cutover.release(&options, stopped, &events), async {
        waits.notified().await;
        stop.ask();
    });
    assert_eq!(ended.unwrap_err().class(), FailureClass::Stopped);
    assert_eq!(parks.statistics("staging_statistics").await, "none");

    let rest = Selection::only(&[Phase::ImportRelated]).unwrap();
    let rest = ReleaseOptions::default().selection(rest);
    for _ in 0..2 {
        cutover
            .release(&rest, StopSignal::never(), &Events::none())
            .await
            .unwrap();
    }
    assert_eq!(begun.load(Ordering::SeqCst), 2, "once in vain, once for good");
    assert_eq!(parks.statistics("staging_statistics").await, ROWS);
}

#[tokio::test]
async fn a_program_without_the_code_is_refused_up_front_where_it_would_run() {
    let parks = Parks::new().await;
    let cutover = parks.cutover().importer("per_region", PerCountry::new([]));
    let error = cutover
        .release(&options(), StopSignal::never(), &Events::none())
        .await
        .unwrap_err();
    insta::assert_snapshot!(told(&error), @r#"
    Usage: importer statistics is Rust code named "per_country", which this program does not have; it has: per_region
    remedy: run it with the program that has this code (`Cutover::importer`), and mend the name if that is wrong; the command `cutover` has none
    "#);
    let planned = cutover.plan().await.unwrap_err();
    assert_eq!(
        (told(&planned), planned.class()),
        (told(&error), FailureClass::Usage)
    );
    let found = parks.cutover().check().await.unwrap();
    let found = found
        .findings
        .iter()
        .find(|finding| finding.concern == Concern::Sources)
        .unwrap();
    insta::assert_snapshot!(found.what, @r#"importer statistics is Rust code named "per_country", which this program does not have; it has: none"#);
    let schema = "SELECT (to_regnamespace('cutover') IS NULL)::text";
    assert_eq!(
        parks.database.query_text(schema).await.unwrap(),
        "true",
        "nothing was done"
    );

    // What does not need it can be done without, and a dry run with it samples it like all others.
    let without = until_imported().only_importers(["sites"]);
    cutover
        .release(&without, StopSignal::never(), &Events::none())
        .await
        .unwrap();
    let cutover = parks.cutover().importer("per_country", PerCountry::new([]));
    let sample = options().dry_run().sample(1).discard_staging();
    cutover
        .release(&sample, StopSignal::never(), &Events::none())
        .await
        .unwrap();
    assert_eq!(
        parks.statistics("staging_statistics").await,
        "(PER,1,per,,Jan2026)"
    );
}

#[tokio::test]
async fn one_runs_beside_others_that_read_straight_from_the_portal() {
    let parks = Parks::new().await;
    let portal = Cluster::shared().database().await.unwrap();
    let cluster = Cluster::shared();
    portal
        .execute("CREATE TABLE sites AS SELECT n AS id, 'KEN' AS iso3 FROM generate_series(1, 4) n")
        .await
        .unwrap();
    parks
        .database
        .execute(&format!(
            "CREATE EXTENSION postgres_fdw; DROP MATERIALIZED VIEW portal_names; DROP TABLE portal_sites; \
             CREATE SERVER portal FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{}', port '{}', dbname '{}'); \
             CREATE USER MAPPING FOR CURRENT_USER SERVER portal OPTIONS (user '{}', password '{}'); \
             CREATE FOREIGN TABLE portal_sites (id int, iso3 text) SERVER portal OPTIONS (table_name 'sites'); \
             CREATE MATERIALIZED VIEW portal_names AS SELECT DISTINCT iso3, lower(iso3) AS name FROM portal_sites",
            cluster.host(),
            cluster.port(),
            portal.name(),
            cluster.superuser(),
            cluster.password(),
        ))
        .await
        .unwrap();
    let file = format!("{RELEASE_FILE}\n[portal]\nuser_mapping = true\n");
    let cutover = parks
        .cutover_with(&file)
        .portal(PortalLogin::UserMapping)
        .importer("per_country", PerCountry::new([]));
    let ear = Ear::default();
    cutover
        .release(&options(), StopSignal::never(), &ear.events())
        .await
        .unwrap();
    let ways = ear.heard().into_iter().filter_map(|kind| match kind {
        EventKind::ImportStarted { importer, way, .. } => Some(format!("{importer}: {way}")),
        _ => None,
    });
    insta::assert_snapshot!(ways.collect::<Vec<_>>().join("\n"), @r#"
    sites: binary COPY pipe: straight from foreign server "portal": all that the source reads is there, and means the same, and every column's binary form is the same on both sides
    statistics: rows of a program through COPY: the program that runs the import makes them; the server parses the values
    "#);
    assert_eq!(
        parks.statistics("statistics").await,
        r"(,0,nowhere,,) (KEN,4,ken,,Jan2026)"
    );
}
