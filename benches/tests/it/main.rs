//! The benches run, on a few rows; what they measure is for people to read.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

fn import_ways(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_import_ways"))
        .args(args)
        .output()
        .unwrap()
}

/// What a bench that must succeed prints as JSON.
fn report(output: &Output) -> serde_json::Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_way_imports_every_row() {
    let output = import_ways(&["--polygons", "40", "--rounds", "1", "--json"]);
    let report = report(&output);
    assert_eq!(report["source"]["rows"], 40);
    assert!(report["source"]["geometry_bytes"].as_u64().unwrap() > 40 * 64);
    let ways = report["ways"].as_array().unwrap();
    // Two of them need tools that a machine may lack.
    assert!((15..=17).contains(&ways.len()), "{}", ways.len());
    assert_eq!(ways[0]["way"], report["baseline"]);
    assert_eq!(
        ways[0]["ratio"],
        serde_json::json!({ "median": 1.0, "min": 1.0, "max": 1.0 })
    );
    for way in ways {
        assert_eq!(way["seconds"].as_array().unwrap().len(), 1, "{way}");
        assert!(way["ratio"]["median"].as_f64().unwrap() > 0.0, "{way}");
        assert!(way["ratio_to_lz4"]["median"].as_f64().unwrap() > 0.0, "{way}");
    }
}

