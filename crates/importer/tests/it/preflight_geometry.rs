//! The geometry check on geometries that are wrong in every way.

use std::sync::{Arc, Mutex};

use cutover_core::{Event, EventKind, Events, Ident};
use cutover_importer::preflight::{
    Bounds, Check, CheckReport, Engine, GeometryCheck, PreflightPlan, PreflightReport, PreflightSettings,
    Severity, Tolerance,
};
use insta::{allow_duplicates, assert_snapshot};

use crate::fixture::{database, ident, pool, public};
use crate::preflight::preflight;

/// Hex EWKB of a polygon whose third vertex has a NaN for x; PostGIS stores it without complaint.
const NAN_POLYGON: &str = "0103000020E6100000010000000500000000000000000000000000000000000000000000000000F03F00000000000000000000\
                           00000000F87F000000000000F03F0000000000000000000000000000F03F00000000000000000000000000000000";

pub(crate) fn shapes() -> String {
    format!(
        "CREATE TABLE shapes (id int, pid text, geom geometry); \
         INSERT INTO shapes VALUES \
         (1, 'good', 'SRID=4326;POLYGON((0 0, 1 0, 1 1, 0 1, 0 0))'), \
         (2, 'good multi with a hole', 'SRID=4326;MULTIPOLYGON(((0 0, 9 0, 9 9, 0 9, 0 0), (1 1, 1 2, 2 2, 2 1, 1 1)))'), \
         (3, 'bow tie', 'SRID=4326;POLYGON((0 0, 2 2, 2 0, 0 2, 0 0))'), \
         (4, 'hole outside', 'SRID=4326;POLYGON((0 0, 1 0, 1 1, 0 1, 0 0), (5 5, 5 6, 6 6, 6 5, 5 5))'), \
         (5, 'wrong srid', 'SRID=3857;POLYGON((0 0, 1000 0, 1000 1000, 0 1000, 0 0))'), \
         (6, 'no srid', 'POLYGON((0 0, 1 0, 1 1, 0 1, 0 0))'), \
         (7, 'empty', 'SRID=4326;POLYGON EMPTY'), \
         (8, 'nan', '{NAN_POLYGON}'), \
         (9, 'infinite', ST_SetSRID(ST_MakePolygon(ST_MakeLine(ARRAY[ST_MakePoint(0, 0), ST_MakePoint('Infinity', 0), ST_MakePoint(1, 1), ST_MakePoint(0, 0)])), 4326)), \
         (10, 'past 180', 'SRID=4326;POLYGON((179 0, 181.5 0, 181.5 1, 179 1, 179 0))'), \
         (11, 'past the pole and bow tie', 'SRID=4326;POLYGON((0 80, 2 91, 2 80, 0 91, 0 80))'), \
         (12, NULL, 'SRID=4326;POINT(3 4)'), \
         (13, 'nan point', ST_SetSRID(ST_MakePoint(1, 'NaN'), 4326)), \
         (14, 'tin', 'SRID=4326;TIN(((0 0, 1 0, 1 1, 0 0)))'), \
         (15, 'no geometry', NULL), \
         (16, 'on the border', 'SRID=4326;POLYGON((-180 -90, 180 -90, 180 90, -180 90, -180 -90))'), \
         (17, 'huge but finite', 'SRID=4326;POLYGON((0 0, 1e300 0, 1e300 1e300, 0 1e300, 0 0))')"
    )
}

pub(crate) fn check() -> GeometryCheck {
    GeometryCheck::new(public("shapes"), ident("geom"), 4326)
        .key([ident("id"), ident("pid")])
        .types(["Polygon", "MultiPolygon"])
}

/// Each offending row with its reasons, by id.
fn by_row(report: &PreflightReport) -> Vec<(u32, String)> {
    let mut rows: Vec<(u32, String)> = report.checks[0]
        .findings()
        .iter()
        .flat_map(|finding| {
            finding.offenders.iter().map(|offender| {
                let id = offender.key[0].1.as_deref().unwrap().parse().unwrap();
                (id, finding.reason.clone())
            })
        })
        .collect();
    rows.sort();
    rows
}

