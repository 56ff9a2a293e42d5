//! Checks that need no geometry, the report and its forms.

use std::sync::{Arc, Mutex};

use cutover_core::{Event, EventKind, Events};
use cutover_importer::preflight::{
    Check, CheckOutcome, Engine, GeometryCheck, PreflightPlan, PreflightReport, PreflightSettings, Severity,
    Tolerance,
};
use cutover_testkit::{Cluster, TestDatabase};
use insta::{assert_json_snapshot, assert_snapshot};

use crate::fixture::{database, ident, pool, public};

pub(crate) async fn preflight(db: &TestDatabase, checks: &[Check]) -> PreflightReport {
    let pool = pool(db, 2);
    let settings = PreflightSettings::new([ident("public")]);
    let plan = PreflightPlan::read(&pool, checks, &settings).await.unwrap();
    let report = plan.run(&pool, &Events::none()).await;
    assert_eq!(
        pool.status().available,
        pool.status().size,
        "every connection came back"
    );
    report
}

const VIEWS: &str = "CREATE TABLE sites (site_id int, site_pid varchar(52), name text); \
     INSERT INTO sites VALUES (1, '1', 'a'), (1, '1', 'b'), (2, '2_A', 'c'), (2, '2_A', 'd'), (2, '2_A', 'e'), (3, NULL, 'f'), (3, NULL, 'g'), (4, '4', 'h'); \
     CREATE VIEW portal_sites AS SELECT * FROM sites; \
     CREATE MATERIALIZED VIEW portal_empty AS SELECT * FROM sites WHERE false; \
     CREATE VIEW portal_void AS SELECT * FROM sites WHERE false";

#[tokio::test]
async fn all_findings_of_all_checks_at_once() {
    let db = database(VIEWS).await;
    let checks = [
        Check::view(
            public("portal_sites"),
            [
                (ident("site_id"), Some("integer".to_owned())),
                (ident("site_pid"), Some("varchar(52)".to_owned())),
            ],
        ),
        Check::view(
            public("portal_sites"),
            [
                (ident("site_id"), Some("int8".to_owned())),
                (ident("name"), Some("no_such_type".to_owned())),
            ],
        ),
        Check::view(
            public("portal_sites"),
            [(ident("iso3"), None), (ident("year"), None)],
        ),
        Check::view(public("portal_none"), []),
        Check::not_empty([public("portal_empty"), public("portal_sites")]),
        Check::not_empty([public("portal_empty"), public("portal_void")]),
        Check::not_empty([public("portal_none"), public("portal_sites")]),
        Check::unique(public("portal_sites"), [ident("site_id"), ident("site_pid")]).max_keys(2),
        Check::unique(public("portal_sites"), [ident("name")]),
        Check::query(
            "unknown-names",
            "SELECT site_id, name, NULL AS nothing FROM sites WHERE name > 'f' ORDER BY name;",
        )
        .severity(Severity::Warn),
        Check::query("broken", "SELECT nonsense"),
        Check::query("divides", "SELECT 1 / (site_id - 4) FROM sites"),
    ];
    let mut report = preflight(&db, &checks).await;
    assert!(report.is_fatal());
    assert_snapshot!("preflight_report", report.to_string());
    for check in &mut report.checks {
        check.took_ms = 0;
    }
    assert_json_snapshot!("preflight_json", report);
}

#[tokio::test]
async fn warnings_are_not_fatal() {
    let db = database(VIEWS).await;
    let warns = [
        Check::unique(public("portal_sites"), [ident("site_id")]).severity(Severity::Warn),
        Check::view(public("portal_none"), []).severity(Severity::Warn),
        Check::not_empty([public("portal_sites")]),
    ];
    let report = preflight(&db, &warns).await;
    assert!(!report.is_fatal(), "{report}");
    assert_eq!(report.checks[0].violations(), 3);
    let fatal = preflight(&db, &[Check::unique(public("portal_sites"), [ident("site_id")])]).await;
    assert!(fatal.is_fatal());
    let tolerating = |keys| {
        let tolerance = Tolerance::none().at_most(keys);
        [
            Check::unique(public("portal_sites"), [ident("site_id")]).tolerance(tolerance),
            Check::query("three", "SELECT 1 FROM sites LIMIT 3").tolerance(tolerance),
        ]
    };
    for (keys, is_fatal) in [(3, false), (2, true)] {
        let report = preflight(&db, &tolerating(keys)).await;
        assert!(
            report.checks.iter().all(|check| check.is_fatal() == is_fatal),
            "{report}"
        );
    }
}

