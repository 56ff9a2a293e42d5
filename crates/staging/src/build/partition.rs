//! Partitions: tables of their own until they are attached.

use cutover_core::catalog::{CatalogSnapshot, Relation};
use cutover_core::{Sql, Step};

use super::twin::Twin;

/// Makes the twin of a partition one of its parent's twin, for the same rows.
///
/// `ATTACH` turns columns and checks into inherited ones, just as `CREATE TABLE … PARTITION OF` does; but it takes the
/// table as it is, with an order of columns, defaults and checks of its own. Both tables are empty, so nothing is scanned.
pub(super) fn attach(twin: &Twin<'_>, twins: &[Twin<'_>]) -> Option<Step> {
    let partition = twin.live.partition.as_ref()?;
    let parent = twins.iter().find(|other| other.live.oid == partition.parent)?;
    let sql = Sql::text("ALTER TABLE ")
        .name(&parent.scratch)
        .then(" ATTACH PARTITION ")
        .name(&twin.scratch)
        .then(" ")
        .deparsed(&partition.bound);
    Some(Step::new("attach to its parent", twin.object(), sql))
}

/// The partitioned tables above a partition, nearest first.
pub(crate) fn above<'a>(
    snapshot: &'a CatalogSnapshot,
    partition: &'a Relation,
) -> impl Iterator<Item = &'a Relation> {
    let parent = move |of: &&'a Relation| {
        let parent = of.partition.as_ref()?.parent;
        snapshot.relations.iter().find(|relation| relation.oid == parent)
    };
    std::iter::successors(Some(partition), parent).skip(1)
}
