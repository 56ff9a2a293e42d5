//! What is made on a twin after the rows are there: indexes, keys, foreign keys, trigger states.

use cutover_core::catalog::ConstraintKind;
use cutover_core::{Deparsed, DoneWhen, Ident, LockMode, ObjectKind, ObjectName, QualifiedName, Sql, Step};
use serde::{Deserialize, Serialize};

/// One thing to do on a staging table, as a value that a release's record can hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeferredStep {
    /// The staging table.
    pub table: QualifiedName,
    /// What to do on it.
    pub action: DeferredAction,
}

/// What a [`DeferredStep`] does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeferredAction {
    /// Builds an index.
    BuildIndex {
        /// Its staging name.
        index: Ident,
        /// Whether it is unique.
        unique: bool,
        /// The definition after the table's name.
        tail: Deparsed,
        /// Its tablespace, where it is not the database's own.
        tablespace: Option<Ident>,
    },
    /// Makes a unique index a primary key or unique constraint. The constraint bears the index's name.
    AttachKey {
        /// The index's staging name.
        index: Ident,
        /// Whether it is the primary key.
        primary: bool,
        /// Whether it is `DEFERRABLE`.
        deferrable: bool,
        /// Whether it is `INITIALLY DEFERRED`.
        deferred: bool,
    },
    /// Adds a foreign key without looking at the rows.
    AddForeignKey(ForeignKey),
    /// Checks the rows against a foreign key.
    ValidateForeignKey {
        /// The constraint.
        name: Ident,
    },
    /// Sets the statistics target of an expression of an index.
    IndexStatistics {
        /// The index's staging name.
        index: Ident,
        /// The position of the expression.
        column: i64,
        /// The target.
        target: i32,
    },
    /// Comments on an index.
    CommentOnIndex {
        /// The index's staging name.
        index: Ident,
        /// The comment.
        comment: String,
    },
    /// Comments on a constraint.
    CommentOnConstraint {
        /// The constraint.
        name: Ident,
        /// The comment.
        comment: String,
    },
    /// Marks the index that `CLUSTER` uses.
    ClusterOn {
        /// The index's staging name.
        index: Ident,
        /// Whether the table is a materialized view.
        materialized_view: bool,
    },
    /// Makes a unique index the replica identity.
    ReplicaIdentity {
        /// The index's staging name.
        index: Ident,
    },
    /// Gives a trigger the state it has on live.
    SetTrigger {
        /// The trigger.
        trigger: Ident,
        /// Its state.
        state: TriggerState,
    },
}

/// `pg_trigger.tgenabled` of a trigger that is to fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TriggerState {
    /// `ENABLE TRIGGER`: fires unless the session replays replicated changes.
    #[serde(rename = "O")]
    Origin,
    /// `ENABLE REPLICA TRIGGER`: fires only then.
    #[serde(rename = "R")]
    Replica,
    /// `ENABLE ALWAYS TRIGGER`.
    #[serde(rename = "A")]
    Always,
}

/// A foreign key, put together from the catalog's parts rather than from text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ForeignKey {
    /// The constraint.
    pub name: Ident,
    /// The referencing columns.
    pub columns: Vec<Ident>,
    /// The referenced table: the staging twin of a member, or a table outside the set.
    pub target: QualifiedName,
    /// Whether the referenced table is outside the set, so that others use it.
    pub outside: bool,
    /// The referenced columns.
    pub target_columns: Vec<Ident>,
    /// `MATCH FULL` rather than `SIMPLE`.
    pub match_full: bool,
    /// `a`, `r`, `c`, `n` or `d`, as in `pg_constraint`.
    pub on_update: String,
    /// The same for `ON DELETE`.
    pub on_delete: String,
    /// The columns of `ON DELETE SET NULL (…)`.
    pub on_delete_columns: Vec<Ident>,
    /// Whether it is `DEFERRABLE`.
    pub deferrable: bool,
    /// Whether it is `INITIALLY DEFERRED`.
    pub deferred: bool,
}

impl DeferredStep {
    pub(crate) fn new(table: &QualifiedName, action: DeferredAction) -> Self {
        Self {
            table: table.clone(),
            action,
        }
    }

