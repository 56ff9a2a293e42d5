//! Lookups that add to a table outside the set: for good, recorded, and not in a dry run.

use cutover::{
    Cutover, FailureClass, ReleaseError, ReleaseOptions, ReleaseReport, ResumeOptions, RollbackOptions,
    StopSignal,
};
use cutover_core::release_file::Label;
use cutover_core::{EventKind, Events};
use cutover_testkit::{Cluster, TestDatabase};
use tempfile::TempDir;

use crate::world::{Ear, cutover, swap_what_is_staged, told};

const RELEASE_FILE: &str = r#"
[release]
name = "sites"
tables = ["sites"]
matviews = ["portal_sites"]

[target]
url = "env:DATABASE_URL"

[refresh]
views = ["portal_sites"]

[[import]]
name = "sites"
into = "sites"
query = "SELECT site_id, kind FROM portal_sites"
key = ["site_id"]
[import.columns]
site_id = "site_id"
kind_id = { from = "kind", lookup = { table = "kinds", match = "name", take = "id", unknown = "add" } }
"#;

/// What the portal shows as the next release's view, whose twin the importer reads.
const SCHEMA: &str = "\
    CREATE TABLE kinds (id serial PRIMARY KEY, name text NOT NULL UNIQUE); INSERT INTO kinds (name) VALUES ('park'); \
    CREATE TABLE upstream (site_id int, kind text); INSERT INTO upstream VALUES (1, 'park'), (2, NULL); \
    CREATE MATERIALIZED VIEW portal_sites AS SELECT site_id, kind FROM upstream; \
    CREATE TABLE sites (site_id int PRIMARY KEY CHECK (site_id < 100), kind_id int REFERENCES kinds)";

struct Sites {
    live: TestDatabase,
    cutover: Cutover,
    _directory: TempDir,
}

impl Sites {
    async fn new() -> Self {
        let live = Cluster::shared().database().await.unwrap();
        live.execute(SCHEMA).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("release.toml"), RELEASE_FILE).unwrap();
        let cutover = cutover(live.url(), directory.path());
        Self {
            live,
            cutover,
            _directory: directory,
        }
    }

    async fn release(&self, label: &str, events: &Events) -> Result<ReleaseReport, ReleaseError> {
        let options = ReleaseOptions::default().label(label.parse::<Label>().unwrap());
        self.cutover.release(&options, StopSignal::never(), events).await
    }

    async fn kinds(&self) -> String {
        let kinds = "SELECT string_agg(name, ' ' ORDER BY id) FROM kinds";
        self.live.query_text(kinds).await.unwrap()
    }

    async fn live(&self) -> String {
        let sites = "SELECT coalesce(string_agg(concat_ws(' ', site_id, name), ', ' ORDER BY site_id), '') FROM sites LEFT JOIN kinds ON id = kind_id";
        self.live.query_text(sites).await.unwrap()
    }

    /// Values with their release, in the order in which they came.
    async fn recorded(&self) -> String {
        let recorded = "SELECT string_agg(r.label || ' ' || value, ', ' ORDER BY a.at, value) \
            FROM cutover.added_value a JOIN cutover.release r ON r.id = release \
            WHERE (importer, lookup_schema, lookup_table, lookup_column) = ('sites', 'public', 'kinds', 'name')";
        self.live.query_text(recorded).await.unwrap()
    }
}

