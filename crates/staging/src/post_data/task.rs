//! Deferred steps as transactions: what takes long stands alone, what is cheap goes together.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use cutover_core::{LockMode, QualifiedName, Step};

use crate::deferred::{DeferredAction, DeferredStep, Wave};

/// A table under this size is scanned, sorted and indexed in a moment: its builds are not worth a transaction each.
const SMALL: u64 = 8 << 20;

/// Steps that happen in one transaction.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) steps: Vec<Step>,
    /// Of the first step; the others are of the same stretch, see [`Stretch`].
    pub(super) wave: Wave,
    /// What it reads and writes, in bytes, by what was there when it was planned. 0 where that does not matter.
    pub(super) bytes: u64,
    /// The relations it touches, with the strongest lock on each.
    pub(super) locks: BTreeMap<QualifiedName, LockMode>,
    /// The table and the index, where building it is all that the task does.
    pub(super) builds: Option<(QualifiedName, QualifiedName)>,
}

/// Waves between which no other table's steps have to come, so that cheap ones of a table can share a transaction.
///
/// A stretch of several waves may only hold steps that touch their own table and no other; steps that touch two, as foreign
/// keys do and what attaches a partition's index, need a stretch for their wave alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stretch {
    Indexes,
    PartitionedIndexes,
    Attachments,
    ForeignKeys,
    Validation,
    CheckedForeignKeys,
    Rest,
}

impl Wave {
    fn stretch(self) -> Stretch {
        match self {
            Self::Indexes | Self::Exclusions | Self::Keys | Self::Marks => Stretch::Indexes,
            Self::PartitionedIndexes => Stretch::PartitionedIndexes,
            Self::Attachments => Stretch::Attachments,
            Self::ForeignKeys => Stretch::ForeignKeys,
            Self::Validation => Stretch::Validation,
            Self::CheckedForeignKeys(_) => Stretch::CheckedForeignKeys,
            Self::Comments | Self::Firing | Self::RowSecurity | Self::Privileges => Stretch::Rest,
        }
    }

    /// Whether its steps read all rows of a table, rather than change a few rows of the catalog.
    pub(super) fn scans_rows(self) -> bool {
        match self {
            Self::Indexes | Self::Exclusions | Self::Validation => true,
            Self::Keys
            | Self::PartitionedIndexes
            | Self::Attachments
            | Self::Marks
            | Self::ForeignKeys
            // Those of partitioned tables find valid ones on the partitions; and they have an order of their own.
            | Self::CheckedForeignKeys(_)
            | Self::Comments
            | Self::Firing
            | Self::RowSecurity
            | Self::Privileges => false,
        }
    }
}

/// A deferred step with what decides where it goes.
struct Placed<'a> {
    deferred: &'a DeferredStep,
    step: Step,
    wave: Wave,
    /// 0 for what is cheap.
    bytes: u64,
}

impl Placed<'_> {
    /// Whether it may share a transaction with other cheap steps of its table.
    ///
    /// Not where it stops writers of a table outside the set: that lock is to be held for this step only.
    fn is_cheap(&self, twins: &BTreeSet<&QualifiedName>) -> bool {
        let stops_others =
            self.step.locks.iter().any(|lock| {
                lock.mode.conflicts_with(LockMode::RowExclusive) && !twins.contains(&lock.relation)
            });
        self.bytes == 0 && !stops_others
    }

    /// The relations it touches; its own table always.
    fn locks(&self) -> BTreeMap<QualifiedName, LockMode> {
        let mut locks = BTreeMap::from([(self.deferred.table.clone(), LockMode::AccessShare)]);
        merge_locks(&mut locks, &self.step);
        locks
    }
}

fn merge_locks(locks: &mut BTreeMap<QualifiedName, LockMode>, step: &Step) {
    for taken in &step.locks {
        let mode = locks.entry(taken.relation.clone()).or_insert(taken.mode);
        *mode = (*mode).max(taken.mode);
    }
}

