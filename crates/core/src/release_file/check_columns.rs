//! The rules for `[import.columns]` and `first_by`.

use std::collections::BTreeMap;

use super::check::Checker;
use super::key_path::KeyPath;
use super::{
    ColumnSource, Derived, Import, ImportSource, ImportWay, Lookup, OtherColumns, Transform, UnknownValue,
};
use crate::Ident;

pub(super) fn check(checker: &mut Checker<'_>, path: &KeyPath, import: &Import) {
    if let Some(first) = &import.first_by {
        let path = path.key("first_by");
        checker.distinct(&path.key("key"), &first.key);
        checker.non_empty(&path.key("key"), &first.key);
        checker.distinct(&path.key("order"), &first.order);
        checker.non_empty(&path.key("order"), &first.order);
    }
    let has_none = matches!(import.source, ImportSource::Csv(_) | ImportSource::Rust { .. });
    if import.others == OtherColumns::ByName && !has_none && import.source.columns().is_none() {
        checker.report(
            &path.key("others"),
            "has no meaning without `columns`: all columns go by name then",
        );
    }
    let Some(columns) = import.source.columns() else {
        return;
    };
    one_list(checker, path, columns);
    for (target, source) in columns {
        let path = path.key("columns").key(target.as_str());
        let Some(transform) = source.transform() else {
            continue;
        };
        list(checker, &path, transform);
        match &transform.derived {
            Some(Derived::Centroid(_)) => centroid(checker, &path, transform),
            Some(Derived::Lookup(lookup)) => {
                let path = path.key("lookup");
                rejects(checker, &path, import, lookup);
                adds(checker, &path, lookup);
            }
            None => {}
        }
    }
}

/// Two lists would be all pairs of their parts, which is hardly meant.
fn one_list(checker: &mut Checker<'_>, path: &KeyPath, columns: &BTreeMap<Ident, ColumnSource>) {
    let splits = columns.iter().filter(|(_, source)| {
        source
            .transform()
            .is_some_and(|transform| transform.split.is_some())
    });
    let names: Vec<&Ident> = splits.map(|(target, _)| target).collect();
    if let [first, second, ..] = names.as_slice() {
        checker.report(
            &path.key("columns").key(second.as_str()).key("split"),
            &format!("{first} is split already; one list can become rows"),
        );
    }
}

fn list(checker: &mut Checker<'_>, path: &KeyPath, transform: &Transform) {
    let Some(separator) = &transform.split else {
        return;
    };
    if separator.is_empty() {
        checker.report(&path.key("split"), "a list needs something between its parts");
    }
    if transform.default.is_some() {
        checker.report(
            &path.key("default"),
            "has no meaning for the parts of a list: empty ones and those of `null_if` are left out",
        );
    }
}

fn centroid(checker: &mut Checker<'_>, path: &KeyPath, transform: &Transform) {
    if transform.split.is_some()
        || transform.default.is_some()
        || transform.cast
        || !transform.null_if.is_empty()
    {
        checker.report(
            &path.key("centroid"),
            "is made of a geometry: `split`, `null_if`, `default` and `cast` have no meaning beside it",
        );
    }
}

fn rejects(checker: &mut Checker<'_>, path: &KeyPath, import: &Import, lookup: &Lookup) {
    if lookup.unknown != UnknownValue::Null && import.way == ImportWay::Server {
        checker.report(
            path,
            "sets rows aside, which needs rows that pass through the client; use the way \"copy\" or \"auto\", or \
             unknown = \"null\"",
        );
    }
}

/// What is added stays, and a member's rows are those of its importers.
fn adds(checker: &mut Checker<'_>, path: &KeyPath, lookup: &Lookup) {
    let file = checker.file;
    let member = lookup.table.member_of(&file.target.schema);
    if lookup.unknown == UnknownValue::Add
        && member.is_some_and(|name| file.release.members().any(|member| member == name))
    {
        checker.report(
            &path.key("unknown"),
            &format!("{} is of the release set: importers fill it anew, and only tables outside the set are added to", lookup.table),
        );
    }
}
