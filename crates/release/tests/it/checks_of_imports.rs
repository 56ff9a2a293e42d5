//! Geometry checks with `when = "import"`: made on the rows of an importer, or in the preflight after all, never left out.

use cutover::{Cutover, FailureClass, PortalLogin, ReleaseOptions, ReleaseReport, ResumeOptions, StopSignal};
use cutover_core::EventKind;
use cutover_core::release_file::Label;
use cutover_testkit::{Cluster, TestDatabase};
use serde_json::Value;
use tempfile::TempDir;

use crate::world::{Ear, cutover, told};

const RELEASE_FILE: &str = r#"
[release]
name = "parks"
tables = ["parks"]

[target]
url = "env:DATABASE_URL"

[preflight]
findings = "findings"

[[preflight.geometry]]
view = "portal_parks"
column = "geom"
srid = 4326
key = ["park"]
when = "import"
max = 2

[[import]]
name = "parks"
into = "parks"
from = "portal_parks"
columns = { id = "park", shape = "geom" }
key = ["id"]
"#;

/// A bow tie.
const INVALID: &str = "ST_GeomFromText('POLYGON((0 0, 2 2, 2 0, 0 2, 0 0))', 4326)";
/// What is live: sound and unsound parks.
const LIVE: &str = "SELECT concat_ws(' ', count(*) FILTER (WHERE ST_IsValid(shape)), \
    count(*) FILTER (WHERE NOT ST_IsValid(shape))) FROM parks";

struct Parks {
    portal: TestDatabase,
    live: TestDatabase,
    directory: TempDir,
}

impl Parks {
    /// A portal with 300 parks, and a live database that sees them through the wrapper.
    async fn new() -> Self {
        let cluster = Cluster::shared();
        let (portal, live) = (
            cluster.database().await.unwrap(),
            cluster.database().await.unwrap(),
        );
        portal
            .execute("CREATE TABLE parks AS SELECT n AS park, ST_MakeEnvelope(n / 2, 0, n / 2 + 1, 1, 4326) AS geom FROM generate_series(1, 300) n")
            .await
            .unwrap();
        live.execute(&format!(
            "CREATE TABLE parks (id bigint PRIMARY KEY, shape geometry); CREATE SCHEMA portal; \
             CREATE SERVER portal FOREIGN DATA WRAPPER postgres_fdw \
                 OPTIONS (host '{}', port '{}', dbname '{}', extensions 'postgis'); \
             CREATE USER MAPPING FOR CURRENT_USER SERVER portal OPTIONS (user '{}', password '{}'); \
             CREATE FOREIGN TABLE portal.parks (park int, geom geometry) SERVER portal OPTIONS (schema_name 'public'); \
             CREATE VIEW portal_parks AS SELECT park, geom FROM portal.parks",
            cluster.host(),
            cluster.port(),
            portal.name(),
            cluster.superuser(),
            cluster.password(),
        ))
        .await
        .unwrap();
        let directory = tempfile::tempdir().unwrap();
        Self {
            portal,
            live,
            directory,
        }
    }

    fn cutover(&self, file: &str) -> Cutover {
        std::fs::write(self.directory.path().join("release.toml"), file).unwrap();
        cutover(
            &format!("{}?sslmode=disable", self.live.url()),
            self.directory.path(),
        )
    }

    /// Makes the last so many parks unsound, and all others sound.
    async fn spoil(&self, parks: u32) {
        self.portal
            .execute(&format!(
                "UPDATE parks SET geom = CASE WHEN park > 300 - {parks} THEN {INVALID} \
                 ELSE ST_MakeEnvelope(park / 2, 0, park / 2 + 1, 1, 4326) END"
            ))
            .await
            .unwrap();
    }

    async fn live(&self) -> String {
        self.live.query_text(LIVE).await.unwrap()
    }

    fn findings(&self, name: &str) -> Value {
        let file = self.directory.path().join("findings").join(name);
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
    }
}

fn options(label: &str) -> ReleaseOptions {
    ReleaseOptions::default()
        .label(label.parse::<Label>().unwrap())
        .chunk_bytes(5000)
}

/// Violations and tolerance of the geometry checks that ended, in order.
fn checked(ear: &Ear) -> Vec<(u64, u64, bool)> {
    let ended = ear.heard().into_iter().filter_map(|kind| match kind {
        EventKind::CheckFinished {
            check,
            violations,
            tolerated,
            fatal,
        } if check.starts_with("geometry") => Some((violations, tolerated, fatal)),
        _ => None,
    });
    ended.collect()
}

fn ways(ear: &Ear) -> Vec<String> {
    let ways = ear.heard().into_iter().filter_map(|kind| match kind {
        EventKind::ImportStarted { way, .. } => Some(way),
        _ => None,
    });
    ways.collect()
}

fn summary(report: &ReleaseReport, phase: &str) -> String {
    let mut phases = report.phases.iter();
    let report = phases.find(|report| report.phase.to_string() == phase).unwrap();
    report.summary.clone()
}

