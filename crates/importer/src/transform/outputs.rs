//! Which columns are filled, and from what.

use cutover_core::release_file::{CentroidAxis, Derived, Transform, suggestion};
use cutover_core::{Ident, Sql};

use crate::Import;
use crate::mapping::ColumnProblem;
use crate::source::Rows;
use crate::target::{Target, WithoutValue};

/// A column of the table and what fills it.
#[derive(Debug)]
pub(super) struct Output<'a> {
    pub(super) column: &'a Ident,
    /// The column of the source.
    pub(super) from: &'a Ident,
    pub(super) transform: Option<&'a Transform>,
}

impl Output<'_> {
    pub(super) fn axis(&self) -> Option<CentroidAxis> {
        match self.transform?.derived {
            Some(Derived::Centroid(axis)) => Some(axis),
            _ => None,
        }
    }

    pub(super) fn is_centroid(&self) -> bool {
        self.axis().is_some()
    }

    /// The value before it is looked up or cast.
    pub(super) fn value(&self) -> Sql {
        let column = Sql::text("r.").ident(self.from);
        let Some(transform) = self.transform else {
            return column;
        };
        if transform.split.is_some() {
            // Parts that stand for NULL are left out with the empty ones.
            return Sql::text("parts.part");
        }
        // The constants have no type of their own: PostgreSQL reads them as the column's.
        let value = transform.null_if.iter().fold(column, |value, null| {
            Sql::text("NULLIF(")
                .append(&value)
                .then(", ")
                .literal(null)
                .then(")")
        });
        match &transform.default {
            Some(default) => Sql::text("COALESCE(")
                .append(&value)
                .then(", ")
                .literal(default)
                .then(")"),
            None => value,
        }
    }
}

/// What fills the table's columns, in the order that it is said in, then by name.
pub(super) fn outputs<'a>(
    import: &'a Import,
    target: &'a Target,
    source: &'a Rows,
    problems: &mut Vec<ColumnProblem>,
) -> Vec<Output<'a>> {
    let labels = source.labels();
    let mut known = |column: &Ident, wanted: &str| {
        let found = source.columns.iter().find(|known| known.name.as_str() == wanted);
        if found.is_none() {
            problems.push(ColumnProblem::MissingInSource {
                column: column.clone(),
                wanted: wanted.to_owned(),
                hint: suggestion(wanted, &labels, "it has"),
            });
        }
        found.map(|known| &known.name)
    };
    let mut outputs = Vec::new();
    for (column, wanted) in import.mapped_columns().unwrap_or_default() {
        outputs.extend(known(column, wanted).map(|from| Output {
            column,
            from,
            transform: None,
        }));
    }
    for (column, transform) in import.transformed_columns() {
        outputs.extend(known(column, transform.from.as_str()).map(|from| Output {
            column,
            from,
            transform: Some(transform),
        }));
    }
    let first = import.takes_first_by();
    let first: Vec<&Ident> = first
        .iter()
        .flat_map(|first| first.key.iter().chain(&first.order))
        .collect();
    for wanted in &first {
        if !labels.contains(&wanted.as_str()) {
            problems.push(ColumnProblem::MissingForFirst {
                wanted: (*wanted).clone(),
                hint: suggestion(wanted.as_str(), &labels, "it has"),
            });
        }
    }
    if import.fills_others_by_name() {
        let by_name = by_name(target, source, &outputs, &first, problems);
        outputs.extend(by_name);
    }
    let read: Vec<&Ident> = outputs.iter().map(|output| output.from).chain(first).collect();
    for (at, label) in labels.iter().enumerate() {
        let is_read = read.iter().any(|name| name.as_str() == *label);
        if is_read && labels[..at].contains(label) {
            problems.push(ColumnProblem::AmbiguousInSource {
                wanted: (*label).to_owned(),
            });
        }
    }
    outputs
}

/// The columns that nobody has named, each for the column of its name.
fn by_name<'a>(
    target: &'a Target,
    source: &'a Rows,
    named: &[Output<'_>],
    first: &[&Ident],
    problems: &mut Vec<ColumnProblem>,
) -> Vec<Output<'a>> {
    let mut outputs = Vec::new();
    for column in &source.columns {
        let name = &column.name;
        if named.iter().any(|output| output.column == name) {
            continue;
        }
        match target.columns.iter().find(|known| known.name == *name) {
            // The same name on both sides: the server computes it anew.
            Some(known) if known.without_value == WithoutValue::Generated => {}
            Some(known) => outputs.push(Output {
                column: &known.name,
                from: name,
                transform: None,
            }),
            None if first.contains(&name) || named.iter().any(|output| output.from == name) => {}
            None => problems.push(ColumnProblem::extra(name.as_str(), target)),
        }
    }
    outputs
}
