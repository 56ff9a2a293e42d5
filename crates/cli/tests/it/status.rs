//! What the status tells while a release is at work, beside the views that dashboards read.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use cutover_testkit::TestDatabase;
use serde_json::Value;

use crate::command::{Ended, RELEASE_FILE, Workplace, documented};

/// Rows that stop for half a second after the 15th, and after the 30th until a gate is open.
const GATE: &str = "
    CREATE FUNCTION gate(id bigint) RETURNS boolean LANGUAGE plpgsql SET lock_timeout = 0 AS $$
    BEGIN
        IF id = 15 THEN PERFORM pg_sleep(0.6); END IF;
        IF id = 30 THEN PERFORM pg_advisory_xact_lock_shared(42); END IF;
        RETURN true;
    END $$;
    UPDATE upstream_sites SET name = name || repeat('x', 2000);
    ANALYZE upstream_sites;
";

fn gated() -> String {
    let query =
        "SELECT s.id, s.name FROM (SELECT * FROM upstream_sites ORDER BY id OFFSET 0) s WHERE gate(s.id)";
    let file = RELEASE_FILE.replace("SELECT id, name FROM upstream_sites ORDER BY id", query);
    // Rows that the server moves itself are not seen on their way.
    file.replace("into = \"sites\"", "into = \"sites\"\nway = \"copy\"")
}

