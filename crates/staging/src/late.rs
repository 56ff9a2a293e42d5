//! Which members are made of the set's own tables: their twins come with the tables', and are filled after them.

use std::collections::BTreeSet;

use cutover_core::catalog::CatalogSnapshot;

/// The oids of the members whose query reads a table of the set, directly or through others. All other materialized views
/// come before the tables, because importers read them.
pub(crate) fn members(snapshot: &CatalogSnapshot) -> BTreeSet<u32> {
    let tables = snapshot
        .relations
        .iter()
        .filter(|relation| !relation.kind.has_query());
    let mut within: BTreeSet<u32> = tables.map(|table| table.oid).collect();
    let queries = || {
        snapshot
            .relations
            .iter()
            .filter(|relation| relation.kind.has_query())
    };
    let mut late = BTreeSet::new();
    loop {
        let found = queries()
            .filter(|query| !within.contains(&query.oid))
            .filter(|query| query.reads.iter().any(|source| within.contains(source)));
        let found: Vec<u32> = found.map(|query| query.oid).collect();
        if found.is_empty() {
            return late;
        }
        within.extend(&found);
        late.extend(found);
    }
}