/// Groups steps into tasks, in the order in which they would be done by one worker: wave by wave, longest first.
///
/// `twins` are the set's own tables, `bytes_of` the size of a table now.
pub(super) fn tasks(
    steps: &[DeferredStep],
    twins: &BTreeSet<&QualifiedName>,
    bytes_of: &BTreeMap<QualifiedName, u64>,
) -> Vec<Task> {
    let mut tables: BTreeMap<&QualifiedName, Vec<Placed<'_>>> = BTreeMap::new();
    let mut order = Vec::new();
    for deferred in steps {
        let placed = place(deferred, bytes_of);
        let of_table = tables.entry(&deferred.table).or_insert_with(|| {
            order.push(&deferred.table);
            Vec::new()
        });
        of_table.push(placed);
    }
    let mut tasks = Vec::new();
    for table in order {
        let mut placed = tables.remove(table).unwrap_or_default();
        placed.sort_by_key(|step| step.wave);
        // The task that cheap steps of this stretch join.
        let mut open: Option<(Stretch, Task)> = None;
        for step in placed {
            let stretch = step.wave.stretch();
            if !step.is_cheap(twins) {
                tasks.push(alone(step));
                continue;
            }
            match &mut open {
                Some((of, task)) if *of == stretch => {
                    merge_locks(&mut task.locks, &step.step);
                    task.steps.push(step.step);
                }
                _ => {
                    tasks.extend(open.take().map(|(_, task)| task));
                    open = Some((stretch, together(step)));
                }
            }
        }
        tasks.extend(open.map(|(_, task)| task));
    }
    tasks.sort_by_key(|task| (task.wave, Reverse(task.bytes)));
    tasks
}

fn place<'a>(deferred: &'a DeferredStep, bytes_of: &BTreeMap<QualifiedName, u64>) -> Placed<'a> {
    let step = deferred.step();
    let wave = deferred.action.wave();
    let scanned = if wave.scans_rows() {
        let touched: BTreeSet<&QualifiedName> = std::iter::once(&deferred.table)
            .chain(step.locks.iter().map(|lock| &lock.relation))
            .collect();
        touched
            .into_iter()
            .map(|table| bytes_of.get(table).copied().unwrap_or(0))
            .sum()
    } else {
        0
    };
    let bytes = if scanned < SMALL {
        0
    } else {
        scanned.saturating_add(deferred.live_bytes)
    };
    Placed {
        deferred,
        step,
        wave,
        bytes,
    }
}

fn alone(placed: Placed<'_>) -> Task {
    let builds = match &placed.deferred.action {
        DeferredAction::BuildIndex { index, .. } => {
            let table = &placed.deferred.table;
            Some((table.clone(), table.with_name(index.clone())))
        }
        _ => None,
    };
    Task {
        builds,
        ..together(placed)
    }
}

fn together(placed: Placed<'_>) -> Task {
    Task {
        wave: placed.wave,
        bytes: placed.bytes,
        locks: placed.locks(),
        builds: None,
        steps: vec![placed.step],
    }
}

#[cfg(test)]
pub(super) mod tests {
    use cutover_core::{Deparsed, Ident};

    use super::*;
    use crate::{Deferral, ForeignKey, TriggerState};

    pub(in crate::post_data) fn name(name: &str) -> QualifiedName {
        QualifiedName::new(Ident::new("s").unwrap(), ident(name))
    }

    fn ident(name: &str) -> Ident {
        Ident::new(name).unwrap()
    }

    pub(in crate::post_data) fn build(table: &str, index: &str, live_bytes: i64) -> DeferredStep {
        let action = DeferredAction::BuildIndex {
            index: ident(index),
            unique: true,
            tail: Deparsed::from_server("USING btree (id)".to_owned()),
            tablespace: None,
        };
        DeferredStep::new(&name(table), action).making(live_bytes)
    }

    pub(in crate::post_data) fn key(table: &str, index: &str) -> DeferredStep {
        let action = DeferredAction::AttachKey {
            index: ident(index),
            primary: true,
            deferral: Deferral::NotDeferrable,
        };
        DeferredStep::new(&name(table), action)
    }

