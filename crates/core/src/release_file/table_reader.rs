//! Reads one table of the file, key by key, and reports every key that nobody asked for.
//!
//! Each value is read by serde. The tables are not: serde's derived code stops at the first error, and an operator
//! should see all of them. The keys that are valid are the keys that were asked for, so they cannot drift from the
//! types that are read.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::duration::Friendly;
use super::finding::{FindingKind, Findings};
use super::key_path::KeyPath;
use super::nearest::suggestion;
use crate::Ident;

/// Keys that name an item of an array of tables, for the paths in findings.
const NAMING_KEYS: [&str; 3] = ["name", "view", "table"];

pub(super) struct TableReader<'a> {
    table: &'a DeTable<'a>,
    span: std::ops::Range<usize>,
    path: KeyPath,
    asked: Vec<&'static str>,
    findings: &'a mut Findings,
}

/// Reads a whole document with `read`.
pub(super) fn read_document<T>(
    document: &Spanned<DeTable<'_>>,
    findings: &mut Findings,
    read: impl FnOnce(&mut TableReader<'_>) -> T,
) -> T {
    read_table(
        document.get_ref(),
        document.span(),
        KeyPath::default(),
        findings,
        read,
    )
}

/// What `read` makes of an empty table: its defaults. Nothing can be wrong with what is not there, and what is
/// required is the caller's to give.
pub(super) fn read_nothing<T>(read: impl FnOnce(&mut TableReader<'_>) -> T) -> T {
    read_table(
        &DeTable::new(),
        0..0,
        KeyPath::default(),
        &mut Findings::default(),
        read,
    )
}

fn read_table<T>(
    table: &DeTable<'_>,
    span: std::ops::Range<usize>,
    path: KeyPath,
    findings: &mut Findings,
    read: impl FnOnce(&mut TableReader<'_>) -> T,
) -> T {
    let mut reader = TableReader {
        table,
        span,
        path,
        asked: Vec::new(),
        findings,
    };
    let value = read(&mut reader);
    reader.report_unknown_keys();
    value
}

impl TableReader<'_> {
    /// A setting that may be absent.
    pub(super) fn optional<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<T> {
        let value = self.ask(key)?;
        let path = self.path.key(key);
        self.value(&path, value)
    }

    /// A setting with a default.
    pub(super) fn or<T: DeserializeOwned>(&mut self, key: &'static str, default: T) -> T {
        self.optional(key).unwrap_or(default)
    }

    /// A setting that must be there.
    pub(super) fn required<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<T> {
        if !self.has(key) {
            self.missing(key);
        }
        self.optional(key)
    }

    /// An array that may be absent, which is as good as empty. Every item that cannot be read is reported.
    pub(super) fn list<T: DeserializeOwned>(&mut self, key: &'static str) -> Vec<T> {
        self.optional_list(key).unwrap_or_default()
    }

    /// An array that may be absent, which is not the same as empty.
    pub(super) fn optional_list<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<Vec<T>> {
        let value = self.ask(key)?;
        let path = self.path.key(key);
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(&path, value.span(), "expected an array");
            return None;
        };
        let read = |(index, item)| self.value(&path.item(index, None), item);
        Some(items.iter().enumerate().filter_map(read).collect())
    }

    /// An array that must be there.
    pub(super) fn required_list<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<Vec<T>> {
        if !self.has(key) {
            self.missing(key);
        }
        self.optional_list(key)
    }

    fn value<T: DeserializeOwned>(&mut self, path: &KeyPath, value: &Spanned<DeValue<'_>>) -> Option<T> {
        match T::deserialize(ValueDeserializer::from(value.clone())) {
            Ok(read) => Some(read),
            Err(error) => {
                let span = error.span().unwrap_or_else(|| value.span());
                self.wrong(path, span, &in_words(error.message()));
                None
            }
        }
    }

    /// A length of time with a default.
    pub(super) fn duration_or(&mut self, key: &'static str, default: Duration) -> Duration {
        self.optional::<Friendly>(key).map_or(default, |read| read.0)
    }

    /// A length of time, when it is there.
    pub(super) fn duration(&mut self, key: &'static str) -> Option<Duration> {
        self.optional::<Friendly>(key).map(|read| read.0)
    }

    /// A table below this one, when it is there.
    pub(super) fn table<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut TableReader<'_>) -> T,
    ) -> Option<T> {
        let value = self.ask(key)?;
        let DeValue::Table(table) = value.get_ref() else {
            let path = self.path.key(key);
            let expected = format!("expected a table `[{}]`", path.as_str());
            self.wrong(&path, value.span(), &expected);
            return None;
        };
        Some(read_table(
            table,
            value.span(),
            self.path.key(key),
            self.findings,
            read,
        ))
    }

    /// A table that must be there.
    pub(super) fn required_table<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut TableReader<'_>) -> Option<T>,
    ) -> Option<T> {
        if !self.has(key) {
            self.missing(key);
        }
        self.table(key, read).flatten()
    }

    /// A table all of whose settings have defaults.
    pub(super) fn table_or_empty<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&mut TableReader<'_>) -> T,
    ) -> T {
        self.table(key, &read).unwrap_or_else(|| read_nothing(read))
    }

    /// An array of tables below this one; an item whose `read` gives `None` was reported and is left out.
    pub(super) fn tables<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&mut TableReader<'_>) -> Option<T>,
    ) -> Vec<T> {
        let Some(value) = self.ask(key) else {
            return Vec::new();
        };
        let path = self.path.key(key);
        let expected = format!("expected tables, each headed `[[{}]]`", path.as_str());
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(&path, value.span(), &expected);
            return Vec::new();
        };
        let mut all = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let DeValue::Table(table) = item.get_ref() else {
                self.wrong(&path.item(index, None), item.span(), &expected);
                continue;
            };
            let path = path.item(index, name_of(table));
            all.extend(read_table(table, item.span(), path, self.findings, &read));
        }
        all
    }

    /// A table whose keys are names of columns: each is a text, or a table of its own that `read` reads. An item that cannot
    /// be read was reported and is left out.
    pub(super) fn columns<T: From<Ident>>(
        &mut self,
        key: &'static str,
        read: impl Fn(&mut TableReader<'_>) -> Option<T>,
    ) -> Option<BTreeMap<Ident, T>> {
        let value = self.ask(key)?;
        let path = self.path.key(key);
        let DeValue::Table(table) = value.get_ref() else {
            self.wrong(&path, value.span(), "expected a table");
            return None;
        };
        let mut all = BTreeMap::new();
        for (name, item) in table {
            let column = match Ident::new(name.get_ref().as_ref()) {
                Ok(column) => column,
                Err(error) => {
                    self.wrong(&path, name.span(), &error.to_string());
                    continue;
                }
            };
            let path = path.key(name.get_ref());
            let source = match item.get_ref() {
                DeValue::Table(inner) => read_table(inner, item.span(), path, self.findings, &read),
                _ => self.value::<Ident>(&path, item).map(T::from),
            };
            all.extend(source.map(|source| (column, source)));
        }
        Some(all)
    }

    /// Whether a setting is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Reports those of `keys` that are there, because what else is there leaves them no meaning.
    pub(super) fn out_of_place(&mut self, keys: &[&str], reason: &str) {
        for (key, value) in keys.iter().filter_map(|key| self.table.get_key_value(*key)) {
            let path = self.path.key(key.get_ref());
            let message = format!("`{}` is out of place: {reason}", path.as_str());
            self.findings.add(
                FindingKind::Contradiction,
                path.as_str(),
                Some(value.span()),
                message,
            );
        }
    }

    fn missing(&mut self, key: &'static str) {
        let path = self.path.key(key);
        let message = format!("`{}` is missing", path.as_str());
        self.findings.add(
            FindingKind::MissingKey,
            path.as_str(),
            Some(self.span.clone()),
            message,
        );
    }

    /// Reports that the table as a whole says something that cannot be.
    pub(super) fn wrong_table(&mut self, problem: &str) {
        let message = format!("`{}`: {problem}", self.path.as_str());
        self.findings.add(
            FindingKind::WrongValue,
            self.path.as_str(),
            Some(self.span.clone()),
            message,
        );
    }

    fn wrong(&mut self, path: &KeyPath, span: std::ops::Range<usize>, problem: &str) {
        let message = format!("`{}`: {problem}", path.as_str());
        self.findings
            .add(FindingKind::WrongValue, path.as_str(), Some(span), message);
    }
}

