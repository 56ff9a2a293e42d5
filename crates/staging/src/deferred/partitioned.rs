//! Indexes and keys of partitioned tables: made without rows, then given those of the partitions.

use cutover_core::catalog::ConstraintKind;
use cutover_core::{Deparsed, DoneWhen, Ident, LockMode, QualifiedName, Sql, Step};

use super::step::{build_index, to_regclass};
use super::{DeferredStep, PartitionedKey};
use crate::build::storage_parameter;

impl DeferredStep {
    pub(super) fn create_partitioned_index(
        &self,
        index: &Ident,
        unique: bool,
        tail: &Deparsed,
        tablespace: Option<&Ident>,
    ) -> Step {
        let on = Sql::text(" ON ONLY ").name(&self.table);
        let sql = build_index(index, unique, &on, tail, tablespace);
        Step::new("create", self.index_object(index), sql)
            .locking(LockMode::Share, &self.table)
            .done_when(DoneWhen::Query(self.index_query(index).then(")")))
    }

    pub(super) fn add_partitioned_key(&self, key: &PartitionedKey) -> Step {
        let kind = if key.primary {
            ConstraintKind::PrimaryKey
        } else {
            ConstraintKind::Unique
        };
        Step::new("add", self.constraint_object(&key.index), key.add_to(&self.table))
            .locking(LockMode::AccessExclusive, &self.table)
            .done_when(self.constraint_done(&key.index, kind))
    }

    /// The last one makes the index valid, and with it perhaps those above, which are looked at for that.
    pub(super) fn attach_index(
        &self,
        index: &Ident,
        partition: &QualifiedName,
        partition_index: &Ident,
        above: &[QualifiedName],
    ) -> Step {
        let parent = self.table.with_name(index.clone());
        let child = partition.with_name(partition_index.clone());
        let sql = Sql::text("ALTER INDEX ")
            .name(&parent)
            .then(" ATTACH PARTITION ")
            .name(&child);
        let done = Sql::text("SELECT EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhparent = ")
            .append(&to_regclass(&parent))
            .then(" AND h.inhrelid = ")
            .append(&to_regclass(&child))
            .then(")");
        let step = Step::new("attach", self.index_object(partition_index), sql)
            .locking(LockMode::AccessShare, partition)
            .locking(LockMode::AccessShare, &self.table)
            .done_when(DoneWhen::Query(done));
        above
            .iter()
            .fold(step, |step, table| step.locking(LockMode::AccessShare, table))
    }
}

impl PartitionedKey {
    /// `ALTER TABLE ONLY table ADD CONSTRAINT …`: the partitions' keys are there already, and are attached to it.
    pub(super) fn add_to(&self, table: &QualifiedName) -> Sql {
        let mut sql = Sql::text("ALTER TABLE ONLY ")
            .name(table)
            .then(" ADD CONSTRAINT ")
            .ident(&self.index)
            .then(if self.primary { " PRIMARY KEY" } else { " UNIQUE" })
            .then(if self.nulls_not_distinct {
                " NULLS NOT DISTINCT"
            } else {
                ""
            })
            .then(" (")
            .idents(&self.columns)
            .then(")");
        if !self.included.is_empty() {
            sql = sql.then(" INCLUDE (").idents(&self.included).then(")");
        }
        if !self.options.is_empty() {
            let options = self
                .options
                .iter()
                .map(|option| storage_parameter(Sql::text(""), option));
            sql = sql.then(" WITH (").append(&Sql::join(options, ", ")).then(")");
        }
        if let Some(tablespace) = &self.tablespace {
            sql = sql.then(" USING INDEX TABLESPACE ").ident(tablespace);
        }
        sql.then(self.deferral.sql())
    }
}
