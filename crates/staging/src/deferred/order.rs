//! In which order deferred steps happen.

use std::cmp::Reverse;

use super::{DeferredAction, DeferredStep};

/// Where a step stands among those that touch the same tables: it may count on every earlier wave of them, and on nothing
/// else. The order of the variants is the order of the waves.
///
/// Everything that scans rows to build an index comes first, because it is what takes time and needs nothing. What
/// makes an index a key, or attaches it to a partitioned parent's, needs the index; foreign keys need the keys; their
/// validation needs them to be there; and what acts on rows or hides them (triggers, rules, row-level security) is
/// let go only when nothing reads or checks the rows any more. Grants come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wave {
    /// Indexes are built.
    Indexes,
    /// Exclusion constraints and temporal keys are built with their indexes: that stops whoever else works on the table.
    Exclusions,
    /// Indexes become keys.
    Keys,
    /// Partitioned tables get indexes and keys, still without those of their partitions.
    PartitionedIndexes,
    /// The partitions' are attached to them.
    Attachments,
    /// Indexes get what is said about them: targets, comments, marks.
    Marks,
    /// Foreign keys are added.
    ForeignKeys,
    /// Rows are checked against them.
    Validation,
    /// Foreign keys that check the rows as they are added, the deepest partitions' first: those of partitioned tables take
    /// over what their partitions have, which is valid by now.
    CheckedForeignKeys(Reverse<usize>),
    /// Constraints of all kinds get their comments.
    Comments,
    /// Triggers and rules are let go.
    Firing,
    /// Row-level security is turned on: from here on, some roles no longer see all rows.
    RowSecurity,
    /// Everybody else gets the privileges that they have on live: until here a twin is its owner's alone, and nobody reads
    /// what row-level security will hide.
    Privileges,
}

impl DeferredAction {
    /// The wave that the action belongs to.
    pub(crate) fn wave(&self) -> Wave {
        match self {
            Self::BuildIndex { .. } => Wave::Indexes,
            Self::BuildConstraint { .. } => Wave::Exclusions,
            Self::AttachKey { .. } => Wave::Keys,
            Self::IndexStatistics { .. }
            | Self::CommentOnIndex { .. }
            | Self::IndexDependsOnExtension { .. }
            | Self::ClusterOn { .. }
            | Self::ReplicaIdentity { .. } => Wave::Marks,
            Self::CreatePartitionedIndex { .. } | Self::AddPartitionedKey(_) => Wave::PartitionedIndexes,
            Self::AttachIndex { .. } => Wave::Attachments,
            Self::AddForeignKey(key) if key.checked_when_added => {
                Wave::CheckedForeignKeys(Reverse(key.level))
            }
            Self::AddForeignKey(_) => Wave::ForeignKeys,
            Self::ValidateForeignKey { .. } => Wave::Validation,
            Self::CommentOnConstraint { .. } => Wave::Comments,
            Self::SetTrigger { .. } | Self::SetRule { .. } => Wave::Firing,
            Self::TurnOnRowSecurity { .. } => Wave::RowSecurity,
            Self::SetPrivileges { .. } => Wave::Privileges,
        }
    }
}

/// Puts steps in the order of their waves; within a wave they stay as they were planned.
pub(crate) fn sort(steps: &mut [DeferredStep]) {
    steps.sort_by_key(|step| step.action.wave());
}
