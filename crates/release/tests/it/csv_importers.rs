//! Importers of CSV files: refused rows, and going on in the middle of a file.

use cutover::{Cutover, ReleaseOptions, ResumeOptions, StopSignal};
use cutover_core::EventKind;
use cutover_core::release_file::Label;
use cutover_testkit::Cluster;
use tempfile::TempDir;

use crate::world::{Ear, cutover, told};

const RELEASE_FILE: &str = r#"
[release]
name = "parks"
tables = ["sites"]

[target]
url = "env:DATABASE_URL"

[[import]]
name = "sites"
into = "sites"
csv = "sites_{{ month }}.csv"
columns = { id = "Site", name = "Name" }
max_rejects = 1
"#;

/// A thousand sites; what is wrong with the lines of some.
fn write_sites(directory: &TempDir, wrong: &[(usize, &str)]) {
    let mut lines: Vec<String> = (1..=1000).map(|id| format!("{id},\"site {id}\"")).collect();
    for (id, line) in wrong {
        (*line).clone_into(&mut lines[id - 1]);
    }
    let content = format!("Site,Name\n{}\n", lines.join("\n"));
    std::fs::write(directory.path().join("sites_Jan2026.csv"), content).unwrap();
}

fn parks(url: &str, directory: &TempDir) -> Cutover {
    std::fs::write(directory.path().join("release.toml"), RELEASE_FILE).unwrap();
    cutover(&format!("{url}?sslmode=disable"), directory.path())
}

#[tokio::test]
async fn a_release_goes_on_in_a_file_whose_refused_rows_were_mended() {
    let database = Cluster::shared().empty_database().await.unwrap();
    database
        .execute("CREATE TABLE sites (id int PRIMARY KEY, name text NOT NULL)")
        .await
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (once, twice) = ((10, "ten,\"site\""), (900, "900,"));
    write_sites(&directory, &[once, twice]);
    let cutover = parks(database.url(), &directory);
    let options = ReleaseOptions::default()
        .label(Label::new("Jan2026").unwrap())
        .chunk_bytes(2000);
    let ear = Ear::default();
    let error = cutover
        .release(&options, StopSignal::never(), &ear.events())
        .await
        .unwrap_err();
    insta::assert_snapshot!(told(&error), @r#"
    Build: importer sites: "public"."staging_sites" refused 2 rows, tolerated: at most 1 rows
      - line = 11: sites_Jan2026.csv, line 11: column "id": invalid input syntax for type integer: "ten" (SQLSTATE 22P02)
      - line = 901: sites_Jan2026.csv, line 901: null value in column "name" of relation "staging_sites" violates not-null constraint (SQLSTATE 23502)
    remedy: mend the rows at their source, or raise `max_rejects`; then take the release up again
    "#);
    let in_staging = "SELECT count(*)::text FROM staging_sites";
    let rows: u64 = database.query_text(in_staging).await.unwrap().parse().unwrap();
    assert!((500..899).contains(&rows), "{rows} rows are in");

    // Not where it is imported already.
    let resume = ResumeOptions::default();
    write_sites(&directory, &[]);
    let changed = cutover
        .resume(&resume, StopSignal::never(), &ear.events())
        .await
        .unwrap_err();
    assert!(
        told(&changed).contains("has changed in what is imported already"),
        "{}",
        told(&changed)
    );
    write_sites(&directory, &[once]);
    let ear = Ear::default();
    let report = cutover
        .resume(&resume, StopSignal::never(), &ear.events())
        .await
        .unwrap();
    let taken_up = ear.heard().into_iter().find_map(|kind| match kind {
        EventKind::ImportTakenUp { rows, .. } => Some(rows),
        _ => None,
    });
    assert_eq!(taken_up, Some(rows));
    let live = "SELECT concat_ws(' ', count(*), count(DISTINCT name), sum(id)) FROM sites";
    assert_eq!(database.query_text(live).await.unwrap(), "999 999 500490");
    let manifest = report.manifest.unwrap();
    assert_eq!(
        (manifest.importers["sites"], manifest.rejected["sites"]),
        (999, 1)
    );
    let reject = "SELECT concat_ws(' | ', key::text, sqlstate, reason, \"row\"::text) FROM cutover.reject";
    insta::assert_snapshot!(database.query_text(reject).await.unwrap(), @r#"{"line": "11"} | 22P02 | sites_Jan2026.csv, line 11: column "id": invalid input syntax for type integer: "ten" | {"id": "ten", "name": "site"}"#);
}
