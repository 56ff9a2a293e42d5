//! `cutover check`.

use crate::command::Workplace;

#[tokio::test]
async fn a_check_ends_as_its_worst_finding_says() {
    let (workplace, database) = Workplace::with_database().await;
    // An empty live foretells nothing of what a release takes on disk.
    database
        .execute("INSERT INTO sites SELECT id, name FROM upstream_sites")
        .await
        .unwrap();
    let ended = workplace.run(&["check"]);
    assert_eq!(ended.status, 0, "{ended:#?}");
    assert!(
        ended.stdout.ends_with("0 errors, 0 warnings\n"),
        "{}",
        ended.stdout
    );

    database
        .execute("CREATE TABLE outside (); ALTER TABLE outside ADD s sites")
        .await
        .unwrap();
    let ended = workplace.run(&["check"]);
    assert_eq!(ended.status, 8, "{ended:#?}");
    assert!(
        ended
            .stdout
            .contains("error    swap            column s of table outside depends on sites"),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stderr.contains("1 finding stands against a release"),
        "{}",
        ended.stderr
    );

    let ended = workplace.run(&["check", "--json"]);
    assert_eq!(ended.status, 8, "{ended:#?}");
    let document: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let findings = document["check"]["findings"].as_array().unwrap();
    let worst = findings
        .iter()
        .find(|finding| finding["severity"] == "error")
        .unwrap();
    assert_eq!(worst["concern"], "swap");
    assert!(worst["remedy"].is_string(), "{worst}");
}
