//! Ctrl-C while a release is at work.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cutover_testkit::TestDatabase;
use serde_json::Value;

use crate::command::{Ended, RELEASE_FILE, Workplace};

/// An import that would take ten minutes.
fn slow() -> String {
    RELEASE_FILE.replace(
        "FROM upstream_sites ORDER BY id",
        "FROM upstream_sites, pg_sleep(600) ORDER BY id",
    )
}

async fn importing(workplace: &Workplace, database: &TestDatabase) -> Child {
    std::fs::write(workplace.path("release.toml"), slow()).unwrap();
    let child = workplace
        .command(&["release", "Sep2025"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let asleep =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
    let deadline = Instant::now() + Duration::from_mins(1);
    while database.query_text(asleep).await.unwrap() == "0" {
        assert!(Instant::now() < deadline, "the import never began");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child
}

fn send(child: &Child, signal: &str) {
    let sent = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

#[track_caller]
fn state(status: &Value) -> (&str, &str) {
    let text = |value: &Value| value.as_str().unwrap().to_owned().leak() as &str;
    (
        text(&status["status"]["activity"]["state"]),
        text(&status["status"]["latest"][0]["state"]),
    )
}

#[tokio::test]
async fn the_first_signal_stops_the_release_and_the_status_tells() {
    for signal in ["-INT", "-TERM"] {
        let (workplace, database) = Workplace::with_database().await;
        let child = importing(&workplace, &database).await;
        let running = workplace.json(&["status"]);
        assert_eq!(state(&running), ("running", "running"));
        assert_eq!(running["status"]["latest"][0]["phase"], "import_core");
        let shown = workplace.run(&["status"]).stdout;
        assert!(shown.contains("running: Sep2025 in import_core on "), "{shown}");

        // Nobody else may begin meanwhile, and is told who is at work.
        let other = workplace.run(&["release", "Oct2025"]);
        assert_eq!(other.status, 4, "{other:#?}");
        assert!(
            other.stderr.contains("in phase import_core") && other.stderr.contains("cutover abort"),
            "{other:#?}"
        );

        send(&child, signal);
        let ended: Ended = child.wait_with_output().unwrap().into();
        assert_eq!(ended.status, 130, "{ended:#?}");
        assert!(ended.stderr.contains("stopping: "), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("interrupted in phase import_core"),
            "{}",
            ended.stderr
        );

        let status = workplace.json(&["status"]);
        assert_eq!(state(&status), ("idle", "stopped"));
        let shown = workplace.run(&["status"]).stdout;
        assert!(
            shown.contains("Sep2025 stopped in import_core") && shown.contains("`cutover abort`"),
            "{shown}"
        );

        std::fs::write(workplace.path("release.toml"), RELEASE_FILE).unwrap();
        let again = workplace.run(&["release", "Sep2025"]);
        assert_eq!(again.status, 0, "{again:#?}");
    }
}

#[tokio::test]
async fn a_killed_release_is_told_as_dead() {
    let (workplace, database) = Workplace::with_database().await;
    let mut child = importing(&workplace, &database).await;
    send(&child, "-KILL");
    child.wait().unwrap();
    // The server notices when it next writes to the session, so the statement is ended here.
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    database.execute(end).await.unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    while state(&workplace.json(&["status"])).0 != "dead" {
        assert!(Instant::now() < deadline, "{}", workplace.json(&["status"]));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let shown = workplace.run(&["status"]).stdout;
    assert!(
        shown.contains("dead: Sep2025 died in import_core") && shown.contains("`cutover resume`"),
        "{shown}"
    );
    assert_eq!(workplace.run(&["abort", "--yes"]).status, 0);
    assert_eq!(state(&workplace.json(&["status"])).0, "idle");
}
