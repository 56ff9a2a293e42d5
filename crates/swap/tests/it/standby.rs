//! What readers of a streaming standby see of a swap.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use cutover_core::EventKind;
use cutover_core::release_file::StandbyLag;
use cutover_swap::{OldSnapshots, StandbyReport, SwapError, wait_for_replay};
use cutover_testkit::{Cluster, Standby, TestDatabase};
use tokio::sync::{Mutex, MutexGuard};
use tokio_postgres::Client;

use crate::release_set::{ReleaseSet, ident, quick};

/// A server and its standby. Both are there until the process ends.
struct Servers {
    primary: Cluster,
    standby: Standby,
    /// Replay is of all databases: one test at a time.
    one_at_a_time: Mutex<()>,
}

/// Its queries are never cancelled.
static PATIENT: OnceLock<Servers> = OnceLock::new();
/// Its queries are cancelled soon.
static IMPATIENT: OnceLock<Servers> = OnceLock::new();
/// It tells of its oldest snapshot, once a second; its queries are never cancelled.
static TELLING: OnceLock<Servers> = OnceLock::new();

fn patient() -> &'static Servers {
    let start = || Servers::start(&[("max_standby_streaming_delay", "-1")]);
    PATIENT.get_or_init(start)
}

fn impatient() -> &'static Servers {
    let start = || Servers::start(&[("max_standby_streaming_delay", "200ms")]);
    IMPATIENT.get_or_init(start)
}

fn telling() -> &'static Servers {
    let settings = [
        ("max_standby_streaming_delay", "-1"),
        ("hot_standby_feedback", "on"),
        ("wal_receiver_status_interval", "1s"),
    ];
    TELLING.get_or_init(|| Servers::start(&settings))
}

async fn resume_replay(there: &TestDatabase) {
    there.execute("SELECT pg_wal_replay_resume()").await.unwrap();
}

impl Servers {
    fn start(settings: &[(&str, &str)]) -> Self {
        let primary = Cluster::builder().start().unwrap();
        let standby = Standby::of(&primary, "reports", settings).unwrap();
        Self {
            primary,
            standby,
            one_at_a_time: Mutex::new(()),
        }
    }
}

/// Ends with this value.
struct Receiving(Child);

impl Drop for Receiving {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn receive_log(primary: &Cluster, archive: &Path) -> Receiving {
    let mut command = Command::new(primary.binary("pg_receivewal"));
    command
        .args(["--dbname", &primary.url("postgres"), "--directory"])
        .arg(archive);
    Receiving(
        command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    )
}

/// A release set, and how it looks on the standby.
struct Pair {
    set: ReleaseSet,
    servers: &'static Servers,
    /// The set's database, there.
    there: TestDatabase,
    _turn: MutexGuard<'static, ()>,
}

impl Pair {
    async fn on(servers: &'static Servers) -> Self {
        let turn = servers.one_at_a_time.lock().await;
        let set = ReleaseSet::on(&servers.primary).await;
        let there = servers.standby.database(&set.database);
        servers.standby.catch_up_with(&set.database).await.unwrap();
        Self {
            set,
            servers,
            there,
            _turn: turn,
        }
    }

    async fn catch_up(&self) {
        self.servers
            .standby
            .catch_up_with(&self.set.database)
            .await
            .unwrap();
    }