#[tokio::test]
async fn every_violation_is_counted_and_a_few_are_kept() {
    let db = database("CREATE TABLE t AS SELECT n / 2 AS id FROM generate_series(2, 10001) n").await;
    let checks = [
        Check::unique(public("t"), [ident("id")]).max_keys(3),
        Check::query("all", "SELECT repeat('x', 1000) AS long FROM t").max_keys(0),
        Check::query("one", "SELECT repeat('x', 1000) AS long FROM t").max_keys(1),
    ];
    let report = preflight(&db, &checks).await;
    let counts: Vec<(u64, usize)> = report
        .checks
        .iter()
        .map(|check| (check.findings()[0].count, check.findings()[0].offenders.len()))
        .collect();
    assert_eq!(counts, [(5000, 3), (10_000, 0), (10_000, 1)]);
    let kept = report.checks[2].findings()[0].offenders[0].key[0].1.as_deref();
    assert_eq!(kept.map(str::len), Some(200), "long values are cut");
}

#[tokio::test]
async fn without_postgis_only_geometry_checks_cannot_run() {
    let db = Cluster::shared().empty_database().await.unwrap();
    db.execute("CREATE TABLE t (id int, geom bytea); INSERT INTO t VALUES (1, '')")
        .await
        .unwrap();
    let checks = [
        Check::geometry(GeometryCheck::new(public("t"), ident("geom"), 4326)),
        Check::not_empty([public("t")]),
    ];
    let report = preflight(&db, &checks).await;
    assert_snapshot!(report.to_string(), @r#"
    FAILED   geometry "public"."t"."geom"
               could not run: PostGIS is not installed in this database
               remedy: CREATE EXTENSION postgis, or take the geometry checks out of the release file
    ok       not empty: any of "public"."t"
    "#);
    assert!(matches!(report.checks[1].outcome, CheckOutcome::Ran { .. }));
}

#[tokio::test]
async fn the_plan_shows_the_statements() {
    let db = database(VIEWS).await;
    db.execute("CREATE TABLE shapes (id int, geom geometry)")
        .await
        .unwrap();
    let shapes = |engine| {
        let check = GeometryCheck::new(public("shapes"), ident("geom"), 4326)
            .key([ident("id")])
            .types(["Polygon", "it's"])
            .engine(engine);
        Check::geometry(check)
    };
    let checks = [
        Check::view(public("portal_sites"), [(ident("name"), None)]),
        Check::view(public("portal_none"), []),
        Check::not_empty([public("portal_empty"), public("portal_sites")]),
        Check::unique(public("portal_sites"), [ident("site_id"), ident("site_pid")]),
        Check::query("names", "SELECT 1 -- one"),
        shapes(Engine::Native),
        shapes(Engine::Server),
        shapes(Engine::Verify),
    ];
    let pool = pool(&db, 1);
    let plan = PreflightPlan::read(&pool, &checks, &PreflightSettings::new([ident("public")]))
        .await
        .unwrap();
    assert_snapshot!(plan.to_string());
}

#[tokio::test]
async fn events_and_a_killed_session() {
    let db = database("CREATE TABLE t (id int); INSERT INTO t VALUES (1)").await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let events = Events::to(move |event: &Event| log.lock().unwrap().push(event.kind.clone()));
    let pool = pool(&db, 2);
    let checks = [
        Check::query("suicide", "SELECT pg_terminate_backend(pg_backend_pid())"),
        Check::not_empty([public("t")]),
    ];
    let plan = PreflightPlan::read(&pool, &checks, &PreflightSettings::new([]))
        .await
        .unwrap();
    let report = plan.run(&pool, &events).await;
    let CheckOutcome::CouldNotRun { error } = &report.checks[0].outcome else {
        panic!("{report}")
    };
    assert!(error.to_string().contains("57P01"), "{error}");
    assert_eq!(report.checks[1].violations(), 0, "the other check is not touched");
    let finished = |event: &EventKind| matches!(event, EventKind::CheckFinished { .. });
    assert_eq!(
        seen.lock()
            .unwrap()
            .iter()
            .filter(|event| finished(event))
            .count(),
        2
    );
}

#[tokio::test]
async fn a_dropped_preflight_gives_no_busy_connection_back() {
    let db = database("CREATE TABLE t (id int)").await;
    let gate = db.connect().await.unwrap();
    gate.batch_execute("SELECT pg_advisory_lock(7)").await.unwrap();
    let pool = pool(&db, 1);
    let checks = [Check::query("waits", "SELECT pg_advisory_lock_shared(7)")];
    let plan = PreflightPlan::read(&pool, &checks, &PreflightSettings::new([]))
        .await
        .unwrap();
    let events = Events::none();
    {
        let mut running = std::pin::pin!(plan.run(&pool, &events));
        loop {
            tokio::select! {
                _ = &mut running => panic!("it waits for the lock"),
                waiting = db.query_text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'") => {
                    if waiting.unwrap() == "1" { break }
                }
            }
        }
    }
    assert_eq!(pool.status().size, 0, "closed, not given back");
}
