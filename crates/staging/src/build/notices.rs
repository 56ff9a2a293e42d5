//! What the operator should know of a member before the first change, though it stops nothing.

use cutover_core::catalog::{Index, Persistence, Relation, RelationKind, SecurityLabel, ServerFacts};
use cutover_core::{ObjectKind, ObjectName};

/// Of the server and the database.
pub(super) fn of_server(server: &ServerFacts) -> impl Iterator<Item = String> {
    server.event_triggers.iter().map(|trigger| {
        let object = ObjectName::global(ObjectKind::EventTrigger, trigger);
        format!(
            "{object} fires on the clone's statements and may veto them: rehearse, or disable it meanwhile"
        )
    })
}

/// Of a member.
pub(super) fn of(live: &Relation) -> Vec<String> {
    let mut notices = Vec::new();
    if live.persistence == Persistence::Unlogged {
        notices.push(format!(
            "{} is unlogged, and so is its twin: after a crash and on standbys it is empty",
            live.object()
        ));
    }
    if live.bound_by_row_security {
        notices.push(format!(
            "{} has row-level security that binds the session's role: once it is turned on, after the load, whatever \
             counts or checks the twin's rows fails or sees a part of them; ALTER ROLE … BYPASSRLS lets it see all",
            live.object()
        ));
    }
    // A partitioned table's is invalid as long as some partition has none attached to it, and so is its twin's.
    let broken = |index: &&Index| !index.valid && live.kind != RelationKind::PartitionedTable;
    for index in live.indexes.iter().filter(broken) {
        let object = ObjectName::qualified(ObjectKind::Index, &index.name);
        notices.push(format!(
            "{object} of {} is invalid; its twin is built anew and will be valid: drop it first if it is the rest of a \
             CREATE INDEX or REINDEX CONCURRENTLY that failed",
            live.name
        ));
    }
    let mut told = |object: ObjectName, labels: &[SecurityLabel]| {
        for label in labels {
            notices.push(format!(
                "{object} has a security label, which provider {:?} must be loaded for and must allow the role to set",
                label.provider
            ));
        }
    };
    told(live.object(), &live.security_labels);
    for column in &live.columns {
        let object = ObjectName::part(ObjectKind::Column, &column.name, &live.name);
        told(object, &column.security_labels);
    }
    for sequence in &live.sequences {
        let object = ObjectName::qualified(ObjectKind::Sequence, &sequence.name);
        told(object, &sequence.security_labels);
    }
    notices
}
