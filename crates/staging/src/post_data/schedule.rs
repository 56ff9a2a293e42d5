//! Which task may begin: what it waits for, and what is to be begun first.

use std::collections::{BTreeMap, BTreeSet};

use cutover_core::QualifiedName;

use super::task::Task;

/// What is left to do of a list of tasks. Tasks are known by their place in that list, which is the order in which one
/// worker would do them.
///
/// A task waits for the earlier ones that touch a relation it touches, unless the two read the rows of one wave under
/// locks that go together: several indexes of one table, say. So tasks that run at the same time never wait for each
/// other's locks, and what a step needs is done; and what needs nothing of each other does not wait.
#[derive(Debug)]
pub(super) struct Schedule {
    /// For each task, how many it still waits for.
    waits_for: Vec<usize>,
    /// For each task, those that wait for it.
    waiting: Vec<Vec<usize>>,
    ready: BTreeSet<usize>,
}

impl Schedule {
    pub(super) fn of(tasks: &[Task]) -> Self {
        let mut schedule = Self {
            waits_for: vec![0; tasks.len()],
            waiting: vec![Vec::new(); tasks.len()],
            ready: BTreeSet::new(),
        };
        // For each relation, the tasks so far, back to the last one that waited for all before it.
        let mut last: BTreeMap<&QualifiedName, Vec<usize>> = BTreeMap::new();
        for (number, task) in tasks.iter().enumerate() {
            let mut before: BTreeSet<usize> = BTreeSet::new();
            for relation in task.locks.keys() {
                let last = last.entry(relation).or_default();
                before.extend(last.iter().filter(|other| !may_run_beside(task, &tasks[**other])));
                if !task.wave.scans_rows() {
                    last.clear();
                }
                last.push(number);
            }
            schedule.waits_for[number] = before.len();
            if before.is_empty() {
                schedule.ready.insert(number);
            }
            for earlier in before {
                schedule.waiting[earlier].push(number);
            }
        }
        schedule
    }

    /// Takes the task to begin next, if there is one that need not wait.
    pub(super) fn begin(&mut self) -> Option<usize> {
        self.ready.pop_first()
    }

    /// Notes that a task is done.
    pub(super) fn finished(&mut self, task: usize) {
        for later in std::mem::take(&mut self.waiting[task]) {
            self.waits_for[later] -= 1;
            if self.waits_for[later] == 0 {
                self.ready.insert(later);
            }
        }
    }
}

fn may_run_beside(one: &Task, other: &Task) -> bool {
    one.wave == other.wave
        && one.wave.scans_rows()
        && one.locks.iter().all(|(relation, mode)| {
            other
                .locks
                .get(relation)
                .is_none_or(|held| !mode.conflicts_with(*held))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deferred::DeferredStep;
    use crate::post_data::task::tests::{build, foreign_key, key, tasks_of, trigger};

    /// Three tables with keys, foreign keys in a circle and to outside, and triggers.
    fn steps() -> Vec<DeferredStep> {
        let mut steps = Vec::new();
        for (table, target) in [("a", "b"), ("b", "c"), ("c", "a")] {
            for index in ["x", "y", "z"] {
                steps.push(build(table, &format!("{table}{index}"), 1));
            }
            steps.push(key(table, &format!("{table}x")));
            steps.extend(foreign_key(table, &format!("{table}f"), target, false));
            steps.extend(foreign_key(table, &format!("{table}o"), "outside", true));
            steps.push(trigger(table));
        }
        steps
    }

    /// Lets up to `workers` tasks run at once and end in an order drawn from `seed`; returns the largest number that ran at
    /// once.
    #[track_caller]
    fn run(tasks: &[Task], workers: usize, mut seed: usize) -> usize {
        let mut schedule = Schedule::of(tasks);
        let mut running: Vec<usize> = Vec::new();
        let mut done: Vec<usize> = Vec::new();
        let mut most = 0;
        loop {
            while running.len() < workers {
                let Some(next) = schedule.begin() else { break };
                for other in &running {
                    let conflict = tasks[next].locks.iter().find(|(relation, mode)| {
                        let held = tasks[*other].locks.get(*relation);
                        held.is_some_and(|held| mode.conflicts_with(*held))
                    });
                    assert!(conflict.is_none(), "{next} beside {other}: {conflict:?}");
                }
                for (earlier, task) in tasks.iter().enumerate() {
                    let shared = task
                        .locks
                        .keys()
                        .any(|relation| tasks[next].locks.contains_key(relation));
                    let needed = shared && task.wave < tasks[next].wave;
                    assert!(
                        !needed || done.contains(&earlier),
                        "{next} begun before {earlier} was done"
                    );
                }
                running.push(next);
            }
            most = most.max(running.len());
            if running.is_empty() {
                break;
            }
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let ended = running.swap_remove((seed >> 33) % running.len());
            schedule.finished(ended);
            done.push(ended);
        }
        done.sort_unstable();
        assert!(done.into_iter().eq(0..tasks.len()), "every task was done once");
        most
    }

    #[test]
    fn whatever_ends_first_nothing_waits_for_a_lock_or_comes_too_early() {
        for large in [&[][..], &["a"], &["a", "b", "c"]] {
            let tasks = tasks_of(&steps(), large);
            for workers in 1..8 {
                for seed in 0..50 {
                    run(&tasks, workers, seed);
                }
            }
        }
    }

    #[test]
    fn indexes_of_one_table_are_built_at_once() {
        let steps: Vec<_> = ["i", "j", "k", "l"].map(|index| build("a", index, 1)).to_vec();
        assert_eq!(run(&tasks_of(&steps, &["a"]), 4, 1), 4);
        assert_eq!(
            run(&tasks_of(&steps, &[]), 4, 1),
            1,
            "a small table is one transaction"
        );
    }

    #[test]
    fn a_foreign_key_waits_for_its_own_tables_only() {
        let mut steps = vec![build("a", "i", 1), build("b", "j", 1), build("c", "k", 9)];
        steps.extend(foreign_key("a", "f", "b", false));
        let tasks = tasks_of(&steps, &["a", "b", "c"]);
        let mut schedule = Schedule::of(&tasks);
        assert_eq!(schedule.begin(), Some(0), "the longest");
        let (a, b) = (schedule.begin().unwrap(), schedule.begin().unwrap());
        assert_eq!(schedule.begin(), None);
        schedule.finished(a);
        assert_eq!(schedule.begin(), None);
        schedule.finished(b);
        let add = schedule.begin().unwrap();
        assert_eq!(tasks[add].steps[0].purpose, "add");
    }
}
