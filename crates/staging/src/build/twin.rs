//! A member and the names of its twin.

use cutover_core::catalog::{Relation, RelationKind};
use cutover_core::{Ident, NamingPolicy, ObjectName, QualifiedName, Sql};

/// A member, and how its twin is called while it is built and afterwards.
#[derive(Debug, Clone)]
pub(crate) struct Twin<'a> {
    pub(crate) live: &'a Relation,
    /// Under the live name in the scratch schema, where the live name means the twin.
    pub(crate) scratch: QualifiedName,
    /// Where it ends up.
    pub(crate) staging: QualifiedName,
}

impl<'a> Twin<'a> {
    pub(crate) fn of(live: &'a Relation, naming: &NamingPolicy, scratch: &Ident) -> Self {
        Self {
            live,
            scratch: QualifiedName::new(scratch.clone(), live.name.name.clone()),
            staging: naming.staging(&live.name),
        }
    }

    /// The twin as steps name it.
    pub(crate) fn object(&self) -> ObjectName {
        ObjectName::qualified(self.live.kind.object_kind(), &self.staging)
    }

    /// `ALTER TABLE "public"."staging_x"`.
    pub(crate) fn alter(&self) -> Sql {
        self.verb("ALTER ").name(&self.staging)
    }

    /// The same while it is in the scratch schema.
    pub(crate) fn alter_in_scratch(&self) -> Sql {
        self.verb("ALTER ").name(&self.scratch)
    }

    /// `ALTER TABLE ONLY …` where the table has partitions or children, which have settings of their own.
    pub(crate) fn alter_only(&self) -> Sql {
        if self.live.inherited_by.is_empty() {
            self.alter()
        } else {
            Sql::text("ALTER TABLE ONLY ").name(&self.staging)
        }
    }

    /// The same while it is in the scratch schema.
    pub(crate) fn alter_only_in_scratch(&self) -> Sql {
        if self.live.inherited_by.is_empty() {
            self.alter_in_scratch()
        } else {
            Sql::text("ALTER TABLE ONLY ").name(&self.scratch)
        }
    }

    /// `ALTER TABLE `, `COMMENT ON VIEW `: what a statement about it begins with.
    pub(crate) fn verb(&self, verb: &'static str) -> Sql {
        Sql::text(verb).then(self.live.kind.keywords()).then(" ")
    }

    /// Whether it is made of a query.
    pub(crate) fn has_query(&self) -> bool {
        self.live.kind.has_query()
    }

    pub(crate) fn is_partitioned(&self) -> bool {
        self.live.kind == RelationKind::PartitionedTable
    }

    pub(crate) fn is_materialized_view(&self) -> bool {
        self.live.kind == RelationKind::MaterializedView
    }
}
