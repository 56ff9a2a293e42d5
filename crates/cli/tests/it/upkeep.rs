use serde_json::json;

use crate::command::{Ended, Workplace, documented};

/// Two releases: one backup set of what was there before, one of the first month.
async fn two_months() -> (Workplace, cutover_testkit::TestDatabase) {
    let (workplace, database) = Workplace::with_database().await;
    for label in ["Sep2025", "Oct2025"] {
        let ended = workplace.run(&["release", label, "--quiet"]);
        assert_eq!(ended.status, 0, "{ended:#?}");
        database
            .execute("DELETE FROM upstream_visits; DELETE FROM upstream_sites WHERE id > 39")
            .await
            .unwrap();
    }
    (workplace, database)
}

fn stamps(workplace: &Workplace) -> Vec<String> {
    let backups = workplace.json(&["backups"])["backups"].clone();
    let stamp = |set: &serde_json::Value| set["stamp"].as_str().unwrap().to_owned();
    backups.as_array().unwrap().iter().map(stamp).collect()
}

#[tokio::test]
async fn space_is_told_by_set() {
    let (workplace, _database) = two_months().await;
    let ended = workplace.run(&["space"]);
    assert_eq!(ended.status, 0, "{ended:#?}");
    let headings: Vec<&str> = ended
        .stdout
        .lines()
        .filter(|line| line.contains(" % of the database"))
        .collect();
    assert_eq!(headings.len(), 3, "{}", ended.stdout);
    assert!(headings[0].starts_with("live, Oct2025: "), "{}", ended.stdout);
    let newest = &stamps(&workplace)[0];
    assert!(
        headings[1].starts_with(&format!("backup set {newest}, Sep2025: ")),
        "{}",
        ended.stdout
    );
    assert!(
        headings[1].ends_with(&format!("`cutover drop backups {newest}` frees it")),
        "{}",
        ended.stdout
    );

    let document = workplace.json(&["space"]);
    let sets = document["space"]["sets"].as_array().unwrap();
    assert_eq!(sets[0]["set"], "live");
    assert_eq!(sets[1]["set"], json!({ "backup": newest }));
    assert_eq!(sets[0]["relations"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_audit_tells_what_a_release_changed() {
    let (workplace, database) = Workplace::with_database().await;
    let first = workplace.run(&["release", "Sep2025", "--quiet"]);
    assert_eq!(first.status, 0, "{first:#?}");
    let audit = workplace.run(&["audit", "snapshot", "--checksums"]);
    assert_eq!(audit.status, 0, "{audit:#?}");
    assert_eq!(
        audit.document()["audit_snapshot"]["relations"]["sites"]["rows"],
        "40"
    );
    std::fs::write(workplace.path("before.json"), &audit.stdout).unwrap();

    let same = workplace.run(&["audit", "diff", "before.json"]);
    assert_eq!(
        (same.status, same.stdout.as_str()),
        (0, "Nothing differs.\n"),
        "{same:#?}"
    );

    database
        .execute("DELETE FROM upstream_visits; DELETE FROM upstream_sites WHERE id > 30")
        .await
        .unwrap();
    let second = workplace.run(&["release", "Oct2025", "--quiet"]);
    assert_eq!(second.status, 0, "{second:#?}");
    let diff = workplace.run(&["audit", "diff", "before.json"]);
    assert_eq!(diff.status, 12, "{diff:#?}");
    assert!(diff.stdout.contains("sites\n"), "{}", diff.stdout);
    assert!(
        diff.stdout.contains("  rows: 40 → 30 (-25.0 %)\n"),
        "{}",
        diff.stdout
    );
    assert!(diff.stdout.contains("  checksum: "), "{}", diff.stdout);
    assert_eq!(
        workplace
            .run(&["audit", "diff", "before.json", "--structure"])
            .status,
        0
    );

    let stamp = &stamps(&workplace)[0];
    let back = workplace.run(&["rollback", stamp, "--yes", "--quiet"]);
    assert_eq!(back.status, 0, "{back:#?}");
    assert_eq!(workplace.run(&["audit", "diff", "before.json"]).status, 0);

    let wrong = workplace.run(&["audit", "diff", "release.toml"]);
    assert_eq!(wrong.status, 2, "{wrong:#?}");
    assert!(wrong.stderr.contains("release.toml"), "{}", wrong.stderr);
}

#[tokio::test]
async fn a_dry_run_of_a_rollback_ends_as_the_rollback_would() {
    let (workplace, database) = two_months().await;
    let [newest, _] = <[String; 2]>::try_from(stamps(&workplace)).unwrap();
    let sites = async || database.query_text("SELECT count(*) FROM sites").await.unwrap();
    let (before, dry_run) = (sites().await, ["rollback", &newest, "--dry-run"]);
    assert_eq!(workplace.run(&dry_run).status, 0);
    for destroys in [["rollback", &newest, "--yes"], ["drop", "backups", &newest]] {
        let mut command = workplace.command(&destroys);
        let ended: Ended = command.env("CUTOVER_DRY_RUN", "1").output().unwrap().into();
        assert_eq!(ended.status, 0, "{ended:#?}");
        assert_eq!((sites().await, stamps(&workplace).len()), (before.clone(), 2));
    }

    database
        .execute("UPDATE sites SET name = name || '!' WHERE id = 1")
        .await
        .unwrap();
    let told = "SELECT n_tup_upd > 0 FROM pg_stat_user_tables WHERE relname = 'sites'";
    while database.query_text(told).await.unwrap() != "t" {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let refused = workplace.run(&dry_run);
    assert_eq!(refused.status, 8, "{refused:#?}");
    assert!(
        refused
            .stdout
            .starts_with("-- refused unless --allow-lost-writes: written since it went live: ")
            && refused.stderr.contains("would be refused"),
        "{refused:#?}"
    );
    let document = workplace.run(&["rollback", &newest, "--dry-run", "--json"]);
    assert_eq!(document.status, 8, "{document:#?}");
    let plan = &document.document()["rollback_plan"];
    assert_eq!(plan["writes"][0]["writes"], json!({ "rows": 1 }));
    documented(plan);
    documented(&plan["plan"]);
    documented(&plan["plan"]["switch"]["steps"][0]);
    assert_eq!(
        (&plan["writes_allowed"], &plan["orphans_allowed"]),
        (&json!(false), &json!(false))
    );
    let allowed = workplace.run(&["rollback", &newest, "--dry-run", "--allow-lost-writes"]);
    assert_eq!(allowed.status, 0, "{allowed:#?}");
    assert_eq!(sites().await, before);
}

#[tokio::test]
async fn backup_sets_are_dropped_when_that_was_meant() {
    let (workplace, database) = two_months().await;
    let [newest, oldest] = <[String; 2]>::try_from(stamps(&workplace)).unwrap();

    let plan = workplace.run(&["drop", "backups", &oldest, "--dry-run"]);
    assert_eq!(plan.status, 0, "{plan:#?}");
    assert!(
        plan.stdout
            .contains(&format!("DROP TABLE \"public\".\"bk{oldest}_visits\"")),
        "{}",
        plan.stdout
    );
    let unsaid = workplace.run(&["drop", "backups", &oldest]);
    assert_eq!(unsaid.status, 2, "{unsaid:#?}");
    let unknown = workplace.run(&["drop", "backups", "9901010000", "--yes"]);
    assert_eq!(unknown.status, 8, "{unknown:#?}");
    assert!(unknown.stderr.contains(&newest), "{}", unknown.stderr);
    assert_eq!(stamps(&workplace).len(), 2);

    database
        .execute(&format!("CREATE VIEW history AS SELECT * FROM bk{oldest}_sites"))
        .await
        .unwrap();
    let dropped = workplace.json(&["drop", "backups", "--keep", "0", "--yes"]);
    assert_eq!(dropped["drop_backups"]["dropped"], json!([newest]));
    assert_eq!(
        dropped["drop_backups"]["kept"],
        json!([{ "stamp": oldest, "because": ["view \"public\".\"history\""] }])
    );
    assert_eq!(stamps(&workplace), [oldest]);
}

#[tokio::test]
async fn staging_that_was_left_behind_is_dropped() {
    let (workplace, _database) = Workplace::with_database().await;
    let stopped = workplace.run(&["release", "Sep2025", "--stop-after", "import_core", "--quiet"]);
    assert_eq!(stopped.status, 0, "{stopped:#?}");
    let sets = |ended: Ended| ended.document()["space"]["sets"].as_array().unwrap().len();
    assert_eq!(sets(workplace.run(&["space", "--json", "--quiet"])), 2);
    let dropped = workplace.json(&["drop", "staging", "--yes"]);
    assert_eq!(dropped["drop_staging"]["removed"], 2);
    assert_eq!(sets(workplace.run(&["space", "--json", "--quiet"])), 1);
}

/// A database that never saw a release.
#[tokio::test]
async fn there_is_nothing_to_drop_at_first() {
    let (workplace, _database) = Workplace::with_database().await;
    let dropped = workplace.run(&["drop", "backups", "--keep", "1", "--yes"]);
    assert_eq!(dropped.status, 0, "{dropped:#?}");
    assert_eq!(dropped.stdout, "0 backup sets dropped, 0 B freed.\n");
    assert_eq!(
        workplace.json(&["space"])["space"]["sets"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_swap_is_rehearsed_with_what_stands_in_staging() {
    let (workplace, database) = Workplace::with_database().await;
    let nothing = workplace.run(&["rehearse"]);
    assert_eq!(nothing.status, 8, "{nothing:#?}");
    let stopped = workplace.run(&[
        "release",
        "Sep2025",
        "--stop-after",
        "validate_and_manifest",
        "--quiet",
    ]);
    assert_eq!(stopped.status, 0, "{stopped:#?}");
    let rehearsed = workplace.run(&["rehearse"]);
    assert_eq!(rehearsed.status, 0, "{rehearsed:#?}");
    assert!(
        rehearsed
            .stdout
            .starts_with("Sep2025: 2 relations would change places. Rolled back; live is as it was.\n"),
        "{}",
        rehearsed.stdout
    );
    assert_eq!(
        workplace.json(&["rehearse"])["rehearse"]["rehearsal"]["relations"],
        2
    );
    assert_eq!(
        database.query_text("SELECT count(*) FROM sites").await.unwrap(),
        "0"
    );
    let swapped = workplace.run(&["release", "--start-at", "finalise_swap", "--quiet"]);
    assert_eq!(swapped.status, 0, "{swapped:#?}");
    assert_eq!(
        database.query_text("SELECT count(*) FROM sites").await.unwrap(),
        "40"
    );
}
