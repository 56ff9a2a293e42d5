//! What is made on a twin after the rows are there: indexes, keys, foreign keys, trigger states.

mod foreign_key; // the statement that adds a foreign key
mod order; // which comes before which
mod partitioned; // indexes and keys of partitioned tables
mod step; // their statements, locks, and how to tell that they happened

use cutover_core::catalog::{Constraint, ConstraintKind};
use cutover_core::{Deparsed, Ident, ObjectName, QualifiedName, Sql};
use serde::{Deserialize, Serialize};

pub(crate) use order::{Wave, sort};
pub(crate) use step::comment_on_constraint;

/// One thing to do on a staging table, as a value that a release's record can hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeferredStep {
    /// The staging table.
    pub table: QualifiedName,
    /// What to do on it.
    pub action: DeferredAction,
    /// The size on live of what it makes, in bytes: what takes longest is begun first. 0 where that is not known, or does not
    /// matter.
    #[serde(default)]
    pub live_bytes: u64,
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
    /// Builds an exclusion constraint or a temporal key, index and all.
    BuildConstraint {
        /// The staging name of the index. The constraint bears it too.
        name: Ident,
        /// Exclusion, primary key or unique.
        kind: ConstraintKind,
        /// What `pg_get_constraintdef` printed for live.
        definition: Deparsed,
        /// The index's tablespace, where it is not the database's own.
        tablespace: Option<Ident>,
    },
    /// Makes the index of a partitioned table itself: nothing is built. It becomes valid when the index of every partition
    /// is attached.
    CreatePartitionedIndex {
        /// Its staging name.
        index: Ident,
        /// Whether it is unique.
        unique: bool,
        /// The definition after the table's name.
        tail: Deparsed,
        /// The tablespace that indexes of new partitions go to.
        tablespace: Option<Ident>,
    },
    /// Makes a key of a partitioned table and its index, without those of its partitions.
    AddPartitionedKey(PartitionedKey),
    /// Attaches the index of a partition to that of the partitioned table.
    AttachIndex {
        /// The staging name of the partitioned table's index.
        index: Ident,
        /// The partition's twin.
        partition: QualifiedName,
        /// The staging name of the partition's index.
        partition_index: Ident,
        /// The partitioned tables above, whose own indexes may become valid by this.
        above: Vec<QualifiedName>,
    },
    /// Makes a unique index a primary key or unique constraint. The constraint bears the index's name.
    AttachKey {
        /// The index's staging name.
        index: Ident,
        /// Whether it is the primary key.
        primary: bool,
        /// When it is checked.
        deferral: Deferral,
    },
    /// Adds a foreign key: without looking at the rows, unless [`ForeignKey::checked_when_added`]. A partitioned table's
    /// takes over those that its partitions have, and looks only at the rows of partitions without one.
    AddForeignKey(ForeignKey),
    /// Checks the rows against a foreign key.
    ValidateForeignKey {
        /// The constraint.
        name: Ident,
        /// The referenced table.
        target: QualifiedName,
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
    /// Lets an index be dropped with an extension.
    IndexDependsOnExtension {
        /// The index's staging name.
        index: Ident,
        /// The extension.
        extension: Ident,
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
    /// Gives a rule the state it has on live.
    SetRule {
        /// The rule.
        rule: Ident,
        /// Its state.
        state: TriggerState,
    },
    /// Turns row-level security on.
    TurnOnRowSecurity {
        /// `ENABLE ROW LEVEL SECURITY`.
        enable: bool,
        /// `FORCE ROW LEVEL SECURITY`: it binds the owner too, once it is enabled.
        force: bool,
    },
    /// Grants what is granted on live.
    SetPrivileges {
        /// The relation, a column of it, or a sequence that belongs to one.
        object: ObjectName,
        /// `REVOKE` and `GRANT`, and where somebody else granted it, the change to that role and back.
        sql: Sql,
    },
}

/// `pg_trigger.tgenabled` of a trigger that is to fire, `pg_rewrite.ev_enabled` of a rule that is to act.
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

impl TriggerState {
    /// The state by the catalog's letter; `None` where it is disabled.
    pub(crate) fn of(enabled: &str) -> Option<Self> {
        match enabled {
            "O" => Some(Self::Origin),
            "R" => Some(Self::Replica),
            "A" => Some(Self::Always),
            _ => None,
        }
    }

    /// The catalog's letter.
    pub(super) fn letter(self) -> &'static str {
        match self {
            Self::Origin => "O",
            Self::Replica => "R",
            Self::Always => "A",
        }
    }
}

/// A foreign key, put together from the catalog's parts rather than from text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
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
    /// When it is checked.
    pub deferral: Deferral,
    /// Whether the last columns are `PERIOD` (PostgreSQL 18).
    pub period: bool,
    /// `false` for `NOT ENFORCED` (PostgreSQL 18).
    pub enforced: bool,
    /// Whether the rows are checked as it is added. PostgreSQL before 18 adds none `NOT VALID` to a partitioned table; and
    /// of a key to one, it would validate only what is on the partitioned table itself.
    #[serde(default)]
    pub checked_when_added: bool,
    /// How many partitioned tables are above the referencing table, as a partition.
    #[serde(default)]
    pub level: usize,
    /// The partitions of both tables, all levels: they are locked along.
    #[serde(default)]
    pub partitions: Vec<QualifiedName>,
}

/// A key of a partitioned table, put together from the catalog's parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PartitionedKey {
    /// The staging name of its index; the constraint bears the same.
    pub index: Ident,
    /// Primary key rather than unique.
    pub primary: bool,
    /// Whether it is `NULLS NOT DISTINCT`.
    pub nulls_not_distinct: bool,
    /// Its columns.
    pub columns: Vec<Ident>,
    /// Columns of `INCLUDE`.
    pub included: Vec<Ident>,
    /// Storage parameters of its index, `name=value`.
    pub options: Vec<String>,
    /// The tablespace that indexes of new partitions go to.
    pub tablespace: Option<Ident>,
    /// When it is checked.
    pub deferral: Deferral,
}

/// When a key is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deferral {
    /// At each statement.
    NotDeferrable,
    /// `DEFERRABLE INITIALLY IMMEDIATE`.
    Deferrable,
    /// `DEFERRABLE INITIALLY DEFERRED`.
    InitiallyDeferred,
}

impl Deferral {
    pub(crate) fn of(constraint: &Constraint) -> Self {
        match (constraint.deferrable, constraint.deferred) {
            (true, true) => Self::InitiallyDeferred,
            (true, false) => Self::Deferrable,
            (false, _) => Self::NotDeferrable,
        }
    }

    fn sql(self) -> &'static str {
        match self {
            Self::NotDeferrable => "",
            Self::Deferrable => " DEFERRABLE",
            Self::InitiallyDeferred => " DEFERRABLE INITIALLY DEFERRED",
        }
    }
}

impl DeferredStep {
    pub(crate) fn new(table: &QualifiedName, action: DeferredAction) -> Self {
        Self {
            table: table.clone(),
            action,
            live_bytes: 0,
        }
    }

    /// Notes the size on live of what the step makes.
    pub(crate) fn making(mut self, live_bytes: i64) -> Self {
        self.live_bytes = u64::try_from(live_bytes).unwrap_or(0);
        self
    }
}
