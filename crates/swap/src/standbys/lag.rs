//! Which standbys are too far behind, and waiting for them before a swap.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio_postgres::GenericClient;

use cutover_core::release_file::StandbyLag;
use cutover_core::{EventKind, Events, Ident};

use super::{POLL, Position, positions, schema_object};
use crate::SwapError;
use crate::pause::pause;

/// Where the log ended, at moments of the past.
///
/// The server's own `replay_lag` stands still while a standby does not replay, so lag in time is measured here: a standby is
/// at most that much behind when it has replayed what had been written by then.
#[derive(Debug)]
struct LogHistory {
    ends: VecDeque<(Instant, i64)>,
    kept: Duration,
}

impl LogHistory {
    fn new(kept: Duration) -> Self {
        Self {
            ends: VecDeque::new(),
            kept,
        }
    }

    fn note(&mut self, now: Instant, end: i64) {
        self.ends.push_back((now, end));
        while self
            .ends
            .front()
            .is_some_and(|(then, _)| now.duration_since(*then) > self.kept)
        {
            self.ends.pop_front();
        }
    }

    /// Where the log ended when what must have been replayed by now was written; `None` never happens after a note.
    fn due(&self) -> Option<i64> {
        self.ends.front().map(|(_, end)| *end)
    }
}

/// Tells which attached standbys are further behind than a bound, looked at again and again.
///
/// For a bound in time the first look asks for what was written by then, as nothing is known of before; each later one for
/// what had been written that long ago.
#[derive(Debug)]
pub struct LagWatch {
    bound: StandbyLag,
    history: LogHistory,
}

impl LagWatch {
    /// Nothing was looked at yet.
    #[must_use]
    pub fn new(bound: StandbyLag) -> Self {
        let kept = match bound {
            StandbyLag::Time(time) => time,
            StandbyLag::Bytes(_) => Duration::ZERO,
        };
        Self {
            bound,
            history: LogHistory::new(kept),
        }
    }

    /// The names of those that are too far behind now. Takes no lock and waits for nothing; `schema` is named in errors.
    ///
    /// # Errors
    /// [`SwapError::StandbysHidden`] when the role may not see how far one is (`pg_read_all_stats` lets it);
    /// [`SwapError::Statement`] when the server does not answer.
    pub async fn behind(
        &mut self,
        client: &impl GenericClient,
        schema: &Ident,
    ) -> Result<Vec<String>, SwapError> {
        let (written, standbys) = positions(client, schema).await?;
        self.history.note(Instant::now(), written);
        let hidden: Vec<&Position> = standbys
            .iter()
            .filter(|standby| standby.replayed.is_none())
            .collect();
        if !hidden.is_empty() {
            return Err(SwapError::StandbysHidden {
                standbys: names(&hidden),
            });
        }
        let due = match self.bound {
            StandbyLag::Bytes(bytes) => {
                written.saturating_sub(i64::try_from(bytes.bytes()).unwrap_or(i64::MAX))
            }
            StandbyLag::Time(_) => self.history.due().unwrap_or(written),
        };
        let behind: Vec<&Position> = standbys
            .iter()
            .filter(|standby| standby.replayed.is_some_and(|replayed| replayed < due))
            .collect();
        Ok(names(&behind))
    }
}

/// Waits until no attached standby is further behind than `bound`.
///
/// A standby that goes away meanwhile is no longer waited for.
pub(crate) async fn wait_within(
    client: &impl GenericClient,
    schema: &Ident,
    bound: StandbyLag,
    deadline: Duration,
    events: &Events,
) -> Result<(), SwapError> {
    let started = Instant::now();
    let mut watch = LagWatch::new(bound);
    let mut told = usize::MAX;
    loop {
        let behind = watch.behind(client, schema).await?;
        if behind.is_empty() {
            return Ok(());
        }
        if started.elapsed() >= deadline {
            return Err(SwapError::StandbysBehind {
                waited: deadline,
                standbys: behind,
            });
        }
        if behind.len() < told {
            told = behind.len();
            events.emit(EventKind::WaitingForStandbys { standbys: behind });
        }
        pause(client, POLL, &schema_object(schema)).await?;
    }
}

fn names(standbys: &[&Position]) -> Vec<String> {
    standbys.iter().map(|standby| standby.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_is_what_was_written_that_long_ago() {
        let mut history = LogHistory::new(Duration::from_secs(5));
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        for (second, end, due) in [
            (0, 100, 100),
            (3, 130, 100),
            (5, 150, 100),
            (6, 160, 130),
            (30, 400, 400),
        ] {
            history.note(at(second), end);
            assert_eq!(history.due(), Some(due), "after {second} s");
        }
    }
}
