//! A proposal as a release file, with comments that say why and what is left to fill in.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use cutover_core::Ident;
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value};

use crate::phases::counted;

use super::proposal::{Geometry, Proposal, ProposedImport};

/// What marks a place that a person has to look at before the file works.
const FILL_IN: &str = "FILL IN";

/// Gates let a table shrink by this share of live's rows.
const MAX_SHRINK: f64 = 0.05;

/// The text of the file. It is one that the release file's own reader takes.
pub(super) fn release_file(proposal: &Proposal, url: &str) -> String {
    let mut document = DocumentMut::new();
    let mut release = Table::new();
    release.insert("name", text(&proposal.name));
    release.insert("label", text("%b%Y"));
    release.insert("keep_backups", Item::Value(2.into()));
    release.insert(
        "tables",
        list(proposal.tables.iter().map(|table| table.as_str().to_owned())),
    );
    if !proposal.matviews.is_empty() {
        release.insert(
            "matviews",
            list(proposal.matviews.iter().map(|view| view.as_str().to_owned())),
        );
    }
    comment(&mut release, &head(proposal));
    comment_key(
        &mut release,
        "label",
        "The default label, as strftime writes it: Sep2025.",
    );
    comment_key(
        &mut release,
        "tables",
        "Each after those that its foreign keys refer to.",
    );
    comment_key(
        &mut release,
        "matviews",
        "What importers read: rebuilt beside the live ones, and live together with the tables.",
    );
    document.insert("release", Item::Table(release));

    let mut target = Table::new();
    target.insert("url", text(url));
    target.insert("schema", text(proposal.schema.as_str()));
    comment(&mut target, "\n");
    document.insert("target", Item::Table(target));
    if !proposal.refresh.is_empty() {
        let mut refresh = Table::new();
        refresh.insert("views", list(proposal.refresh.iter().cloned()));
        comment(&mut refresh, "\n");
        document.insert("refresh", Item::Table(refresh));
    }
    document.insert("preflight", Item::Table(preflight(proposal)));
    document.insert("import", Item::ArrayOfTables(imports(proposal)));
    document.insert("validate", Item::ArrayOfTables(gates(proposal)));
    document.to_string()
}

fn head(proposal: &Proposal) -> String {
    let mut head = String::from(
        "# Proposed by `cutover init` from what the database's catalog tells; no row was read.\n",
    );
    let places: usize = proposal.imports.iter().map(|import| import.missing.len()).sum();
    let guesses: usize = proposal.imports.iter().map(|import| import.guessed.len()).sum();
    if places > 0 {
        let _ = writeln!(
            head,
            "# Before it works, {} to fill in, marked {FILL_IN}.",
            counted(places, "column")
        );
    }
    if guesses > 0 {
        let _ = writeln!(
            head,
            "# Paired because names are alike, to be looked at: {}.",
            counted(guesses, "column")
        );
    }
    head.push_str("# Then `cutover check`, `cutover preflight`, `cutover release --dry-run`.\n");
    if !proposal.left_out.is_empty() {
        let tables: Vec<&str> = proposal.left_out.iter().map(Ident::as_str).collect();
        let _ = writeln!(
            head,
            "#\n# Not in the set, though they refer to it, since no source was found for them: {}.\n\
             # They keep their rows, and their foreign keys are re-pointed at the swap, which is refused where rows would refer to\n\
             # nothing. A table that is rebuilt each time belongs into `tables`, with an [[import]].",
            tables.join(", ")
        );
    }
    if !proposal.read_by_sources.is_empty() {
        let tables: Vec<&str> = proposal.read_by_sources.iter().map(Ident::as_str).collect();
        let _ = writeln!(
            head,
            "#\n# Not in the set, though a source fits them, since sources read them: {}.",
            tables.join(", ")
        );
    }
    head.push('\n');
    head
}

