//! The server's lock table: one for all sessions, and of a fixed size. A transaction that fills it up makes statements of
//! *other* sessions fail with "out of shared memory" ([13.3.1], `max_locks_per_transaction`), so what a clone takes of it is
//! counted before it begins.
//!
//! [13.3.1]: https://www.postgresql.org/docs/15/runtime-config-locks.html#GUC-MAX-LOCKS-PER-TRANSACTION

use std::collections::BTreeSet;

use cutover_core::catalog::{Relation, ServerFacts};
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
    let room = usize::try_from(server.max_lock_entries).unwrap_or(usize::MAX);
    let why = format!(
        "has a lock table of about {room} entries for all sessions, and the clone takes about {needed}: were it full, \
         statements of others would fail"
    );
    let database = ObjectName::global(ObjectKind::Database, &server.database);
    let remedy = "raise max_locks_per_transaction, or make several release sets";
    if needed > room {
        let refusals = vec![Refusal::new(database, why, remedy)];
        Err(CloneError { refusals })
    } else {
        Ok((needed > room / 2).then(|| format!("{database} {why}; {remedy}")))
    }
}