#[tokio::test]
async fn every_fault_is_found_and_told_from_the_others() {
    let db = database(&shapes()).await;
    let expected = [
        (3, "invalid: self-intersection"),
        (4, "invalid: hole lies outside shell"),
        (5, "wrong SRID"),
        (6, "wrong SRID"),
        (7, "empty"),
        (8, "coordinate not finite"),
        (9, "coordinate not finite"),
        (10, "coordinate out of range"),
        (11, "coordinate out of range"),
        (11, "invalid: self-intersection"),
        (12, "wrong type"),
        (13, "coordinate not finite"),
        (13, "wrong type"),
        (14, "wrong type"),
        (15, "no geometry"),
        (17, "coordinate out of range"),
    ];
    for engine in Engine::ALL {
        let report = preflight(&db, &[Check::geometry(check().engine(engine))]).await;
        let found = by_row(&report);
        let found: Vec<(u32, &str)> = found.iter().map(|(id, reason)| (*id, reason.as_str())).collect();
        assert_eq!(found, expected, "{engine:?}: {report}");
        assert_snapshot!("geometry_report", report.to_string());
    }
}

#[tokio::test]
async fn the_verdict_is_st_isvalids() {
    let db = database(&shapes()).await;
    db.execute("DELETE FROM shapes WHERE id IN (8, 9, 13, 14)")
        .await
        .unwrap();
    let expected = db
        .query_text("SELECT string_agg(id::text, ',' ORDER BY id) FROM shapes WHERE NOT ST_IsValid(geom)")
        .await
        .unwrap();
    for engine in Engine::ALL {
        let anything = GeometryCheck::new(public("shapes"), ident("geom"), 4326)
            .key([ident("id")])
            .bounds(None)
            .allow_empty()
            .allow_null()
            .engine(engine);
        let report = preflight(&db, &[Check::geometry(anything)]).await;
        let found: Vec<String> = by_row(&report)
            .into_iter()
            .filter(|(_, reason)| reason.starts_with("invalid"))
            .map(|(id, _)| id.to_string())
            .collect();
        assert_eq!(found.join(","), expected, "{engine:?}");
        assert!(!report.to_string().contains("no geometry"), "{report}");
    }
}

#[tokio::test]
async fn postgis_raises_where_the_check_does_not() {
    let db = database(&shapes()).await;
    let asked = db
        .query_text("SELECT reason(ST_IsValidDetail(geom)) FROM shapes WHERE id = 8")
        .await;
    for engine in Engine::ALL {
        let report = preflight(&db, &[Check::geometry(check().engine(engine))]).await;
        assert!(
            by_row(&report).contains(&(8, "coordinate not finite".to_owned())),
            "{report}\nPostGIS: {asked:?}"
        );
    }
}

#[tokio::test]
async fn postgis_may_live_in_any_schema() {
    let db = cutover_testkit::Cluster::shared().empty_database().await.unwrap();
    db.execute(
        "CREATE SCHEMA \"Geo Stuff\"; CREATE EXTENSION postgis SCHEMA \"Geo Stuff\"; \
         CREATE TABLE shapes (id int, geom \"Geo Stuff\".geometry); \
         INSERT INTO shapes VALUES (1, 'SRID=4326;POLYGON((0 0, 2 2, 2 0, 0 2, 0 0))'), (2, 'SRID=4326;POINT(1 200)')",
    )
    .await
    .unwrap();
    for engine in Engine::ALL {
        let check = GeometryCheck::new(public("shapes"), ident("geom"), 4326)
            .key([ident("id")])
            .engine(engine);
        let report = preflight(&db, &[Check::geometry(check)]).await;
        assert_eq!(
            by_row(&report),
            [
                (1, "invalid: self-intersection".to_owned()),
                (2, "coordinate out of range".to_owned())
            ],
            "{engine:?}: {report}"
        );
    }
}

