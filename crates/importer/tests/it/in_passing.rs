//! Checks made on the rows of an import find what they find when they read the rows themselves.

use cutover_core::records::ImportSoFar;
use cutover_core::{Events, Ident};
use cutover_importer::preflight::{
    Check, CheckReport, Engine, GeometryCheck, PreflightReport, Severity, Tolerance,
};
use cutover_importer::{Import, ImportError, Way};
use cutover_testkit::TestDatabase;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::chunks::{Record, go_on};
use crate::faults::{NO_OTHER_SESSION, poll_at_most, until};
use crate::fixture::{
    database, ident, import_pipe, plan, plan_pipe, public, query, relation, settings, told,
};
use crate::preflight::preflight;
use crate::preflight_geometry::{check, shapes};

/// What is wrong in every way, among enough sound ones for several batches, with a bow tie here and there.
async fn many_shapes() -> TestDatabase {
    let more = "INSERT INTO shapes SELECT n, 'more', ST_SetSRID(CASE WHEN n % 500 = 0 \
         THEN 'POLYGON((0 0, 2 2, 2 0, 0 2, 0 0))'::geometry ELSE ST_MakeEnvelope(0, 0, n / 1e4, 1) END, 4326) \
         FROM generate_series(100, 8000) n; \
         CREATE TABLE sites (form geometry, \"Full Name\" varchar, number int8)";
    database(&format!("{}; {more}", shapes())).await
}

fn columns() -> [(Ident, String); 3] {
    [("form", "geom"), ("Full Name", "pid"), ("number", "id")].map(|(to, from)| (ident(to), from.to_owned()))
}

fn sites() -> Import {
    Import::new("sites", public("sites"), relation("shapes")).columns(columns())
}

/// What a check found, whoever read the rows for it.
fn found(report: CheckReport) -> (Value, String) {
    let report = PreflightReport { checks: vec![report] };
    let looked_at = json!(report.to_geojson());
    let mut json = json!(report.checks[0]);
    for varying in ["took_ms", "note"] {
        json.as_object_mut().unwrap().remove(varying);
    }
    (json, looked_at.to_string())
}

async fn found_apart(db: &TestDatabase, check: &Check) -> (Value, String) {
    found(preflight(db, std::slice::from_ref(check)).await.checks.remove(0))
}

async fn rows(db: &TestDatabase) -> u64 {
    db.query_text("SELECT count(*) FROM sites")
        .await
        .unwrap()
        .parse()
        .unwrap()
}

#[tokio::test]
async fn rows_that_pass_are_found_the_same_wrong() {
    let db = many_shapes().await;
    let wide = GeometryCheck::new(public("shapes"), ident("geom"), 4326).allow_null();
    let checks = [
        Check::geometry(check()).severity(Severity::Warn).max_keys(5),
        Check::geometry(wide).tolerance(Tolerance::none().at_most(100).share(0.1)),
    ];
    let outcome = import_pipe(&db, &db, &sites().checked(checks.clone()), &settings())
        .await
        .unwrap();
    assert_eq!((outcome.rows, rows(&db).await), (7918, 7918));
    assert_eq!(outcome.checks.len(), 2);
    assert_eq!(
        outcome.checks[0].note.as_deref(),
        Some("made on the rows of importer sites")
    );
    for (check, report) in checks.iter().zip(outcome.checks) {
        assert!(!report.is_fatal() && report.violations() > 20, "{report:?}");
        let (json, looked_at) = found(report);
        let (json_apart, looked_at_apart) = found_apart(&db, check).await;
        assert_eq!(json, json_apart);
        assert_eq!(looked_at, looked_at_apart);
    }
}

