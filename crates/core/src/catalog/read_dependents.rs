//! Reading what outside the release set refers to it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use tokio_postgres::Transaction;

use super::read::{CatalogError, keyed, listed};
use super::{
    Acl, DependentFunction, DependentPart, DependentRule, DependentView, InboundForeignKey, OtherDependent,
    Referent, Relation, UpperDependent,
};
use crate::Ident;

/// All dependents of a release set.
pub(super) struct Dependents {
    pub(super) views: Vec<DependentView>,
    pub(super) functions: Vec<DependentFunction>,
    pub(super) rules: Vec<DependentRule>,
    pub(super) upper: Vec<UpperDependent>,
    pub(super) inbound_foreign_keys: Vec<InboundForeignKey>,
    pub(super) parts: Vec<DependentPart>,
    pub(super) others: Vec<OtherDependent>,
}

impl Dependents {
    /// The roles that own the views and functions, and those that granted privileges on them.
    pub(super) fn roles(&self) -> impl Iterator<Item = &Ident> {
        let of_views = self.views.iter().flat_map(|view| {
            let acls = std::iter::once(&view.acl).chain(view.columns.iter().map(|column| &column.acl));
            roles_of(&view.owner, acls)
        });
        let of_functions = self.functions.iter();
        of_views.chain(
            of_functions.flat_map(|function| roles_of(&function.owner, std::iter::once(&function.acl))),
        )
    }
}

fn roles_of<'a>(owner: &'a Ident, acls: impl Iterator<Item = &'a Acl>) -> impl Iterator<Item = &'a Ident> {
    let grantors = acls.flatten().flatten().map(|item| &item.grantor);
    std::iter::once(owner).chain(grantors)
}

/// A view or function over the set, and what it refers to itself.
#[derive(Deserialize)]
struct Edges {
    dependent: Referent,
    refers_to: Vec<Referent>,
}

/// Reads them with the set's schema on the search path.
pub(super) async fn read(
    tx: &Transaction<'_>,
    schema: &Ident,
    members: &[Relation],
) -> Result<Dependents, CatalogError> {
    let oids: Vec<u32> = members.iter().map(|relation| relation.oid).collect();
    let edges = include_str!("sql/dependents.sql");
    let edges: Vec<Edges> = listed(tx, schema, "dependents", edges, &[&oids]).await?;
    let graph: Graph = edges
        .into_iter()
        .map(|edges| (edges.dependent, edges.refers_to))
        .collect();
    let (relations, functions) = oids_of(graph.keys());

    let mut views: Vec<DependentView> = Vec::new();
    if !relations.is_empty() {
        let sql = include_str!("sql/dependent_views.sql");
        views = listed(tx, schema, "views", sql, &[&relations, &oids]).await?;
        let sql = include_str!("sql/columns.sql");
        let mut columns = keyed(tx, schema, "columns", sql, &[&relations]).await?;
        let sql = include_str!("sql/triggers.sql");
        let mut triggers = keyed(tx, schema, "triggers", sql, &[&relations]).await?;
        let sql = include_str!("sql/rules.sql");
        let mut rules = keyed(tx, schema, "rules", sql, &[&relations]).await?;
        for view in &mut views {
            view.triggers = triggers.remove(&view.oid).unwrap_or_default();
            view.rules = rules.remove(&view.oid).unwrap_or_default();
            view.columns = columns.remove(&view.oid).unwrap_or_default();
        }
    }
    let depths = depths(&graph);
    let known = |of: Referent| graph.get(&of).cloned().unwrap_or_default();
    let is_direct = |refers_to: &[Referent]| refers_to.iter().any(|to| !graph.contains_key(to));
    for view in &mut views {
        let this = Referent::Relation(view.oid);
        view.refers_to = known(this);
        view.direct = is_direct(&view.refers_to);
        view.depth = depths.get(&this).copied().unwrap_or(1);
    }
    views.sort_by(|a, b| (a.depth, &a.name).cmp(&(b.depth, &b.name)));

    let mut found: Vec<DependentFunction> = Vec::new();
    if !functions.is_empty() {
        let sql = include_str!("sql/dependent_functions.sql");
        found = listed(tx, schema, "functions", sql, &[&functions, &oids]).await?;
    }
    for function in &mut found {
        function.refers_to = known(Referent::Function(function.oid));
        function.direct = is_direct(&function.refers_to);
    }
    let by_name = |f: &DependentFunction| (f.name.clone(), f.identity_arguments.clone());
    found.sort_by_cached_key(by_name);

    let sequences = members.iter().flat_map(|relation| &relation.sequences);
    let named: Vec<u32> = oids
        .iter()
        .copied()
        .chain(sequences.map(|sequence| sequence.oid))
        .chain(relations.iter().copied())
        .collect();
    let rules = include_str!("sql/dependent_rules.sql");
    let upper = include_str!("sql/upper_dependents.sql");
    let keys = include_str!("sql/inbound_foreign_keys.sql");
    let parts = include_str!("sql/dependent_parts.sql");
    let others = include_str!("sql/other_dependents.sql");
    Ok(Dependents {
        views,
        functions: found,
        rules: listed(tx, schema, "rules", rules, &[&named, &functions, &oids]).await?,
        upper: listed(tx, schema, "dependents", upper, &[&relations, &functions]).await?,
        inbound_foreign_keys: listed(tx, schema, "foreign keys", keys, &[&oids]).await?,
        parts: listed(tx, schema, "policies, rules and defaults", parts, &[&oids]).await?,
        others: listed(tx, schema, "dependents", others, &[&oids]).await?,
    })
}