    /// The statement, what it locks, and how to tell that it happened. Pure.
    ///
    /// Its definitions mean what they say with the set's schema on the search path.
    #[must_use]
    pub fn step(&self) -> Step {
        let table = &self.table;
        let constraint = |name: &Ident| ObjectName::part(ObjectKind::Constraint, name, table);
        match &self.action {
            DeferredAction::BuildIndex {
                index,
                unique,
                tail,
                tablespace,
            } => Step::new(
                "build",
                self.index_object(index),
                build_index(table, index, *unique, tail, tablespace.as_ref()),
            )
            .locking(LockMode::Share, table)
            .done_when(self.index_done(index)),
            DeferredAction::AttachKey {
                index,
                primary,
                deferrable,
                deferred,
            } => Step::new(
                "attach",
                constraint(index),
                alter_table(table)
                    .then(" ADD CONSTRAINT ")
                    .ident(index)
                    .then(if *primary { " PRIMARY KEY" } else { " UNIQUE" })
                    .then(" USING INDEX ")
                    .ident(index)
                    .then(deferral(*deferrable, *deferred)),
            )
            .locking(LockMode::AccessExclusive, table)
            .done_when(self.constraint_done(
                index,
                if *primary {
                    ConstraintKind::PrimaryKey
                } else {
                    ConstraintKind::Unique
                },
            )),
            DeferredAction::AddForeignKey(key) => self.add_foreign_key(key),
            DeferredAction::ValidateForeignKey { name } => Step::new(
                "validate",
                constraint(name),
                alter_table(table).then(" VALIDATE CONSTRAINT ").ident(name),
            )
            .locking(LockMode::ShareUpdateExclusive, table)
            .done_when(DoneWhen::Query(
                self.constraint_query(name, ConstraintKind::ForeignKey)
                    .then(" AND k.convalidated)"),
            )),
            DeferredAction::IndexStatistics {
                index,
                column,
                target,
            } => Step::new(
                "set the statistics target of",
                self.index_object(index),
                Sql::text("ALTER INDEX ")
                    .name(&table.with_name(index.clone()))
                    .then(" ALTER COLUMN ")
                    .number(*column)
                    .then(" SET STATISTICS ")
                    .number(i64::from(*target)),
            )
            .locking(LockMode::ShareUpdateExclusive, table)
            .done_when(DoneWhen::Repeatable),
            DeferredAction::CommentOnIndex { index, comment } => Step::new(
                "comment on",
                self.index_object(index),
                Sql::text("COMMENT ON INDEX ")
                    .name(&table.with_name(index.clone()))
                    .then(" IS ")
                    .literal(comment),
            )
            .done_when(DoneWhen::Repeatable),
            DeferredAction::CommentOnConstraint { name, comment } => Step::new(
                "comment on",
                constraint(name),
                comment_on_constraint(table, name, comment),
            )
            .done_when(DoneWhen::Repeatable),
            DeferredAction::ClusterOn {
                index,
                materialized_view,
            } => Step::new(
                "mark for CLUSTER",
                self.index_object(index),
                Sql::text(if *materialized_view {
                    "ALTER MATERIALIZED VIEW "
                } else {
                    "ALTER TABLE "
                })
                .name(table)
                .then(" CLUSTER ON ")
                .ident(index),
            )
            .locking(LockMode::ShareUpdateExclusive, table)
            .done_when(DoneWhen::Repeatable),
            DeferredAction::ReplicaIdentity { index } => Step::new(
                "make the replica identity",
                self.index_object(index),
                alter_table(table)
                    .then(" REPLICA IDENTITY USING INDEX ")
                    .ident(index),
            )
            .locking(LockMode::AccessExclusive, table)
            .done_when(DoneWhen::Repeatable),
            DeferredAction::SetTrigger { trigger, state } => self.set_trigger(trigger, *state),
        }
    }

    fn add_foreign_key(&self, key: &ForeignKey) -> Step {
        let step = Step::new(
            "add",
            ObjectName::part(ObjectKind::Constraint, &key.name, &self.table),
            key.add_to(&self.table).then(" NOT VALID"),
        )
        .locking(LockMode::ShareRowExclusive, &self.table)
        .done_when(self.constraint_done(&key.name, ConstraintKind::ForeignKey));
        if key.target == self.table {
            step
        } else {
            step.locking(LockMode::ShareRowExclusive, &key.target)
        }
    }