    /// Waits until `condition` is true on the standby.
    async fn wait_there(&self, condition: &str) {
        for _ in 0..400 {
            if self.there.query_text(condition).await.unwrap() == "t" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("never became true on the standby: {condition}");
    }

    /// Waits until the standby has told its oldest snapshot.
    async fn wait_for_feedback(&self) {
        self.set
            .wait_until("SELECT count(backend_xmin) = 1 FROM pg_stat_replication")
            .await;
    }

    async fn pause_replay(&self) {
        self.there.execute("SELECT pg_wal_replay_pause()").await.unwrap();
        self.wait_there("SELECT pg_get_wal_replay_pause_state() = 'paused'")
            .await;
    }

    /// Vacuums what is staged, as a release does before it goes live.
    async fn vacuum_staging(&self) {
        for table in [
            "staging_sources",
            "staging_sites",
            "\"staging_sites & countries\"",
        ] {
            let sql = format!("VACUUM (FREEZE, ANALYZE) {table}");
            self.set.database.execute(&sql).await.unwrap();
        }
    }
}

/// A transaction whose snapshot is older than the load to come, and who has looked at nothing of the set.
async fn old_snapshot(pair: &Pair) -> Client {
    let client = pair.there.connect().await.unwrap();
    client
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        .await
        .unwrap();
    client
}

async fn count_sites(client: &Client) -> i64 {
    client
        .query_one("SELECT count(*) FROM sites", &[])
        .await
        .unwrap()
        .get(0)
}

/// Replay waits for a lock on a relation of the set.
const REPLAY_WAITS: &str = "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
    WHERE NOT l.granted AND l.mode = 'AccessExclusiveLock' AND a.backend_type = 'startup')";
const TITLES: &str = "SELECT DISTINCT left(title, 2) FROM sources";

/// With max_standby_streaming_delay = -1 a report there is never cancelled, and everybody else waits for it.
#[tokio::test]
async fn a_report_on_a_patient_standby_stalls_its_readers_and_nobody_here() {
    let mut pair = Pair::on(patient()).await;
    pair.set.stage("m2").await;
    pair.catch_up().await;
    let report = pair.there.connect().await.unwrap();
    report
        .batch_execute("BEGIN; SELECT count(*) FROM sites")
        .await
        .unwrap();

    let swapped = pair.set.swap().await;
    assert_eq!(swapped.attempts, 1, "the swap waits for nobody there");
    assert_eq!(pair.set.month().await, "m2");
    pair.wait_there(REPLAY_WAITS).await;

    // A reader that comes now queues behind the replay, as long as the report lasts.
    let reader = pair.there.connect().await.unwrap();
    let error = reader
        .batch_execute("SET statement_timeout = '300ms'; SELECT count(*) FROM sites")
        .await
        .unwrap_err();
    assert_eq!(error.code().unwrap().code(), "57014");
    // Who reads something else does not notice.
    reader
        .batch_execute("SELECT count(*) FROM countries")
        .await
        .unwrap();

    report
        .batch_execute("SELECT count(*) FROM sites; COMMIT")
        .await
        .unwrap();
    pair.catch_up().await;
    assert_eq!(pair.there.query_text(TITLES).await.unwrap(), "m2");
}

/// With a short delay it is the report that gives way: a running statement is cancelled.
#[tokio::test]
async fn a_report_on_an_impatient_standby_is_cancelled() {
    let mut pair = Pair::on(impatient()).await;
    pair.set.stage("m2").await;
    pair.catch_up().await;
    let report = pair.there.connect().await.unwrap();
    let reading =
        report.batch_execute("SET application_name = 'report'; SELECT count(*), pg_sleep(60) FROM sites");
    let swapping = async {
        pair.wait_there(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'report' AND wait_event = 'PgSleep')",
        )
        .await;
        pair.set.swap().await;
    };
    let (read, ()) = tokio::join!(reading, swapping);
    let error = read.unwrap_err();
    let error = error.as_db_error().unwrap();
    assert_eq!(error.code().code(), "40001");
    assert_eq!(
        error.message(),
        "canceling statement due to conflict with recovery"
    );
    pair.catch_up().await;
    assert_eq!(pair.there.query_text(TITLES).await.unwrap(), "m2");
}

/// Replay of the vacuum conflicts with exactly the snapshots that do not see what was loaded: a patient standby stops
/// there, before the swap, and the old snapshot goes on to see the old release.
#[tokio::test]
async fn the_vacuum_holds_the_swap_back_on_a_patient_standby() {
    let mut pair = Pair::on(patient()).await;
    let old = old_snapshot(&pair).await;
    pair.set.stage("m2").await;
    pair.vacuum_staging().await;
    pair.set.swap().await;
    pair.wait_there(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'startup' \
         AND wait_event = 'RecoveryConflictSnapshot')",
    )
    .await;
    assert_eq!(count_sites(&old).await, 50, "month 1");
    old.batch_execute("COMMIT").await.unwrap();
    pair.catch_up().await;
    assert_eq!(count_sites(&old).await, 60, "month 2");
}

