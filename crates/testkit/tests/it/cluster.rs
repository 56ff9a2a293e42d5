use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use cutover_testkit::{Cluster, installed_versions};

use crate::waiting::wait_until;

/// A `throwaway-cluster` process, and what it said about its cluster.
struct Throwaway {
    process: Child,
    directory: PathBuf,
    pid: u32,
}

impl Throwaway {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_throwaway-cluster"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut fact = |name: &str| {
            let line = lines.next().unwrap().unwrap();
            line.strip_prefix(name).unwrap().trim().to_owned()
        };
        let _url = fact("url");
        let directory = PathBuf::from(fact("directory"));
        let pid = fact("pid").parse().unwrap();
        Self {
            process,
            directory,
            pid,
        }
    }

    fn server_runs(&self) -> bool {
        process_runs(self.pid)
    }
}

fn process_runs(pid: u32) -> bool {
    // `ps` rather than `kill -0`: a zombie that nobody reaps is not running.
    let output = Command::new("ps")
        .args(["-o", "stat=", "-p", &pid.to_string()])
        .output()
        .unwrap();
    let state = String::from_utf8(output.stdout).unwrap();
    !state.trim().is_empty() && !state.trim().starts_with('Z')
}

#[test]
fn a_killed_process_leaves_neither_server_nor_directory() {
    let mut throwaway = Throwaway::start();
    assert!(throwaway.server_runs() && throwaway.directory.join("data/PG_VERSION").exists());
    throwaway.process.kill().unwrap(); // SIGKILL
    throwaway.process.wait().unwrap();
    wait_until("the server is gone", || !throwaway.server_runs());
    wait_until("the directory is gone", || !throwaway.directory.exists());
}

#[test]
fn a_process_that_ends_waits_until_its_cluster_is_gone() {
    let mut throwaway = Throwaway::start();
    drop(throwaway.process.stdin.take());
    assert!(throwaway.process.wait().unwrap().success());
    assert!(!throwaway.server_runs());
    assert!(!throwaway.directory.exists());
}

#[test]
fn a_kept_cluster_runs_on_until_its_removal_command() {
    let kept = Cluster::builder().start().unwrap().keep().unwrap();
    let pid_file = std::fs::read_to_string(kept.directory.join("data/postmaster.pid")).unwrap();
    let pid = pid_file.lines().next().unwrap().parse().unwrap();
    assert!(process_runs(pid));
    assert!(
        Command::new("sh")
            .args(["-c", &kept.removal])
            .status()
            .unwrap()
            .success()
    );
    wait_until("the server is gone", || !process_runs(pid));
    assert!(!kept.directory.exists());
}

#[tokio::test]
async fn every_database_is_its_own_and_has_postgis() {
    let cluster = Cluster::shared();
    let (one, two) = (
        cluster.database().await.unwrap(),
        cluster.database().await.unwrap(),
    );
    assert_ne!(one.name(), two.name());
    one.execute("CREATE TABLE here (geom geometry(Point, 4326))")
        .await
        .unwrap();
    assert_eq!(
        one.query_text("SELECT to_regclass('here')").await.unwrap(),
        "here"
    );
    assert_eq!(
        two.query_one_text("SELECT to_regclass('here')").await.unwrap(),
        None
    );
}

#[tokio::test]
async fn an_empty_database_has_no_postgis() {
    let database = Cluster::shared().empty_database().await.unwrap();
    assert_eq!(
        database
            .query_text("SELECT count(*) FROM pg_extension")
            .await
            .unwrap(),
        "1"
    );
}

#[tokio::test]
async fn settings_reach_the_server_and_committed_rows_survive_a_crash() {
    let cluster = Cluster::builder().setting("work_mem", "7MB").start().unwrap();
    let database = cluster.empty_database().await.unwrap();
    assert_eq!(database.query_text("SHOW work_mem").await.unwrap(), "7MB");
    database
        .execute("SET synchronous_commit = on; CREATE TABLE kept AS SELECT 1 AS x")
        .await
        .unwrap();
    cluster.stop_immediately().unwrap();
    assert!(database.connect().await.is_err());
    cluster.start_again().unwrap();
    assert_eq!(database.query_text("SELECT x FROM kept").await.unwrap(), "1");
    cluster.restart().unwrap();
    assert_eq!(database.query_text("SELECT x FROM kept").await.unwrap(), "1");
}

#[test]
fn a_server_that_does_not_start_is_quoted() {
    let error = Cluster::builder()
        .setting("no_such_setting", "1")
        .start()
        .unwrap_err();
    assert!(format!("{error:#}").contains("no_such_setting"), "{error:#}");
}

#[test]
fn tls_is_spoken_with_a_certificate_that_verifies() {
    let cluster = Cluster::builder().tls(true).start().unwrap();
    let authority = cluster.ca_certificate().unwrap().display();
    let connection = format!(
        "host=localhost port={} sslmode=verify-full sslrootcert={authority}",
        cluster.port()
    );
    let query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let answer = cluster.run_client(
        "psql",
        "postgres",
        &["-XAtc", query, &format!("{connection} dbname=postgres")],
    );
    assert_eq!(answer.unwrap().trim(), "t");
}

#[test]
fn a_version_can_be_asked_for() {
    let version = *installed_versions().last().unwrap();
    let cluster = Cluster::builder().version(Some(version)).start().unwrap();
    assert_eq!(cluster.version(), version);
    assert!(Path::exists(&cluster.data_dir()));
    let dump = cluster.pg_dump("postgres", &["--schema-only"]).unwrap();
    assert!(dump.contains("PostgreSQL database dump complete"));
}
