//! What has changed between two release files, setting by setting.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::key_path::KeyPath;
use super::setting::NAMING_KEYS;

/// Characters of a value that are told.
const TOLD: usize = 80;
/// Of these, characters before the first that differs.
const BEFORE: usize = 20;

/// A setting that one release file has and another has not, or has otherwise. Secrets are as [`Secret`](super::Secret) prints them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChangedSetting {
    /// Its dotted path, as in `import["sources"].into`.
    pub key: String,
    /// What it was; `None` where it was added.
    pub before: Option<Value>,
    /// What it is; `None` where it was removed.
    pub after: Option<Value>,
}

impl fmt::Display for ChangedSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, before, after } = self;
        match (before, after) {
            (Some(before), Some(after)) => {
                let (before, after) = (before.to_string(), after.to_string());
                let same = before.chars().zip(after.chars());
                let same = same.take_while(|(before, after)| before == after).count();
                write!(f, "~ {key}: {} → {}", told(&before, same), told(&after, same))
            }
            (None, Some(after)) => write!(f, "+ {key} = {}", told(&after.to_string(), 0)),
            (Some(before), None) => write!(f, "- {key} = {}", told(&before.to_string(), 0)),
            (None, None) => write!(f, "  {key}"),
        }
    }
}

/// A long value from shortly before the first character that matters.
fn told(value: &str, same: usize) -> String {
    let length = value.chars().count();
    if length <= TOLD {
        return value.to_owned();
    }
    let start = same.saturating_sub(BEFORE);
    let mut text: String = value.chars().skip(start).take(TOLD).collect();
    if start > 0 {
        text.insert(0, '…');
    }
    if start + TOLD < length {
        text.push('…');
    }
    text
}

/// What has changed from one to the other, sorted by key; both as [`ReleaseFile::contents`](super::ReleaseFile::contents) gives it.
///
/// Items of a list of tables are known by their name, so their order does not matter.
#[must_use]
pub fn changed_settings(before: &Value, after: &Value) -> Vec<ChangedSetting> {
    let (mut before, mut after) = (settings(before), settings(after));
    let mut keys: Vec<String> = before.keys().chain(after.keys()).cloned().collect();
    keys.sort();
    keys.dedup();
    let mut changes = Vec::new();
    for key in keys {
        let (mut was, mut is) = (
            before.remove(&key).unwrap_or_default(),
            after.remove(&key).unwrap_or_default(),
        );
        // Several gates of one table bear the same name.
        was.retain(|value| match is.iter().position(|other| other == value) {
            Some(found) => {
                is.remove(found);
                false
            }
            None => true,
        });
        let (mut was, mut is) = (was.into_iter(), is.into_iter());
        loop {
            let (before, after) = (was.next(), is.next());
            if before.is_none() && after.is_none() {
                break;
            }
            let key = key.clone();
            changes.push(ChangedSetting { key, before, after });
        }
    }
    changes
}

fn settings(value: &Value) -> BTreeMap<String, Vec<Value>> {
    let mut settings = BTreeMap::new();
    add(&mut settings, &KeyPath::default(), value);
    settings
}

fn add(settings: &mut BTreeMap<String, Vec<Value>>, path: &KeyPath, value: &Value) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                add(settings, &path.key(key), value);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (index, item) in items.iter().enumerate() {
                let name = NAMING_KEYS.iter().find_map(|key| item.get(key)?.as_str());
                add(settings, &path.item(index, name), item);
            }
        }
        value => {
            let of_key: &mut Vec<Value> = settings.entry(path.as_str().to_owned()).or_default();
            of_key.push(value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(before: &Value, after: &Value, expected: &[&str]) {
        let changes: Vec<String> = changed_settings(before, after)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(changes, expected);
    }

    #[test]
    fn what_was_added_removed_and_changed_is_told_by_key() {
        let before = json!({
            "import": [{"name": "a", "into": "x"}, {"name": "b", "into": "y", "key": ["id"]}],
            "staging": {"workers": 2},
            "validate": [{"table": "x", "min_rows": 1}, {"table": "x", "min_rows": 2}],
        });
        check(&before, &before, &[]);
        let after = json!({
            "import": [{"name": "b", "into": "z", "key": ["id"]}, {"name": "a", "into": "x"}],
            "staging": {"workers": 2, "memory": "1GB"},
            "validate": [{"table": "x", "min_rows": 2}],
        });
        let expected = [
            "~ import[\"b\"].into: \"y\" → \"z\"",
            "+ staging.memory = \"1GB\"",
            "- validate[\"x\"].min_rows = 1",
            "- validate[\"x\"].table = \"x\"",
        ];
        check(&before, &after, &expected);
    }

    #[test]
    fn of_long_values_is_told_where_they_begin_to_differ() {
        let query = |middle: &str| json!({"sql": format!("{}{middle}{}", "é".repeat(100), "z".repeat(100))});
        let change = changed_settings(&query("one"), &query("two"))
            .remove(0)
            .to_string();
        let (start, end) = ("é".repeat(20), "z".repeat(57));
        assert_eq!(change, format!("~ sql: …{start}one{end}… → …{start}two{end}…"));
    }
}
