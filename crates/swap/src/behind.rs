//! Who waits behind us: sessions that queue behind the swap's own request for a lock, seen from another connection, as
//! the swap's own is busy waiting.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use cutover_core::{EventKind, Events, ObjectKind, ObjectName, StatementError, Waiter};
use serde::Serialize;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use crate::query_beginning::beginning_of;
use crate::run::SwapContext;

/// How often is looked. A wait that is over sooner than that may go unseen.
const LOOK: Duration = Duration::from_millis(25);

/// The sessions that were seen waiting behind the swap's tries for its locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct WaitedBehind {
    /// The most that waited at once.
    pub most_waiting: u32,
    /// The longest that one of them was seen to wait, in milliseconds. It may have waited for up to 25 ms more.
    pub longest_wait_ms: u64,
}

/// Looks for who waits behind the swap.
pub(crate) struct Lookout<'a> {
    observer: &'a Client,
    events: &'a Events,
    object: ObjectName,
    /// The swap's server process.
    pid: i32,
    locked_oids: &'a [u32],
    seen: WaitedBehind,
    /// Whether the observer has failed: the swap goes on without.
    blind: bool,
}

/// One look's finding.
struct Queue {
    waiting: u32,
    longest_ms: u64,
    sample: Vec<Waiter>,
}

impl<'a> Lookout<'a> {
    /// `None` without an observer.
    pub(crate) async fn open(
        client: &Client,
        context: &SwapContext<'a>,
        locked_oids: &'a [u32],
    ) -> Result<Option<Self>, StatementError> {
        let Some(observer) = context.observer else {
            return Ok(None);
        };
        let object = ObjectName::global(ObjectKind::Release, context.records.release_set());
        let row = client
            .query_one("SELECT pg_catalog.pg_backend_pid()", &[])
            .await
            .map_err(|error| StatementError::new("identify the session of", object.clone(), error))?;
        Ok(Some(Self {
            observer,
            events: context.events,
            object,
            pid: row.get(0),
            locked_oids,
            seen: WaitedBehind::default(),
            blind: false,
        }))
    }

    /// Drives a try for the locks to its end, looks meanwhile, and tells the worst that it saw. Takes no locks but for
    /// reading the catalog; a failing observer is of no account to the swap.
    pub(crate) async fn watch<T>(&mut self, trying: impl Future<Output = T>) -> T {
        let mut trying = pin!(trying);
        let mut worst: Option<Queue> = None;
        let output = loop {
            tokio::select! {
                biased;
                output = &mut trying => break output,
                queue = self.look() => match queue {
                    Ok(queue) => worst = Queue::worse(worst, queue),
                    Err(error) => {
                        tracing::warn!(%error, "whoever waits behind the swap is no longer seen");
                        self.blind = true;
                    }
                }
            }
        };
        if let Some(Queue {
            waiting,
            longest_ms,
            sample,
        }) = worst
        {
            self.seen.most_waiting = self.seen.most_waiting.max(waiting);
            self.seen.longest_wait_ms = self.seen.longest_wait_ms.max(longest_ms);
            self.events.emit(EventKind::WaitingBehind {
                waiting,
                longest_ms,
                sample,
            });
        }
        output
    }

    /// What was seen in all tries.
    pub(crate) fn into_seen(self) -> WaitedBehind {
        self.seen
    }

    /// Pauses, then looks.
    async fn look(&self) -> Result<Queue, StatementError> {
        if self.blind {
            return std::future::pending().await;
        }
        tokio::time::sleep(LOOK).await;
        let rows = self
            .observer
            .query_typed(
                include_str!("sql/behind.sql"),
                &[(&self.pid, Type::INT4), (&self.locked_oids, Type::OID_ARRAY)],
            )
            .await
            .map_err(|error| {
                StatementError::new(
                    "look for who waits behind the swap of",
                    self.object.clone(),
                    error,
                )
            })?;
        let sample: Vec<Waiter> = rows.iter().map(waiter).collect();
        let waiting = rows.first().map_or(0, |row| row.get::<_, i64>("waiting"));
        Ok(Queue {
            waiting: u32::try_from(waiting).unwrap_or(u32::MAX),
            longest_ms: sample.first().map_or(0, |waiter| waiter.waited_ms),
            sample,
        })
    }
}

impl Queue {
    /// The later of two looks, unless nobody waited then: with the most that either saw.
    fn worse(before: Option<Self>, now: Self) -> Option<Self> {
        match before {
            _ if now.waiting == 0 => before,
            None => Some(now),
            Some(before) => Some(Self {
                waiting: before.waiting.max(now.waiting),
                longest_ms: before.longest_ms.max(now.longest_ms),
                sample: now.sample,
            }),
        }
    }
}

fn waiter(row: &Row) -> Waiter {
    Waiter {
        pid: row.get("pid"),
        user: row.get("username"),
        application: row.get("application"),
        waited_ms: u64::try_from(row.get::<_, i64>("waited_ms")).unwrap_or(0),
        query: beginning_of(row.get("query")),
    }
}
