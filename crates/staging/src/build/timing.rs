//! What is made with the twins and what waits until their rows are there.

use cutover_core::catalog::{Index, Relation, RelationKind};
use cutover_core::{QualifiedName, Step};

use super::twin::Twin;
use super::{Planner, attached, policy, rule};
use crate::deferred::{self, DeferredAction, DeferredStep};

impl<'a> Planner<'a> {
    /// Returns what has to wait until the indexes of all other tables are made, when they are made now.
    pub(super) fn index(&mut self, twin: &Twin<'a>, index: &Index) -> Vec<DeferredStep> {
        let mut steps = attached::index(twin, index, self.naming);
        let parent = index.parent.as_ref().and_then(|parent| {
            let (table, live) = self.partitioned_indexes.get(&parent.oid)?;
            let attach = attached::attach_index(twin, parent, index, self.snapshot, self.naming)?;
            Some((attach, self.is_made_now(table, live)))
        });
        let mut later = Vec::new();
        match parent {
            Some((attach, true)) => later.push(attach),
            Some((attach, false)) => self.build.post_data.push(attach),
            None => {}
        }
        if index.of_rows && !twin.is_materialized_view() {
            // The index itself has been made.
            self.push(steps.iter().skip(1).map(in_this_transaction));
            return later;
        }
        if self.is_made_now(twin.live, index) {
            if twin.is_partitioned() {
                later.append(&mut steps);
            }
            self.push(steps.iter().map(in_this_transaction));
            return later;
        }
        if index.computed {
            let (built, dropped) = attached::try_out(twin, index, self.naming);
            self.push([built]);
            self.build.put_off.steps.push(dropped);
        }
        self.build.post_data.extend(steps);
        later
    }

    /// Whether an index comes before the load, rather than after it.
    fn is_made_now(&self, table: &Relation, index: &Index) -> bool {
        // A materialized view is filled by REFRESH, which builds its indexes after the rows by itself.
        table.kind == RelationKind::MaterializedView
            || self.options.indexes_first()
            || (self.options.foreign_keys_first() && self.is_referenced(table, index))
    }

    /// Whether a foreign key within the set may rest on this index, or on one that it is attached to.
    fn is_referenced(&self, table: &Relation, index: &Index) -> bool {
        let by_itself = index.unique
            && !index.computed
            && self
                .twins
                .iter()
                .flat_map(|twin| &twin.live.constraints)
                .filter_map(|constraint| constraint.references.as_ref())
                .any(|target| target.oid == table.oid);
        let parent = || {
            index
                .parent
                .as_ref()
                .and_then(|parent| self.partitioned_indexes.get(&parent.oid))
        };
        by_itself || parent().is_some_and(|(table, index)| self.is_referenced(table, index))
    }

    /// After every key that they may refer to; triggers and rules are let go last, and then row-level security.
    pub(super) fn attach_foreign_keys(&mut self) {
        let mut foreign_keys = Vec::new();
        let mut let_go = Vec::new();
        // Partitions before their parents, which take over what the partitions have.
        let (partitioned, plain): (Vec<_>, Vec<_>) =
            self.twins.iter().partition(|twin| twin.is_partitioned());
        for twin in plain.into_iter().chain(partitioned.into_iter().rev()) {
            for (key, live) in attached::foreign_keys(twin, self.snapshot, self.naming) {
                foreign_keys.extend(attached::foreign_key(twin, key, live));
            }
        }
        for twin in &self.twins {
            let live = twin.live;
            let triggers = live.triggers.iter();
            let_go.extend(triggers.filter_map(|trigger| attached::trigger_state(twin, trigger)));
            let_go.extend(live.rules.iter().filter_map(|rule| rule::state(twin, rule)));
            let_go.extend(policy::turn_on(twin, live));
        }
        if self.options.foreign_keys_first() {
            deferred::sort(&mut foreign_keys);
            self.push(foreign_keys.iter().map(in_this_transaction));
        } else {
            self.build.post_data.extend(foreign_keys);
        }
        self.build.post_data.extend(let_go);
        deferred::sort(&mut self.build.post_data);
    }
}

/// A step of the load's end, done now: the new table is nobody else's yet.
pub(super) fn in_this_transaction(step: &DeferredStep) -> Step {
    let mut now = step.step().done_when(cutover_core::DoneWhen::WithItsTransaction);
    now.locks
        .retain(|lock| lock.relation != step.table && is_outside(step, &lock.relation));
    now
}

fn is_outside(step: &DeferredStep, relation: &QualifiedName) -> bool {
    match &step.action {
        DeferredAction::AddForeignKey(key) => key.outside && key.target == *relation,
        _ => false,
    }
}