impl<'a> TableReader<'a> {
    fn ask(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.push(key);
        self.table.get(key)
    }

    fn report_unknown_keys(self) {
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if self.asked.contains(&name) {
                continue;
            }
            let path = self.path.key(name);
            let hint = suggestion(name, &self.asked, "the keys here are");
            let message = format!("unknown key `{}`{hint}", path.as_str());
            self.findings
                .add(FindingKind::UnknownKey, path.as_str(), Some(key.span()), message);
        }
    }
}

fn name_of<'t>(table: &'t DeTable<'_>) -> Option<&'t str> {
    NAMING_KEYS
        .iter()
        .find_map(|key| table.get(*key)?.get_ref().as_str())
}

/// serde's message, with its Rust types in words.
fn in_words(message: &str) -> String {
    let message = message.trim_end().replace('\n', "; ");
    let in_words = [
        ("expected u32", "expected a whole number from 0 up"),
        ("expected u64", "expected a whole number from 0 up"),
        ("expected i32", "expected a whole number"),
        ("expected f64", "expected a number"),
        ("expected a map", "expected a table"),
        ("expected an array of length 4", "expected an array of 4 numbers"),
    ];
    let worded = in_words
        .iter()
        .find_map(|(rust, words)| Some(format!("{}{words}", message.strip_suffix(rust)?)));
    worded.unwrap_or(message)
}
