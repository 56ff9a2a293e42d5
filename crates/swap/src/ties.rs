//! What ties backup relations of one set to each other: where they depend on each other in circles, it goes first.

use std::collections::BTreeMap;

use cutover_core::catalog::Relation;
use cutover_core::{Ident, LockMode, ObjectKind, ObjectName, Sql, Step};

/// The steps that undo everything by which `relations` may depend on each other: foreign keys, policies, rules, defaults
/// that draw from each other's sequences.
pub(crate) fn undo(relations: &[&Relation]) -> Vec<Step> {
    let mut steps = Vec::new();
    for relation in relations {
        steps.extend(keys(relation, relations));
        let policies = relation.policies.iter().map(|p| (ObjectKind::Policy, &p.name));
        let rules = relation.rules.iter().map(|r| (ObjectKind::Rule, &r.name));
        steps.extend(
            policies
                .chain(rules)
                .map(|(kind, name)| drop_part(relation, kind, name)),
        );
        steps.extend(defaults(relation, relations));
    }
    steps
}

fn keys(relation: &Relation, among: &[&Relation]) -> Vec<Step> {
    let keys = relation.constraints.iter().filter_map(|constraint| {
        let target = constraint.references.as_ref()?;
        let tied = target.oid != relation.oid && among.iter().any(|other| other.oid == target.oid);
        tied.then_some((&constraint.name, target))
    });
    keys.map(|(name, target)| {
        let sql = alter(relation).then(" DROP CONSTRAINT ").ident(name);
        Step::new(
            "drop",
            ObjectName::part(ObjectKind::Constraint, name, &relation.name),
            sql,
        )
        .locking(LockMode::AccessExclusive, &relation.name)
        .locking(LockMode::AccessExclusive, &target.table)
    })
    .collect()
}

fn drop_part(relation: &Relation, kind: ObjectKind, name: &Ident) -> Step {
    let drop = match kind {
        ObjectKind::Policy => "DROP POLICY ",
        _ => "DROP RULE ",
    };
    let sql = Sql::text(drop).ident(name).then(" ON ").name(&relation.name);
    Step::new("drop", ObjectName::part(kind, name, &relation.name), sql)
        .locking(LockMode::AccessExclusive, &relation.name)
}

fn defaults(relation: &Relation, among: &[&Relation]) -> Vec<Step> {
    let owners: BTreeMap<u32, u32> = among
        .iter()
        .flat_map(|owner| owner.sequences.iter().map(|sequence| (sequence.oid, owner.oid)))
        .collect();
    let drawn = relation.columns.iter().filter(|column| {
        let sequences = column.default_sequences.iter();
        let mut of = sequences.filter_map(|used| owners.get(&used.oid));
        of.any(|owner| *owner != relation.oid)
    });
    drawn
        .map(|column| {
            let sql = alter(relation)
                .then(" ALTER COLUMN ")
                .ident(&column.name)
                .then(" DROP DEFAULT");
            let object = ObjectName::part(ObjectKind::Column, &column.name, &relation.name);
            Step::new("drop the default of", object, sql).locking(LockMode::AccessExclusive, &relation.name)
        })
        .collect()
}

fn alter(relation: &Relation) -> Sql {
    Sql::text("ALTER TABLE ").name(&relation.name)
}
