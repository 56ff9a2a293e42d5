//! A release, its status, its backup set and its rollback, through the command.

use std::path::Path;

use cutover_testkit::Cluster;
use serde_json::Value;

use crate::command::{RELEASE_FILE, Workplace, documented};
use crate::redact::redacted;

fn stamp(report: &Value) -> String {
    report["swap"]["backup"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_status_of_a_database_that_never_saw_a_release() {
    let (workplace, _database) = Workplace::with_database().await;
    let ended = workplace.run(&["status"]);
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    insta::assert_snapshot!(ended.stdout, @r"
    parks

      live      what was there before the first release
      activity  idle
    ");
    insta::assert_json_snapshot!(redacted(workplace.json(&["status"])));
}

#[tokio::test]
async fn what_nobody_recorded_is_shown_and_left_alone() {
    let (workplace, database) = Workplace::with_database().await;
    database
        .execute("CREATE TABLE bk2501010000_sites (id bigint)")
        .await
        .unwrap();
    assert_eq!(workplace.run(&["release", "Sep2025"]).status, 0);
    let status = workplace.run(&["status"]).stdout;
    assert!(
        status.contains("unmanaged relations") && status.contains("bk2501010000_sites"),
        "{status}"
    );
    assert_eq!(workplace.run(&["abort", "--yes"]).status, 0);
    assert_eq!(
        database
            .query_text("SELECT count(*) FROM bk2501010000_sites")
            .await
            .unwrap(),
        "0"
    );
}

#[tokio::test]
async fn a_release_goes_live_and_back() {
    let (workplace, database) = Workplace::with_database().await;
    let sites = async || database.query_text("SELECT count(*) FROM sites").await.unwrap();

    let released = workplace.run(&["release", "Sep2025"]);
    assert_eq!(released.status, 0, "{released:#?}");
    assert!(
        released
            .stdout
            .contains("Sep2025 is live: 2 relations changed places"),
        "{}",
        released.stdout
    );
    let done: Vec<&str> = released
        .stderr
        .lines()
        .filter(|line| line.starts_with('✓'))
        .collect();
    assert_eq!(done.len(), 11, "a line for each phase:\n{}", released.stderr);
    assert_eq!(sites().await, "40");

    database
        .execute("DELETE FROM upstream_visits; DELETE FROM upstream_sites WHERE id > 39")
        .await
        .unwrap();
    let released = workplace.json(&["release", "Oct2025"]);
    insta::assert_json_snapshot!("release", redacted(released.clone()));
    documented(&released["release"]);
    documented(&released["release"]["manifest"]);
    documented(&released["release"]["manifest"]["relations"]["sites"]);
    assert_eq!(sites().await, "39");
    insta::assert_json_snapshot!("backups", redacted(workplace.json(&["backups"])));
    insta::assert_json_snapshot!("status", redacted(workplace.json(&["status"])));

    let stamp = stamp(&released["release"]);
    let status = workplace.run(&["status"]).stdout;
    assert!(status.contains("live      Oct2025 since "), "{status}");
    assert!(
        status.contains(&format!("undo      cutover rollback {stamp}")),
        "{status}"
    );

    let taken_back = workplace.json(&["rollback", &stamp, "--yes"]);
    insta::assert_json_snapshot!("rollback", redacted(taken_back));
    assert_eq!(sites().await, "40");
    let status = workplace.run(&["status"]).stdout;
    assert!(status.contains("live      Sep2025 since "), "{status}");
    assert!(
        status.contains(&format!("back from backup set {stamp}")),
        "{status}"
    );
}

#[tokio::test]
async fn the_first_phases_by_themselves() {
    let (workplace, database) = Workplace::with_database().await;
    database
        .execute(
            "CREATE MATERIALIZED VIEW upstream_names AS SELECT name FROM upstream_sites WHERE id > 38;
             CREATE UNIQUE INDEX ON upstream_names (name)",
        )
        .await
        .unwrap();
    database
        .execute("DELETE FROM upstream_sites WHERE id > 39")
        .await
        .unwrap();
    let refresh = "[refresh]\nviews = [\"upstream_names\"]\n";
    std::fs::write(workplace.path("release.toml"), [RELEASE_FILE, refresh].concat()).unwrap();
    let one = async |sql: &str| database.query_text(sql).await.unwrap();

    // What a variable selects is meant for releases.
    let refreshed = workplace
        .command(&["refresh"])
        .env("CUTOVER_START_AT", "import_core")
        .output()
        .unwrap();
    let told = String::from_utf8(refreshed.stdout).unwrap();
    assert!(refreshed.status.success(), "{told}");
    assert!(
        told.ends_with(" stopped after refresh_views, as it was asked to; live is as it was.\n"),
        "{told}"
    );
    assert_eq!(
        one("SELECT string_agg(name, ',') FROM upstream_names").await,
        "site 39"
    );
    assert_eq!(one("SELECT to_regclass('staging_sites') IS NULL").await, "t");

    let sampled = workplace.json(&["import", "Sep2025", "--only", "sites", "--sample", "7"]);
    assert_eq!(sampled["release"]["state"], "stopped");
    assert_eq!(one("SELECT count(*) FROM staging_sites").await, "7");
    let refused = workplace.run(&["resume"]);
    assert!(
        refused.status == 8 && refused.stderr.contains("only a part of the dataset\n"),
        "{refused:#?}"
    );

    let imported = workplace.run(&["import", "Sep2025"]);
    assert_eq!(imported.status, 0, "{imported:#?}");
    assert!(
        imported.stdout.contains("stopped after import_related"),
        "{imported:#?}"
    );
    assert!(
        imported.stdout.contains("`cutover abort` removes it"),
        "{imported:#?}"
    );
    assert_eq!(one("SELECT count(*) FROM staging_visits").await, "98");
    assert_eq!(one("SELECT count(*) FROM sites").await, "0");
    let resumed = workplace.run(&["resume"]);
    assert_eq!(resumed.status, 0, "{resumed:#?}");
    assert_eq!(one("SELECT count(*) FROM sites").await, "39");
}

#[tokio::test]
async fn events_are_lines_of_json_on_stderr_and_in_the_log() {
    let (workplace, _database) = Workplace::with_database().await;
    let ended = workplace
        .command(&["release", "Sep2025", "--json"])
        .env("CUTOVER_LOG_PATH", "log/events.jsonl")
        .env("CUTOVER_METRICS_FILE", "cutover.prom")
        .output();
    let ended: crate::command::Ended = ended.unwrap().into();
    assert_eq!(ended.status, 0, "{ended:#?}");
    let kinds = |text: &str| -> Vec<String> {
        let kind = |line: &str| {
            serde_json::from_str::<Value>(line).unwrap()["event"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        text.lines().map(kind).collect()
    };
    let shown = kinds(&ended.stderr);
    assert_eq!(
        shown.iter().filter(|kind| *kind == "phase_finished").count(),
        11,
        "{shown:?}"
    );
    assert!(shown.contains(&"swapped".to_owned()), "{shown:?}");
    let log = std::fs::read_to_string(workplace.path("log/events.jsonl")).unwrap();
    assert_eq!(kinds(&log), shown);

    let metrics = std::fs::read_to_string(workplace.path("cutover.prom")).unwrap();
    for line in [
        r#"cutover_release_state{release_set="parks",state="completed"} 1.0"#,
        r#"cutover_importer_rows{release_set="parks",importer="sites"} 40.0"#,
        r#"cutover_swap_attempts{release_set="parks"} 1.0"#,
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    let ended = workplace.run(&["release", "Oct2025", "--metrics-file", "/dev/full/cutover.prom"]);
    assert_eq!(ended.status, 0, "{ended:#?}");
    let warnings = ended
        .stderr
        .matches("the metrics file /dev/full/cutover.prom could not be written")
        .count();
    assert_eq!(warnings, 1, "{ended:#?}");
}

#[tokio::test]
async fn a_plan_names_the_locks_and_changes_nothing() {
    let (workplace, database) = Workplace::with_database().await;
    let dump = || {
        Cluster::shared()
            .pg_dump(database.name(), &["--schema-only"])
            .unwrap()
    };
    let relations = "SELECT count(*) FROM pg_class";
    let before = database.query_text(relations).await.unwrap();
    let plan = workplace.run(&["plan"]);
    assert_eq!(plan.status, 0, "{plan:#?}");
    assert!(
        plan.stdout.contains("-- ===== finalise_swap =====") && plan.stdout.contains("ACCESS EXCLUSIVE"),
        "{}",
        plan.stdout
    );
    assert!(
        plan.stdout
            .contains(r#"ALTER TABLE "public"."staging_sites" RENAME TO "sites""#),
        "{}",
        plan.stdout
    );
    assert_eq!(database.query_text(relations).await.unwrap(), before);
    assert!(!dump().contains("CREATE SCHEMA cutover"));
    assert!(workplace.json(&["plan"])["plan"]["plans"].is_array());
}

#[tokio::test]
async fn a_dry_run_leaves_live_alone() {
    let (workplace, database) = Workplace::with_database().await;
    let ended = workplace.run(&["release", "Sep2025", "--dry-run"]);
    assert_eq!(ended.status, 0, "{ended:#?}");
    assert!(ended.stdout.contains("live is as it was"), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("sites"),
        "the manifest is shown:\n{}",
        ended.stdout
    );
    assert_eq!(
        database.query_text("SELECT count(*) FROM sites").await.unwrap(),
        "0"
    );
    let aborted = workplace.json(&["abort", "--yes"]);
    insta::assert_json_snapshot!("abort", redacted(aborted));
    assert_eq!(
        database
            .query_text("SELECT to_regclass('staging_sites') IS NULL")
            .await
            .unwrap(),
        "t"
    );
}

#[tokio::test]
async fn a_preflight_that_finds_something_has_its_own_status() {
    let (workplace, database) = Workplace::with_database().await;
    let ended = workplace.run(&["preflight"]);
    assert_eq!(ended.status, 0, "{ended:#?}");
    database.execute("DELETE FROM upstream_sites").await.unwrap();
    let ended = workplace.run(&["preflight"]);
    assert_eq!(ended.status, 5, "{ended:#?}");
    assert!(
        ended.stdout.contains("FAILED") && ended.stderr.contains("1 of 1 checks failed"),
        "{ended:#?}"
    );
    let ended = workplace.run(&["preflight", "--json", "--findings", "found"]);
    assert_eq!(ended.status, 5);
    let found: Value =
        serde_json::from_slice(&std::fs::read(workplace.path("found/preflight.json")).unwrap()).unwrap();
    assert_eq!(found["checks"], ended.document()["preflight"]["checks"]);
    assert!(workplace.path("found/preflight.geojson").exists());
    insta::assert_json_snapshot!("preflight", redacted(ended.document()));
    let in_the_way = workplace.run(&["preflight", "--findings", "release.toml"]);
    assert_eq!(in_the_way.status, 5, "{in_the_way:#?}");
    let warning = "could not write what the preflight found to";
    assert!(in_the_way.stderr.contains(warning), "{in_the_way:#?}");
    let ended = workplace.run(&["release", "Sep2025", "--json"]);
    assert_eq!(ended.status, 5, "{ended:#?}");
    let document = ended.document();
    assert_eq!(document["error"]["class"], "preflight");
    assert!(document["error"]["preflight"]["checks"].is_array(), "{document}");
}

#[tokio::test]
async fn an_unknown_stamp_is_refused_with_those_there_are() {
    let (workplace, _database) = Workplace::with_database().await;
    let known = stamp(&workplace.json(&["release", "Sep2025"])["release"]);
    for arguments in [
        &["rollback", "0001010000"][..],
        &["rollback", "0001010000", "--yes"],
    ] {
        let ended = workplace.run(arguments);
        assert_eq!(ended.status, 8, "{ended:#?}");
        assert!(
            ended.stderr.contains("there is no backup set 0001010000") && ended.stderr.contains(&known),
            "{ended:#?}"
        );
    }
    let ended = workplace.run(&["rollback", "yesterday"]);
    assert_eq!(ended.status, 2, "{ended:#?}");
    assert!(ended.stderr.contains("is no backup stamp"), "{ended:#?}");
}

#[tokio::test]
async fn without_a_terminal_and_without_yes_nothing_is_taken_back() {
    let (workplace, database) = Workplace::with_database().await;
    let stamp = stamp(&workplace.json(&["release", "Sep2025"])["release"]);
    for arguments in [&["rollback", &stamp][..], &["abort"]] {
        let ended = workplace.run(arguments);
        assert_eq!(ended.status, 2, "{ended:#?}");
        assert!(ended.stderr.contains("remedy: add --yes"), "{}", ended.stderr);
    }
    assert_eq!(
        database.query_text("SELECT count(*) FROM sites").await.unwrap(),
        "40"
    );
}

#[tokio::test]
async fn a_release_file_that_names_rust_code_is_for_another_program() {
    let (workplace, database) = Workplace::with_database().await;
    let file = RELEASE_FILE.replace(
        "query = \"SELECT id, name FROM upstream_sites ORDER BY id\"",
        "rust = \"sites_of_the_field_trip\"",
    );
    std::fs::write(workplace.path("release.toml"), file).unwrap();
    for command in [&["release", "Sep2025"][..], &["plan"]] {
        let ended = workplace.run(command);
        assert_eq!(ended.status, 2, "{ended:#?}");
        assert!(ended.stdout.is_empty(), "{ended:#?}");
        let told = "importer sites is Rust code named \"sites_of_the_field_trip\", which this program does not have; it has: none";
        let remedy = "remedy: run it with the program that has this code (`Cutover::importer`)";
        assert!(
            ended.stderr.contains(told) && ended.stderr.contains(remedy),
            "{}",
            ended.stderr
        );
    }
    let untouched =
        "SELECT (to_regclass('staging_sites') IS NULL AND to_regnamespace('cutover') IS NULL)::text";
    assert_eq!(database.query_text(untouched).await.unwrap(), "true");
}

#[tokio::test]
async fn relative_paths_start_at_the_release_files_folder() {
    let (workplace, database) = Workplace::with_database().await;
    let file = RELEASE_FILE.replace(
        "query = \"SELECT id, name FROM upstream_sites ORDER BY id\"",
        "csv = \"data/sites_{{ month }}.csv\"",
    );
    std::fs::create_dir_all(workplace.path("set/data")).unwrap();
    std::fs::write(workplace.path("set/release.toml"), file).unwrap();
    std::fs::write(
        workplace.path("set/data/sites_Sep2025.csv"),
        "id,name\n1,Northern moor\n",
    )
    .unwrap();
    let path = workplace.path("set/release.toml");
    let relative = path
        .strip_prefix(workplace.folder())
        .unwrap_or(Path::new(""))
        .to_str()
        .unwrap();
    let ended = workplace.run(&["-f", relative, "release", "Sep2025"]);
    assert_eq!(ended.status, 0, "{ended:#?}");
    assert_eq!(
        database.query_text("SELECT name FROM sites").await.unwrap(),
        "Northern moor"
    );
}
