//! Each warning and error that a check can give, brought about on a real server; the small set that it is tried on gives none.

use std::fmt::Write as _;

use cutover::{CheckReport, CheckSeverity, Concern, Cutover, FreeFrom, GrowthFrom, PortalLogin};
use cutover_core::{ConnectSettings, Environment};
use cutover_testkit::{Cluster, TestDatabase};
use regex::Regex;
use tempfile::TempDir;

use crate::parks::Parks;
use crate::recipes::pgbouncer::PgBouncer;
use crate::world::{Site, cutover as cutover_at, wait_until};

const RELEASE_FILE: &str = r#"
[release]
name = "things"
tables = ["things"]

[target]
url = "env:DATABASE_URL"

[refresh]
views = ["summary"]

[[import]]
name = "things"
into = "things"
from = "source"
"#;

const SCHEMA: &str = "
    CREATE TABLE things (id integer PRIMARY KEY, name text NOT NULL);
    INSERT INTO things SELECT n, repeat('thing ', 20) || n FROM generate_series(1, 2000) n;
    CREATE TABLE source (LIKE things);
    CREATE MATERIALIZED VIEW summary AS SELECT count(*) FROM source;
    CREATE UNIQUE INDEX ON summary (count);";

const TAKEN: &str =
    "ok replication: wal_level is replica; no standby, no slot that keeps much log, no archive that fails\n";

struct Things {
    database: TestDatabase,
    directory: TempDir,
}

impl Things {
    async fn on(cluster: &Cluster) -> Self {
        let database = cluster.empty_database().await.unwrap();
        database.execute(SCHEMA).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        Self { database, directory }
    }

    /// With more in the release file.
    fn with(&self, more: &str) -> Cutover {
        self.at(self.database.url(), more)
    }

    fn at(&self, url: &str, more: &str) -> Cutover {
        let text = format!("{RELEASE_FILE}{more}");
        std::fs::write(self.directory.path().join("release.toml"), text).unwrap();
        cutover_at(url, self.directory.path())
    }

    async fn check(&self, more: &str) -> CheckReport {
        self.with(more).check().await.unwrap()
    }

    async fn execute(&self, sql: &str) {
        self.database.execute(sql).await.unwrap();
    }
}

/// Of some concerns what is told, numbers left out.
fn told(report: &CheckReport, concerns: &[Concern]) -> String {
    let numbers = Regex::new(r"\d+(\.\d+)*( \(Debian[^)]*\))?").unwrap();
    let sizes = Regex::new(r"\[n\] (B|kB|MB|GB|TB)\b").unwrap();
    let folders = Regex::new(r" at /\S+").unwrap();
    let mut text = String::new();
    for finding in report
        .findings
        .iter()
        .filter(|finding| concerns.contains(&finding.concern))
    {
        let what = numbers.replace_all(&finding.what, "[n]");
        let what = sizes.replace_all(&what, "[size]");
        let what = folders.replace_all(&what, " at [folder],");
        writeln!(text, "{} {}: {what}", finding.severity, finding.concern).unwrap();
        if let Some(remedy) = &finding.remedy {
            writeln!(text, "  {remedy}").unwrap();
        }
    }
    text
}