#[tokio::test]
async fn too_much_that_is_wrong_stops_the_importer_and_a_little_is_a_warning() {
    let parks = Parks::new().await;
    parks.spoil(3).await;
    let cutover = parks.cutover(RELEASE_FILE);
    let plan = cutover.plan().await.unwrap().to_string();
    let planned =
        r#"-- check geometry "public"."portal_parks"."geom": on the rows of importer parks, as they pass"#;
    assert!(plan.contains(planned), "{plan}");

    let ear = Ear::default();
    let error = cutover
        .release(&options("Jan2026"), StopSignal::never(), &ear.events())
        .await
        .unwrap_err();
    assert_eq!(error.class(), FailureClass::Preflight, "{}", told(&error));
    insta::assert_snapshot!(told(&error), @r#"
    Preflight: importer parks: 1 of 1 checks of its rows failed
    FAILED   geometry "public"."portal_parks"."geom"
             made on the rows of importer parks
             3 of 300 offend, tolerated: at most 2
             3 invalid: self-intersection
                - park=298 at (1 1)
                - park=299 at (1 1)
                - park=300 at (1 1)

    remedy: mend the geometries at their source, or raise `max` of the check; then take the release up again
    "#);
    assert_eq!(checked(&ear), [(3, 2, true)]);
    assert_eq!(parks.live().await, "0 0");
    let found = parks.findings("import-parks.json");
    assert_eq!(found["checks"][0]["offending"], 3, "{found}");
    assert_eq!(
        parks.findings("import-parks.geojson")["features"]
            .as_array()
            .unwrap()
            .len(),
        6,
        "three geometries and three places"
    );
    assert_eq!(
        parks.findings("preflight.json")["checks"]
            .as_array()
            .unwrap()
            .len(),
        0
    );

    // All but the rows with the last geometries is in, and stays.
    parks.spoil(1).await;
    let ear = Ear::default();
    let report = cutover
        .resume(&ResumeOptions::default(), StopSignal::never(), &ear.events())
        .await
        .unwrap();
    let taken_up = |kind: &EventKind| matches!(kind, EventKind::ImportTakenUp { chunks, .. } if *chunks > 2);
    assert!(ear.heard().iter().any(taken_up));
    assert_eq!(checked(&ear), [(1, 2, false)]);
    assert_eq!(parks.live().await, "299 1");
    let imported = summary(&report, "import_core");
    assert!(
        imported.contains("1 check of their rows; allowed: 1 violation"),
        "{imported}"
    );
    let manifest = report.manifest.unwrap();
    assert_eq!(manifest.warnings.into_values().collect::<Vec<_>>(), [1]);
    assert_eq!(manifest.checks.into_values().collect::<Vec<_>>(), [1]);

    // Straight from the portal, in one transaction.
    parks.spoil(2).await;
    let ear = Ear::default();
    let report = cutover
        .portal(PortalLogin::UserMapping)
        .release(&options("Feb2026"), StopSignal::never(), &ear.events())
        .await
        .unwrap();
    assert!(
        ways(&ear)[0].contains("straight from foreign server"),
        "{:?}",
        ways(&ear)
    );
    assert_eq!(checked(&ear), [(2, 2, false)]);
    assert_eq!(parks.live().await, "298 2");
    let preflight = summary(&report, "preflight");
    assert_eq!(
        preflight,
        "0 checks, no violations; 1 more on the rows of importers"
    );
}

#[tokio::test]
async fn a_check_that_no_importer_can_make_is_made_all_the_same() {
    let parks = Parks::new().await;
    parks.spoil(3).await;
    let inside = RELEASE_FILE.replace("key = [\"id\"]", "way = \"server\"");
    let cutover = parks.cutover(&inside);
    let plan = cutover.plan().await.unwrap().to_string();
    let planned = r#""geom": read apart in preflight: importer parks goes inside the server (`way`)"#;
    assert!(plan.contains(planned), "{plan}");
    let ear = Ear::default();
    let run = async || {
        cutover
            .release(&options("Jan2026"), StopSignal::never(), &ear.events())
            .await
    };
    let error = run().await.unwrap_err();
    let text = told(&error);
    assert!(
        text.contains("read apart: importer parks goes inside the server"),
        "{text}"
    );
    assert!(ways(&ear).is_empty(), "before anything was imported");

    // Without a key the rows would not pass through the client: for the check they do.
    let keyless = parks.cutover(&RELEASE_FILE.replace("key = [\"id\"]", ""));
    let ear = Ear::default();
    let error = keyless
        .release(&options("Jan2026"), StopSignal::never(), &ear.events())
        .await
        .unwrap_err();
    assert_eq!(error.class(), FailureClass::Preflight, "{}", told(&error));
    assert!(
        ways(&ear)[0].contains("since its rows are to be checked as they pass"),
        "{:?}",
        ways(&ear)
    );

    // Who only looks has everything looked at, and a sample is not everything.
    let preflight = keyless
        .preflight(None, StopSignal::never(), &ear.events())
        .await
        .unwrap();
    assert_eq!(
        (preflight.checks.len(), preflight.checks[0].offending()),
        (1, 3),
        "{preflight}"
    );
    let sample = options("Jan2026").sample(1).dry_run();
    let error = keyless
        .release(&sample, StopSignal::never(), &ear.events())
        .await
        .unwrap_err();
    assert!(told(&error).contains("brings a sample only"), "{}", told(&error));

    // That the column is converted on its way, only the catalog tells.
    parks
        .live
        .execute("ALTER TABLE parks ALTER shape TYPE geography USING shape::geography")
        .await
        .unwrap();
    let ear = Ear::default();
    let error = keyless
        .release(&options("Jan2026"), StopSignal::never(), &ear.events())
        .await
        .unwrap_err();
    assert_eq!(error.class(), FailureClass::Preflight, "{}", told(&error));
    let warned = |warning: &String| {
        warning.ends_with("read apart from importer parks: it does not bring column \"geom\" as a geometry")
    };
    assert!(ear.warnings().iter().any(warned), "{:?}", ear.warnings());
    assert_eq!(checked(&ear), [(3, 2, true)]);
    assert_eq!(
        parks.live.query_text("SELECT count(*) FROM parks").await.unwrap(),
        "0"
    );
}
