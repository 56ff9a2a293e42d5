//! The pairs, looked up in the two snapshots and checked.

use std::collections::BTreeSet;

use cutover_core::catalog::{CatalogSnapshot, Persistence, Relation, RelationKind};
use cutover_core::{Ident, ObjectKind, ObjectName, QualifiedName};

use crate::pairing::{Pair, part_name, part_oid, parts};
use crate::plan::PlanOptions;
use crate::refused::{Refusal, RefusalKind};

/// A pair whose relations were found.
#[derive(Debug)]
pub(crate) struct Member<'a> {
    pub(crate) live: &'a Relation,
    pub(crate) incoming: &'a Relation,
    pub(crate) parts: Vec<Part>,
}

/// An index, sequence or statistics object; one side is absent where that was allowed.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) kind: ObjectKind,
    /// The name it bears, or will bear, while live, and its oid.
    pub(crate) live: Option<(QualifiedName, u32)>,
    pub(crate) incoming: Option<QualifiedName>,
    /// The name that the incoming one takes.
    pub(crate) takes: Option<QualifiedName>,
}

/// Looks up every pair and collects what is wrong with it.
pub(crate) fn resolve<'a>(
    all_live: &'a CatalogSnapshot,
    all_incoming: &'a CatalogSnapshot,
    pairing: &[Pair],
    options: &PlanOptions,
    refusals: &mut Vec<Refusal>,
) -> Vec<Member<'a>> {
    for relation in &all_live.relations {
        if !pairing.iter().any(|pair| pair.live == relation.name.name) {
            refusals.push(unpaired(&relation.object(), "has nothing that takes its place"));
        }
    }
    for relation in &all_incoming.relations {
        if !pairing.iter().any(|pair| pair.incoming == relation.name.name) {
            refusals.push(unpaired(&relation.object(), "takes no live relation's place"));
        }
    }
    let mut members = Vec::with_capacity(pairing.len());
    for pair in pairing {
        match (
            all_live.relation(&pair.live),
            all_incoming.relation(&pair.incoming),
        ) {
            (Some(live), Some(incoming)) => {
                check(live, incoming, refusals);
                check_kin(all_live, live, refusals);
                check_kin(all_incoming, incoming, refusals);
                members.push(Member {
                    live,
                    incoming,
                    parts: resolve_parts(live, incoming, pair, options, refusals),
                });
            }
            (None, _) => refusals.push(missing(all_live, &pair.live)),
            (_, None) => refusals.push(missing(all_incoming, &pair.incoming)),
        }
    }
    members
}

fn unpaired(object: &ObjectName, reason: &str) -> Refusal {
    let remedy = "build staging again, or add the relation to the release set or take it out";
    Refusal::new(RefusalKind::Unpaired, object, reason, remedy)
}

fn missing(snapshot: &CatalogSnapshot, name: &Ident) -> Refusal {
    let object = QualifiedName::new(snapshot.schema.clone(), name.clone());
    Refusal::new(
        RefusalKind::Unpaired,
        object,
        "does not exist",
        "build staging again",
    )
}

fn check(live: &Relation, incoming: &Relation, refusals: &mut Vec<Refusal>) {
    if live.kind != incoming.kind {
        let reason = format!("is to take the place of a {}", live.kind.object_kind());
        refusals.push(Refusal::new(
            RefusalKind::Kind,
            incoming.object(),
            reason,
            "build staging again",
        ));
    }
    for relation in [live, incoming] {
        check_kind(relation, refusals);
        if !relation.may_act_as_owner {
            let reason = format!(
                "belongs to {}, whose rights the session's role does not have",
                relation.owner
            );
            let remedy = "connect as the owner, or GRANT the owning role";
            refusals.push(Refusal::new(
                RefusalKind::Rights,
                relation.object(),
                reason,
                remedy,
            ));
        }
    }
    if incoming.persistence != live.persistence && incoming.persistence != Persistence::Permanent {
        let remedy = "ALTER TABLE … SET LOGGED before the swap";
        let reason = "is unlogged or temporary: empty after a crash and on standbys";
        refusals.push(Refusal::new(
            RefusalKind::NotReady,
            incoming.object(),
            reason,
            remedy,
        ));
    }
    if !incoming.populated {
        let remedy = "REFRESH MATERIALIZED VIEW before the swap";
        refusals.push(Refusal::new(
            RefusalKind::NotReady,
            incoming.object(),
            "holds no data",
            remedy,
        ));
    }
    for index in incoming.indexes.iter().filter(|index| !index.valid) {
        let object = ObjectName::qualified(ObjectKind::Index, &index.name);
        refusals.push(Refusal::new(
            RefusalKind::NotReady,
            object,
            "is invalid",
            "REINDEX it before the swap",
        ));
    }
}

