//! Every setting as it stands in the end, and where it comes from.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;
use toml::Spanned;
use toml::de::DeTable;

use super::finding::Position;
use super::key_path::KeyPath;
use super::{ReleaseFile, VARIABLES};

/// Keys that name an item of an array of tables.
pub(super) const NAMING_KEYS: [&str; 3] = ["name", "view", "table"];

/// A setting of a release file that variables and flags were applied to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Setting {
    /// Its dotted path, as in `import["sources"].into`; of what only a run can be asked for, the variable's name.
    pub key: String,
    /// What it is; a secret is the variable that holds it, or `***`.
    pub value: Value,
    /// Where it comes from.
    pub origin: SettingOrigin,
}

/// Where a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SettingOrigin {
    /// A flag.
    Flag(&'static str),
    /// An environment variable.
    Variable(&'static str),
    /// A line of the release file, counted from 1.
    Line(usize),
    /// Nobody said anything.
    Default,
}

impl fmt::Display for SettingOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => f.write_str(flag),
            Self::Variable(variable) => f.write_str(variable),
            Self::Line(line) => write!(f, "line {line}"),
            Self::Default => f.write_str("default"),
        }
    }
}

impl ReleaseFile {
    /// Every setting and where it comes from, sorted by key: of this file, which was read from `text` and
    /// had variables and flags applied to it.
    ///
    /// `variables` looks a variable up; `flags` are the keys that flags have set, with these flags. A setting that is not set and
    /// has no default is left out.
    #[must_use]
    pub fn settings(
        &self,
        text: &str,
        flags: &BTreeMap<&'static str, &'static str>,
        variables: impl Fn(&str) -> Option<String>,
    ) -> Vec<Setting> {
        let (document, _) = DeTable::parse_recoverable(text);
        let mut collector = Collector {
            text,
            document,
            flags,
            variables: set_by_key(&variables),
            settings: Vec::new(),
        };
        // Texts, numbers and maps by text: JSON holds all of it.
        if let Ok(value) = serde_json::to_value(self) {
            collector.add(&KeyPath::default(), value);
        }
        let mut settings = collector.settings;
        for variable in VARIABLES.iter().filter(|variable| variable.key.is_none()) {
            if let Some((name, text)) = variable.look_up(&variables) {
                settings.push(Setting {
                    key: variable.name.to_owned(),
                    value: Value::String(text),
                    origin: SettingOrigin::Variable(name),
                });
            }
        }
        settings
    }
}

/// The variables that are set, by the key of the file that each overrides.
fn set_by_key(variables: impl Fn(&str) -> Option<String>) -> BTreeMap<&'static str, &'static str> {
    let set = VARIABLES
        .iter()
        .filter_map(|variable| Some((variable.key?, variable.look_up(&variables)?.0)));
    set.collect()
}

struct Collector<'a> {
    text: &'a str,
    document: Spanned<DeTable<'a>>,
    flags: &'a BTreeMap<&'static str, &'static str>,
    variables: BTreeMap<&'static str, &'static str>,
    settings: Vec<Setting>,
}

impl Collector<'_> {
    fn add(&mut self, path: &KeyPath, value: Value) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    self.add(&path.key(&key), value);
                }
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                for (index, item) in items.into_iter().enumerate() {
                    let name = NAMING_KEYS.iter().find_map(|key| item.get(key)?.as_str());
                    let path = path.item(index, name);
                    self.add(&path, item);
                }
            }
            value => self.settings.push(Setting {
                key: path.as_str().to_owned(),
                value,
                origin: self.origin(path),
            }),
        }
    }

    fn origin(&self, path: &KeyPath) -> SettingOrigin {
        let key = path.as_str();
        if let Some(flag) = self.flags.get(key) {
            return SettingOrigin::Flag(flag);
        }
        if let Some(variable) = self.variables.get(key) {
            return SettingOrigin::Variable(variable);
        }
        match path.find(&self.document) {
            Some(span) => SettingOrigin::Line(Position::of(self.text, span.start).line),
            None => SettingOrigin::Default,
        }
    }
}