fn preflight(proposal: &Proposal) -> Table {
    let mut preflight = Table::new();
    preflight.set_implicit(true);
    let (mut views, mut geometries) = (ArrayOfTables::new(), ArrayOfTables::new());
    let (mut uniques, mut not_empty) = (ArrayOfTables::new(), ArrayOfTables::new());
    let mut seen = BTreeSet::new();
    for import in &proposal.imports {
        let key = longest_key(proposal, &import.from);
        if seen.insert((&import.from, "view")) {
            let columns: BTreeSet<&String> = proposal
                .imports
                .iter()
                .filter(|other| other.from == import.from)
                .flat_map(|other| other.columns.iter().map(|(_, from)| from))
                .collect();
            let mut view = Table::new();
            view.insert("view", text(&import.from));
            view.insert("columns", list(columns.into_iter().cloned()));
            views.push(view);
        }
        if !key.is_empty() && seen.insert((&import.from, "unique")) {
            let mut unique = Table::new();
            unique.insert("view", text(&import.from));
            unique.insert("key", list(key.iter().cloned()));
            uniques.push(unique);
        }
        if let Some(geometry) = &import.geometry
            && seen.insert((&import.from, "geometry"))
        {
            geometries.push(geometry_check(import, geometry, &key));
        }
    }
    for table in &proposal.tables {
        let sources = proposal.imports.iter().filter(|import| import.into == *table);
        let mut check = Table::new();
        check.insert("any_of", list(sources.map(|import| import.from.clone())));
        not_empty.push(check);
    }
    comment_first(
        &mut views,
        "\n# --- What must hold before anything is imported\n\n",
    );
    comment_first(&mut uniques, "\n# Unique indexes of the tables demand it.\n");
    comment_first(
        &mut geometries,
        "\n# As the geometry columns of the tables demand it.\n",
    );
    for (name, checks) in [
        ("view", views),
        ("unique", uniques),
        ("geometry", geometries),
        ("not_empty", not_empty),
    ] {
        if !checks.is_empty() {
            preflight.insert(name, Item::ArrayOfTables(checks));
        }
    }
    preflight
}

fn geometry_check(import: &ProposedImport, geometry: &Geometry, key: &[String]) -> Table {
    let mut check = Table::new();
    check.insert("view", text(&import.from));
    check.insert("column", text(&geometry.column));
    if let Some(srid) = geometry.srid {
        check.insert("srid", Item::Value(i64::from(srid).into()));
    }
    if !geometry.types.is_empty() {
        check.insert("types", list(geometry.types.iter().map(ToString::to_string)));
    }
    if !key.is_empty() {
        check.insert("key", list(key.iter().cloned()));
    }
    check
}

/// What tells a source's rows apart, in its columns: where it fills several tables, the longest of their keys.
fn longest_key(proposal: &Proposal, from: &str) -> Vec<String> {
    let imports = proposal.imports.iter().filter(|import| import.from == from);
    imports
        .map(source_key)
        .reduce(|longest, key| if key.len() > longest.len() { key } else { longest })
        .unwrap_or_default()
}

/// The key in the source's columns.
fn source_key(import: &ProposedImport) -> Vec<String> {
    let of = |into: &String| import.columns.iter().find(|(column, _)| column == into);
    import
        .key
        .iter()
        .filter_map(|into| of(into).map(|(_, from)| from.clone()))
        .collect()
}

fn imports(proposal: &Proposal) -> ArrayOfTables {
    let mut imports = ArrayOfTables::new();
    for import in &proposal.imports {
        let mut table = Table::new();
        table.insert("name", text(&import.name));
        table.insert("into", text(import.into.as_str()));
        if import.missing.is_empty() {
            table.insert("from", text(&import.from));
            let mut columns = InlineTable::new();
            for (into, from) in &import.columns {
                columns.insert(into, from.into());
            }
            table.insert("columns", Item::Value(columns.into()));
        } else {
            table.insert("query", text(&query(import)));
        }
        if !import.key.is_empty() {
            table.insert("key", list(import.key.iter().cloned()));
        }
        comment(&mut table, &remarks(proposal, import));
        imports.push(table);
    }
    if let Some(first) = imports.get_mut(0) {
        let remarks = first
            .decor()
            .prefix()
            .and_then(|prefix| prefix.as_str())
            .unwrap_or_default()
            .to_owned();
        comment(first, &format!("\n# --- What is imported\n{remarks}"));
    }
    imports
}