#[tokio::test]
async fn what_is_added_stays_whatever_becomes_of_the_release() {
    let sites = Sites::new().await;
    let plan = sites.cutover.plan().await.unwrap().to_string();
    insta::assert_snapshot!(plan.lines().find(|line| line.contains("adds to")).unwrap(), @r#"-- importer sites adds to "public"."kinds" the values of name that are not there; they stay, whatever becomes of the release (a dry run counts them)"#);

    // A dry run only tells, and what it has built without the values cannot go live.
    sites
        .live
        .execute("INSERT INTO upstream VALUES (3, 'reef'), (4, 'cave'), (5, 'reef')")
        .await
        .unwrap();
    let ear = Ear::default();
    let dry = ReleaseOptions::default()
        .label("Jan2026".parse::<Label>().unwrap())
        .dry_run();
    let report = sites
        .cutover
        .release(&dry, StopSignal::never(), &ear.events())
        .await
        .unwrap();
    assert_eq!(report.added, []);
    let would: Vec<String> = ear
        .warnings()
        .into_iter()
        .filter(|text| text.contains("would add"))
        .collect();
    insta::assert_snapshot!(would.join("\n"), @r#"importer sites: a release would add 2 values to "public"."kinds" ("name"), as "cave", "reef"; a dry run and a sample do not, so rows that wait for them have no "kind_id", or are left out where it may not be NULL"#);
    assert_eq!(sites.kinds().await, "park");
    let staged = "SELECT concat_ws(' ', count(*), count(kind_id)) FROM staging_sites";
    assert_eq!(sites.live.query_text(staged).await.unwrap(), "5 1");
    let swap = sites
        .cutover
        .release(&swap_what_is_staged(), StopSignal::never(), &Events::none())
        .await;
    insta::assert_snapshot!(told(&swap.unwrap_err()), @"
Refused: there is no staging to take up: what was staged has not been validated, or is only a part of the dataset
remedy: run all phases, or start at refresh_views
");

    // One that fails has added; taken up, it adds what is new since, and nothing twice.
    sites
        .live
        .execute("INSERT INTO upstream VALUES (100, 'dune')")
        .await
        .unwrap();
    let ear = Ear::default();
    let failed = sites.release("Jan2026", &ear.events()).await.unwrap_err();
    assert_eq!(failed.class(), FailureClass::Build);
    let added: Vec<(String, u64)> = ear
        .heard()
        .into_iter()
        .filter_map(|kind| match kind {
            EventKind::ValuesAdded {
                table,
                column,
                values,
                ..
            } => Some((format!("{table}.{column}"), values)),
            _ => None,
        })
        .collect();
    assert_eq!(added, [("\"public\".\"kinds\".name".to_owned(), 3)]);
    sites
        .live
        .execute(
            "DELETE FROM upstream WHERE site_id = 100; INSERT INTO upstream VALUES (6, 'lake'); \
             ALTER MATERIALIZED VIEW staging_portal_sites OWNER TO CURRENT_USER; REFRESH MATERIALIZED VIEW staging_portal_sites",
        )
        .await
        .unwrap();
    let report = sites
        .cutover
        .resume(&ResumeOptions::default(), StopSignal::never(), &Events::none())
        .await
        .unwrap();
    assert_eq!(
        report.added.iter().map(|added| added.values).collect::<Vec<_>>(),
        [4]
    );
    assert_eq!(sites.live().await, "1 park, 2, 3 reef, 4 cave, 5 reef, 6 lake");
    assert_eq!(sites.kinds().await, "park cave dune reef lake");
    let recorded = "Jan2026 cave, Jan2026 dune, Jan2026 reef, Jan2026 lake";
    assert_eq!(sites.recorded().await, recorded);

    // Neither a rollback takes it back, nor an abort.
    let stamp = report.swap.unwrap().backup;
    sites
        .cutover
        .rollback(
            &stamp,
            &RollbackOptions::default(),
            StopSignal::never(),
            &Events::none(),
        )
        .await
        .unwrap();
    sites
        .live
        .execute("INSERT INTO upstream VALUES (100, 'moor')")
        .await
        .unwrap();
    sites.release("Feb2026", &Events::none()).await.unwrap_err();
    sites.cutover.abort(&Events::none()).await.unwrap();
    assert_eq!(sites.kinds().await, "park cave dune reef lake moor");
    assert_eq!(sites.recorded().await, format!("{recorded}, Feb2026 moor"));
    assert_eq!(sites.live().await, "");
}
