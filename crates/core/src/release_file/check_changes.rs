//! The rules for `[[change]]`: of what, something, and each thing once.

use std::collections::BTreeSet;

use super::check::Checker;
use super::key_path::KeyPath;
use super::{PartKind, PartNames};
use crate::Ident;

pub(super) fn check(checker: &mut Checker<'_>, path: &KeyPath) {
    let file = checker.file;
    let mut seen = BTreeSet::new();
    for (index, change) in file.changes.iter().enumerate() {
        let table = &change.table;
        let path = path.item(index, Some(table.as_str()));
        if !checker.is_member(table.as_str()) {
            let problem = checker.unknown_member(table.as_str());
            checker.report(&path.key("table"), &problem);
        }
        if let Some(sql) = &change.sql {
            checker.template(&path.key("sql"), sql);
        }
        if change.add.is_empty() && change.drop.is_empty() && change.alter.is_empty() {
            checker.report(
                &path,
                "declares no change; say with `add`, `drop` and `alter` what will differ from live",
            );
        }
        names(checker, &path.key("add"), table, &change.add, &mut seen);
        names(checker, &path.key("drop"), table, &change.drop, &mut seen);
        let alter = path.key("alter");
        properties(checker, &alter.key("table"), &change.alter.table);
        for (kind, parts) in &change.alter.parts {
            let path = alter.key(kind.key());
            checker.non_empty(&path, &parts.keys().collect::<Vec<_>>());
            for (name, altered) in parts {
                let path = path.key(name.as_str());
                checker.non_empty(&path, altered);
                properties(checker, &path, altered);
                once(checker, &path, (table, *kind, name), &mut seen);
            }
        }
    }
}

type Part<'a> = (&'a Ident, PartKind, &'a Ident);

fn names<'a>(
    checker: &mut Checker<'_>,
    path: &KeyPath,
    table: &'a Ident,
    parts: &'a PartNames,
    seen: &mut BTreeSet<Part<'a>>,
) {
    for (kind, names) in parts {
        let path = path.key(kind.key());
        checker.non_empty(&path, names);
        for (index, name) in names.iter().enumerate() {
            once(checker, &path.item(index, None), (table, *kind, name), seen);
        }
    }
}

fn once<'a>(checker: &mut Checker<'_>, path: &KeyPath, part: Part<'a>, seen: &mut BTreeSet<Part<'a>>) {
    let (table, kind, name) = part;
    if !seen.insert(part) {
        let problem = format!(
            "{} {name} of {table} is declared already; one that is replaced under its name is altered",
            kind.object_kind()
        );
        checker.report(path, &problem);
    }
}

fn properties(checker: &mut Checker<'_>, path: &KeyPath, altered: &[String]) {
    let mut seen = BTreeSet::new();
    for (index, property) in altered.iter().enumerate() {
        if !seen.insert(property) {
            checker.report(&path.item(index, None), &format!("{property:?} is listed twice"));
        }
    }
}
