//! Importers that run at once: in order where they must, each for itself where one fails, is cut off or killed.

use std::path::Path;

use cutover::{ReleaseError, ReleaseOptions, ReleaseReport, Selection, StopSignal, stop_pair};
use cutover_core::release_file::Label;
use cutover_core::{EventKind, Phase};
use cutover_testkit::{Cluster, TestDatabase};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::child::{self, Task};
use crate::world::{Ear, Site, assert_same_dump, cutover, wait_until};

const RELEASE_FILE: &str = r#"
[release]
name = "waters"
tables = ["rivers", "lakes", "mouths"]

[target]
url = "env:DATABASE_URL"

[load]
jobs = 2

[[import]]
name = "rivers"
into = "rivers"
from = "portal_waters"
key = ["id"]

[[import]]
name = "lakes"
into = "lakes"
from = "portal_waters"
key = ["id"]

[[import]]
name = "mouths"
into = "mouths"
after = ["rivers"]
query = "SELECT id, title FROM {{ staging('rivers') }}"
"#;

/// A row in the middle waits for whoever holds the table's lock, in the session that writes it: chunks before it are in.
const SCHEMA: &str = "
    CREATE FUNCTION in_the_middle(which text, id bigint) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        IF id = 600 THEN
            PERFORM pg_advisory_xact_lock_shared(hashtext(which));
        END IF;
        RETURN true;
    END $$;
    CREATE TABLE portal_waters AS SELECT n::bigint AS id, repeat('water ' || n, 5) AS title FROM generate_series(1, 1000) n;
    CREATE TABLE rivers (id bigint, title text, CHECK (in_the_middle('rivers', id)));
    CREATE TABLE lakes (id bigint, title text, CHECK (in_the_middle('lakes', id)));
    CREATE TABLE mouths (id bigint, title text);";

const CHUNK_BYTES: usize = 5_000;
const ROWS_OF: &str = "SELECT string_agg(to_jsonb(w)::text, E'\\n' ORDER BY id) FROM";

struct Waters {
    database: TestDatabase,
    directory: TempDir,
    /// Holds up what `hold_up` names.
    blocker: Client,
}

impl Waters {
    async fn new() -> Self {
        let database = Cluster::shared().empty_database().await.unwrap();
        database.execute(SCHEMA).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("release.toml"), RELEASE_FILE).unwrap();
        let blocker = database.connect().await.unwrap();
        Self {
            database,
            directory,
            blocker,
        }
    }

    fn url(&self) -> String {
        format!("{}?sslmode=disable", self.database.url())
    }

    fn directory(&self) -> &Path {
        self.directory.path()
    }

    async fn hold_up(&self, table: &str) {
        let lock = format!("SELECT pg_advisory_lock(hashtext('{table}'))");
        self.blocker.batch_execute(&lock).await.unwrap();
    }

    async fn let_go(&self, table: &str) {
        let unlock = format!("SELECT pg_advisory_unlock(hashtext('{table}'))");
        self.blocker.batch_execute(&unlock).await.unwrap();
    }

    /// Waits until so many importers are held up.
    async fn until_held_up(&self, importers: i64) {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                        AND wait_event = 'advisory' AND application_name LIKE 'cutover: waters %'";
        wait_until("importers are held up", async || {
            let row = self.blocker.query_one(waiting, &[]).await.unwrap();
            row.get::<_, i64>(0) == importers
        })
        .await;
    }

    fn release(&self, options: ReleaseOptions) -> (JoinHandle<Result<ReleaseReport, ReleaseError>>, Ear) {
        self.release_until(options, StopSignal::never())
    }

    fn release_until(
        &self,
        options: ReleaseOptions,
        stop: StopSignal,
    ) -> (JoinHandle<Result<ReleaseReport, ReleaseError>>, Ear) {
        let (cutover, ear) = (cutover(&self.url(), self.directory()), Ear::default());
        let events = ear.events();
        let options = options.chunk_bytes(CHUNK_BYTES);
        let run = async move { cutover.release(&options, stop, &events).await };
        (tokio::spawn(run), ear)
    }

    /// Every row is in once, in all three tables.
    async fn assert_whole(&self) {
        let text = |table: &str| format!("{ROWS_OF} {table} w");
        let expected = self.database.query_text(&text("portal_waters")).await.unwrap();
        for table in ["rivers", "lakes", "mouths"] {
            let rows = self.database.query_text(&text(table)).await.unwrap();
            assert!(rows == expected, "{table} is not whole");
        }
    }

    async fn chunks_of(&self, importer: &str) -> u64 {
        let chunks = format!("SELECT count(*) FROM cutover.checkpoint WHERE importer = '{importer}'");
        self.database.query_text(&chunks).await.unwrap().parse().unwrap()
    }
}

fn all() -> ReleaseOptions {
    ReleaseOptions::default().label(Label::new("Jan2026").unwrap())
}

fn from_the_import_on() -> ReleaseOptions {
    ReleaseOptions::default().selection(Selection::all().start_at(Phase::ImportCore).unwrap())
}

