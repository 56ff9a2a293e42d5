//! Lookups that add to tables outside the set: which they are, told by the release file alone.

use std::fmt;

use cutover_core::QualifiedName;
use cutover_core::release_file::{self as file, UnknownValue};
use serde::Serialize;

use crate::Cutover;

/// A lookup that adds to its table what it does not find.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlannedAddition {
    /// The importer.
    pub importer: String,
    /// The table.
    pub table: QualifiedName,
    /// The column of that table that gets the values.
    pub column: String,
}

impl fmt::Display for PlannedAddition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            importer,
            table,
            column,
        } = self;
        write!(
            f,
            "importer {importer} adds to {table} the values of {column} that are not there; they stay, whatever becomes of the \
             release (a dry run counts them)"
        )
    }
}

/// Whether a lookup of an importer adds to its table.
pub(crate) fn adds(import: &file::Import) -> bool {
    let mut lookups = import.source.lookups();
    lookups.any(|(_, lookup)| lookup.unknown == UnknownValue::Add)
}

impl Cutover {
    pub(crate) fn planned_additions(&self) -> Vec<PlannedAddition> {
        let lookups = self.file.imports().iter().flat_map(|import| {
            import
                .source
                .lookups()
                .map(|(_, lookup)| (import.name.clone(), lookup))
        });
        lookups
            .filter(|(_, lookup)| lookup.unknown == UnknownValue::Add)
            .map(|(importer, lookup)| PlannedAddition {
                importer,
                table: lookup.table.in_schema(self.schema()),
                column: lookup.matching.as_str().to_owned(),
            })
            .collect()
    }
}
