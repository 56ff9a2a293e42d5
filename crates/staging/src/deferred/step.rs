//! The statement of each deferred step, what it locks, and how to tell that it happened.

use cutover_core::catalog::ConstraintKind;
use cutover_core::{Deparsed, DoneWhen, Ident, LockMode, ObjectKind, ObjectName, QualifiedName, Sql, Step};

use super::{Deferral, DeferredAction, DeferredStep, ForeignKey, TriggerState};

impl DeferredStep {
    /// The statement, what it locks, and how to tell that it happened. Pure.
    ///
    /// Its definitions mean what they say with the set's schema on the search path.
    #[must_use]
    pub fn step(&self) -> Step {
        match &self.action {
            DeferredAction::BuildIndex {
                index,
                unique,
                tail,
                tablespace,
            } => {
                let on = Sql::text(" ON ").name(&self.table);
                let sql = build_index(index, *unique, &on, tail, tablespace.as_ref());
                Step::new("build", self.index_object(index), sql)
                    .locking(LockMode::Share, &self.table)
                    .done_when(self.index_done(index))
            }
            DeferredAction::BuildConstraint {
                name,
                kind,
                definition,
                tablespace,
            } => self.build_constraint(name, *kind, definition, tablespace.as_ref()),
            DeferredAction::CreatePartitionedIndex {
                index,
                unique,
                tail,
                tablespace,
            } => self.create_partitioned_index(index, *unique, tail, tablespace.as_ref()),
            DeferredAction::AddPartitionedKey(key) => self.add_partitioned_key(key),
            DeferredAction::AttachIndex {
                index,
                partition,
                partition_index,
                above,
            } => self.attach_index(index, partition, partition_index, above),
            DeferredAction::AttachKey {
                index,
                primary,
                deferral,
            } => self.attach_key(index, *primary, *deferral),
            DeferredAction::AddForeignKey(key) => self.add_foreign_key(key),
            DeferredAction::ValidateForeignKey { name, target } => self.validate_foreign_key(name, target),
            DeferredAction::IndexStatistics {
                index,
                column,
                target,
            } => self.alter(
                "set the statistics target of",
                self.index_object(index),
                Sql::text("ALTER INDEX ")
                    .name(&self.table.with_name(index.clone()))
                    .then(" ALTER COLUMN ")
                    .number(*column)
                    .then(" SET STATISTICS ")
                    .number(i64::from(*target)),
            ),
            DeferredAction::CommentOnIndex { index, comment } => {
                let sql = Sql::text("COMMENT ON INDEX ")
                    .name(&self.table.with_name(index.clone()))
                    .then(" IS ")
                    .literal(comment);
                Step::new("comment on", self.index_object(index), sql).done_when(DoneWhen::Repeatable)
            }
            DeferredAction::IndexDependsOnExtension { index, extension } => {
                let sql = Sql::text("ALTER INDEX ")
                    .name(&self.table.with_name(index.clone()))
                    .then(" DEPENDS ON EXTENSION ")
                    .ident(extension);
                Step::new("tie to its extension", self.index_object(index), sql)
                    .done_when(DoneWhen::Repeatable)
            }
            DeferredAction::CommentOnConstraint { name, comment } => {
                let sql = comment_on_constraint(&self.table, name, comment);
                Step::new("comment on", self.constraint_object(name), sql).done_when(DoneWhen::Repeatable)
            }
            DeferredAction::ClusterOn {
                index,
                materialized_view,
            } => {
                let alter = if *materialized_view {
                    Sql::text("ALTER MATERIALIZED VIEW ").name(&self.table)
                } else {
                    self.alter_table()
                };
                let sql = alter.then(" CLUSTER ON ").ident(index);
                self.alter("mark for CLUSTER", self.index_object(index), sql)
            }
            DeferredAction::ReplicaIdentity { index } => {
                let sql = self
                    .alter_table()
                    .then(" REPLICA IDENTITY USING INDEX ")
                    .ident(index);
                Step::new("make the replica identity", self.index_object(index), sql)
                    .locking(LockMode::AccessExclusive, &self.table)
                    .done_when(DoneWhen::Repeatable)
            }
            DeferredAction::SetTrigger { trigger, state } => self.set_trigger(trigger, *state),
            DeferredAction::SetRule { rule, state } => self.set_rule(rule, *state),
            DeferredAction::TurnOnRowSecurity { enable, force } => self.turn_on_row_security(*enable, *force),
            DeferredAction::SetPrivileges { object, sql } => set_privileges(object, sql),
        }
    }

    /// A change that stops neither readers nor writers of the table, and may be made twice.
    fn alter(&self, purpose: &'static str, object: ObjectName, sql: Sql) -> Step {
        Step::new(purpose, object, sql)
            .locking(LockMode::ShareUpdateExclusive, &self.table)
            .done_when(DoneWhen::Repeatable)
    }

