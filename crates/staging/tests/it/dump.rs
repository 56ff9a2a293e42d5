//! `pg_dump` as an oracle: the twins' definitions, with names mapped back token by token, are live's.

use std::collections::BTreeMap;

use cutover_staging::StagedSet;
use cutover_testkit::{Cluster, TestDatabase};

/// What `pg_dump --schema-only` prints for the relations of a schema: a block for each object, sorted.
pub(crate) fn blocks(database: &TestDatabase, schema: &str) -> Vec<String> {
    let dump = Cluster::shared()
        .pg_dump(database.name(), &["--schema-only", "-n", schema])
        .unwrap();
    let mut blocks: Vec<String> = dump.split("\n--\n-- Name: ").skip(1).filter_map(block).collect();
    blocks.sort();
    blocks
}

/// The statements below a block's heading; `None` for the schema itself, functions and default privileges, which are outside the set.
fn block(text: &str) -> Option<String> {
    let (heading, body) = text.split_once("\n--\n").unwrap();
    let outside = ["; Type: SCHEMA;", "; Type: FUNCTION;", "; Type: DEFAULT ACL;"];
    let comment_on_them = heading.starts_with("SCHEMA ") || heading.starts_with("FUNCTION ");
    if comment_on_them || outside.iter().any(|kind| heading.contains(kind)) {
        return None;
    }
    let statements = body.lines().filter(|line| {
        !line.is_empty() && !line.starts_with("--") && !line.starts_with("SET ") && !line.starts_with('\\')
    });
    Some(statements.collect::<Vec<_>>().join("\n"))
}

/// Asserts that what is in `after` and not in `before` is `before` with staging names.
#[track_caller]
pub(crate) fn assert_identical(before: &[String], after: &[String], set: &StagedSet) {
    let mut twins = after.to_vec();
    for block in before {
        let at = twins.iter().position(|b| b == block).expect("live is as it was");
        twins.remove(at);
    }
    let names = names(set);
    let mut mapped: Vec<String> = twins.iter().map(|block| map_back(block, &names)).collect();
    mapped.sort();
    let missing: Vec<_> = before
        .iter()
        .filter(|block| !mapped.contains(block) && is_of_the_set(block, set))
        .collect();
    let extra: Vec<_> = mapped.iter().filter(|block| !before.contains(block)).collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "live has\n{missing:#?}\nstaging has\n{extra:#?}"
    );
    mapped.dedup();
    assert_eq!(
        mapped.len() + before.len(),
        after.len(),
        "an object is there twice"
    );
}

/// Whether the first relation that a block names is a member or a part of one: what is outside the set, and may name
/// members later on, has no twin.
fn is_of_the_set(block: &str, set: &StagedSet) -> bool {
    let schema = format!("{}.", set.schema.as_str());
    let Some(at) = block.find(&schema) else {
        return true;
    };
    let name = &block[at + schema.len()..];
    let length = match name.chars().next() {
        Some('"') => quoted_length(name, '"'),
        _ => name.find(|c| !is_word(c)).unwrap_or(name.len()),
    };
    let name = &name[..length];
    let quoted = name.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    let bare = quoted.map_or_else(|| name.to_owned(), |quoted| quoted.replace("\"\"", "\""));
    names(set).values().any(|live| *live == bare)
}

/// Staging names and the live ones they stand for.
fn names(set: &StagedSet) -> BTreeMap<String, String> {
    let members = set.members.iter().map(|member| (&member.staging, &member.live));
    let parts = set.members.iter().flat_map(|member| &member.parts);
    members
        .chain(parts.map(|part| (&part.staging, &part.live)))
        .map(|(staging, live)| (staging.name.as_str().to_owned(), live.name.as_str().to_owned()))
        .collect()
}

/// Maps identifiers, whole tokens only. A string constant is mapped only where all of it is a sequence's name.
fn map_back(sql: &str, names: &BTreeMap<String, String>) -> String {
    let mut mapped = String::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => quoted_length(rest, '"'),
            '\'' => quoted_length(rest, '\''),
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        mapped.push_str(&map_token(token, names));
        rest = after;
    }
    mapped
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// Up to the closing quote; doubled quotes belong to the token.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut at = 1;
    loop {
        at += text[at..].find(quote).expect("a closing quote") + 1;
        if !text[at..].starts_with(quote) {
            return at;
        }
        at += 1;
    }
}

fn map_token(token: &str, names: &BTreeMap<String, String>) -> String {
    if let Some(inner) = token.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')) {
        let inner = inner.replace("''", "'");
        return match inner.split_once('.').filter(|(_, name)| is_sequence(name, names)) {
            Some((schema, name)) => format!("'{schema}.{}'", map_back(name, names).replace('\'', "''")),
            None => token.to_owned(),
        };
    }
    let quoted = token.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    let bare = quoted.map_or_else(|| token.to_owned(), |quoted| quoted.replace("\"\"", "\""));
    match names.get(&bare) {
        Some(live) => quote(live),
        None => token.to_owned(),
    }
}

fn is_sequence(text: &str, names: &BTreeMap<String, String>) -> bool {
    let bare = text
        .strip_prefix('"')
        .and_then(|t| t.strip_suffix('"'))
        .unwrap_or(text);
    names
        .get(&bare.replace("\"\"", "\""))
        .is_some_and(|live| live.contains("seq"))
}

/// As the server quotes, for the names that these tests use.
fn quote(name: &str) -> String {
    let plain = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain && !["user", "order", "some"].contains(&name) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

#[test]
fn only_whole_identifiers_are_mapped() {
    let names = [("staging_x", "x"), ("staging_x_id_seq", "x_id_seq")];
    let names = names
        .iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect();
    assert_eq!(
        map_back(
            "t.staging_x 'staging_x' 'app.staging_x_id_seq' staging_xy \"staging_x\"",
            &names
        ),
        "t.x 'staging_x' 'app.x_id_seq' staging_xy x"
    );
}
