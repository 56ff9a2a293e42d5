//! Source columns to target columns, by name and never by position.

use std::collections::BTreeMap;
use std::fmt;

use cutover_core::release_file::{nearest, suggestion};
use cutover_core::{Ident, QualifiedName};

use crate::target::{Target, WithoutValue};
use crate::{AdditionObstacle, Import};

/// Which source column fills which target column, as positions in the two lists; in the target's order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mapping {
    pub(crate) pairs: Vec<Pair>,
    /// Columns of the target that the import leaves to their default (or NULL).
    pub(crate) left_out: Vec<Ident>,
    /// Columns of the target that the server computes.
    pub(crate) generated: Vec<Ident>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    pub(crate) target: usize,
    pub(crate) source: usize,
}

/// Why a source's columns do not fit a table. `Display` names the column and the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColumnProblem {
    /// The mapping wants a column that the source does not have.
    MissingInSource {
        /// The column of the target.
        column: Ident,
        /// The column wanted from the source.
        wanted: String,
        /// What was probably meant, as the end of a sentence; else what there is.
        hint: String,
    },
    /// The table that values are to be looked up in is not there.
    LookupMissing {
        /// The column of the target.
        column: Ident,
        /// The table.
        table: QualifiedName,
    },
    /// The table that values are to be looked up in lacks a column.
    MissingInLookup {
        /// The column of the target.
        column: Ident,
        /// The table.
        table: QualifiedName,
        /// The column wanted from it.
        wanted: Ident,
        /// What was probably meant, as the end of a sentence; else what there is.
        hint: String,
    },
    /// The table that values are to be looked up in holds some of them several times.
    AmbiguousLookup {
        /// The column of the target.
        column: Ident,
        /// The table.
        table: QualifiedName,
        /// The column that holds the values.
        matching: Ident,
        /// The first of them.
        values: Vec<String>,
    },
    /// A lookup is to add to its table, and cannot.
    CannotAdd {
        /// The column of the target.
        column: Ident,
        /// The table that values are looked up in.
        table: QualifiedName,
        /// Why not.
        obstacle: AdditionObstacle,
    },
    /// `first_by` names a column that the source does not have.
    MissingForFirst {
        /// The column named.
        wanted: Ident,
        /// What was probably meant, as the end of a sentence; else what there is.
        hint: String,
    },
    /// A centroid is wanted, and PostGIS is not installed where the source is read.
    NoPostgis {
        /// The column of the target.
        column: Ident,
    },
    /// The source gives the same name to several columns.
    AmbiguousInSource {
        /// The name.
        wanted: String,
    },
    /// The target needs a value and the source has none.
    NotFilled {
        /// The column of the target.
        column: Ident,
    },
    /// The mapping names a column that the target does not have.
    UnknownTarget {
        /// The column named.
        column: Ident,
    },
    /// The mapping names a column of the target twice.
    MappedTwice {
        /// The column named.
        column: Ident,
    },
    /// The source has a column that the target does not have.
    Extra {
        /// The column of the source.
        source: String,
        /// The column of the target whose name is most like it, if one is near.
        nearest: Option<Ident>,
    },
    /// The mapping names a column that the server computes.
    Generated {
        /// The column of the target.
        column: Ident,
    },
    /// PostgreSQL does not assign the source's type to the column's.
    Incompatible {
        /// The column of the target.
        column: Ident,
        /// The column of the source.
        source: String,
        /// Its type.
        source_type: String,
        /// The type of the target's column.
        target_type: String,
    },
    /// The source fills no column at all.
    NothingFilled,
    /// The key names a column that the import does not fill.
    KeyNotFilled {
        /// The column named.
        column: Ident,
    },
}

impl ColumnProblem {
    /// A column of the source that the target does not have.
    pub(crate) fn extra(source: &str, target: &Target) -> Self {
        // Headers are often written with capitals, columns hardly ever.
        let names = target.columns.iter().map(|column| column.name.as_str());
        let near = nearest(&source.trim().to_lowercase(), names);
        let near = target
            .columns
            .iter()
            .find(|column| Some(column.name.as_str()) == near);
        Self::Extra {
            source: source.to_owned(),
            nearest: near.map(|column| column.name.clone()),
        }
    }
}

