//! The statements that move rows, from the mapping.

use cutover_core::{Ident, QualifiedName, Sql};

use crate::chunks::KeyedRead;
use crate::mapping::Mapping;
use crate::source::{Conversion, Fit, Rows};
use crate::target::{Target, WithoutValue};
use crate::transform::VERDICT;
use crate::{Import, Transport};

/// Moves the rows within the server.
pub(crate) fn insert(import: &Import, target: &Target, mapping: &Mapping, rows: &Rows) -> Sql {
    let overriding = mapping
        .pairs
        .iter()
        .any(|pair| target.columns[pair.target].without_value == WithoutValue::Identity);
    Sql::text("INSERT INTO ")
        .name(import.into_table())
        .then(" (")
        .append(&target_list(target, mapping))
        // Without it a GENERATED ALWAYS identity column refuses the values it is given.
        .then(if overriding {
            ")\nOVERRIDING SYSTEM VALUE\n"
        } else {
            ")\n"
        })
        .append(&select(import, target, mapping, rows, None))
}

/// Sends the wanted columns of the source.
pub(crate) fn copy_to(
    import: &Import,
    target: &Target,
    mapping: &Mapping,
    rows: &Rows,
    fits: &[Fit],
    way: Transport,
) -> Sql {
    Sql::text("COPY (")
        .append(&select(import, target, mapping, rows, Some(fits)))
        .append(&to_stdout(way))
}

/// Sends the wanted columns of the source by key, which the source sends as `key`.
pub(crate) fn copy_by_key(
    mapping: &Mapping,
    rows: &Rows,
    fits: &[Fit],
    way: Transport,
    key: Vec<Sql>,
) -> KeyedRead {
    KeyedRead {
        head: Sql::text("COPY (").append(&select_from(mapping, rows, fits)),
        key,
        tail: to_stdout(way),
    }
}

fn to_stdout(way: Transport) -> Sql {
    Sql::text(") TO STDOUT").then(format_clause(way))
}

/// Takes the mapped columns, in the target's order.
pub(crate) fn copy_from(into: &QualifiedName, target: &Target, mapping: &Mapping, way: Transport) -> Sql {
    Sql::text("COPY ")
        .name(into)
        .then(" (")
        .append(&target_list(target, mapping))
        .then(") FROM STDIN")
        .then(format_clause(way))
}

fn format_clause(way: Transport) -> &'static str {
    match way {
        Transport::BinaryPipe => " (FORMAT binary)",
        Transport::ServerSide | Transport::TextPipe | Transport::Csv | Transport::Program => "",
    }
}

fn target_list(target: &Target, mapping: &Mapping) -> Sql {
    Sql::text("").idents(filled(target, mapping))
}

/// The columns that are filled, in the target's order.
pub(crate) fn filled<'a>(target: &'a Target, mapping: &'a Mapping) -> impl Iterator<Item = &'a Ident> {
    mapping.pairs.iter().map(|pair| &target.columns[pair.target].name)
}

/// The wanted columns of the source, in the target's order.
///
/// With `casts`, converts to the target's types. The casts carry no type modifier: an explicit cast to
/// `varchar(10)` would cut a longer value without a word, where COPY into the column refuses it, as INSERT does.
fn select(import: &Import, target: &Target, mapping: &Mapping, rows: &Rows, casts: Option<&[Fit]>) -> Sql {
    let mut sql = select_from(mapping, rows, casts.unwrap_or_default());
    // Joins keep no order, that of a query neither.
    if import.sample_rows().is_some() || import.is_transformed() {
        let keys: Vec<Sql> = import
            .key_columns()
            .iter()
            .filter_map(|key| {
                mapping
                    .pairs
                    .iter()
                    .find(|pair| target.columns[pair.target].name == *key)
            })
            .map(|pair| column_of(rows, pair.source))
            .collect();
        if !keys.is_empty() {
            sql = sql.then("\n ORDER BY ").append(&Sql::join(keys, ", "));
        }
    }
    if let Some(limit) = import.sample_rows() {
        sql = sql
            .then("\n LIMIT ")
            .number(i64::try_from(limit).unwrap_or(i64::MAX));
    }
    sql
}

fn select_from(mapping: &Mapping, rows: &Rows, casts: &[Fit]) -> Sql {
    let mut columns = sent(mapping, rows, casts);
    if rows.has_verdicts {
        columns.push(Sql::text("s.").then(VERDICT));
    }
    Sql::text("SELECT ")
        .append(&Sql::join(columns, ", "))
        .then("\n  FROM ")
        .append(&rows.from)
        .then(" AS s")
}

/// What the source sends for each column filled: its column, or that cast to the target's type.
pub(crate) fn sent(mapping: &Mapping, rows: &Rows, fits: &[Fit]) -> Vec<Sql> {
    let columns = mapping.pairs.iter().enumerate().map(|(n, pair)| {
        let source = column_of(rows, pair.source);
        match fits.get(n).map(|fit| &fit.conversion) {
            Some(Conversion::Assign(to)) => {
                Sql::text("CAST(").append(&source).then(" AS ").name(to).then(")")
            }
            _ => source,
        }
    });
    columns.collect()
}

fn column_of(rows: &Rows, position: usize) -> Sql {
    Sql::text("s.").ident(&rows.columns[position].name)
}