#[tokio::test]
async fn too_much_that_is_wrong_leaves_no_row_that_could_be_committed() {
    let db = many_shapes().await;
    db.execute("DELETE FROM shapes WHERE id < 100 AND id > 3; CREATE TABLE before (n int)")
        .await
        .unwrap();
    let check = Check::geometry(check()).max_keys(1);
    let import = sites().checked([check.clone().tolerance(Tolerance::none().at_most(16))]);
    let (mut target, mut source) = (db.connect().await.unwrap(), db.connect().await.unwrap());
    let plan = plan_pipe(&import, &settings(), &mut target, &mut source)
        .await
        .unwrap();
    let writing = target.transaction().await.unwrap();
    let reading = source.transaction().await.unwrap();
    writing
        .execute("INSERT INTO before VALUES (1)", &[])
        .await
        .unwrap();
    let error = plan
        .run_in(&writing, Some(&reading), &Events::none())
        .await
        .unwrap_err();
    // Whoever commits it all the same keeps what was there before, and no row.
    writing.commit().await.unwrap();
    assert_eq!(
        (
            rows(&db).await,
            db.query_text("SELECT n FROM before").await.unwrap()
        ),
        (0, "1".to_owned())
    );
    assert_snapshot!(told(&error), @r#"
    importer sites: 1 of 1 checks of its rows failed
    FAILED   geometry "public"."shapes"."geom"
             made on the rows of importer sites
             17 of 7904 offend, tolerated: at most 16
            17 invalid: self-intersection
                - id=3, pid=bow tie at (1 1)
                - and 16 more

      remedy: mend the geometries at their source, or raise `max` of the check; then take the release up again
    "#);

    let share = check.tolerance(Tolerance::none().share(0.01));
    let outcome = import_pipe(&db, &db, &sites().checked([share]), &settings())
        .await
        .unwrap();
    assert_eq!(
        (outcome.checks[0].offending(), outcome.checks[0].tolerated()),
        (17, 79)
    );
}

#[tokio::test]
async fn an_import_that_is_taken_up_goes_on_counting() {
    let db = many_shapes().await;
    let check = Check::geometry(check()).severity(Severity::Warn);
    let expected = found_apart(&db, &check).await.0;
    let import = sites().key([ident("number")]).checked([check.clone()]);
    let settings = settings().chunk_bytes(60_000);
    let record = Record::in_database(&db).await;
    let mut cuts = 0;
    for polls in (50..).step_by(25) {
        let round = poll_at_most(polls, go_on(&db, &record, &import, &settings, &Events::none())).await;
        until(&db, NO_OTHER_SESSION).await;
        if let Some(outcome) = round {
            assert_eq!(found(outcome.unwrap().checks.remove(0)).0, expected);
            break;
        }
        cuts += i32::from(rows(&db).await > 0);
    }
    assert!(cuts > 1, "cut off {cuts} times with rows in");

    // Chunks that nobody checked are known as such.
    let client = db.connect().await.unwrap();
    let mut so_far = record.journal().so_far(&client, "sites").await.unwrap();
    so_far.checked[1] = None;
    let (mut target, mut source) = (db.connect().await.unwrap(), db.connect().await.unwrap());
    let plan = plan_pipe(&import.in_chunks(), &settings, &mut target, &mut source)
        .await
        .unwrap();
    assert!(plan.checks_apart(&ImportSoFar::default()).is_empty());
    let apart = plan.checks_apart(&so_far);
    assert_eq!(
        apart[0].noted(),
        Some("read apart from importer sites: chunks of it were imported without this check")
    );
}

#[tokio::test]
async fn a_chunk_with_one_too_many_is_not_committed_and_the_rest_is_looked_at() {
    let db = many_shapes().await;
    db.execute("DELETE FROM shapes WHERE id < 100").await.unwrap();
    let check = Check::geometry(check()).tolerance(Tolerance::none().at_most(3));
    let import = sites().key([ident("number")]).checked([check.clone()]);
    let settings = settings().chunk_bytes(60_000);
    let record = Record::in_database(&db).await;
    let go_on = async || go_on(&db, &record, &import, &settings, &Events::none()).await;
    let error = go_on().await.unwrap_err();
    let ImportError::Checked {
        report, committed, ..
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!(
        found(report.checks[0].clone()).0,
        found_apart(&db, &check).await.0
    );
    assert_eq!((report.checks[0].offending(), committed), (16, 3));
    let invalid = "SELECT count(*) FROM sites WHERE NOT ST_IsValid(form)";
    assert_eq!(db.query_text(invalid).await.unwrap(), "3");
    let in_before = rows(&db).await;
    assert!((1401..1900).contains(&in_before), "{in_before}");

    db.execute("UPDATE shapes SET geom = ST_MakeValid(geom)")
        .await
        .unwrap();
    db.execute(
        "DELETE FROM shapes WHERE id % 1000 = 999; UPDATE shapes SET geom = ST_CollectionExtract(geom, 3)",
    )
    .await
    .unwrap();
    let outcome = go_on().await.unwrap();
    assert_eq!(
        (outcome.rows, outcome.checks[0].offending()),
        (7901 - 7, 3),
        "{:?}",
        outcome.checks
    );
}

#[tokio::test]
async fn what_cannot_be_checked_in_passing_is_to_be_read_apart() {
    let db = database(
        "CREATE TYPE mood AS ENUM ('calm'); \
         CREATE TABLE s (id int, geom geometry, moods mood[], place geography); CREATE VIEW v AS SELECT * FROM s; \
         CREATE TABLE t (id int, geom geometry, moods mood[], place geography); CREATE TABLE u (id int, geom text)",
    )
    .await;
    let on = |relation: &str, column: &str| GeometryCheck::new(public(relation), ident(column), 4326);
    let into = |table: &str, columns: &[(&str, &str)]| {
        let columns = columns.iter().map(|(to, from)| (ident(to), (*from).to_owned()));
        Import::new("t", public(table), relation("s")).columns(columns)
    };
    let two_columns = || into("t", &[("id", "id"), ("geom", "geom")]);
    let by_query = Import::new("t", public("t"), query("SELECT id, geom FROM s"));
    let cases = [
        (two_columns(), Check::geometry(on("s", "geom").key([ident("id")]))),
        (two_columns(), Check::geometry(on("v", "geom"))),
        (
            two_columns(),
            Check::geometry(on("s", "geom").engine(Engine::Verify)),
        ),
        (two_columns(), Check::unique(public("s"), [ident("id")])),
        (two_columns().sample(1), Check::geometry(on("s", "geom"))),
        (
            two_columns(),
            Check::geometry(on("s", "geom").key([ident("id"), ident("moods")])),
        ),
        (by_query, Check::geometry(on("s", "geom"))),
        (into("u", &[("geom", "geom")]), Check::geometry(on("s", "geom"))),
        (
            into("t", &[("place", "place")]),
            Check::geometry(on("s", "place")),
        ),
        (
            into("t", &[("geom", "geom"), ("moods", "moods")]),
            Check::geometry(on("s", "geom")),
        ),
    ];
    let mut apart = Vec::new();
    for (import, check) in cases {
        let (mut target, mut source) = (db.connect().await.unwrap(), db.connect().await.unwrap());
        let plan = plan_pipe(&import.checked([check]), &settings(), &mut target, &mut source)
            .await
            .unwrap();
        let checks = plan.checks_apart(&ImportSoFar::default());
        apart.push(
            checks
                .iter()
                .map(|check| check.noted().unwrap().to_owned())
                .collect::<String>(),
        );
    }
    let server_side = two_columns()
        .way(Way::ServerSide)
        .checked([Check::geometry(on("s", "geom"))]);
    let mut target = db.connect().await.unwrap();
    let plan = plan(&server_side, &mut target).await.unwrap();
    let told = plan.to_string();
    apart.extend(
        told.lines()
            .filter(|line| line.contains("read apart"))
            .map(str::to_owned),
    );
    assert_snapshot!(apart.join("\n"), @r#"

    read apart from importer t: it does not import "public"."v"
    read apart from importer t: the server is to judge them
    read apart from importer t: it is not about geometries
    read apart from importer t: a sample is not all rows
    read apart from importer t: it does not import column "moods"
    read apart from importer t: it does not import "public"."s"
    read apart from importer t: it does not bring column "geom" as a geometry
    read apart from importer t: it does not bring column "place" as a geometry
    read apart from importer t: its rows do not pass through the client in binary
    -- note: geometry "public"."s"."geom": read apart from importer t: its rows do not pass through the client in binary
    "#);
}
