//! Replaces what differs from run to run.

use serde_json::Value;

/// A document whose times, sizes, stamps, process ids and digests are replaced by what they are.
pub(crate) fn redacted(mut document: Value) -> Value {
    redact("", &mut document);
    document
}

fn redact(key: &str, value: &mut Value) {
    match value {
        Value::Object(fields) => fields.iter_mut().for_each(|(key, value)| redact(key, value)),
        Value::Array(items) => items.iter_mut().for_each(|item| redact(key, item)),
        Value::Null => {}
        value => {
            let placeholder = match key {
                key if key == "bytes" || key.ends_with("_bytes") => "[bytes]",
                "expected_rows" => "[estimate]",
                "host" => "[host]",
                "backup" | "stamp" | "backup_stamp" | "restored" | "restored_stamp" => "[stamp]",
                "pid" | "client_pid" | "backend_pid" => "[pid]",
                "config_digest" => "[digest]",
                "server_version_num" | "cutover_version" => "[version]",
                "summary" => "[summary]",
                key if key.ends_with("_ms") => "[ms]",
                key if key.ends_with("_at") || key == "at" || key.ends_with("since") => "[time]",
                _ => return,
            };
            *value = Value::from(placeholder);
        }
    }
}
