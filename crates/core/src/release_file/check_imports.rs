//! The rules for `[[import]]`: what each fills, what it reads, and the order they run in.

use std::collections::{BTreeMap, BTreeSet};

use super::check::Checker;
use super::check_columns;
use super::key_path::KeyPath;
use super::nearest::suggestion;
use super::{CsvSource, Import, ImportSource, ImportWay, Load};

pub(super) fn check(checker: &mut Checker<'_>, path: &KeyPath) {
    let imports = checker.file.imports.as_slice();
    checker.names(path, imports.iter().map(|import| import.name.as_str()));
    let by_name: BTreeMap<&str, &Import> = imports
        .iter()
        .rev()
        .map(|import| (import.name.as_str(), import))
        .collect();
    for (index, import) in imports.iter().enumerate() {
        let path = path.item(index, Some(&import.name));
        target(checker, &path, import);
        source(checker, &path, import);
        check_columns::check(checker, &path, import);
        rejects(checker, &path, import);
        ranges_of(checker, &path, import);
        order(checker, &path, import, &by_name);
        reads(checker, &path, import, &by_name);
    }
    for circle in circles(imports, &by_name) {
        let names: Vec<&str> = circle.iter().map(|index| imports[*index].name.as_str()).collect();
        let first = circle[0];
        let path = path.item(first, Some(names[0])).key("after");
        checker.report(
            &path,
            &format!("goes in a circle: {} → {}", names.join(" → "), names[0]),
        );
    }
}

/// It fills a table of the release set.
fn target(checker: &mut Checker<'_>, path: &KeyPath, import: &Import) {
    let release = &checker.file.release;
    let into = &import.into;
    if release.tables.contains(into) {
        return;
    }
    let problem = if release.matviews.contains(into) {
        format!("{into} is a materialized view; it is filled from its definition")
    } else {
        checker.unknown_member(into.as_str())
    };
    checker.report(&path.key("into"), &problem);
}

fn source(checker: &mut Checker<'_>, path: &KeyPath, import: &Import) {
    match &import.source {
        ImportSource::Relation { columns, .. } => mapped(checker, path, columns.as_ref()),
        ImportSource::Query { query, columns } => {
            checker.template(&path.key("query"), query);
            mapped(checker, path, columns.as_ref());
        }
        ImportSource::Csv(csv) => {
            mapped(checker, path, csv.columns.as_ref());
            csv_source(checker, path, csv);
            if import.way == ImportWay::Server {
                checker.report(
                    &path.key("way"),
                    "a CSV file is read by the client; use \"copy\" or \"auto\"",
                );
            }
        }
        ImportSource::Rust { rust } => {
            if rust.trim().is_empty() {
                checker.report(
                    &path.key("rust"),
                    "the code needs the name that the program gives it",
                );
            }
            if import.way == ImportWay::Server {
                checker.report(
                    &path.key("way"),
                    "Rust code sends its rows through the client; use \"copy\" or \"auto\"",
                );
            }
        }
    }
}

/// Rows can be set aside, and their absence noticed, only where they pass through the client one by one.
fn rejects(checker: &mut Checker<'_>, path: &KeyPath, import: &Import) {
    let share = import.max_reject_share;
    if share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
        checker.report(
            &path.key("max_reject_share"),
            "must be a share of all rows, from 0.0 to 1.0",
        );
    }
    let key = match (import.max_rejects, share, import.max_silence) {
        (Some(_), _, _) => "max_rejects",
        (None, Some(_), _) => "max_reject_share",
        (None, None, Some(_)) => "max_silence",
        (None, None, None) => return,
    };
    let is_file = matches!(import.source, ImportSource::Csv(_));
    if key == "max_silence" && import.key.is_empty() && !is_file {
        checker.report(
            &path.key(key),
            "is only noticed where rows come in chunks; name a `key`",
        );
    }
    if import.way == ImportWay::Server {
        checker.report(
            &path.key(key),
            "needs rows that pass through the client; use the way \"copy\" or \"auto\"",
        );
    }
    if matches!(import.source, ImportSource::Rust { .. }) {
        checker.report(&path.key(key), NOT_FOR_RUST);
    }
    if is_file && import.max_silence.is_some() {
        checker.report(&path.key("max_silence"), "is not for a CSV file");
    }
}

const NOT_FOR_RUST: &str = "is not for Rust code, whose rows are all in or none";

/// Ranges are of a key, of rows that pass through the client.
fn ranges_of(checker: &mut Checker<'_>, path: &KeyPath, import: &Import) {
    let Some(wanted) = import.ranges else { return };
    let path = path.key("ranges");
    ranges(checker, &path, wanted);
    if wanted <= 1 {
        return;
    }
    if import.key.is_empty() {
        checker.report(&path, "they are ranges of a key; name a `key`");
    }
    if import.way == ImportWay::Server {
        checker.report(
            &path,
            "needs rows that pass through the client; use the way \"copy\" or \"auto\"",
        );
    }
    match import.source {
        ImportSource::Csv(_) => checker.report(&path, "is not for a CSV file"),
        ImportSource::Rust { .. } => checker.report(&path, NOT_FOR_RUST),
        ImportSource::Relation { .. } | ImportSource::Query { .. } => {}
    }
}

pub(super) fn ranges(checker: &mut Checker<'_>, path: &KeyPath, ranges: u32) {
    if ranges == 0 {
        checker.report(path, "somebody has to do the work; use 1 or more");
    }
    if ranges > Load::MOST_RANGES {
        let problem = format!(
            "more than {} take more sessions than they are worth",
            Load::MOST_RANGES
        );
        checker.report(path, &problem);
    }
}