impl fmt::Display for ColumnProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingInSource { column, wanted, hint } => write!(
                f,
                "column {column} is to be filled from {wanted:?}, which the source does not have: \
                 mend the name in `columns`, or add the column to the source{hint}"
            ),
            Self::LookupMissing { column, table } => write!(
                f,
                "column {column} is to be looked up in {table}, which is not there: mend `lookup.table`"
            ),
            Self::MissingInLookup {
                column,
                table,
                wanted,
                hint,
            } => write!(
                f,
                "column {column} is to be looked up by {wanted}, which {table} does not have: mend the name in `lookup`{hint}"
            ),
            Self::AmbiguousLookup {
                column,
                table,
                matching,
                values,
            } => write!(
                f,
                "column {column} is to be looked up in {table}, which has several rows with the same {matching}, as {values:?}: \
                 leave one of each there (a unique index keeps it so), or match by another column"
            ),
            Self::CannotAdd {
                column,
                table,
                obstacle,
            } => write!(
                f,
                "column {column} is to be looked up in {table}, with what is not there added, which cannot be: {obstacle}"
            ),
            Self::MissingForFirst { wanted, hint } => write!(
                f,
                "`first_by` names {wanted}, which the source does not have: mend the name{hint}"
            ),
            Self::NoPostgis { column } => write!(
                f,
                "column {column} is to be of a centroid, and PostGIS is not installed where the source is read: \
                 leave `centroid` out, or install the extension"
            ),
            Self::AmbiguousInSource { wanted } => write!(
                f,
                "the source has several columns named {wanted:?}: give each a name of its own with AS"
            ),
            Self::NotFilled { column } => write!(
                f,
                "column {column} is NOT NULL without a default and the source has no column of that name: \
                 add it to the source, or map it in `columns`"
            ),
            Self::UnknownTarget { column } => write!(
                f,
                "`columns` names {column}, which the table does not have: mend the name"
            ),
            Self::MappedTwice { column } => write!(f, "`columns` names {column} twice: leave one out"),
            Self::Extra { source, nearest } => {
                write!(f, "the source's column {source:?} has no counterpart in the table")?;
                if let Some(column) = nearest {
                    write!(f, " (nearest: {column})")?;
                }
                f.write_str(": list the wanted columns in `columns`, or leave it out of the source")
            }
            Self::Generated { column } => write!(
                f,
                "column {column} is generated, the server computes it: take it out of `columns`"
            ),
            Self::Incompatible {
                column,
                source,
                source_type,
                target_type,
            } => write!(
                f,
                "column {column} is {target_type}, the source's {source:?} is {source_type}, which PostgreSQL does \
                 not assign to it: say `cast = true` of it in `columns`, or cast it in a query"
            ),
            Self::NothingFilled => f.write_str(
                "no column of the source fills one of the table: give them the table's names, or map them in `columns`",
            ),
            Self::KeyNotFilled { column } => write!(
                f,
                "`key` names {column}, which the import does not fill: mend the name, or fill the column"
            ),
        }
    }
}

/// Maps the source's columns, and finds everything that is wrong with them.
///
/// `columns` are those that are named, in place of the import's own.
pub(crate) fn map(
    import: &Import,
    columns: Option<&[(Ident, String)]>,
    target: &Target,
    labels: &[&str],
) -> (Mapping, Vec<ColumnProblem>) {
    let mut problems = Vec::new();
    let mut sources: BTreeMap<&str, usize> = BTreeMap::new();
    let mut ambiguous: Vec<&str> = Vec::new();
    for (position, label) in labels.iter().enumerate() {
        if sources.insert(label, position).is_some() {
            ambiguous.push(label);
        }
    }
    let wanted = match columns {
        Some(columns) => explicit(columns, target, &mut problems),
        None => by_name(labels, target, &mut problems),
    };
    let mut mapping = Mapping::default();
    for (position, column) in target.columns.iter().enumerate() {
        match wanted.get(&column.name) {
            Some(label) if ambiguous.contains(label) => problems.push(ColumnProblem::AmbiguousInSource {
                wanted: (*label).to_owned(),
            }),
            Some(label) => match sources.get(label) {
                Some(&source) => mapping.pairs.push(Pair {
                    target: position,
                    source,
                }),
                None => problems.push(ColumnProblem::MissingInSource {
                    column: column.name.clone(),
                    wanted: (*label).to_owned(),
                    hint: suggestion(label, labels, "it has"),
                }),
            },
            None => {
                let column_name = column.name.clone();
                match column.without_value {
                    WithoutValue::Generated => mapping.generated.push(column_name),
                    WithoutValue::Default | WithoutValue::Identity => mapping.left_out.push(column_name),
                    WithoutValue::Refused => problems.push(ColumnProblem::NotFilled { column: column_name }),
                }
            }
        }
    }
    for key in import.key_columns() {
        let filled = mapping
            .pairs
            .iter()
            .any(|pair| target.columns[pair.target].name == *key);
        if !filled && !wanted.contains_key(key) {
            problems.push(ColumnProblem::KeyNotFilled { column: key.clone() });
        }
    }
    (mapping, problems)
}

fn explicit<'a>(
    columns: &'a [(Ident, String)],
    target: &Target,
    problems: &mut Vec<ColumnProblem>,
) -> BTreeMap<Ident, &'a str> {
    let mut wanted = BTreeMap::new();
    for (column, label) in columns {
        let column = column.clone();
        match target.columns.iter().find(|candidate| candidate.name == column) {
            None => problems.push(ColumnProblem::UnknownTarget { column }),
            Some(found) if found.without_value == WithoutValue::Generated => {
                problems.push(ColumnProblem::Generated { column });
            }
            Some(_) if wanted.contains_key(&column) => problems.push(ColumnProblem::MappedTwice { column }),
            Some(_) => {
                wanted.insert(column, label.as_str());
            }
        }
    }
    wanted
}

fn by_name<'a>(
    labels: &[&'a str],
    target: &Target,
    problems: &mut Vec<ColumnProblem>,
) -> BTreeMap<Ident, &'a str> {
    let mut wanted = BTreeMap::new();
    for label in labels {
        match target
            .columns
            .iter()
            .find(|column| column.name.as_str() == *label)
        {
            // The same name on both sides: the server computes it anew.
            Some(column) if column.without_value == WithoutValue::Generated => {}
            Some(column) => {
                wanted.insert(column.name.clone(), *label);
            }
            None => problems.push(ColumnProblem::extra(label, target)),
        }
    }
    wanted
}