fn importers(ear: &Ear, choose: impl Fn(EventKind) -> Option<String>) -> Vec<String> {
    ear.heard().into_iter().filter_map(choose).collect()
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

fn finished(event: EventKind) -> Option<String> {
    match event {
        EventKind::ImportFinished { importer, .. } => Some(importer),
        _ => None,
    }
}

fn started(event: EventKind) -> Option<String> {
    match event {
        EventKind::ImportStarted { importer, .. } => Some(importer),
        _ => None,
    }
}

#[tokio::test]
async fn the_independent_run_at_once_and_the_others_after_what_they_wait_for() {
    let waters = Waters::new().await;
    waters.hold_up("rivers").await;
    waters.hold_up("lakes").await;
    let (run, ear) = waters.release(all());
    waters.until_held_up(2).await;
    // Which of them gets as far as to tell so first is chance.
    assert_eq!(sorted(importers(&ear, started)), ["lakes", "rivers"]);
    assert_eq!(importers(&ear, finished), Vec::<String>::new());

    waters.let_go("lakes").await;
    wait_until("lakes are in", async || importers(&ear, finished) == ["lakes"]).await;
    waters.until_held_up(1).await;
    waters.let_go("rivers").await;
    let report = run.await.unwrap().unwrap();
    assert_eq!(importers(&ear, finished), ["lakes", "rivers", "mouths"]);
    assert_eq!(importers(&ear, started)[2..], ["mouths"]);
    let summary = &report
        .phases
        .iter()
        .find(|done| done.phase == Phase::ImportCore)
        .unwrap()
        .summary;
    assert!(summary.starts_with("3 importers, 3000 rows"), "{summary}");
    waters.assert_whole().await;
}

/// One of two loses its connection: what is under way beside it is brought to its end and not imported again, and it goes on
/// behind its own last chunk.
#[tokio::test]
async fn one_that_is_cut_off_leaves_the_other_its_work() {
    let waters = Waters::new().await;
    waters.hold_up("rivers").await;
    waters.hold_up("lakes").await;
    let (run, ear) = waters.release(all());
    waters.until_held_up(2).await;
    let of_lakes = "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a JOIN pg_locks l USING (pid) \
                     WHERE a.wait_event = 'advisory' AND l.relation = 'staging_lakes'::regclass AND l.granted";
    waters.blocker.query_one(of_lakes, &[]).await.unwrap();
    wait_until("lakes are told", async || {
        let told =
            "importer lakes failed; no other is begun, and those under way (1) are worked to their end";
        ear.warnings().iter().any(|warning| warning.starts_with(told))
    })
    .await;
    waters.let_go("rivers").await;
    let error = run.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("importer lakes"), "{error}");
    assert_eq!(importers(&ear, finished), ["rivers"]);

    let before = waters.chunks_of("lakes").await;
    assert!(before > 1);
    waters.let_go("lakes").await;
    let (run, ear) = waters.release(from_the_import_on());
    run.await.unwrap().unwrap();
    assert_eq!(sorted(importers(&ear, started)), ["lakes", "mouths"]);
    waters.assert_whole().await;
}

/// Both are cancelled then: neither has failed, and neither is worked to its end.
#[tokio::test]
async fn two_that_are_stopped_are_not_told_as_failed() {
    let waters = Waters::new().await;
    waters.hold_up("rivers").await;
    waters.hold_up("lakes").await;
    let (stop, signal) = stop_pair();
    let (run, ear) = waters.release_until(all(), signal);
    waters.until_held_up(2).await;
    stop.ask();
    let error = run.await.unwrap().unwrap_err();
    assert!(matches!(error, ReleaseError::Stopped { .. }), "{error}");
    assert_eq!(ear.warnings(), Vec::<String>::new());
}

/// Killed with two at work, both go on behind their last chunks.
#[tokio::test]
async fn two_that_were_killed_at_once_bring_each_row_once() {
    child::obey().await;
    let waters = Waters::new().await;
    waters.hold_up("rivers").await;
    waters.hold_up("lakes").await;
    let task = Task::ReleaseInChunks {
        label: "Jan2026".to_owned(),
        chunk_bytes: CHUNK_BYTES,
        resume: false,
    };
    let test = "side_by_side::two_that_were_killed_at_once_bring_each_row_once";
    let mut child = child::start(test, waters.url(), waters.directory(), task);
    waters.until_held_up(2).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let chunks = (waters.chunks_of("rivers").await, waters.chunks_of("lakes").await);
    assert!(chunks.0 > 1 && chunks.1 > 1, "{chunks:?}");
    // Their server processes notice when they get on.
    waters.let_go("rivers").await;
    waters.let_go("lakes").await;
    let lock = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() \
                 AND application_name LIKE 'cutover: %')";
    wait_until("its sessions are gone", async || {
        !waters
            .blocker
            .query_one(lock, &[])
            .await
            .unwrap()
            .get::<_, bool>(0)
    })
    .await;

    let (run, ear) = waters.release(from_the_import_on());
    run.await.unwrap().unwrap();
    let mut taken_up: Vec<(String, u64)> = Vec::new();
    for event in ear.heard() {
        if let EventKind::ImportTakenUp { importer, chunks, .. } = event {
            taken_up.push((importer, chunks));
        }
    }
    taken_up.sort();
    assert_eq!(
        taken_up,
        [("lakes".to_owned(), chunks.1), ("rivers".to_owned(), chunks.0)]
    );
    waters.assert_whole().await;
}

/// The reference dataset, whose importers wait for each other in many ways.
#[tokio::test]
async fn a_release_with_importers_at_once_is_the_same_as_one_without() {
    let mut site = Site::month_1().await;
    site.edit(|file| format!("{file}\n[load]\njobs = 4\n"));
    site.publish(2).await.unwrap();
    let mut in_peace = Site::month_1().await;
    in_peace.publish(2).await.unwrap();
    assert_same_dump(&site.dump_live().await, &in_peace.dump_live().await);
    site.assert_tidy().await;
}