type Graph = BTreeMap<Referent, Vec<Referent>>;

/// The oids of relations and of functions.
fn oids_of<'a>(referents: impl Iterator<Item = &'a Referent>) -> (Vec<u32>, Vec<u32>) {
    let (mut relations, mut functions) = (Vec::new(), Vec::new());
    for referent in referents {
        match referent {
            Referent::Relation(oid) => relations.push(*oid),
            Referent::Function(oid) => functions.push(*oid),
        }
    }
    (relations, functions)
}

/// How far each is above the set: 1 where it refers to nothing but the set. Those that `CREATE OR REPLACE` made refer to
/// each other in a circle stop somewhere.
fn depths(graph: &Graph) -> BTreeMap<Referent, u32> {
    fn depth_of(
        of: Referent,
        graph: &Graph,
        known: &mut BTreeMap<Referent, u32>,
        above: &mut BTreeSet<Referent>,
    ) -> u32 {
        if let Some(depth) = known.get(&of) {
            return *depth;
        }
        let (Some(refers_to), true) = (graph.get(&of), above.insert(of)) else {
            return 0;
        };
        let below = refers_to.iter().map(|to| depth_of(*to, graph, known, above));
        let depth = below.max().unwrap_or(0) + 1;
        above.remove(&of);
        known.insert(of, depth);
        depth
    }
    let mut known = BTreeMap::new();
    for of in graph.keys() {
        depth_of(*of, graph, &mut known, &mut BTreeSet::new());
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;
    use Referent::{Function, Relation};

    #[track_caller]
    fn check(edges: &[(Referent, &[Referent])], expected: &[(Referent, u32)]) {
        let graph: Graph = edges.iter().map(|(of, to)| (*of, to.to_vec())).collect();
        assert_eq!(depths(&graph), expected.iter().copied().collect());
    }

    #[test]
    fn a_dependent_is_deeper_than_all_that_it_refers_to() {
        check(
            &[
                (Relation(10), &[Relation(1)]),
                (Function(10), &[Relation(10), Relation(1)]),
                (Relation(11), &[Function(10), Relation(10)]),
            ],
            &[(Relation(10), 1), (Function(10), 2), (Relation(11), 3)],
        );
    }

    #[test]
    fn a_circle_ends() {
        check(
            &[
                (Relation(10), &[Relation(11), Relation(1)]),
                (Relation(11), &[Relation(10)]),
            ],
            &[(Relation(10), 2), (Relation(11), 1)],
        );
    }
}
