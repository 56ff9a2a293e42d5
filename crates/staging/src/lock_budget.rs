//! What a clone takes of the server's lock table, see [`LockTableFit`].

use std::collections::BTreeSet;

use cutover_core::catalog::{LockTableFit, Relation, ServerFacts};
use cutover_core::{ObjectKind, ObjectName};

use crate::build::Build;
use crate::{CloneError, Refusal};

/// Catalogs, the scratch schema, and what else any clone touches.
const FIXED: usize = 50;

/// How many entries the transaction takes at most, about: each object that it makes or names is locked to its end.
pub(crate) fn needed(build: &Build, live: &[&Relation]) -> usize {
    let objects: BTreeSet<String> = build
        .steps
        .steps
        .iter()
        // Columns have no locks of their own.
        .filter(|step| step.object.kind != ObjectKind::Column)
        .map(|step| step.object.to_string())
        .collect();
    let of_live = live.iter().map(|relation| {
        let defaults = relation.columns.iter().filter(|column| column.default.is_some());
        // Itself; its twin's row type, TOAST table and that one's index; its sequences and its twin's defaults.
        4 + relation.sequences.len() + defaults.count()
    });
    FIXED + objects.len() + of_live.sum::<usize>()
}

/// Refuses what does not fit at all, and tells what leaves less than half for everybody else.
pub(crate) fn check(needed: usize, server: &ServerFacts) -> Result<Option<String>, CloneError> {
    let database = ObjectName::global(ObjectKind::Database, &server.database);
    match server.lock_table_fit("the clone", needed) {
        LockTableFit::Fits => Ok(None),
        LockTableFit::Crowded(why) => Ok(Some(format!("{database} {why}; {}", LockTableFit::REMEDY))),
        LockTableFit::TooSmall(why) => Err(CloneError {
            refusals: vec![Refusal::new(database, why, LockTableFit::REMEDY)],
        }),
    }
}