    fn build_constraint(
        &self,
        name: &Ident,
        kind: ConstraintKind,
        definition: &Deparsed,
        tablespace: Option<&Ident>,
    ) -> Step {
        let add = self
            .alter_table()
            .then(" ADD CONSTRAINT ")
            .ident(name)
            .then(" ")
            .deparsed(definition);
        // The definition does not say where the index is, and has no place at its end to say so.
        let sql = match tablespace {
            Some(tablespace) => Sql::join(
                [
                    Sql::text("SET LOCAL default_tablespace = ").ident(tablespace),
                    add,
                    Sql::text("SET LOCAL default_tablespace = ''"),
                ],
                ";\n",
            ),
            None => add,
        };
        Step::new("build", self.constraint_object(name), sql)
            .locking(LockMode::AccessExclusive, &self.table)
            .done_when(self.constraint_done(name, kind))
    }

    fn attach_key(&self, index: &Ident, primary: bool, deferral: Deferral) -> Step {
        let (kind, words) = if primary {
            (ConstraintKind::PrimaryKey, " PRIMARY KEY USING INDEX ")
        } else {
            (ConstraintKind::Unique, " UNIQUE USING INDEX ")
        };
        let sql = self
            .alter_table()
            .then(" ADD CONSTRAINT ")
            .ident(index)
            .then(words)
            .ident(index)
            .then(deferral.sql());
        Step::new("attach", self.constraint_object(index), sql)
            .locking(LockMode::AccessExclusive, &self.table)
            .done_when(self.constraint_done(index, kind))
    }

    fn add_foreign_key(&self, key: &ForeignKey) -> Step {
        let unchecked = match (key.enforced, key.checked_when_added) {
            (false, _) => " NOT ENFORCED",
            (true, true) => "",
            (true, false) => " NOT VALID",
        };
        let step = Step::new(
            "add",
            self.constraint_object(&key.name),
            key.add_to(&self.table).then(unchecked),
        )
        .locking(LockMode::ShareRowExclusive, &self.table)
        .done_when(self.constraint_done(&key.name, ConstraintKind::ForeignKey));
        let step = key.partitions.iter().fold(step, |step, partition| {
            step.locking(LockMode::ShareRowExclusive, partition)
        });
        if key.target == self.table {
            step
        } else {
            step.locking(LockMode::ShareRowExclusive, &key.target)
        }
    }

    fn validate_foreign_key(&self, name: &Ident, target: &QualifiedName) -> Step {
        let validated = self.constraint_query(name, ConstraintKind::ForeignKey);
        let sql = self.alter_table().then(" VALIDATE CONSTRAINT ").ident(name);
        let step = self
            .alter("validate", self.constraint_object(name), sql)
            .done_when(DoneWhen::Query(validated.then(" AND k.convalidated)")));
        if *target == self.table {
            step
        } else {
            step.locking(LockMode::RowShare, target)
        }
    }

    fn set_trigger(&self, trigger: &Ident, state: TriggerState) -> Step {
        let sql = match state {
            TriggerState::Origin => " ENABLE TRIGGER ",
            TriggerState::Replica => " ENABLE REPLICA TRIGGER ",
            TriggerState::Always => " ENABLE ALWAYS TRIGGER ",
        };
        let done = Sql::text("SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = ")
            .append(&to_regclass(&self.table))
            .then(" AND t.tgname = ")
            .literal(trigger.as_str())
            .then(" AND t.tgenabled = ")
            .literal(state.letter())
            .then(")");
        Step::new(
            "enable",
            ObjectName::part(ObjectKind::Trigger, trigger, &self.table),
            Sql::text("ALTER TABLE ONLY ")
                .name(&self.table)
                .then(sql)
                .ident(trigger),
        )
        .locking(LockMode::ShareRowExclusive, &self.table)
        .done_when(DoneWhen::Query(done))
    }

    fn set_rule(&self, rule: &Ident, state: TriggerState) -> Step {
        let sql = match state {
            TriggerState::Origin => " ENABLE RULE ",
            TriggerState::Replica => " ENABLE REPLICA RULE ",
            TriggerState::Always => " ENABLE ALWAYS RULE ",
        };
        let done = Sql::text("SELECT EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = ")
            .append(&to_regclass(&self.table))
            .then(" AND r.rulename = ")
            .literal(rule.as_str())
            .then(" AND r.ev_enabled = ")
            .literal(state.letter())
            .then(")");
        Step::new(
            "enable",
            ObjectName::part(ObjectKind::Rule, rule, &self.table),
            self.alter_table().then(sql).ident(rule),
        )
        .locking(LockMode::AccessExclusive, &self.table)
        .done_when(DoneWhen::Query(done))
    }