#[tokio::test]
async fn nothing_stands_against_a_small_set() {
    let things = Things::on(Cluster::shared()).await;
    let cutover = things.with("[[hook]]\non = \"failed\"\nname = \"page\"\ncommand = [\"true\"]\n");
    let settings = ConnectSettings::resolve(things.database.url(), &Environment::empty()).unwrap();
    let report = cutover
        .portal(PortalLogin::Settings(Box::new(settings)))
        .check()
        .await
        .unwrap();
    assert_eq!(
        (
            report.count(CheckSeverity::Error),
            report.count(CheckSeverity::Warning)
        ),
        (0, 0)
    );
    let all: Vec<Concern> = report.findings.iter().map(|finding| finding.concern).collect();
    insta::assert_snapshot!(told(&report, &all), @r#"
    ok connection: PostgreSQL [n], database "test_[n]" as role "postgres", not through a pooling proxy
    ok clock: the server's and this machine's agree
    ok rights: the role may keep records, and sees whose sessions are in the way
    ok structure: [n] relations can be cloned, with the rights that takes
    ok swap: the set and everything that refers to it can change places
    ok names: none has to be cut
    ok sources: [n] views and tables are there and can be read
    ok portal: host=[n] port=[n] user=postgres dbname=test_[n] sslmode=prefer: PostgreSQL [n], connected from here in [n] ms
    ok replication: wal_level is replica; no standby, no slot that keeps much log, no archive that fails
    ok disk: a release takes about [size] more while it is built: tables [size], TOAST [size], indexes [size] (live's sizes and [n] % more, as no release tells how it grows), [size] to sort indexes, [size] of write-ahead log (of [size] that are written); live ([size]) and the backup sets ([size]) stay meanwhile, and [size] more than now are taken when it is done; [size] are free for [size] at [folder], as seen on this machine, where the server runs
    ok vacuum: none is due that would make the swap wait
    ok hooks: [n] in the release file, their secrets are set
    "#);
}

#[tokio::test]
async fn free_disk_is_held_against_what_a_release_takes() {
    let things = Things::on(Cluster::shared()).await;
    let disk = [Concern::Disk];
    // The server is this machine's and the role may know its folder.
    let report = things.check("").await;
    let prediction = report.disk.unwrap();
    assert_eq!(prediction.free_from, Some(FreeFrom::ThisMachine));
    assert!(prediction.disks[0].free_bytes > 0 && prediction.fits_with_margin());
    assert_eq!(prediction.growth.from, GrowthFrom::Assumed);
    let live = "SELECT pg_total_relation_size('things')::text";
    let live = things.database.query_one_text(live).await.unwrap().unwrap();
    assert_eq!(prediction.live_bytes.to_string(), live);

    let error = things.check("[disk]\nfree = \"8kB\"\ngrowth = 0.5").await;
    insta::assert_snapshot!(told(&error, &disk), @r#"
    error disk: a release takes about [size] more while it is built: tables [size], TOAST [size], indexes [size] (live's sizes and [n] % more, as [disk] growth says), [size] to sort indexes, [size] of write-ahead log (of [size] that are written); live ([size]) and the backup sets ([size]) stay meanwhile, and [size] more than now are taken when it is done; [size] are free, as [disk] free says
      make room before the release: `cutover drop backups` (see `cutover space`), or a larger disk
    "#);
    let peak = error.disk.unwrap().peak_bytes;
    let tight = things
        .check(&format!(
            "[disk]\nfree_query = \"SELECT {peak} + 1.5\"\ngrowth = 0.5"
        ))
        .await;
    insta::assert_snapshot!(told(&tight, &disk), @r#"
    warning disk: a release takes about [size] more while it is built: tables [size], TOAST [size], indexes [size] (live's sizes and [n] % more, as [disk] growth says), [size] to sort indexes, [size] of write-ahead log (of [size] that are written); live ([size]) and the backup sets ([size]) stay meanwhile, and [size] more than now are taken when it is done; [size] are free, as [disk] free_query says
      it fits, but not a fifth more, nor all of the log where an archive or a slot keeps it: make room, or watch the disk
    "#);
    let enough = things.check("[disk]\nfree = \"10GB\"").await;
    insta::assert_snapshot!(told(&enough, &disk), @"ok disk: a release takes about [size] more while it is built: tables [size], TOAST [size], indexes [size] (live's sizes and [n] % more, as no release tells how it grows), [size] to sort indexes, [size] of write-ahead log (of [size] that are written); live ([size]) and the backup sets ([size]) stay meanwhile, and [size] more than now are taken when it is done; [size] are free, as [disk] free says");
    for (query, why) in [
        ("SELECT NULL::int", "returned no number of bytes"),
        ("SELECT -1", "returned no number of bytes"),
        (
            "SELECT free FROM monitoring",
            "relation \"monitoring\" does not exist",
        ),
        ("SELECT nextval('spent')", "in a read-only transaction"),
    ] {
        things.execute("CREATE SEQUENCE IF NOT EXISTS spent").await;
        let unknown = things.check(&format!("[disk]\nfree_query = \"{query}\"")).await;
        let text = told(&unknown, &disk);
        assert!(text.starts_with("warning disk: ") && text.contains(why), "{text}");
    }
    // Elsewhere, or with a role that is told no folder, it is said that nobody knows.
    let role = format!("{}_reader", things.database.name());
    things
        .execute(&format!("CREATE ROLE {role} LOGIN PASSWORD 'reader'"))
        .await;
    let url = Cluster::shared().url_for(&role, "reader", things.database.name());
    let unknown = things.at(&url, "").check().await.unwrap();
    insta::assert_snapshot!(told(&unknown, &disk), @r#"
    warning disk: a release takes about [size] more while it is built: tables [size], TOAST [size], indexes [size] (live's sizes and [n] % more, as no release tells how it grows), [size] to sort indexes, [size] of write-ahead log (of [size] that are written); live ([size]) and the backup sets ([size]) stay meanwhile, and [size] more than now are taken when it is done; how much is free is not known: the server runs on this machine, but the role may not read data_directory
      set [disk] free_query or free; where the server is on this machine, GRANT pg_read_all_settings to the role
    "#);

    things.execute("TRUNCATE things").await;
    let nothing = things.check("").await;
    insta::assert_snapshot!(told(&nothing, &disk), @r#"
    warning disk: live is empty, so nothing tells what a release takes on disk
      compare the size of the sources with what is free on the server's disks
    "#);
}

/// Once there are releases they tell how they grow, and retention what is freed.
#[tokio::test]
async fn what_a_release_had_grown_by_is_expected_again() {
    let parks = Parks::live().await;
    let prediction = parks.cutover.check().await.unwrap().disk.unwrap();
    assert_eq!(prediction.growth.from, GrowthFrom::Release("Feb2026".to_owned()));
    assert!(
        prediction.growth.share > 0.0 && prediction.growth.share < 0.2,
        "60 sites after 50, and as many sources: {prediction:?}"
    );
    assert!(prediction.backup_bytes > 0 && prediction.staging_bytes == 0);
    assert_eq!(
        prediction.afterwards_bytes,
        i64::try_from(prediction.table_bytes + prediction.toast_bytes + prediction.index_bytes).unwrap()
            - i64::try_from(prediction.backup_bytes).unwrap(),
        "one set is kept"
    );
    parks.stage("Mar2026").await.unwrap();
    let prediction = parks.cutover.check().await.unwrap().disk.unwrap();
    assert!(prediction.staging_bytes > 0);
}

#[tokio::test]
async fn rights_that_are_missing_are_told() {
    let things = Things::on(Cluster::shared()).await;
    let rights = [Concern::Rights, Concern::Sources];
    let role = format!("{}_weak", things.database.name());
    things
        .execute(&format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'weak'; GRANT SELECT ON source TO {role}; \
             CREATE MATERIALIZED VIEW unfilled AS SELECT 1 WITH NO DATA; \
             CREATE MATERIALIZED VIEW keyless AS SELECT 1 AS one; CREATE UNIQUE INDEX ON keyless (one) WHERE one > 0; \
             CREATE VIEW plain AS SELECT 1; CREATE TABLE hidden (); CREATE VIEW checked AS SELECT 1 AS id"
        ))
        .await;
    let more = "[swap]\ncancel_blockers_after = \"1min\"\nprewarm = true\n[[preflight.unique]]\nview = \"checked\"\nkey = [\"id\"]";
    let url = Cluster::shared().url_for(&role, "weak", things.database.name());
    let report = things.at(&url, more).check().await.unwrap();
    insta::assert_snapshot!(told(&report, &rights), @r#"
    error rights: there is no schema cutover for the records, and the role may not make one
      GRANT CREATE ON DATABASE to the role, or CREATE SCHEMA cutover AUTHORIZATION with its name
    warning rights: of other roles' sessions only the number is seen: who is in the way of the swap is told without what it does, and a vacuum against wraparound is not told from a session
      GRANT pg_read_all_stats to the role
    warning rights: [swap] cancel_blockers_after cancels only the role's own sessions
      GRANT pg_signal_backend to the role, or leave it at that
    warning rights: [swap] prewarm is asked for, and there is no extension pg_prewarm that the role may use
      CREATE EXTENSION pg_prewarm, and let the role use its schema and EXECUTE its function
    error sources: "public"."summary" cannot be refreshed: the role neither owns it nor may maintain it
      GRANT its owner to the role; from PostgreSQL 17 on GRANT MAINTAIN does as well
    error sources: the role may not read "public"."checked"
      GRANT SELECT on it, and USAGE on its schema, to the role
    error sources: the role may not read "public"."summary"
      GRANT SELECT on it, and USAGE on its schema, to the role
    "#);

    things
        .execute("CREATE SCHEMA cutover; CREATE TABLE cutover.release (id bigint)")
        .await;
    let report = things.at(&url, "").check().await.unwrap();
    assert!(
        told(&report, &rights).contains("error rights: the role may not write the records in schema cutover"),
        "{report:#?}"
    );
    things.execute("DROP SCHEMA cutover CASCADE").await;

    // A superuser may all of it; what is not there, or cannot be refreshed, remains.
    let text = "views = [\"summary\", \"unfilled\", \"keyless\", \"plain\", \"nowhere\"]";
    let file = format!("{RELEASE_FILE}{more}").replace("views = [\"summary\"]", text);
    std::fs::write(things.directory.path().join("release.toml"), file).unwrap();
    let report = cutover_at(things.database.url(), things.directory.path())
        .check()
        .await
        .unwrap();
    insta::assert_snapshot!(told(&report, &rights), @r#"
    warning rights: [swap] prewarm is asked for, and there is no extension pg_prewarm that the role may use
      CREATE EXTENSION pg_prewarm, and let the role use its schema and EXECUTE its function
    error sources: "public"."keyless" cannot be refreshed: it has no unique index of plain columns and all rows, without which its readers would wait
      CREATE UNIQUE INDEX on it
    error sources: "public"."plain" cannot be refreshed: it is no materialized view
      take it out of [refresh] views
    error sources: "public"."unfilled" cannot be refreshed: it was never filled, and that can only be done where readers wait
      REFRESH MATERIALIZED VIEW it once
    error sources: there is no "public"."nowhere"
      create it, or correct the release file
    "#);
}

#[tokio::test]
async fn what_stands_between_or_beside_is_told() {
    let things = Things::on(Cluster::shared()).await;
    // Other databases keep their own.
    things
        .execute(
            "CREATE OR REPLACE FUNCTION pg_catalog.clock_timestamp() RETURNS timestamptz LANGUAGE sql \
             AS 'SELECT pg_catalog.statement_timestamp() + interval ''1 hour'''; \
             CREATE PUBLICATION everything FOR TABLE things; \
             CREATE SCHEMA next; GRANT USAGE ON SCHEMA next TO PUBLIC; \
             ALTER TABLE things SET (autovacuum_freeze_max_age = 100000); \
             UPDATE pg_class SET relfrozenxid = ((pg_current_xact_id()::text::bigint + 4294967296 - 95000) % 4294967296)::text::xid \
              WHERE relname = 'things'",
        )
        .await;
    let cutover = things.with("").portal(PortalLogin::Settings(Box::new(
        ConnectSettings::resolve("postgresql://nobody@127.0.0.1:1/none", &Environment::empty()).unwrap(),
    )));
    let report = cutover.check().await.unwrap();
    let concerns = [
        Concern::Clock,
        Concern::Structure,
        Concern::Swap,
        Concern::Portal,
        Concern::Vacuum,
    ];
    insta::assert_snapshot!(told(&report, &concerns), @r#"
    warning clock: the server's clock is [n] s ahead of this machine's
      set both by NTP; --not-before and stamps are by the server's, default labels by this machine's
    ok structure: [n] relations can be cloned, with the rights that takes
    warning swap: publication "everything" goes on with what goes live: subscribers are sent later changes of "public"."things", but not the rows that went live; copy them afresh (there: take the table out by ALTER SUBSCRIPTION … REFRESH PUBLICATION while it is off the list, TRUNCATE it, and REFRESH PUBLICATION again once it is back on it)
      see `cutover plan`
    warning portal: it is not reached from here, so importers read through the foreign data wrapper: could not connect to [n]:[n] as user "nobody", database "none" (check): no server was reached: error connecting to server: Connection refused (os error [n])
      is the server running and reachable from here? check host, port and firewall; or take [portal] out of the release file
    warning vacuum: things is at [n] % of the age at which a vacuum begins that gives way to nobody
      VACUUM (FREEZE) it well before the release: the swap would wait for that vacuum
    "#);
    let apart = |more: &str| RELEASE_FILE.replace("[refresh]", &format!("{more}\n[refresh]"));
    for (more, expected) in [
        (
            "staging_schema = \"next\"",
            "warning schemas: schema \"next\" is open to PUBLIC",
        ),
        (
            "backup_schema = \"past\"",
            "ok schemas: schema \"past\" does not exist, and will be made",
        ),
    ] {
        std::fs::write(things.directory.path().join("release.toml"), apart(more)).unwrap();
        let report = cutover_at(things.database.url(), things.directory.path())
            .check()
            .await
            .unwrap();
        let text = told(&report, &[Concern::Schemas]);
        assert!(text.starts_with(expected), "{text}");
    }

    let bouncer = PgBouncer::before(&things.database).await;
    let report = things.at(&bouncer.pooled_url(), "").check().await.unwrap();
    let text = told(&report, &[Concern::Connection]);
    assert!(text.starts_with("error connection: "), "{text}");
}

#[tokio::test]
async fn foreign_servers_that_are_slow_or_older_are_told() {
    let site = Site::month_1().await;
    site.live()
        .execute(
            "ALTER SERVER portal OPTIONS (SET fetch_size '50'); \
             UPDATE pg_extension SET extversion = '2.5.9' WHERE extname = 'postgis'",
        )
        .await
        .unwrap();
    let report = site.cutover.check().await.unwrap();
    insta::assert_snapshot!(told(&report, &[Concern::ForeignServer]), @r#"
    ok foreign server: "portal": PostgreSQL [n], connected in [n] ms, a query takes [n] ms, fetch_size [n]
    warning foreign server: "portal" sends [n] rows at a time, each after a round trip
      ALTER SERVER … OPTIONS (SET fetch_size '10000'), or ADD where it has none
    warning foreign server: "portal" has extension postgis [n], this database [n]
      upgrade the older one, unless its notes say that values and functions are the same
    "#);
}

/// What only a server of one's own can be brought to: log that nobody takes, a small lock table, a standby.
#[tokio::test]
async fn a_server_that_keeps_its_log_and_has_few_locks_is_told() {
    let cluster = Cluster::builder()
        .wal_segment_megabytes(1)
        .setting("max_wal_size", "8MB")
        .setting("min_wal_size", "2MB")
        .setting("archive_mode", "on")
        .setting("archive_command", "true")
        .setting("max_connections", "30")
        .setting("max_locks_per_transaction", "10")
        .start()
        .unwrap();
    let things = Things::on(&cluster).await;
    let report = things.check("").await;
    let prediction = report.disk.as_ref().unwrap();
    assert!(prediction.log_kept_bytes <= 8 << 20, "{prediction:?}");
    assert_eq!(told(&report, &[Concern::Replication]), TAKEN);

    things.execute("ALTER SYSTEM SET archive_command = 'false'").await;
    things
        .execute(
            "SELECT pg_reload_conf(), pg_create_physical_replication_slot('away', true); \
             SELECT pg_logical_emit_message(false, 'log', repeat('x', 1000000)) FROM generate_series(1, 10); \
             SELECT pg_switch_wal()",
        )
        .await;
    let failed =
        "SELECT (last_failed_time > coalesce(last_archived_time, '-infinity'))::text FROM pg_stat_archiver";
    wait_until("the archive refuses", async || {
        things.database.query_one_text(failed).await.unwrap().as_deref() == Some("true")
    })
    .await;
    let report = things.check("").await;
    insta::assert_snapshot!(told(&report, &[Concern::Replication]), @r#"
    warning replication: standbys are away (away): until they are back and have caught up, readers there go on with the old release
      none is needed for the swap; [swap] max_standby_lag bounds how far behind one may be
    warning replication: replication slot "away" is not in use and keeps [size] of write-ahead log; a release adds to that
      bring its receiver back, or drop it: SELECT pg_drop_replication_slot(…)
    warning replication: the archive did not take the write-ahead log that it was last given: all of it stays here, and a release adds to that
      mend archive_command (see last_failed_wal of pg_stat_archiver, and the server's log)
    "#);
    let prediction = report.disk.unwrap();
    let (kept, written) = (prediction.log_kept_bytes, prediction.log_written_bytes);
    assert_eq!(kept, written, "nobody takes it");

    let mut found = Vec::new();
    for index in 0.. {
        let report = things.check("").await;
        let of_locks = report
            .findings
            .iter()
            .find(|finding| finding.what.contains("lock table"));
        let severity = of_locks.map(|finding| finding.severity);
        if found.last() != Some(&severity) {
            found.push(severity);
        }
        if severity == Some(CheckSeverity::Error) {
            break;
        }
        assert!(index < 20, "{found:?}");
        things
            .execute(&format!(
                "DO $$ BEGIN FOR n IN 1..20 LOOP EXECUTE format('CREATE INDEX things_{index}_%s ON things (name)', n); \
                 END LOOP; END $$"
            ))
            .await;
    }
    assert_eq!(
        found,
        [None, Some(CheckSeverity::Warning), Some(CheckSeverity::Error)],
        "the lock table has room, is crowded, is too small"
    );

    // A standby of nobody: it answers queries.
    cluster.stop_immediately().unwrap();
    std::fs::write(cluster.data_dir().join("standby.signal"), "").unwrap();
    cluster.start_again().unwrap();
    let report = things.check("").await;
    insta::assert_snapshot!(told(&report, &[Concern::Connection]), @r#"
    error connection: the server is a standby and takes no writes
      connect to the primary, or list all hosts and set target_session_attrs=primary
    "#);
}
