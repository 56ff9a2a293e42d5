//! When two texts that the server printed, one for live and one for staging, say the same.

use cutover_core::catalog::{Column, Relation, Trigger};
use cutover_core::{Deparsed, Ident, ObjectKind};

use super::counterparts::Counterparts;
use crate::{Reprinted, StagedSet};

/// Whether a trigger's texts differ at most in the table's name, at one place after ` ON `.
///
/// The place where the table must stand is one of those tried, and in every other the texts have to be equal as they
/// are; so exchanging a look-alike in a string instead leaves the true place different.
pub(super) fn same_trigger(live: &Relation, a: &Trigger, staging: &Relation, b: &Trigger) -> bool {
    let from = format!(" ON {} ", live.printed_name);
    let to = format!(" ON {} ", staging.printed_name);
    differ_in_one_place(a.definition.as_str(), &from, b.definition.as_str(), &to)
}

fn differ_in_one_place(a: &str, from: &str, b: &str, to: &str) -> bool {
    a.match_indices(from).any(|(at, _)| {
        let (before, after) = (a.get(..at), a.get(at + from.len()..));
        match (before, after) {
            (Some(before), Some(after)) => b
                .strip_prefix(before)
                .and_then(|rest| rest.strip_prefix(to))
                .is_some_and(|rest| rest == after),
            _ => false,
        }
    })
}

/// Whether two defaults are the same with each of live's sequences exchanged for its twin.
///
/// The name stands as a whole constant before `::regclass`; inside a string its quotes would be doubled, so nothing
/// else can look like it.
pub(super) fn same_default(live: &Column, staging: &Column, counterparts: &Counterparts<'_>) -> bool {
    let (Some(a), Some(b)) = (&live.default, &staging.default) else {
        return live.default == staging.default;
    };
    let mut expected = a.as_str().to_owned();
    for used in &live.default_sequences {
        let Some(twin) = counterparts.part(ObjectKind::Sequence, &used.name) else {
            continue;
        };
        let Some(twin) = staging.default_sequences.iter().find(|used| used.name == *twin) else {
            return false;
        };
        expected = expected.replace(
            &format!("{}::regclass", used.printed),
            &format!("{}::regclass", twin.printed),
        );
    }
    expected == b.as_str()
}

/// What the server made of live's texts in the twin, where that is neither the same nor explained by a name.
pub(crate) fn reprinted(live: &Relation, staging: &Relation, set: &StagedSet) -> Vec<Reprinted> {
    let Some(member) = set.members.iter().find(|member| member.live_oid == live.oid) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut note = |kind, name: &Ident, a: &Deparsed, b: &Deparsed| {
        if a != b {
            found.push(Reprinted {
                kind,
                name: name.clone(),
                live: a.clone(),
                staging: b.clone(),
            });
        }
    };
    if let (Some(a), Some(b)) = (&live.definition, &staging.definition) {
        note(live.kind.object_kind(), &live.name.name, a, b);
    }
    for a in &live.columns {
        let twin = staging.column(&a.name);
        if let (Some(x), Some(y)) = (&a.default, twin.and_then(|b| b.default.as_ref()))
            && a.default_sequences.is_empty()
        {
            note(ObjectKind::Column, &a.name, x, y);
        }
    }
    for a in &live.constraints {
        // A key bears its index's name.
        let name = match &a.index {
            Some(index) => member
                .part(ObjectKind::Index, &live.name.with_name(index.clone()))
                .map(|name| &name.name),
            None => Some(&a.name),
        };
        let twin = staging
            .constraints
            .iter()
            .find(|b| Some(&b.name) == name && b.references.is_none());
        if let Some(b) = twin {
            note(ObjectKind::Constraint, &a.name, &a.definition, &b.definition);
        }
    }
    for a in &live.indexes {
        let name = member.part(ObjectKind::Index, &a.name);
        if let Some(b) = staging.indexes.iter().find(|b| Some(&b.name) == name) {
            note(ObjectKind::Index, &a.name.name, &a.tail, &b.tail);
        }
    }
    for a in &live.statistics {
        let name = member.part(ObjectKind::ExtendedStatistics, &a.name);
        if let Some(b) = staging.statistics.iter().find(|b| Some(&b.name) == name) {
            note(
                ObjectKind::ExtendedStatistics,
                &a.name.name,
                &a.columns,
                &b.columns,
            );
        }
    }
    for a in &live.rules {
        if let Some(b) = staging.rules.iter().find(|b| b.name == a.name) {
            note(ObjectKind::Rule, &a.name, &a.definition, &b.definition);
        }
    }
    for a in &live.policies {
        let Some(b) = staging.policies.iter().find(|b| b.name == a.name) else {
            continue;
        };
        for (a_text, b_text) in [(&a.using, &b.using), (&a.with_check, &b.with_check)] {
            if let (Some(a_text), Some(b_text)) = (a_text, b_text) {
                note(ObjectKind::Policy, &a.name, a_text, b_text);
            }
        }
    }
    for a in &live.triggers {
        let twin = staging.triggers.iter().find(|b| b.name == a.name);
        if let Some(b) = twin.filter(|b| !same_trigger(live, a, staging, b)) {
            note(ObjectKind::Trigger, &a.name, &a.definition, &b.definition);
        }
    }
    found
}

/// Whether the clone recorded that the server turned `live` into `staging`.
pub(super) fn is_reprint(
    reprinted: &[Reprinted],
    kind: ObjectKind,
    name: &Ident,
    live: &Deparsed,
    staging: &Deparsed,
) -> bool {
    reprinted.iter().any(|reprinted| {
        reprinted.kind == kind
            && reprinted.name == *name
            && reprinted.live == *live
            && reprinted.staging == *staging
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(a: &str, b: &str, expected: bool) {
        assert_eq!(differ_in_one_place(a, " ON x ", b, " ON staging_x "), expected);
    }

    #[test]
    fn only_the_tables_place_may_differ() {
        check("UPDATE ON x WHEN a", "UPDATE ON staging_x WHEN a", true);
        check(
            "UPDATE ON x WHEN ' ON x '",
            "UPDATE ON staging_x WHEN ' ON x '",
            true,
        );
        check(
            "UPDATE ON x WHEN ' ON x '",
            "UPDATE ON staging_x WHEN ' ON staging_x '",
            false,
        );
        check(
            "UPDATE ON x WHEN ' ON x '",
            "UPDATE ON x WHEN ' ON staging_x '",
            true,
        );
        check("UPDATE ON x WHEN a", "UPDATE ON staging_x WHEN b", false);
        check("UPDATE ON x WHEN a", "UPDATE ON x WHEN a", false);
    }
}