#[test]
fn ways_that_are_named_are_compared_with_the_first() {
    let args = ["--polygons", "40", "--rounds", "1", "--json", "--ways"];
    let output = import_ways(&[&args[..], &["psql-lz4,straight-chunked-4"]].concat());
    let report = report(&output);
    let ways = report["ways"].as_array().unwrap();
    assert_eq!(ways.len(), 2, "{report}");
    assert_eq!(report["baseline"], "psql to psql, binary COPY, lz4");
    assert_eq!(ways[1]["way"], "importer, straight, in chunks of 4 MiB");

    let output = import_ways(&["--ways", "teleport"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("straight-chunked"));
}

/// The bench itself compares every value that the two leave live.
#[test]
fn a_release_leaves_live_what_the_script_does() {
    let output = Command::new(env!("CARGO_BIN_EXE_release_beside_script"))
        .args(["--scale", "0", "--rounds", "1", "--jobs", "2", "--json"])
        .output()
        .unwrap();
    let report = report(&output);
    let ways = report["ways"].as_array().unwrap();
    let names: Vec<&str> = ways.iter().filter_map(|way| way["way"].as_str()).collect();
    assert_eq!(names, ["script", "script, lz4", "Cutover, 2 importers at once"]);
    let times = |list: &str, name: &str| {
        let list = ways[2][list].as_array().unwrap();
        list.iter().any(|timing| timing["name"] == name)
    };
    assert!(times("phases", "finalise_swap"), "{report}");
    assert!(times("steps", "import protected_areas"), "{report}");
}

/// Every value is compared by the bench itself.
#[test]
fn tables_of_all_sizes_are_imported_and_drawn() {
    let directory = tempfile::tempdir().unwrap();
    let graph = directory.path().join("growth.svg");
    let output = Command::new(env!("CARGO_BIN_EXE_import_growth"))
        .args(["--rows", "3000,100", "--rounds", "2", "--json", "--graph"])
        .arg(&graph)
        .output()
        .unwrap();
    let report = report(&output);
    let sizes = report["sizes"].as_array().unwrap();
    assert_eq!(
        (&sizes[0]["rows"], &sizes[1]["rows"]),
        (&100.into(), &3000.into())
    );
    for size in sizes {
        let imports = size["imports"].as_array().unwrap();
        assert_eq!(imports.len(), 2, "{size}");
        assert!(imports[0]["allocated_bytes"].as_u64().unwrap() > 10_000, "{size}");
    }
    let graph = std::fs::read_to_string(graph).unwrap();
    assert!(graph.starts_with("<svg"), "{graph}");
    for text in [
        "Time of an import",
        "Most memory at one time",
        "while 3 k rows pass",
    ] {
        assert!(graph.contains(text), "{text} is not in the graph");
    }
}

/// Each shape is valid to all who judge, in each of two sizes.
#[test]
fn every_shape_is_valid() {
    let output = Command::new(env!("CARGO_BIN_EXE_geometry_validity"))
        .args(["--rounds", "1", "--divide", "1000", "--doublings", "1", "--json"])
        .output()
        .unwrap();
    let report = report(&output);
    let rows = report.as_array().unwrap();
    assert_eq!(rows.len(), 18);
    for row in rows {
        assert!(
            row["seconds"]["cutover"]["median"].as_f64().unwrap() > 0.0,
            "{row}"
        );
        assert!(row["seconds"]["geo"]["median"].as_f64().unwrap() > 0.0, "{row}");
        assert!(row["ns_by_n_log_n"].as_f64().unwrap() > 0.0, "{row}");
    }
}

/// Shapes of a size at which what a validator takes for the smallest value does not count.
#[test]
fn judging_takes_at_most_ten_times_the_memory_of_the_geometry() {
    let output = Command::new(env!("CARGO_BIN_EXE_geometry_memory"))
        .args(["--divide", "100", "--json"])
        .output()
        .unwrap();
    let report = report(&output);
    let rows = report.as_array().unwrap();
    assert_eq!(rows.len(), 9);
    for row in rows {
        let most = if row["shape"] == "tiny polygons" {
            15.0
        } else {
            10.0
        };
        let times = row["times_the_value"].as_f64().unwrap();
        assert!((1.0..most).contains(&times), "{row}");
    }
}

#[test]
fn no_rounds_are_no_measurement() {
    let output = import_ways(&["--rounds", "0"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--rounds"));
}

#[test]
fn every_way_clones_every_table_in_every_round() {
    let output = Command::new(env!("CARGO_BIN_EXE_clone_ways"))
        .args(["--tables", "5", "--rounds", "2", "--json"])
        .output()
        .unwrap();
    // The bench itself compares what each way made with what is live.
    let report = report(&output);
    let ways = report["ways"].as_array().unwrap();
    assert_eq!(ways.len(), 4);
    assert_eq!(ways[0]["way"], report["baseline"]);
    for way in ways {
        assert_eq!(way["seconds"].as_array().unwrap().len(), 2, "{way}");
    }
    assert!(ways[2]["parts"][0]["plan_seconds"].as_f64().unwrap() > 0.0);
}

#[test]
fn every_set_is_swapped_and_taken_back_in_every_round() {
    let output = Command::new(env!("CARGO_BIN_EXE_swap_window"))
        .args([
            "--tables",
            "1,4",
            "--rows",
            "10,1000",
            "--wdpa-scale",
            "0",
            "--rounds",
            "2",
            "--json",
        ])
        .output()
        .unwrap();
    let report = report(&output);
    let sets = report["sets"].as_array().unwrap();
    assert_eq!(sets.len(), 5, "{report}");
    for set in sets {
        for windows in ["swap_ms", "rollback_ms"] {
            assert_eq!(set[windows].as_array().unwrap().len(), 2, "{set}");
        }
    }
    // What happens under the locks is a matter of the tables, not of their rows.
    assert_eq!(sets[1]["statements"], sets[2]["statements"]);
    assert_eq!(sets[3]["statements"], sets[4]["statements"]);
}

/// A short run of what `scripts/soak swap` does for long.
#[test]
fn readers_notice_no_swap_and_no_rollback() {
    let output = Command::new(env!("CARGO_BIN_EXE_swap_stalls"))
        .args([
            "--swaps",
            "2",
            "--script-swaps",
            "1",
            "--readers",
            "8",
            "--scale",
            "0",
            "--json",
        ])
        .args(["--report", "0.2", "0.4", "--breaks", "0.1", "0.3"])
        .output()
        .unwrap();
    let report = report(&output);
    let cutover = &report["cutover"];
    assert_eq!(cutover["done"], 4, "two swaps and two rollbacks: {report}");
    for wrong in ["errors", "deadlock_victims", "mixed"] {
        assert_eq!(cutover[wrong], 0, "{report}");
    }
    assert!(cutover["statements"].as_u64().unwrap() > 200, "{report}");
    assert!(report["script"]["statements"].as_u64().unwrap() > 0, "{report}");
}