#[tokio::test]
async fn other_bounds_and_no_key() {
    let db = database(
        "CREATE TABLE shapes (geom geometry); INSERT INTO shapes VALUES ('SRID=3857;LINESTRING(0 0, 5 5, 20 20)'), ('SRID=3857;LINESTRING(0 0, 5 5)')",
    )
    .await;
    let bounds = Bounds {
        min_x: 0.0,
        min_y: 0.0,
        max_x: 10.0,
        max_y: 10.0,
    };
    for engine in Engine::ALL {
        let check = GeometryCheck::new(public("shapes"), ident("geom"), 3857)
            .bounds(Some(bounds))
            .engine(engine);
        let report = preflight(&db, &[Check::geometry(check)]).await;
        allow_duplicates! {
            assert_snapshot!(report.to_string(), @r#"
            FAILED   geometry "public"."shapes"."geom"
                     1 coordinate out of range
                        - (no key) at (20 20)
            "#);
        }
    }
}

#[tokio::test]
async fn one_scan_of_the_view() {
    let db = database(
        "CREATE TABLE base (id int, geom geometry); INSERT INTO base SELECT n, 'SRID=3857;POINT EMPTY' FROM generate_series(1, 50) n; \
         CREATE SEQUENCE looked; \
         CREATE VIEW shapes AS SELECT id, geom FROM base",
    )
    .await;
    let name: &Ident = &ident("base");
    let scans = format!(
        "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = '{}'",
        name.as_str()
    );
    for (engine, scans_by_now) in Engine::ALL.into_iter().zip(1..) {
        let check = GeometryCheck::new(public("shapes"), ident("geom"), 4326)
            .key([ident("id")])
            .engine(engine);
        let report = preflight(&db, &[Check::geometry(check)]).await;
        assert_eq!(report.checks[0].violations(), 100, "two reasons for each row");
        let found = loop {
            // The session's statistics arrive when it is idle or ends.
            let found: i64 = db.query_text(&scans).await.unwrap().parse().unwrap();
            if found >= scans_by_now {
                break found;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(found, scans_by_now, "{engine:?}");
    }
}

#[tokio::test]
async fn what_is_tolerated_is_a_warning() {
    let db = database(&shapes()).await;
    // 14 of the 17 rows offend, some of them for two reasons.
    let tolerances = [
        (Tolerance::none().at_most(14), false),
        (Tolerance::none().at_most(13), true),
        (Tolerance::none().share(0.83), false),
        (Tolerance::none().share(0.82), true),
        (Tolerance::none().at_most(14).share(0.5), true),
    ];
    for engine in Engine::ALL {
        let checks =
            tolerances.map(|(tolerance, _)| Check::geometry(check().engine(engine)).tolerance(tolerance));
        let report = preflight(&db, &checks).await;
        let fatal: Vec<bool> = report.checks.iter().map(CheckReport::is_fatal).collect();
        assert_eq!(fatal, tolerances.map(|(_, fatal)| fatal), "{engine:?}: {report}");
        assert_eq!(
            (report.checks[2].offending(), report.checks[2].violations()),
            (14, 16)
        );
        let text = report.to_string();
        let told = "14 of 17 offend, tolerated: at most 83 % of the rows";
        assert!(text.contains(told), "{engine:?}: {text}");
    }
}

#[tokio::test]
async fn curves_and_surfaces_are_judged_by_the_server_or_not_at_all() {
    let db = database(
        "CREATE TABLE shapes (id int, geom geometry); INSERT INTO shapes VALUES \
         (1, 'SRID=4326;CIRCULARSTRING(0 0, 1 1, 2 0)'), \
         (2, 'SRID=4326;CURVEPOLYGON(CIRCULARSTRING(0 0, 4 0, 4 4, 0 4, 0 0))'), \
         (3, 'SRID=4326;CURVEPOLYGON((0 0, 2 2, 2 0, 0 2, 0 0))'), \
         (4, 'SRID=4326;MULTISURFACE(((0 0, 1 0, 1 1, 0 1, 0 0), (5 5, 5 6, 6 6, 6 5, 5 5)))'), \
         (5, 'SRID=4326;GEOMETRYCOLLECTION(POINT(1 2), COMPOUNDCURVE((0 0, 1 1), (1 1, 2 0)))'), \
         (6, 'SRID=4326;GEOMETRYCOLLECTION(POINT(1 2), CURVEPOLYGON((0 0, 2 2, 2 0, 0 2, 0 0)))'), \
         (7, 'SRID=4326;GEOMETRYCOLLECTION(TIN(((0 0, 1 0, 1 1, 0 0))))'), \
         (8, 'SRID=4326;GEOMETRYCOLLECTION(POINT(1 2), POLYGON((0 0, 2 2, 2 0, 0 2, 0 0)))'), \
         (9, 'SRID=4326;CIRCULARSTRING(0 0, 1 1, 200 0)'), \
         (10, 'SRID=4326;COMPOUNDCURVE EMPTY'), \
         (11, 'SRID=4326;TRIANGLE((0 0, 1 0, 1 1, 0 0))'), \
         (12, 'SRID=4326;MULTICURVE((0 0, 1 1))')",
    )
    .await;
    let expected = [
        (3, "invalid: self-intersection"),
        (4, "invalid: hole lies outside shell"),
        (6, "invalid: self-intersection"),
        (7, "validity cannot be judged"),
        (8, "invalid: self-intersection"),
        (9, "coordinate out of range"),
        (10, "empty"),
        (11, "wrong type"),
    ];
    for engine in Engine::ALL {
        let check = GeometryCheck::new(public("shapes"), ident("geom"), 4326)
            .key([ident("id")])
            .engine(engine);
        let report = preflight(&db, &[Check::geometry(check)]).await;
        let found = by_row(&report);
        let found: Vec<(u32, &str)> = found.iter().map(|(id, reason)| (*id, reason.as_str())).collect();
        assert_eq!(found, expected, "{engine:?}: {report}");
    }
}

/// Four batches of polygons, every hundredth a bow tie; the first two are large enough for batches of their own.
const MANY: &str = "CREATE TABLE shapes AS \
     SELECT n AS id, ST_Segmentize(ST_SetSRID(CASE n % 100 WHEN 0 THEN 'POLYGON((0 0, 2 2, 2 0, 0 2, 0 0))'::geometry \
                                              ELSE ST_MakeEnvelope(0, 0, 1, 1) END, 4326), \
                          CASE WHEN n < 3 THEN 0.0002 ELSE 9 END) AS geom \
       FROM generate_series(1, 4000) n; \
     ANALYZE shapes";

fn many(engine: Engine) -> Check {
    let check = GeometryCheck::new(public("shapes"), ident("geom"), 4326)
        .key([ident("id")])
        .engine(engine);
    Check::geometry(check).max_keys(3)
}

#[tokio::test]
async fn batches_are_counted_whole_and_their_first_rows_kept() {
    let db = database(MANY).await;
    for engine in Engine::ALL {
        let progress = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&progress);
        let events = Events::to(move |event: &Event| {
            if let EventKind::CheckProgress {
                rows, expected_rows, ..
            } = event.kind
            {
                seen.lock().unwrap().push((rows, expected_rows));
            }
        });
        let pool = pool(&db, 1);
        let settings = PreflightSettings::new([ident("public")]);
        let plan = PreflightPlan::read(&pool, &[many(engine)], &settings)
            .await
            .unwrap();
        let report = plan.run(&pool, &events).await;
        assert_eq!(report.checks[0].violations(), 40, "{engine:?}: {report}");
        let kept: Vec<u32> = by_row(&report).into_iter().map(|(id, _)| id).collect();
        assert_eq!(kept, [100, 200, 300], "{engine:?}");
        let told = progress.lock().unwrap().clone();
        match engine {
            // The first row fills a batch.
            Engine::Native | Engine::Verify => assert_eq!(told.first(), Some(&(1, Some(4000)))),
            _ => assert_eq!(told, []),
        }
    }
}

#[tokio::test]
async fn engines_that_disagree_fail_the_preflight() {
    let db = database(&shapes()).await;
    // A server that takes bow ties for sound, and squares for unsound.
    db.execute(
        "CREATE OR REPLACE FUNCTION ST_IsValidDetail(geom geometry, flags integer DEFAULT 0) RETURNS valid_detail LANGUAGE sql AS \
         $$ SELECT (ST_IsValid(geom) IS FALSE, 'Nested shells', 'POINT(7 8)')::valid_detail $$; \
         DELETE FROM shapes WHERE id NOT IN (1, 3, 7)",
    )
    .await
    .unwrap();
    let check = Check::geometry(check().engine(Engine::Verify).allow_empty()).severity(Severity::Warn);
    let report = preflight(&db, &[check]).await;
    assert!(report.is_fatal(), "whatever the severity");
    assert_snapshot!(report.to_string(), @r#"
    FAILED   geometry "public"."shapes"."geom"
             2 engines disagree
                - id=1, pid=good: native: valid; server: Nested shells at 7 8 at (7 8)
                - id=3, pid=bow tie: native: Self-intersection at 1 1; server: valid at (1 1)
             1 invalid: self-intersection
                - id=3, pid=bow tie at (1 1)
    "#);
}

#[tokio::test]
async fn a_dropped_preflight_ends_its_statement() {
    let db = database(
        "CREATE VIEW shapes AS SELECT a AS id, ST_SetSRID(ST_MakePoint(1, 2), 4326) AS geom \
           FROM generate_series(1, 1000) a, generate_series(1, 1000) b, generate_series(1, 1000) c",
    )
    .await;
    for engine in [Engine::Native, Engine::Verify] {
        let pool = pool(&db, 1);
        let settings = PreflightSettings::new([ident("public")]);
        let plan = PreflightPlan::read(&pool, &[many(engine)], &settings)
            .await
            .unwrap();
        let (told, mut under_way) = tokio::sync::mpsc::unbounded_channel();
        let events = Events::to(move |event: &Event| {
            if matches!(event.kind, EventKind::CheckProgress { .. }) {
                told.send(()).unwrap();
            }
        });
        tokio::select! {
            report = plan.run(&pool, &events) => panic!("of a thousand million rows: {report}"),
            _ = under_way.recv() => {}
        }
        let running = "SELECT count(*) FROM pg_stat_activity \
                        WHERE datname = current_database() AND query LIKE 'COPY%'";
        while db.query_text(running).await.unwrap() != "0" {}
        assert_eq!(pool.status().size, 0, "closed, not given back");
    }
}