/// No columns is a choice (by name); an empty map is a mistake.
fn mapped<K, V>(checker: &mut Checker<'_>, path: &KeyPath, columns: Option<&BTreeMap<K, V>>) {
    if columns.is_some_and(BTreeMap::is_empty) {
        checker.report(
            &path.key("columns"),
            "maps no column; leave it out to match columns by name",
        );
    }
}

fn csv_source(checker: &mut Checker<'_>, path: &KeyPath, csv: &CsvSource) {
    if csv.csv.staging_references().next().is_some() {
        checker.report(
            &path.key("csv"),
            "a path cannot hold the name of a staging relation",
        );
    }
    match (csv.header, csv.fields.is_empty()) {
        (true, false) => checker.report(
            &path.key("fields"),
            "the header names the fields; set `header = false`",
        ),
        (false, true) => checker.report(
            path,
            "a file without a header needs `fields`, the names of its columns",
        ),
        (true, true) | (false, false) => {}
    }
    if csv.fields.is_empty() {
        return;
    }
    let known: Vec<&str> = csv.fields.iter().map(String::as_str).collect();
    for (target, field) in csv.columns.iter().flatten() {
        if !known.contains(&field.as_str()) {
            let hint = suggestion(field, &known, "its fields are");
            let path = path.key("columns").key(target.as_str());
            checker.report(&path, &format!("`{field}` is no field of the file{hint}"));
        }
    }
}

/// What it waits for exists and does not run later.
fn order(checker: &mut Checker<'_>, path: &KeyPath, import: &Import, by_name: &BTreeMap<&str, &Import>) {
    let path = path.key("after");
    for (index, name) in import.after.iter().enumerate() {
        let path = path.item(index, None);
        match by_name.get(name.as_str()) {
            None => {
                let names: Vec<&str> = by_name.keys().copied().collect();
                let hint = suggestion(name, &names, "the imports are");
                checker.report(&path, &format!("no import is named `{name}`{hint}"));
            }
            Some(first) if first.phase > import.phase => {
                checker.report(&path, &format!("`{name}` runs in a later phase"));
            }
            Some(_) => {}
        }
    }
}

/// A staging table that it reads is filled before it runs, whatever runs beside it.
fn reads(checker: &mut Checker<'_>, path: &KeyPath, import: &Import, by_name: &BTreeMap<&str, &Import>) {
    let schema = &checker.file.target.schema;
    let mut read: Vec<(KeyPath, &str)> = Vec::new();
    if let ImportSource::Query { query, .. } = &import.source {
        let path = path.key("query");
        read.extend(query.staging_references().map(|table| (path.clone(), table)));
    }
    for (column, lookup) in import.source.lookups() {
        if let Some(member) = lookup.table.member_of(schema) {
            let path = path.key("columns").key(column.as_str()).key("lookup");
            read.push((path, member.as_str()));
        }
    }
    let before = all_before(import, by_name);
    for (path, table) in read {
        let fills = |other: &&Import| other.into.as_str() == table && other.name != import.name;
        for other in checker.file.imports.iter().filter(fills) {
            if other.phase < import.phase || before.contains(other.name.as_str()) {
                continue;
            }
            let remedy = if other.phase > import.phase {
                "that runs in a later phase".to_owned()
            } else {
                format!(
                    "add it to `after`, so that it is done: after = [\"{}\"]",
                    other.name
                )
            };
            let problem = format!(
                "staging('{table}') is filled by the import `{}`; {remedy}",
                other.name
            );
            checker.report(&path, &problem);
        }
    }
}

/// Everything that is done before `import`, directly or not.
fn all_before<'a>(import: &'a Import, by_name: &BTreeMap<&str, &'a Import>) -> BTreeSet<&'a str> {
    let mut before = BTreeSet::new();
    let mut open: Vec<&str> = import.after.iter().map(String::as_str).collect();
    while let Some(name) = open.pop() {
        if before.insert(name)
            && let Some(import) = by_name.get(name)
        {
            open.extend(import.after.iter().map(String::as_str));
        }
    }
    before
}

/// Circles in `after`, each as the indexes of its imports.
///
/// Imports whose predecessors are all done are taken away until none is left. Where the rest has no such import,
/// each of it waits for another of it, so following the waits ends in a circle; that is taken away too.
fn circles(imports: &[Import], by_name: &BTreeMap<&str, &Import>) -> Vec<Vec<usize>> {
    let index_of = |name: &str| {
        let found = by_name.get(name)?;
        imports.iter().position(|import| import.name == found.name)
    };
    let waits: Vec<Vec<usize>> = imports
        .iter()
        .map(|import| import.after.iter().filter_map(|name| index_of(name)).collect())
        .collect();
    let mut left: BTreeSet<usize> = (0..imports.len()).collect();
    let mut circles = Vec::new();
    loop {
        let still =
            |left: &BTreeSet<usize>, index: usize| waits[index].iter().copied().find(|on| left.contains(on));
        while let Some(free) = left.iter().copied().find(|index| still(&left, *index).is_none()) {
            left.remove(&free);
        }
        let Some(start) = left.first().copied() else {
            return circles;
        };
        let mut walked = vec![start];
        let circle = loop {
            let Some(next) = walked.last().and_then(|at| still(&left, *at)) else {
                return circles;
            };
            if let Some(from) = walked.iter().position(|index| *index == next) {
                break walked.split_off(from);
            }
            walked.push(next);
        };
        for index in &circle {
            left.remove(index);
        }
        circles.push(circle);
    }
}
