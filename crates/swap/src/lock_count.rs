//! How many entries of the server's lock table the swap's transaction takes (trap 9).

use std::collections::BTreeSet;

use cutover_core::catalog::{CatalogSnapshot, LockTableFit, Relation};
use cutover_core::{ObjectKind, ObjectName, Step};

use crate::plan::SwapPlan;
use crate::refused::{Refusal, RefusalKind, SwapRefused};

/// Catalogs and the record store with their indexes, and what else any swap touches.
const FIXED: usize = 80;

/// What a foreign key takes beside its own entry and those of its tables: its four triggers, dropped one by one.
const OF_A_KEY: usize = 4;

/// What a view takes beside its own entry: what it reads outside the set, which its definition is read with.
const OF_A_VIEW: usize = 2;

/// How many entries the transaction takes at most, about: each object that a step names, makes or locks, and each
/// relation that the catalog is compared for, is locked to its end.
fn needed<'a>(
    steps: impl IntoIterator<Item = &'a Step>,
    relations: impl IntoIterator<Item = &'a Relation>,
) -> usize {
    let mut entries: BTreeSet<String> = BTreeSet::new();
    let mut more: BTreeSet<(usize, String)> = BTreeSet::new();
    for step in steps {
        let object = step.object.to_string();
        match step.object.kind {
            ObjectKind::Constraint => drop(more.insert((OF_A_KEY, object.clone()))),
            ObjectKind::View => drop(more.insert((OF_A_VIEW, object.clone()))),
            _ => {}
        }
        entries.insert(object);
        entries.extend(step.locks.iter().map(|lock| lock.relation.to_string()));
    }
    let of_relations = relations
        .into_iter()
        // Itself and its TOAST table; its indexes and sequences, which a rename names, or does not.
        .map(|relation| 2 + relation.indexes.len() + relation.sequences.len());
    FIXED + entries.len() + of_relations.sum::<usize>() + more.iter().map(|(count, _)| count).sum::<usize>()
}

impl SwapPlan {
    /// Refuses what does not fit into the lock table at all, and warns of what leaves less than half for everybody else.
    pub(crate) fn within_the_lock_table(
        mut self,
        live: &CatalogSnapshot,
        incoming: &CatalogSnapshot,
    ) -> Result<Self, SwapRefused> {
        let stages = [
            &self.rename_indexes,
            &self.lock_incoming,
            &self.take_locks,
            &self.switch,
        ];
        let needed = needed(
            stages.into_iter().flat_map(|stage| &stage.steps),
            live.relations.iter().chain(&incoming.relations),
        );
        let database = ObjectName::global(ObjectKind::Database, &live.server.database);
        match live.server.lock_table_fit("the swap", needed) {
            LockTableFit::Fits => {}
            LockTableFit::Crowded(why) => {
                self.warnings
                    .push(format!("{database} {why}; {}", LockTableFit::REMEDY));
            }
            LockTableFit::TooSmall(why) => {
                let refusal = Refusal::new(RefusalKind::LockTable, database, why, LockTableFit::REMEDY);
                return Err(SwapRefused {
                    refusals: vec![refusal],
                });
            }
        }
        Ok(self)
    }
}
