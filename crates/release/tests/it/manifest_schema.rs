//! `docs/manifest.schema.json` describes what is written, all of it.

use cutover::{MANIFEST_SCHEMA_VERSION, Manifest};
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../../../../docs/manifest.schema.json");

/// The manifest fits the schema, and has nothing that the schema does not tell of.
#[track_caller]
pub(crate) fn assert_fits_schema(manifest: &Manifest) {
    let manifest = serde_json::to_value(manifest).unwrap();
    check(&manifest).unwrap_or_else(|error| panic!("{error}\n{manifest:#}"));
}

/// With the schema as it stands, fields that it does not tell of are allowed: later versions have more. Here they are not.
fn check(manifest: &Value) -> Result<(), String> {
    let mut schema: Value = serde_json::from_str(SCHEMA).unwrap();
    close(&mut schema);
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.enable_format_assertions();
    compiler.add_resource("schema.json", schema).unwrap();
    let index = compiler.compile("schema.json", &mut schemas).unwrap();
    schemas
        .validate(manifest, index)
        .map_err(|error| error.to_string())
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(close);
            if fields.get("properties").is_some_and(Value::is_object) && fields.contains_key("type") {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let whole = json!({
        "schema_version": MANIFEST_SCHEMA_VERSION, "release_set": "parks", "label": "Feb2026", "written_at": "2026-02-01T00:00:00Z",
        "config_digest": "x", "cutover_version": "0.1.0", "server_version_num": 150_000,
        "relations": {"sites": {"rows": 60, "live_rows": 50, "bytes": 1}}, "importers": {"sites": 60}, "plan_safe": true, "warnings": {},
    });
    check(&whole).unwrap();
    let wrong: [(&str, Value); 5] = [
        ("/schema_version", json!(MANIFEST_SCHEMA_VERSION + 1)),
        ("/written_at", json!("yesterday")),
        ("/label", json!("Feb 2026")),
        ("/relations/sites/rows", json!(-1)),
        (
            "/relations/sites",
            json!({"rows": 1, "live_rows": 1, "bytes": 1, "colour": "green"}),
        ),
    ];
    for (place, value) in wrong {
        let mut manifest = whole.clone();
        *manifest.pointer_mut(place).unwrap() = value;
        assert!(check(&manifest).is_err(), "{place}");
    }
}