/// And an impatient one ends it; nobody finds an empty table.
#[tokio::test]
async fn the_vacuum_ends_old_snapshots_on_an_impatient_standby() {
    let mut pair = Pair::on(impatient()).await;
    let old = old_snapshot(&pair).await;
    pair.set.stage("m2").await;
    pair.vacuum_staging().await;
    pair.set.swap().await;
    pair.catch_up().await;
    let error = old.query_one("SELECT count(*) FROM sites", &[]).await;
    assert!(error.is_err(), "{error:?}");
}

/// Trap 28 on a standby: with feedback the vacuum spares the old snapshot.
#[tokio::test]
async fn ignoring_snapshots_that_a_standby_tells_of_shows_them_an_empty_table() {
    let mut pair = Pair::on(telling()).await;
    let old = old_snapshot(&pair).await;
    pair.wait_for_feedback().await;
    pair.set.stage("m2").await;
    pair.vacuum_staging().await;
    let plan = pair.set.plan().await;
    let policy = quick().old_snapshots(OldSnapshots::Ignore);
    pair.set.run(&plan, &policy).await.unwrap();
    pair.catch_up().await;
    assert_eq!(count_sites(&old).await, 0);
}

/// So it is waited for.
#[tokio::test]
async fn an_old_snapshot_that_a_standby_tells_of_is_waited_for() {
    let mut pair = Pair::on(telling()).await;
    let old = old_snapshot(&pair).await;
    pair.wait_for_feedback().await;
    pair.set.stage("m2").await;
    pair.vacuum_staging().await;

    let plan = pair.set.plan().await;
    let observer = pair.set.observer();
    let reading = async {
        let waits = |event: &EventKind| matches!(event, EventKind::WaitingForSnapshots { holders } if holders[0].application == "reports");
        while !observer.events_seen().iter().any(waits) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let rows = count_sites(&old).await;
        old.batch_execute("COMMIT").await.unwrap();
        rows
    };
    let policy = quick();
    let (report, rows) = tokio::join!(pair.set.run(&plan, &policy), reading);
    report.unwrap();
    assert_eq!(rows, 50, "month 1, not an empty month 2");
    assert_eq!(pair.set.month().await, "m2");
}

#[tokio::test]
async fn standbys_are_told_with_what_they_mean_for_readers() {
    let pair = Pair::on(telling()).await;
    pair.wait_for_feedback().await;
    let schema = ident("public");
    let report = StandbyReport::read(&pair.set.client, &schema).await.unwrap();
    let [standby] = report.standbys.as_slice() else {
        panic!("{report:?}")
    };
    assert_eq!(standby.name, "reports");
    assert_eq!(standby.state.as_deref(), Some("streaming"));
    assert_eq!(standby.sync_state.as_deref(), Some("async"));
    assert!(standby.replay.bytes.is_some() && standby.feedback, "{standby:?}");
    assert_eq!(report.waits_for, None);
    let warnings = report.warnings();
    assert!(
        warnings.len() == 2 && warnings[0].contains("(reports)"),
        "{warnings:#?}"
    );

    // Nothing waits for it as long as the session commits asynchronously; that can change from one session to the next.
    pair.set
        .database
        .execute("ALTER SYSTEM SET synchronous_standby_names = 'reports'")
        .await
        .unwrap();
    pair.set
        .database
        .execute("SELECT pg_reload_conf()")
        .await
        .unwrap();
    pair.set
        .observer()
        .wait_until("SELECT current_setting('synchronous_standby_names') <> ''")
        .await;
    let session = pair.set.database.connect().await.unwrap();
    for (commit, waits) in [("off", None), ("local", None), ("on", Some("reports"))] {
        let set = format!("SET synchronous_commit = {commit}");
        session.batch_execute(&set).await.unwrap();
        let report = StandbyReport::read(&session, &schema).await.unwrap();
        assert_eq!(report.waits_for.as_deref(), waits, "{commit}");
    }

    // Who may not see the details is told so.
    session
        .batch_execute("SET ROLE swap_reader; RESET synchronous_commit")
        .await
        .unwrap();
    let report = StandbyReport::read(&session, &schema).await.unwrap();
    assert_eq!(
        (report.standbys[0].state.as_ref(), report.standbys[0].replay.bytes),
        (None, None)
    );
    assert!(
        report
            .warnings()
            .iter()
            .any(|warning| warning.contains("pg_read_all_stats")),
        "{report:?}"
    );
    // What only receives log is no standby, though nothing but its name can be seen of it.
    let archive = tempfile::tempdir().unwrap();
    let receiving = receive_log(&pair.servers.primary, archive.path());
    let attached = "SELECT count(*) = 2 FROM pg_stat_replication";
    pair.set.wait_until(attached).await;
    let names = |report: StandbyReport| -> Vec<String> {
        let standbys = report.standbys.into_iter();
        standbys.map(|standby| standby.name).collect()
    };
    let report = StandbyReport::read(&session, &schema).await.unwrap();
    assert_eq!(names(report), ["reports"]);
    session.batch_execute("RESET ROLE").await.unwrap();
    pair.set
        .wait_until(
            "SELECT state = 'streaming' FROM pg_stat_replication WHERE application_name = 'pg_receivewal'",
        )
        .await;
    let report = StandbyReport::read(&session, &schema).await.unwrap();
    assert_eq!(names(report), ["reports"]);
    drop(receiving);

    // A slot whose standby is away.
    pair.set
        .database
        .execute("SELECT pg_create_physical_replication_slot('away', true)")
        .await
        .unwrap();
    let report = StandbyReport::read(&session, &schema).await.unwrap();
    let away = report
        .standbys
        .iter()
        .find(|standby| standby.name == "away")
        .unwrap();
    assert_eq!((away.pid, away.slot.as_deref()), (None, Some("away")));
    assert!(
        report
            .warnings()
            .iter()
            .any(|warning| warning.starts_with("standbys are away (away)"))
    );
}

