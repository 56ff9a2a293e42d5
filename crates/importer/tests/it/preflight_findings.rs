//! What was found, as files to look at.

use std::path::Path;

use cutover_importer::preflight::{Check, Engine, GeometryCheck};
use geojson::{FeatureCollection, GeometryValue};
use serde_json::Value;

use crate::fixture::{database, ident, public};
use crate::preflight::preflight;

fn files_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn read(folder: &Path, file: &str) -> FeatureCollection {
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    text.parse::<geojson::GeoJson>().unwrap().try_into().unwrap()
}

/// Id, reason, and what is shown by which type, of each feature.
fn features(collection: &FeatureCollection) -> Vec<(String, String, String)> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("nothing").to_owned();
    collection
        .features
        .iter()
        .map(|feature| {
            let geometry = match feature.geometry.as_ref().map(|geometry| &geometry.value) {
                None => "no geometry",
                Some(value) => value.type_name(),
            };
            let role = text(feature.property("shows"));
            (
                text(feature.property("key").and_then(|key| key.get("id"))),
                text(feature.property("reason")),
                format!("{role}: {geometry}"),
            )
        })
        .collect()
}

#[tokio::test]
async fn each_srid_has_a_file_of_its_own_and_old_ones_go() {
    let db = database(
        "CREATE TABLE shapes (id int, geom geometry); INSERT INTO shapes VALUES \
         (1, 'SRID=4326;MULTIPOLYGON(((5 5, 6 5, 6 6, 5 5)), ((0 0, 2 2, 2 0, 0 2, 0 0)))'), \
         (2, 'SRID=3857;LINESTRING(0 0, 1000 0)'), (3, 'POINT(1 2)'), (4, NULL), \
         (5, ST_Segmentize('SRID=4326;POLYGON((0 0, 2 2, 2 0, 0 2, 0 0))'::geometry, 0.001))",
    )
    .await;
    let check = || {
        let check = GeometryCheck::new(public("shapes"), ident("geom"), 4326).key([ident("id")]);
        [Check::geometry(check.types(["Polygon", "MultiPolygon"]))]
    };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("deep/er");
    let report = preflight(&db, &check()).await;
    let written = report.write_findings(&folder, "preflight").unwrap();
    let names = [
        "preflight.geojson",
        "preflight.json",
        "preflight.srid-0.geojson",
        "preflight.srid-3857.geojson",
    ];
    assert_eq!(files_in(&folder), names);
    assert_eq!(written.len(), names.len());

    let degrees = read(&folder, "preflight.geojson");
    let row = |id: &str, reason: &str, shown: &str| (id.to_owned(), reason.to_owned(), shown.to_owned());
    let crossing = "invalid: self-intersection";
    assert_eq!(
        features(&degrees),
        [
            row("1", crossing, "geometry: MultiPolygon"),
            row("1", crossing, "place: Point"),
            row("5", crossing, "geometry: Polygon"),
            row("5", crossing, "place: Point"),
            row("4", "no geometry", "nothing: no geometry"),
        ]
    );
    assert_eq!(degrees.foreign_members, None, "GeoJSON means 4326");
    let omitted = degrees.features[2].property("omitted").and_then(Value::as_str);
    assert!(omitted.unwrap().starts_with("thinned from "), "{omitted:?}");
    let Some(GeometryValue::Polygon { coordinates }) = degrees.features[2]
        .geometry
        .as_ref()
        .map(|geometry| &geometry.value)
    else {
        panic!("{degrees:?}")
    };
    let ring = &coordinates[0];
    assert!(ring.len() < 2200 && ring.first() == ring.last(), "{}", ring.len());

    let metres = read(&folder, "preflight.srid-3857.geojson");
    assert_eq!(
        features(&metres),
        [
            row("2", "wrong SRID", "geometry: LineString"),
            row("2", "wrong type", "geometry: LineString"),
            row("2", "wrong type", "place: Point"),
        ]
    );
    let members = metres.foreign_members.unwrap();
    assert_eq!(members["srid"], 3857);
    assert_eq!(members["crs"]["properties"]["name"], "urn:ogc:def:crs:EPSG::3857");
    let unknown = read(&folder, "preflight.srid-0.geojson").foreign_members.unwrap();
    assert_eq!((&unknown["srid"], unknown.get("crs")), (&Value::from(0), None));

    let text = std::fs::read_to_string(folder.join("preflight.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["checks"][0]["offending"], 5);
    assert_eq!(document["checks"][0]["findings"][0]["offenders"][0]["srid"], 4326);

    db.execute("DELETE FROM shapes WHERE id <> 2").await.unwrap();
    let notes = folder.join("preflight.srid-notes.geojson");
    std::fs::write(&notes, "mine").unwrap();
    preflight(&db, &check())
        .await
        .write_findings(&folder, "preflight")
        .unwrap();
    let afterwards = [
        "preflight.geojson",
        "preflight.json",
        "preflight.srid-3857.geojson",
        "preflight.srid-notes.geojson",
    ];
    assert_eq!(files_in(&folder), afterwards);
    assert!(read(&folder, "preflight.geojson").features.is_empty());

    let error = report.write_findings(&notes, "preflight").unwrap_err();
    assert_eq!(error.path, notes);
}

#[tokio::test]
async fn the_server_tells_places_only() {
    let db = database(
        "CREATE TABLE shapes (id int, geom geometry); \
         INSERT INTO shapes VALUES (1, 'SRID=3857;POLYGON((0 0, 2 2, 2 0, 0 2, 0 0))')",
    )
    .await;
    let check = GeometryCheck::new(public("shapes"), ident("geom"), 3857)
        .key([ident("id")])
        .engine(Engine::Server);
    let found = preflight(&db, &[Check::geometry(check)]).await.to_geojson();
    let srids: Vec<i32> = found.keys().copied().collect();
    assert_eq!(srids, [3857, 4326]);
    let features = found[&3857]["features"].as_array().unwrap();
    assert_eq!(features.len(), 1);
    assert_eq!(features[0]["properties"]["shows"], "place");
}