    /// A foreign key, its validation, and its comment.
    pub(in crate::post_data) fn foreign_key(
        table: &str,
        key: &str,
        target: &str,
        outside: bool,
    ) -> Vec<DeferredStep> {
        let add = DeferredAction::AddForeignKey(ForeignKey {
            name: ident(key),
            columns: vec![ident("a")],
            target: name(target),
            outside,
            target_columns: vec![ident("id")],
            match_full: false,
            on_update: "a".to_owned(),
            on_delete: "a".to_owned(),
            on_delete_columns: Vec::new(),
            deferral: Deferral::NotDeferrable,
            period: false,
            enforced: true,
            checked_when_added: false,
            level: 0,
            partitions: Vec::new(),
        });
        let validate = DeferredAction::ValidateForeignKey {
            name: ident(key),
            target: name(target),
        };
        let comment = DeferredAction::CommentOnConstraint {
            name: ident(key),
            comment: String::new(),
        };
        [add, validate, comment]
            .map(|action| DeferredStep::new(&name(table), action))
            .to_vec()
    }

    pub(in crate::post_data) fn trigger(table: &str) -> DeferredStep {
        let action = DeferredAction::SetTrigger {
            trigger: ident("t"),
            state: TriggerState::Origin,
        };
        DeferredStep::new(&name(table), action)
    }

    /// The tasks of `steps`, where the tables of `large` are worth a transaction for each index.
    pub(in crate::post_data) fn tasks_of(steps: &[DeferredStep], large: &[&str]) -> Vec<Task> {
        let twins: Vec<QualifiedName> = ["a", "b", "c"].map(name).to_vec();
        let bytes_of = large.iter().map(|table| (name(table), SMALL)).collect();
        tasks(steps, &twins.iter().collect(), &bytes_of)
    }

    #[track_caller]
    fn check(steps: &[DeferredStep], large: &[&str], expected: &[&[&str]]) {
        let found: Vec<Vec<String>> = tasks_of(steps, large)
            .iter()
            .map(|task| {
                let told = task
                    .steps
                    .iter()
                    .map(|step| format!("{} {}", step.purpose, step.object));
                told.map(|text| text.replace("\"s\".", "").replace('"', ""))
                    .collect()
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_small_table_is_one_transaction_until_others_are_concerned() {
        let mut steps = vec![
            build("a", "i", 0),
            key("a", "i"),
            trigger("a"),
            build("a", "j", 0),
        ];
        steps.extend(foreign_key("a", "f", "b", false));
        check(
            &steps,
            &[],
            &[
                &["build index i", "build index j", "attach constraint i of a"],
                &["add constraint f of a"],
                &["validate constraint f of a"],
                &["comment on constraint f of a", "enable trigger t of a"],
            ],
        );
    }

    #[test]
    fn what_scans_a_large_table_stands_alone_longest_first() {
        let mut steps = vec![
            build("a", "i", 1),
            key("a", "i"),
            build("b", "k", 0),
            build("a", "j", 2),
        ];
        steps.extend(foreign_key("b", "f", "a", false));
        check(
            &steps,
            &["a"],
            &[
                &["build index j"],
                &["build index i"],
                &["build index k"],
                &["attach constraint i of a"],
                &["add constraint f of b"],
                &["validate constraint f of b"],
                &["comment on constraint f of b"],
            ],
        );
    }

    #[test]
    fn an_outside_table_is_locked_for_one_step_only() {
        let mut steps = foreign_key("a", "f", "b", false);
        steps.extend(foreign_key("a", "g", "outside", true));
        steps.extend(foreign_key("a", "h", "c", false));
        check(
            &steps,
            &[],
            &[
                &["add constraint g of a"],
                &["add constraint f of a", "add constraint h of a"],
                &[
                    "validate constraint f of a",
                    "validate constraint g of a",
                    "validate constraint h of a",
                ],
                &[
                    "comment on constraint f of a",
                    "comment on constraint g of a",
                    "comment on constraint h of a",
                ],
            ],
        );
    }
}