    fn set_trigger(&self, trigger: &Ident, state: TriggerState) -> Step {
        let (sql, code) = match state {
            TriggerState::Origin => (" ENABLE TRIGGER ", "O"),
            TriggerState::Replica => (" ENABLE REPLICA TRIGGER ", "R"),
            TriggerState::Always => (" ENABLE ALWAYS TRIGGER ", "A"),
        };
        let done = Sql::text("SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = ")
            .append(&to_regclass(&self.table))
            .then(" AND t.tgname = ")
            .literal(trigger.as_str())
            .then(" AND t.tgenabled = ")
            .literal(code)
            .then(")");
        Step::new(
            "enable",
            ObjectName::part(ObjectKind::Trigger, trigger, &self.table),
            alter_table(&self.table).then(sql).ident(trigger),
        )
        .locking(LockMode::ShareRowExclusive, &self.table)
        .done_when(DoneWhen::Query(done))
    }

    fn index_object(&self, index: &Ident) -> ObjectName {
        ObjectName::qualified(ObjectKind::Index, &self.table.with_name(index.clone()))
    }

    fn index_done(&self, index: &Ident) -> DoneWhen {
        DoneWhen::Query(
            Sql::text(
                "SELECT EXISTS (SELECT FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid \
                  WHERE x.indisvalid AND x.indrelid = ",
            )
            .append(&to_regclass(&self.table))
            .then(" AND i.relname = ")
            .literal(index.as_str())
            .then(")"),
        )
    }

    fn constraint_done(&self, name: &Ident, kind: ConstraintKind) -> DoneWhen {
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
            })
    }
}

impl ForeignKey {
    /// `ALTER TABLE table ADD CONSTRAINT …`, without `NOT VALID`.
    pub(crate) fn add_to(&self, table: &QualifiedName) -> Sql {
        let mut sql = alter_table(table)
            .then(" ADD CONSTRAINT ")
            .ident(&self.name)
            .then(" FOREIGN KEY (")
            .idents(&self.columns)
            .then(") REFERENCES ")
            .name(&self.target)
            .then(" (")
            .idents(&self.target_columns)
            .then(")")
            .then(if self.match_full { " MATCH FULL" } else { "" })
            .then(match self.on_update.as_str() {
                "r" => " ON UPDATE RESTRICT",
                "c" => " ON UPDATE CASCADE",
                "n" => " ON UPDATE SET NULL",
                "d" => " ON UPDATE SET DEFAULT",
                _ => "",
            })
            .then(match self.on_delete.as_str() {
                "r" => " ON DELETE RESTRICT",
                "c" => " ON DELETE CASCADE",
                "n" => " ON DELETE SET NULL",
                "d" => " ON DELETE SET DEFAULT",
                _ => "",
            });
        if !self.on_delete_columns.is_empty() {
            sql = sql.then(" (").idents(&self.on_delete_columns).then(")");
        }
        sql.then(deferral(self.deferrable, self.deferred))
    }
}

fn build_index(
    table: &QualifiedName,
    index: &Ident,
    unique: bool,
    tail: &Deparsed,
    tablespace: Option<&Ident>,
) -> Sql {
    let create = Sql::text(if unique {
        "CREATE UNIQUE INDEX "
    } else {
        "CREATE INDEX "
    })
    .ident(index)
    .then(" ON ")
    .name(table)
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

pub(crate) fn comment_on_constraint(table: &QualifiedName, name: &Ident, comment: &str) -> Sql {
    Sql::text("COMMENT ON CONSTRAINT ")
        .ident(name)
        .then(" ON ")
        .name(table)
        .then(" IS ")
        .literal(comment)
}

fn alter_table(table: &QualifiedName) -> Sql {
    Sql::text("ALTER TABLE ").name(table)
}

fn deferral(deferrable: bool, deferred: bool) -> &'static str {
    match (deferrable, deferred) {
        (true, true) => " DEFERRABLE INITIALLY DEFERRED",
        (true, false) => " DEFERRABLE",
        (false, _) => "",
    }
}

fn to_regclass(table: &QualifiedName) -> Sql {
    Sql::text("pg_catalog.to_regclass(")
        .literal(&table.to_string())
        .then(")")
}
