//! What clients keep from before a swap: prepared statements, cached plans, cursors, temporary tables.

use cutover_core::EventKind;
use cutover_testkit::Cluster;
use tokio_postgres::Client;

use crate::release_set::{Observer, ReleaseSet, quick};

/// Enough runs for a plan to become generic and stay cached.
const RUNS: usize = 7;

async fn text(client: &Client, sql: &str) -> String {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn prepared_statements_and_cached_plans_follow_silently() {
    let mut set = ReleaseSet::staged("m2").await;
    let client = set.database.connect().await.unwrap();
    client
        .batch_execute(
            "PREPARE by_name AS SELECT DISTINCT left(name, 2) FROM sites WHERE id > 0;
             CREATE FUNCTION in_plpgsql() RETURNS text LANGUAGE plpgsql AS
                 'BEGIN RETURN (SELECT max(left(name, 2)) FROM sites); END';
             CREATE FUNCTION in_sql() RETURNS text LANGUAGE sql AS 'SELECT max(left(name, 2)) FROM sites'",
        )
        .await
        .unwrap();
    let of_protocol = client
        .prepare("SELECT DISTINCT left(name, 2) FROM sites WHERE id > $1")
        .await
        .unwrap();
    let all = async || {
        let row = client.query_one(&of_protocol, &[&0_i64]).await.unwrap();
        let mut months = vec![row.get::<_, String>(0)];
        for sql in ["EXECUTE by_name", "SELECT in_plpgsql()", "SELECT in_sql()"] {
            months.push(text(&client, sql).await);
        }
        months
    };
    for _ in 0..RUNS {
        assert_eq!(all().await, ["m1"; 4]);
    }
    let plan = set.plan().await;
    assert!(plan.plan_safe);
    // Its transaction is open, yet what it looked at before the transaction holds nothing.
    client.batch_execute("BEGIN; SELECT 1").await.unwrap();
    let report = set.run(&plan, &quick()).await.unwrap();
    assert_eq!(all().await, ["m2"; 4]);
    client.batch_execute("COMMIT").await.unwrap();
    set.roll_back(&report.backup).await;
    assert_eq!(all().await, ["m1"; 4]);
}

/// Where a release changes the columns, what was prepared with `*` fails once, and is prepared again.
#[tokio::test]
async fn a_changed_shape_fails_what_was_prepared_with_every_column() {
    let mut set = ReleaseSet::staged("m2").await;
    set.database
        .execute("ALTER TABLE \"staging_sites & countries\" ADD COLUMN since date")
        .await
        .unwrap();
    let client = set.database.connect().await.unwrap();
    let every = client
        .prepare("SELECT * FROM \"sites & countries\"")
        .await
        .unwrap();
    let named = client
        .prepare("SELECT site_id FROM \"sites & countries\"")
        .await
        .unwrap();
    client.query(&every, &[]).await.unwrap();
    let plan = set.plan().await;
    assert!(!plan.plan_safe);
    assert!(
        plan.warnings.iter().any(|warning| warning.contains("prepared")),
        "{:?}",
        plan.warnings
    );
    set.run(&plan, &quick()).await.unwrap();

    let error = client.query(&every, &[]).await.unwrap_err();
    let error = error.as_db_error().unwrap();
    assert_eq!(error.code().code(), "0A000");
    assert_eq!(error.message(), "cached plan must not change result type");
    assert_eq!(client.query(&named, &[]).await.unwrap().len(), 60);
    let again = client
        .prepare("SELECT * FROM \"sites & countries\"")
        .await
        .unwrap();
    assert_eq!(client.query(&again, &[]).await.unwrap()[0].len(), 3);
}

async fn until_waited_for(set: &Observer, application: &str) {
    let names = |event: &EventKind| match event {
        EventKind::WaitingForSnapshots { holders } => holders.iter().any(|h| h.application == application),
        EventKind::LockAttemptFailed { blockers, .. } => {
            blockers.iter().any(|b| b.application == application)
        }
        _ => false,
    };
    for _ in 0..2000 {
        if set.events_seen().iter().any(names) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("{application} was never named: {:?}", set.events_seen());
}

/// A cursor reads the month that it began with to its end; the swap waits for its transaction.
#[tokio::test]
async fn an_open_cursor_is_waited_for() {
    let mut set = ReleaseSet::staged("m2").await;
    let client = set.database.connect().await.unwrap();
    client
        .batch_execute(
            "SET application_name = 'scroller'; BEGIN; DECLARE c CURSOR FOR SELECT left(name, 2) FROM sites; FETCH 10 FROM c",
        )
        .await
        .unwrap();
    let plan = set.plan().await;
    let observer = set.observer();
    let reading = async {
        until_waited_for(&observer, "scroller").await;
        let rest = client.query("FETCH ALL FROM c", &[]).await.unwrap();
        client.batch_execute("COMMIT").await.unwrap();
        rest
    };
    let policy = quick();
    let (report, rest) = tokio::join!(set.run(&plan, &policy), reading);
    report.unwrap();
    assert_eq!(rest.len(), 40);
    assert!(rest.iter().all(|row| row.get::<_, &str>(0) == "m1"));
    assert_eq!(set.month().await, "m2");
}

/// `WITH HOLD` copies the rows when the transaction commits: from then on the cursor is in nobody's way.
#[tokio::test]
async fn a_held_cursor_keeps_its_rows_and_nobody_waits() {
    let mut set = ReleaseSet::staged("m2").await;
    let client = set.database.connect().await.unwrap();
    client
        .batch_execute("BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT left(name, 2) FROM sites; COMMIT")
        .await
        .unwrap();
    assert_eq!(set.swap().await.attempts, 1);
    let rows = client.query("FETCH ALL FROM c", &[]).await.unwrap();
    assert_eq!((rows.len(), rows[0].get::<_, &str>(0)), (50, "m1"));
}

#[tokio::test]
async fn temporary_tables_made_like_a_member_are_left_alone() {
    let mut set = ReleaseSet::staged("m2").await;
    let client = set.database.connect().await.unwrap();
    client
        .batch_execute(
            "CREATE TEMP TABLE mine (LIKE sites INCLUDING ALL); INSERT INTO mine SELECT * FROM sites;
             CREATE TEMP TABLE sources (title text); INSERT INTO sources VALUES ('my own')",
        )
        .await
        .unwrap();
    set.swap().await;
    assert_eq!(text(&client, "SELECT max(left(name, 2)) FROM mine").await, "m1");
    // A temporary table of a member's name hides it from its own session, and from nobody else.
    assert_eq!(text(&client, "SELECT title FROM sources").await, "my own");
    assert_eq!(set.month().await, "m2");
}

/// Every right that anybody has on members and what reads them, as the server decides it.
const RIGHTS: &str = "
    SELECT string_agg(format('%s %s %s', rolname, relname, p), E'\\n' ORDER BY rolname, relname, p)
      FROM pg_roles r, pg_class c,
           unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER,SELECT WITH GRANT OPTION}'::text[]) p
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm') AND c.relname !~ '^(bk|staging_)'
       AND r.rolname = 'swap_reader'
       AND (has_table_privilege(r.oid, c.oid, p) OR p = 'SELECT' AND has_any_column_privilege(r.oid, c.oid, p))";

#[tokio::test]
async fn every_grantee_may_do_after_the_swap_what_it_might_before() {
    let mut set = ReleaseSet::staged("m2").await;
    let before = set.database.query_text(RIGHTS).await.unwrap();
    assert!(before.contains("swap_reader sites SELECT"), "{before}");
    let report = set.swap().await;
    assert_eq!(set.database.query_text(RIGHTS).await.unwrap(), before);

    let reader = set.database.connect().await.unwrap();
    reader.batch_execute("SET ROLE swap_reader").await.unwrap();
    for allowed in [
        "SELECT max(name) FROM sites",
        "SELECT max(title) FROM sources",
        "SELECT max(name) FROM named_sites",
        "SELECT max(name) FROM site_report",
    ] {
        assert!(text(&reader, allowed).await.starts_with("m2"), "{allowed}");
    }
    for refused in [
        "SELECT title FROM site_report",
        "SELECT name FROM upper_sites",
        "DELETE FROM sites",
        "SELECT * FROM staging_sites",
    ] {
        assert!(reader.batch_execute(refused).await.is_err(), "{refused}");
    }
    set.roll_back(&report.backup).await;
    assert_eq!(set.database.query_text(RIGHTS).await.unwrap(), before);
}

/// The README's way to leave backups out of a dump.
#[tokio::test]
async fn backup_sets_can_be_left_out_of_a_dump_by_the_records() {
    let query = r#"SELECT format('--exclude-table="%s"."%s"', backup_schema, backup_name)
    FROM cutover.backup_object WHERE kind NOT IN ('index', 'extended statistics')"#;
    assert!(
        include_str!("../../README.md").contains(&query.replace('"', "\\\"")),
        "the README has another query"
    );
    let mut set = ReleaseSet::staged("m2").await;
    set.swap().await;
    let without = set.database.query_texts(query).await.unwrap();
    let without: Vec<&str> = without.iter().flatten().map(String::as_str).collect();
    let args = [["--schema=public"].as_slice(), &without].concat();
    let dump = Cluster::shared().pg_dump(set.database.name(), &args).unwrap();
    // The key of `\restrict` is random letters, of which two may be the prefix.
    let lines: Vec<&str> = dump.lines().filter(|line| !line.starts_with('\\')).collect();
    let dump = lines.join("\n");
    assert!(
        dump.contains("m2 site") && !dump.contains("m1 ") && !dump.contains("bk"),
        "{dump}"
    );
}
