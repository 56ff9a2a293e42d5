//! Relations made of queries, each after what it reads.

use super::Relation;

/// `relations` so that each comes after those of them that its query reads, else in the order given.
///
/// Two plain views can read each other, after `CREATE OR REPLACE VIEW`; nobody can read them, and they come last.
#[must_use]
pub fn in_reading_order<'a>(relations: &[&'a Relation]) -> Vec<&'a Relation> {
    let mut ordered: Vec<&Relation> = Vec::with_capacity(relations.len());
    let mut waiting = relations.to_vec();
    while !waiting.is_empty() {
        let reads = |relation: &Relation, other: &Relation| relation.reads.contains(&other.oid);
        let next = waiting
            .iter()
            .position(|relation| !waiting.iter().any(|other| reads(relation, other)));
        ordered.push(waiting.remove(next.unwrap_or(0)));
    }
    ordered
}
