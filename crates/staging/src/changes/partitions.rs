//! What is declared of a partitioned table is declared of its partitions too, where the server passes it down.

use std::borrow::Cow;

use cutover_core::catalog::CatalogSnapshot;
use cutover_core::{ObjectKind, ObjectName};

use super::{DeclaredChange, DeclaredChanges};
use crate::build;

impl DeclaredChanges {
    /// With the changes of columns and constraints that partitions get from the tables above them.
    pub(super) fn passed_down<'a>(&'a self, snapshot: &CatalogSnapshot) -> Cow<'a, Self> {
        let partitions = snapshot
            .relations
            .iter()
            .filter(|relation| relation.is_partition());
        let mut more: Vec<DeclaredChange> = Vec::new();
        for partition in partitions {
            for above in build::partitioned_tables_above(snapshot, partition) {
                let changes = self.of(&above.name).filter(|change| {
                    matches!(change.object.kind, ObjectKind::Column | ObjectKind::Constraint)
                        && change.object.of.is_some()
                });
                more.extend(changes.map(|change| DeclaredChange {
                    object: ObjectName::part(change.object.kind, &change.object.name, &partition.name),
                    expected: change.expected.clone(),
                    passed_down: true,
                }));
            }
        }
        if more.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut all = self.clone();
        all.changes.extend(more);
        Cow::Owned(all)
    }
}
