//! Differences as the release file would declare them.

use std::collections::BTreeMap;
use std::fmt::Write;

use cutover_core::release_file::PartKind;

use crate::{Change, RelationDiff, StructuralDiff};

type Names<'a> = BTreeMap<PartKind, Vec<&'a str>>;

/// `[[change]]` sections, one for each relation; what comes and goes with something else is in them too, and may stay.
pub(super) fn print(diff: &StructuralDiff) -> String {
    let sections: Vec<String> = diff.relations().iter().map(section).collect();
    sections.join("\n")
}

fn section(relation: &RelationDiff) -> String {
    let (mut add, mut drop) = (Names::new(), Names::new());
    let mut alter: BTreeMap<PartKind, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    let mut table = Vec::new();
    for difference in &relation.differences {
        let name = difference.object.name.as_str();
        let part = PartKind::of(difference.object.kind);
        match (&difference.change, part) {
            (Change::Extra, Some(kind)) => add.entry(kind).or_default().push(name),
            (Change::Missing, Some(kind)) => drop.entry(kind).or_default().push(name),
            (Change::Different { property, .. }, Some(kind)) => {
                let parts = alter.entry(kind).or_default();
                parts.entry(name).or_default().push(property.as_str());
            }
            (Change::Different { property, .. }, None) => table.push(property.as_str()),
            (_, None) => {}
        }
    }
    let mut text = format!("[[change]]\ntable = {}\n", quoted(relation.live.name.as_str()));
    // Writing to a String cannot fail.
    for (key, names) in [("add", &add), ("drop", &drop)] {
        if !names.is_empty() {
            let kinds: Vec<String> = names
                .iter()
                .map(|(kind, names)| format!("{} = {}", kind.key(), list(names)))
                .collect();
            let _ = writeln!(text, "{key} = {{ {} }}", kinds.join(", "));
        }
    }
    let mut altered = Vec::new();
    if !table.is_empty() {
        altered.push(format!("table = {}", list(&table)));
    }
    altered.extend(alter.iter().map(|(kind, parts)| {
        let parts: Vec<String> = parts
            .iter()
            .map(|(name, properties)| format!("{} = {}", key(name), list(properties)))
            .collect();
        format!("{} = {{ {} }}", kind.key(), parts.join(", "))
    }));
    if !altered.is_empty() {
        let _ = writeln!(text, "alter = {{ {} }}", altered.join(", "));
    }
    text
}

fn list(texts: &[&str]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", texts.join(", "))
}

fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.chars().all(bare) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