fn check_kind(relation: &Relation, refusals: &mut Vec<Refusal>) {
    if !matches!(
        relation.kind,
        RelationKind::Table
            | RelationKind::PartitionedTable
            | RelationKind::View
            | RelationKind::MaterializedView
    ) {
        let remedy =
            "only tables, views and materialized views can be swapped: take it out of the release set";
        refusals.push(Refusal::new(
            RefusalKind::Kind,
            relation.object(),
            "cannot be swapped",
            remedy,
        ));
    }
    if let Some(extension) = &relation.extension {
        let reason = format!("belongs to the extension {extension}");
        let remedy = "take it out of the release set: the extension owns it";
        refusals.push(Refusal::new(
            RefusalKind::Extension,
            relation.object(),
            reason,
            remedy,
        ));
    }
}

/// Parents and children change places together: one that stayed behind would go on with the backup set, or show its rows
/// through the wrong parent.
fn check_kin(snapshot: &CatalogSnapshot, relation: &Relation, refusals: &mut Vec<Refusal>) {
    let kin = relation.inherits_from.iter().chain(&relation.inherited_by);
    for other in kin.filter(|kin| !snapshot.relations.iter().any(|member| member.oid == kin.oid)) {
        let reason = format!("has a parent or child that stays behind: {}", other.name);
        let remedy = "put both into the release set: partitions come along with their table by themselves";
        refusals.push(Refusal::new(
            RefusalKind::Inheritance,
            relation.object(),
            reason,
            remedy,
        ));
    }
}

fn resolve_parts(
    live: &Relation,
    incoming: &Relation,
    pair: &Pair,
    options: &PlanOptions,
    refusals: &mut Vec<Refusal>,
) -> Vec<Part> {
    let mut resolved = Vec::new();
    let mut partners = BTreeSet::new();
    for (kind, name) in parts(live) {
        let partner = pair
            .parts
            .iter()
            .find(|part| part.kind == kind && part.live == name.name);
        let found = partner.filter(|part| part_oid(incoming, kind, &part.incoming).is_some());
        if found.is_none() && !options.may_go(kind, &name) {
            let reason = format!("of {} has no partner on {}", live.name, incoming.name);
            refusals.push(part_unpaired(kind, &name, reason));
        }
        if let Some(oid) = part_oid(live, kind, &name.name) {
            resolved.push(Part {
                kind,
                incoming: found.and_then(|part| part_name(incoming, kind, &part.incoming)),
                takes: found.map(|_| name.clone()),
                live: Some((name, oid)),
            });
        }
        if let Some(part) = found {
            partners.insert((kind, part.incoming.clone()));
        }
    }
    for (kind, name) in parts(incoming) {
        if partners.contains(&(kind, name.name.clone())) {
            continue;
        }
        // One whose partner is not there now still knows which name it is to take.
        let takes = pair
            .parts
            .iter()
            .find(|part| part.kind == kind && part.incoming == name.name);
        if !options.may_come(kind, &name) {
            let reason = format!("of {} has no partner on {}", incoming.name, live.name);
            refusals.push(part_unpaired(kind, &name, reason));
        }
        // Only statistics need not be where their table is.
        let apart = name.schema != incoming.name.schema;
        let schema = if apart { &name.schema } else { &live.name.schema };
        let takes = takes.map_or(&name.name, |part| &part.live);
        let takes = Some(QualifiedName::new(schema.clone(), takes.clone()));
        resolved.push(Part {
            kind,
            live: None,
            incoming: Some(name),
            takes,
        });
    }
    resolved
}

fn part_unpaired(kind: ObjectKind, name: &QualifiedName, reason: String) -> Refusal {
    let remedy = "build staging again, or declare the change in the release file";
    Refusal::new(
        RefusalKind::Unpaired,
        ObjectName::qualified(kind, name),
        reason,
        remedy,
    )
}