async fn until(database: &TestDatabase, release: &mut Running, condition: &str) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while database.query_text(condition).await.unwrap() != "t" {
        assert!(Instant::now() < deadline, "waited in vain: {condition}");
        assert!(!release.has_ended(), "the release ended: {condition}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A command at work; it does not outlive a test that fails.
struct Running(Option<Child>);

impl Running {
    fn spawn(workplace: &Workplace, arguments: &[&str]) -> Self {
        let mut command = workplace.command(arguments);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Self(Some(child.unwrap()))
    }

    fn has_ended(&mut self) -> bool {
        self.0.as_mut().unwrap().try_wait().unwrap().is_some()
    }

    fn wait(mut self) -> Ended {
        self.0.take().unwrap().wait_with_output().unwrap().into()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

async fn row(database: &TestDatabase, sql: &str) -> Value {
    let row = format!("SELECT row_to_json(r) FROM ({sql}) r");
    serde_json::from_str(&database.query_text(&row).await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_release_at_work_is_told_alike_by_the_command_and_by_the_views() {
    let (workplace, database) = Workplace::with_database().await;
    std::fs::write(workplace.path("release.toml"), gated()).unwrap();
    database.execute(GATE).await.unwrap();
    let gate = database.connect().await.unwrap();
    gate.batch_execute("SET application_name = 'gatekeeper'; SELECT pg_advisory_lock(42)")
        .await
        .unwrap();
    let mut release = Running::spawn(&workplace, &["release", "Sep2025"]);
    until(
        &database,
        &mut release,
        "SELECT to_regclass('cutover.import_progress') IS NOT NULL",
    )
    .await;
    until(
        &database,
        &mut release,
        "SELECT count(*) > 0 FROM cutover.importer_progress WHERE rows > 0",
    )
    .await;
    let watching = Running::spawn(&workplace, &["status", "--watch", "0.1", "--until-done"]);

    told_in_an_import(&workplace, &database).await;

    // Held up before the swap.
    let reader = database.connect().await.unwrap();
    reader
        .batch_execute("SET application_name = 'long report'; BEGIN; SELECT count(*) FROM sites")
        .await
        .unwrap();
    gate.batch_execute("SELECT pg_advisory_unlock(42)").await.unwrap();
    until(
        &database,
        &mut release,
        "SELECT count(*) = 1 FROM cutover.status WHERE waits_for = 'locks'",
    )
    .await;
    told_before_the_swap(&workplace);
    reader.batch_execute("COMMIT").await.unwrap();

    let released = release.wait();
    assert_eq!(released.status, 0, "{released:#?}");
    let watched = watching.wait();
    assert_eq!((watched.status, watched.stderr.as_str()), (0, ""), "{watched:#?}");
    let lines: Vec<&str> = watched.stdout.lines().collect();
    assert!(lines.len() > 2, "{lines:#?}");
    assert!(lines[0].contains("parks: Sep2025 in import_core"), "{lines:#?}");
    assert!(
        lines
            .iter()
            .any(|line| line.contains("waits for the locks of the swap")),
        "{lines:#?}"
    );
    let last = lines.last().unwrap();
    assert!(
        last.contains("parks: idle · live Sep2025 since") && last.ends_with("1 backup set"),
        "{last}"
    );

    told_afterwards(&workplace, &database).await;
    assert_eq!(workplace.run(&["status", "--watch", "nonsense"]).status, 2);
}

/// Held up in the middle of an import.
async fn told_in_an_import(workplace: &Workplace, database: &TestDatabase) {
    let document = workplace.json(&["status"]);
    let status = &document["status"];
    documented(status);
    let importer = &status["importers"][0];
    documented(importer);
    assert_eq!(importer["importer"], "sites");
    assert_eq!(importer["state"], "running", "{status:#}");
    assert_eq!(importer["committed_rows"], 0);
    let blocked = &status["blocked"][0];
    documented(blocked);
    assert_eq!(
        (blocked["lock"].as_str(), blocked["by"][0]["application"].as_str()),
        (Some("advisory"), Some("gatekeeper"))
    );
    let view = row(database, "SELECT * FROM cutover.status").await;
    assert_eq!(view["activity"], status["activity"]["state"]);
    assert_eq!(view["holder_pid"], status["activity"]["holder"]["pid"]);
    let latest = &status["latest"][0];
    for field in ["label", "state", "phase", "host", "client_pid"] {
        assert_eq!(view[field], latest[field], "{field}");
    }
    assert_eq!(
        (&view["importers"], &view["importers_done"]),
        (&1.into(), &0.into())
    );
    assert_eq!(view["rows"], importer["rows"]);
    let view = row(database, "SELECT * FROM cutover.importer_progress").await;
    for (field, told) in importer.as_object().unwrap() {
        if !field.ends_with("_at") {
            assert_eq!(view[field], *told, "{field}");
        }
    }
    let rows = importer["rows"].as_i64().unwrap();
    let expected = importer["expected_rows"].as_i64().unwrap();
    let shown = workplace.run(&["status"]).stdout;
    assert!(
        shown.contains(&format!("{expected} ({} %)", (rows * 100 / expected).min(100))),
        "{shown}"
    );
    assert!(
        shown.contains("has waited for a lock (advisory) for") && shown.contains("\"gatekeeper\""),
        "{shown}"
    );
    let line = workplace.run(&["status", "--oneline"]).stdout;
    assert!(
        line.starts_with("parks: Sep2025 in import_core, blocked by pid ")
            && line.contains(&format!("0 of 1 importer, {rows} rows")),
        "{line}"
    );
    assert_eq!(line.lines().count(), 1, "{line}");
}

/// Held up by a reader.
fn told_before_the_swap(workplace: &Workplace) {
    let status = workplace.json(&["status"]);
    let waiting = &status["status"]["waiting"];
    documented(waiting);
    assert_eq!(
        (
            waiting["for"].as_str(),
            waiting["blockers"][0]["application"].as_str()
        ),
        (Some("locks"), Some("long report"))
    );
    let shown = workplace.run(&["status"]).stdout;
    assert!(
        shown.contains("for the locks of the swap; at attempt ") && shown.contains("\"long report\""),
        "{shown}"
    );
}

async fn told_afterwards(workplace: &Workplace, database: &TestDatabase) {
    let view = row(database, "SELECT * FROM cutover.status").await;
    assert_eq!(
        (
            view["activity"].as_str(),
            view["live_label"].as_str(),
            &view["waits_for"]
        ),
        (Some("idle"), Some("Sep2025"), &Value::Null)
    );
    let backups = workplace.json(&["backups"]);
    let view = row(
        database,
        "SELECT stamp, release, label, relations, bytes FROM cutover.backup",
    )
    .await;
    for (field, value) in view.as_object().unwrap() {
        assert_eq!(*value, backups["backups"][0][field], "{field}");
    }
}
