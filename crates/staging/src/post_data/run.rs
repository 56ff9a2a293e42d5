//! Carrying out tasks by several workers. One loop owns the state.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use cutover_core::{DoneWhen, EventKind, Events, StatementError, Step, millis};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio_postgres::{Client, Transaction};

use super::schedule::Schedule;
use super::task::Task;
use super::watch::{Seen, Watch};
use crate::StagingError;
use crate::pipeline;
use crate::retry::LockPatience;

/// What every task needs to know.
pub(super) struct Site<'a> {
    /// Sets up each transaction.
    pub(super) settings: &'a Step,
    pub(super) patience: LockPatience,
    pub(super) events: &'a Events,
    /// Whether a task has failed, so that nothing new is to be begun.
    pub(super) stopping: AtomicBool,
}

/// A session that works, and its server process.
pub(super) struct Worker<'c> {
    pub(super) client: &'c mut Client,
    pub(super) pid: i32,
}

/// A task that ended, and the worker that is free again.
struct Ended<'c> {
    worker: Worker<'c>,
    task: usize,
    result: Result<Outcome, StagingError>,
}

enum Outcome {
    Done,
    /// Another task had failed before this one was tried again.
    GivenUp,
}

/// Which task a worker is at.
struct At {
    pid: i32,
    task: usize,
    since: Instant,
}

/// Carries out all tasks; returns the workers, one at least, when all are done.
///
/// After a failure nothing new begins, what runs is cancelled through the watching session or else left to end, and the
/// first failure is returned with the number of steps that were done by then.
pub(super) async fn run<'c>(
    tasks: &[Task],
    workers: Vec<Worker<'c>>,
    watch: &Watch<'_>,
    site: &Site<'_>,
) -> Result<Vec<Worker<'c>>, StagingError> {
    let mut schedule = Schedule::of(tasks);
    let mut idle = workers;
    let mut running = FuturesUnordered::new();
    let mut places: Vec<At> = Vec::new();
    let mut steps_done = 0;
    let mut failure = None;
    let mut look = pin!(watch.progress());
    let mut cancel = pin!(watch.cancel());
    loop {
        if failure.is_none() {
            while let Some(worker) = idle.pop() {
                let Some(task) = schedule.begin() else {
                    idle.push(worker);
                    break;
                };
                places.push(At {
                    pid: worker.pid,
                    task,
                    since: Instant::now(),
                });
                running.push(carry_out(task, &tasks[task], worker, site));
            }
        }
        tokio::select! {
            ended = running.next() => {
                let Some(Ended { worker, task, result }) = ended else { break };
                places.retain(|at| at.task != task);
                idle.push(worker);
                match result {
                    Ok(Outcome::Done) => {
                        steps_done += tasks[task].steps.len();
                        schedule.finished(task);
                    }
                    Ok(Outcome::GivenUp) => {}
                    Err(error) => {
                        site.stopping.store(true, Ordering::Relaxed);
                        // What fails later fails because it was cancelled.
                        failure.get_or_insert(error);
                    }
                }
            }
            seen = &mut look, if failure.is_none() => {
                tell(seen, tasks, &places, site.events);
                look.set(watch.progress());
            }
            () = &mut cancel, if failure.is_some() => cancel.set(watch.cancel()),
        }
    }
    let Some(error) = failure else { return Ok(idle) };
    watch.settle().await;
    Err(match error {
        StagingError::Statement(error) => error.after(steps_done).into(),
        error => error,
    })
}

fn tell(seen: Vec<Seen>, tasks: &[Task], places: &[At], events: &Events) {
    for seen in seen {
        let Some(at) = places.iter().find(|at| at.pid == seen.pid) else {
            continue;
        };
        if let Some((table, index)) = &tasks[at.task].builds {
            events.emit(seen.of(table, index, millis(at.since.elapsed())));
        }
    }
}

/// One task in one transaction, tried again while it fails for want of a lock.
async fn carry_out<'c>(number: usize, task: &Task, worker: Worker<'c>, site: &Site<'_>) -> Ended<'c> {
    let mut tries = site.patience.tries();
    let result = loop {
        if site.stopping.load(Ordering::Relaxed) {
            break Ok(Outcome::GivenUp);
        }
        let error = match attempt(task, worker.client, site).await {
            Ok(()) => break Ok(Outcome::Done),
            Err(error) => error,
        };
        if let Err(error) = tries.pause_after(error, site.events).await {
            break Err(error);
        }
    };
    Ended {
        worker,
        task: number,
        result,
    }
}

async fn attempt(task: &Task, client: &mut Client, site: &Site<'_>) -> Result<(), StagingError> {
    // What fails between the steps is told of the first.
    let [first, ..] = task.steps.as_slice() else {
        return Ok(());
    };
    let failed = |error| StatementError::new(first.purpose, first.object.clone(), error);
    let tx = client.transaction().await.map_err(failed)?;
    site.settings.run(&tx, 0).await?;
    let to_do = not_done(&tx, &task.steps).await?;
    let mut last = Instant::now();
    let mut told = Vec::with_capacity(to_do.len());
    pipeline::run_steps(&tx, to_do, 0, |step| {
        told.push(EventKind::StepDone {
            purpose: step.purpose,
            object: step.object.clone(),
            took_ms: millis(last.elapsed()),
        });
        last = Instant::now();
    })
    .await?;
    tx.commit().await.map_err(failed)?;
    for event in told {
        site.events.emit(event);
    }
    Ok(())
}

/// The steps that have not happened before.
async fn not_done<'s>(tx: &Transaction<'_>, steps: &'s [Step]) -> Result<Vec<&'s Step>, StagingError> {
    let queries = steps.iter().filter_map(|step| match &step.done_when {
        DoneWhen::Query(query) => Some(query),
        _ => None,
    });
    let mut answers = pipeline::ask(tx, queries).await.into_iter();
    let mut to_do = Vec::new();
    for step in steps {
        let done = match &step.done_when {
            DoneWhen::Query(_) => answers.next().transpose(),
            _ => Ok(None),
        };
        let done = done.map_err(|error| StatementError::new(step.purpose, step.object.clone(), error))?;
        if done != Some(true) {
            to_do.push(step);
        }
    }
    Ok(to_do)
}
