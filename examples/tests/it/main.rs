//! Every example runs, and says what its page promises.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

use cutover_testkit::Cluster;

const CLONE: &str = env!("CARGO_BIN_EXE_clone_one_table");
const CHECK: &str = env!("CARGO_BIN_EXE_check_geometry");
const SWAP: &str = env!("CARGO_BIN_EXE_swap_and_roll_back");
const IMPORTER: &str = env!("CARGO_BIN_EXE_rust_importer");
const RELEASE: &str = env!("CARGO_BIN_EXE_whole_release");

fn run(program: &str, args: &[&str], url: Option<&str>) -> Output {
    let mut command = Command::new(program);
    command.args(args).env_remove("CUTOVER_EXAMPLE_URL");
    if let Some(url) = url {
        command.env("CUTOVER_EXAMPLE_URL", url);
    }
    command.output().unwrap()
}

/// What it printed; it must have succeeded.
#[track_caller]
fn output(program: &str, args: &[&str], url: Option<&str>) -> String {
    let output = run(program, args, url);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} failed: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn assert_in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let Some(at) = rest.find(part) else {
            panic!("{part:?} does not follow in:\n{text}")
        };
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn an_example_brings_its_own_cluster() {
    let text = output(CLONE, &[], None);
    assert_in_order(
        &text,
        &["staging_sites\" has 1000 rows and differs from live in nothing"],
    );
}

#[tokio::test]
async fn a_table_is_cloned_in_a_database_of_ones_own() {
    let database = Cluster::shared().empty_database().await.unwrap();
    let text = output(CLONE, &[database.url()], None);
    assert_in_order(
        &text,
        &[
            "clone 1 tables",
            "CREATE TABLE",
            "has 1000 rows and differs from live in nothing",
        ],
    );
    let twin = "SELECT obj_description('cutover_example.staging_sites'::regclass) || count(*) \
                FROM cutover_example.staging_sites";
    assert_eq!(database.query_text(twin).await.unwrap(), "protected sites1000");
}

#[tokio::test]
async fn nothing_of_an_earlier_run_is_overwritten() {
    let database = Cluster::shared().empty_database().await.unwrap();
    database.execute("CREATE SCHEMA cutover_example").await.unwrap();
    let output = run(CLONE, &[database.url()], None);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert_in_order(&errors, &["DROP SCHEMA cutover_example", "already exists"]);
}

#[tokio::test]
async fn geometries_are_told_and_checked() {
    let database = Cluster::shared().database().await.unwrap();
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("geometries.txt");
    // POINT(10 -20), and LINESTRING(0 0, 200 1).
    std::fs::write(
        &file,
        "0101000020E6100000000000000000244000000000000034C0\n\
         010200000002000000000000000000000000000000000000000000000000006940000000000000F03F\n",
    )
    .unwrap();
    let empty = "0107000020E610000000000000";
    let text = output(CHECK, &[file.to_str().unwrap(), empty], Some(database.url()));
    assert_in_order(
        &text,
        &[
            "POINT XY, 1 vertices",
            "Some(4326)",
            "LINESTRING XY, 2 vertices",
            "latitude: 1",
        ],
    );
    assert_in_order(&text, &["GEOMETRYCOLLECTION XY, 0 vertices", "empty: true"]);
    assert_in_order(
        &text,
        &["FAILED", "self-intersection", "site_id=2", "FeatureCollection"],
    );
    for finding in ["wrong SRID", "coordinate out of range"] {
        assert!(text.contains(finding), "{finding} is missing in:\n{text}");
    }
}

#[test]
fn what_is_no_geometry_is_refused() {
    let output = run(CHECK, &["0101"], None);
    assert!(!output.status.success());
    assert_in_order(&String::from_utf8(output.stderr).unwrap(), &["Error: "]);
}

#[tokio::test]
async fn two_tables_go_live_and_back() {
    let database = Cluster::shared().empty_database().await.unwrap();
    let text = output(SWAP, &[], Some(database.url()));
    let parts = [
        "-- Swap of 2 relations",
        "readers now see \"New Forest\" of \"the survey of this month\"",
        "-- backup set ",
        "readers now see \"Old Forest\" of \"the survey of last month\"",
    ];
    assert_in_order(&text, &parts);
    let live = "SELECT name FROM cutover_example.sites";
    assert_eq!(database.query_text(live).await.unwrap(), "Old Forest");
    let kept = "SELECT count(*) FROM cutover.backup_set";
    assert_eq!(
        database.query_text(kept).await.unwrap(),
        "1",
        "the rollback itself can be taken back"
    );
}

#[tokio::test]
async fn an_importer_in_rust_fills_its_table() {
    let database = Cluster::shared().empty_database().await.unwrap();
    let text = output(IMPORTER, &[database.url()], None);
    let parts = [
        "is completed",
        r#""iso3": "KEN""#,
        r#""sites": 750"#,
        r#""remark": "survey of 2024""#,
        r#""land_area": 582646.5"#,
        r#""sites": 250"#,
        r#""sites": 0"#,
        r#""land_area": null"#,
    ];
    for part in parts {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
}

#[test]
fn a_whole_release_goes_live_and_back() {
    let text = output(RELEASE, &[], None);
    let parts = [
        "release_started",
        "build_staging",
        "    protected_areas: ",
        "25 relations changed places",
        "Oct2025 is live",
        "25 relations changed places",
        "is live again; Oct2025 is kept as",
    ];
    assert_in_order(&text, &parts);
}

#[test]
fn an_unreachable_database_is_an_error_that_names_it() {
    // Port 1 is reserved and nobody's.
    let output = run(SWAP, &["postgresql://ann@127.0.0.1:1/db"], None);
    assert!(!output.status.success());
    assert_in_order(&String::from_utf8(output.stderr).unwrap(), &["127.0.0.1"]);
}