fn remarks(proposal: &Proposal, import: &ProposedImport) -> String {
    let mut remarks = String::from("\n");
    if !import.guessed.is_empty() {
        let guesses: Vec<String> = import
            .columns
            .iter()
            .filter(|(into, _)| import.guessed.contains(into))
            .map(|(into, from)| format!("{into} from {from}"))
            .collect();
        let _ = writeln!(remarks, "# By likeness, look at them: {}.", guesses.join(", "));
    }
    if !import.unfilled.is_empty() {
        let _ = writeln!(
            remarks,
            "# No source was found for: {}.",
            import.unfilled.join(", ")
        );
    }
    if import.key.is_empty() {
        remarks.push_str(
            "# No unique index tells its rows apart: without a `key` an interrupted import starts again.\n",
        );
    } else if longest_key(proposal, &import.from).len() > import.key.len() {
        let _ = writeln!(
            remarks,
            "# It also fills a table with a longer key: of several rows with the same {} a query has to choose one here (SELECT DISTINCT ON).",
            import.key.join(", ")
        );
    }
    if !import.missing.is_empty() {
        let _ = writeln!(
            remarks,
            "# {FILL_IN}: what the columns that are NULL in the query come from."
        );
    }
    remarks
}

/// A query, where a column needs more than a name.
fn query(import: &ProposedImport) -> String {
    let found = import
        .columns
        .iter()
        .map(|(into, from)| format!("s.{} AS {}", name(from), name(into)));
    let missing = import
        .missing
        .iter()
        .map(|(into, type_name)| format!("NULL::{type_name} AS {}", name(into)));
    let columns: Vec<String> = found.chain(missing).collect();
    let source = if import.is_member {
        format!("{{{{ staging('{}') }}}}", import.from)
    } else {
        import.source.to_string()
    };
    format!("SELECT {}\nFROM {source} s\n", columns.join(",\n       "))
}

/// A column in a query: quoted where it has to be. After a dot and after AS no word is reserved.
fn name(name: &str) -> String {
    let is_plain = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    match Ident::new(name) {
        Ok(ident) if !is_plain => ident.to_string(),
        // The server's own names are never too long to be one.
        _ => name.to_owned(),
    }
}

fn gates(proposal: &Proposal) -> ArrayOfTables {
    let mut gates = ArrayOfTables::new();
    for gate in &proposal.gates {
        let mut table = Table::new();
        table.insert("table", text(gate.table.as_str()));
        table.insert("min_rows", Item::Value(1.into()));
        if gate.has_rows {
            table.insert("max_shrink", Item::Value(MAX_SHRINK.into()));
        }
        gates.push(table);
    }
    comment_first(&mut gates, "\n# --- What must hold before the swap\n\n");
    gates
}

fn text(text: &str) -> Item {
    Item::Value(text.into())
}

/// A list: one item a line where there are several.
fn list(items: impl IntoIterator<Item = String>) -> Item {
    let mut array: Array = items.into_iter().collect();
    if array.len() > 4 {
        for item in array.iter_mut() {
            item.decor_mut().set_prefix("\n    ");
        }
        array.set_trailing("\n");
        array.set_trailing_comma(true);
    }
    Item::Value(Value::Array(array))
}

fn comment(table: &mut Table, comment: &str) {
    table.decor_mut().set_prefix(comment);
}

fn comment_first(tables: &mut ArrayOfTables, text: &str) {
    if let Some(first) = tables.get_mut(0) {
        comment(first, text);
    }
}

fn comment_key(table: &mut Table, key: &str, text: &str) {
    if let Some(mut key) = table.key_mut(key) {
        key.leaf_decor_mut().set_prefix(format!("# {text}\n"));
    }
}