#[tokio::test]
async fn the_swap_waits_for_a_standby_that_is_too_far_behind() {
    let mut pair = Pair::on(impatient()).await;
    pair.pause_replay().await;
    pair.set.stage("m2").await;
    let plan = pair.set.plan().await;
    let lag = |text: &str| StandbyLag::try_from(text.to_owned()).unwrap();

    for bound in ["1kB", "1ms"] {
        let policy = quick()
            .max_standby_lag(lag(bound))
            .deadline(Duration::from_millis(200));
        let error = pair.set.run(&plan, &policy).await.unwrap_err();
        let SwapError::StandbysBehind { standbys, .. } = &error else {
            panic!("{bound}: {error:?}")
        };
        assert_eq!(standbys, &["reports"]);
        assert_eq!(pair.set.month().await, "m1");
    }

    let observer = pair.set.observer();
    let resume = async {
        let waits = |event: &&EventKind| matches!(event, EventKind::WaitingForStandbys { .. });
        while observer.events_seen().iter().filter(waits).count() < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        resume_replay(&pair.there).await;
    };
    let policy = quick().max_standby_lag(lag("1kB"));
    let (report, ()) = tokio::join!(pair.set.run(&plan, &policy), resume);
    report.unwrap();
    assert_eq!(pair.set.month().await, "m2");
}

#[tokio::test]
async fn when_a_standby_shows_the_swap_is_told() {
    let mut pair = Pair::on(impatient()).await;
    pair.set.stage("m2").await;
    pair.pause_replay().await;
    pair.set.swap().await;
    let schema = ident("public");
    let (client, events) = (&pair.set.client, &pair.set.events);
    let patience = Duration::from_millis(200);
    let started = Instant::now();
    let replays = wait_for_replay(client, &schema, patience, events).await.unwrap();
    assert!(started.elapsed() >= patience);
    assert_eq!(
        (replays[0].standby.as_str(), replays[0].live_after_ms),
        ("reports", None)
    );

    let wait = wait_for_replay(client, &schema, Duration::from_secs(20), events);
    let (replays, ()) = tokio::join!(wait, resume_replay(&pair.there));
    assert!(replays.unwrap()[0].live_after_ms.is_some());
    assert_eq!(pair.there.query_text(TITLES).await.unwrap(), "m2");
    let told =
        |event: &EventKind| matches!(event, EventKind::LiveOnStandby { standby, .. } if standby == "reports");
    assert!(pair.set.events_seen().iter().any(told));

    // Nobody to wait for.
    let set = ReleaseSet::new().await;
    let replays = wait_for_replay(&set.client, &schema, Duration::from_secs(20), &set.events).await;
    assert_eq!(replays.unwrap(), []);
}
