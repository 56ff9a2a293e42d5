//! Violations as GeoJSON, to look at on a map.

use serde_json::{Map, Value, json};

use super::report::{CheckReport, Finding, Offender, PreflightReport};

impl PreflightReport {
    /// A FeatureCollection ([RFC 7946]) with a feature for every offender kept: its place as a Point, or no geometry
    /// where there is no place; check, reason, detail and key as properties.
    ///
    /// Coordinates are those of the data. GeoJSON means WGS 84, so those of another SRID are where they are only to
    /// software that is told so.
    ///
    /// [RFC 7946]: https://www.rfc-editor.org/rfc/rfc7946
    #[must_use]
    pub fn to_geojson(&self) -> Value {
        let features: Vec<Value> = self
            .checks
            .iter()
            .flat_map(|check| {
                check.findings().iter().flat_map(move |finding| {
                    finding
                        .offenders
                        .iter()
                        .map(move |offender| feature(check, finding, offender))
                })
            })
            .collect();
        json!({ "type": "FeatureCollection", "features": features })
    }
}

fn feature(check: &CheckReport, finding: &Finding, offender: &Offender) -> Value {
    let place = offender
        .place
        .filter(|place| place.x().is_finite() && place.y().is_finite());
    let geometry = place.map(|place| json!({ "type": "Point", "coordinates": [place.x(), place.y()] }));
    let key: Map<String, Value> = offender
        .key
        .iter()
        .map(|(column, value)| (column.clone(), json!(value)))
        .collect();
    json!({
        "type": "Feature",
        "geometry": geometry,
        "properties": {
            "check": check.check,
            "reason": finding.reason,
            "detail": offender.detail,
            "key": key,
        },
    })
}
