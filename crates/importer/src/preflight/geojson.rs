//! Violations as GeoJSON, to look at on a map.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::report::{CheckReport, Finding, Offender, PreflightReport};

/// The reference system that GeoJSON means: longitude and latitude on WGS 84.
pub(super) const WGS84: i32 = 4326;

impl PreflightReport {
    /// What was found, as a FeatureCollection ([RFC 7946]) for each SRID; one for 4326, with what has no place, is always
    /// there.
    ///
    /// An offender kept is a feature with its geometry and one with the place where it fails, as a Point, told apart by the
    /// property `shows`; where there is neither, one without a geometry. `check`, `reason`, `detail` and `key` are
    /// properties, and of a large geometry that is not shown whole `omitted` says how. Geometries are there for the first 20
    /// offenders of a reason, and where they were judged in this process.
    ///
    /// Coordinates and the direction of rings are those of the data. GeoJSON means WGS 84, so a collection of another SRID says so in a foreign
    /// member `srid`, and, where the SRID is known, in one called `crs` as GDAL and QGIS read it.
    ///
    /// [RFC 7946]: https://www.rfc-editor.org/rfc/rfc7946
    #[must_use]
    pub fn to_geojson(&self) -> BTreeMap<i32, Value> {
        let mut features = BTreeMap::from([(WGS84, Vec::new())]);
        for check in &self.checks {
            for finding in check.findings() {
                for offender in &finding.offenders {
                    let srid = offender.srid.unwrap_or(WGS84);
                    let of_srid: &mut Vec<Value> = features.entry(srid).or_default();
                    add_features(of_srid, check, finding, offender);
                }
            }
        }
        let collection = |(srid, features)| (srid, collection(srid, features));
        features.into_iter().map(collection).collect()
    }
}

fn collection(srid: i32, features: Vec<Value>) -> Value {
    let mut collection = json!({ "type": "FeatureCollection" });
    collection["features"] = Value::Array(features);
    if srid != WGS84 {
        collection["srid"] = json!(srid);
        if srid > 0 {
            let name = format!("urn:ogc:def:crs:EPSG::{srid}");
            collection["crs"] = json!({ "type": "name", "properties": { "name": name } });
        }
    }
    collection
}

fn add_features(features: &mut Vec<Value>, check: &CheckReport, finding: &Finding, offender: &Offender) {
    let geometry = offender
        .geometry
        .as_ref()
        .map(|sketch| ("geometry", sketch.to_geojson(), sketch.omission()));
    let place = offender
        .place
        .filter(|place| place.x().is_finite() && place.y().is_finite())
        .map(|place| json!({ "type": "Point", "coordinates": [place.x(), place.y()] }));
    let shown: Vec<_> = geometry
        .into_iter()
        .chain(place.map(|place| ("place", place, None)))
        .collect();
    if shown.is_empty() {
        features.push(feature(check, finding, offender, None, Value::Null));
    }
    for (shows, geometry, omitted) in shown {
        let mut feature = feature(check, finding, offender, Some(shows), geometry);
        if let Some(omitted) = omitted {
            feature["properties"]["omitted"] = json!(omitted);
        }
        features.push(feature);
    }
}

fn feature(
    check: &CheckReport,
    finding: &Finding,
    offender: &Offender,
    shows: Option<&str>,
    geometry: Value,
) -> Value {
    let key: Map<String, Value> = offender
        .key
        .iter()
        .map(|(column, value)| (column.clone(), json!(value)))
        .collect();
    let mut feature = json!({
        "type": "Feature",
        "properties": {
            "check": check.check,
            "reason": finding.reason,
            "detail": offender.detail,
            "key": key,
            "shows": shows,
        },
    });
    feature["geometry"] = geometry;
    feature
}