    fn turn_on_row_security(&self, enable: bool, force: bool) -> Step {
        let parts = [
            (enable, " ENABLE ROW LEVEL SECURITY", "c.relrowsecurity"),
            (force, " FORCE ROW LEVEL SECURITY", "c.relforcerowsecurity"),
        ];
        let wanted = || parts.iter().filter(|(wanted, ..)| *wanted);
        let sql = Sql::join(wanted().map(|(_, sql, _)| Sql::text(sql)), ",");
        let facts = Sql::join(wanted().map(|(.., fact)| Sql::text(fact)), " AND ");
        let done = Sql::text("SELECT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = ")
            .append(&to_regclass(&self.table))
            .then(" AND ")
            .append(&facts)
            .then(")");
        Step::new(
            "turn on the row-level security of",
            ObjectName::qualified(ObjectKind::Table, &self.table),
            self.alter_table().append(&sql),
        )
        .locking(LockMode::AccessExclusive, &self.table)
        .done_when(DoneWhen::Query(done))
    }

    fn alter_table(&self) -> Sql {
        alter_table(&self.table)
    }

    pub(super) fn constraint_object(&self, name: &Ident) -> ObjectName {
        ObjectName::part(ObjectKind::Constraint, name, &self.table)
    }

    pub(super) fn index_object(&self, index: &Ident) -> ObjectName {
        ObjectName::qualified(ObjectKind::Index, &self.table.with_name(index.clone()))
    }

    fn index_done(&self, index: &Ident) -> DoneWhen {
        DoneWhen::Query(self.index_query(index).then(" AND x.indisvalid)"))
    }

    /// Lacks the closing parenthesis.
    pub(super) fn index_query(&self, index: &Ident) -> Sql {
        Sql::text(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid \
              WHERE x.indrelid = ",
        )
        .append(&to_regclass(&self.table))
        .then(" AND i.relname = ")
        .literal(index.as_str())
    }

    pub(super) fn constraint_done(&self, name: &Ident, kind: ConstraintKind) -> DoneWhen {
        DoneWhen::Query(self.constraint_query(name, kind).then(")"))
    }

    /// Lacks the closing parenthesis.
    fn constraint_query(&self, name: &Ident, kind: ConstraintKind) -> Sql {
        Sql::text("SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = ")
            .append(&to_regclass(&self.table))
            .then(" AND k.conname = ")
            .literal(name.as_str())
            .then(match kind {
                ConstraintKind::PrimaryKey => " AND k.contype = 'p'",
                ConstraintKind::Unique => " AND k.contype = 'u'",
                ConstraintKind::Exclusion => " AND k.contype = 'x'",
                ConstraintKind::Check => " AND k.contype = 'c'",
                ConstraintKind::ForeignKey => " AND k.contype = 'f'",
                ConstraintKind::NotNull => " AND k.contype = 'n'",
            })
    }
}

pub(super) fn build_index(
    index: &Ident,
    unique: bool,
    on: &Sql,
    tail: &Deparsed,
    tablespace: Option<&Ident>,
) -> Sql {
    let create = Sql::text(if unique {
        "CREATE UNIQUE INDEX "
    } else {
        "CREATE INDEX "
    })
    .ident(index)
    .append(on)
    .then(" ")
    .deparsed(tail);
    match tablespace {
        // TABLESPACE would have to stand in the middle of what the server printed.
        Some(tablespace) => Sql::text("SET LOCAL default_tablespace = ")
            .ident(tablespace)
            .then(";\n")
            .append(&create)
            .then(";\nSET LOCAL default_tablespace = ''"),
        None => create,
    }
}

/// `GRANT` locks no relation.
fn set_privileges(object: &ObjectName, sql: &Sql) -> Step {
    Step::new("set the privileges of", object.clone(), sql.clone()).done_when(DoneWhen::Repeatable)
}

pub(crate) fn comment_on_constraint(table: &QualifiedName, name: &Ident, comment: &str) -> Sql {
    Sql::text("COMMENT ON CONSTRAINT ")
        .ident(name)
        .then(" ON ")
        .name(table)
        .then(" IS ")
        .literal(comment)
}

pub(super) fn alter_table(table: &QualifiedName) -> Sql {
    Sql::text("ALTER TABLE ").name(table)
}

pub(super) fn to_regclass(table: &QualifiedName) -> Sql {
    Sql::text("pg_catalog.to_regclass(")
        .literal(&table.to_string())
        .then(")")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_security_has_two_switches() {
        for (enable, force, expected) in [
            (true, false, "ALTER TABLE s.t ENABLE ROW LEVEL SECURITY"),
            (false, true, "ALTER TABLE s.t FORCE ROW LEVEL SECURITY"),
            (
                true,
                true,
                "ALTER TABLE s.t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
            ),
        ] {
            let ident = |name: &str| Ident::new(name).unwrap();
            let table = QualifiedName::new(ident("s"), ident("t"));
            let step = DeferredStep::new(&table, DeferredAction::TurnOnRowSecurity { enable, force }).step();
            assert_eq!(step.sql.as_str().replace('"', ""), expected);
        }
    }
}
