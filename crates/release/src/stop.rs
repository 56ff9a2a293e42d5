//! Asking a running release to stop: by Ctrl-C in its own process, or by `abort` through the database.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use cutover_core::records::Records;
use tokio::sync::watch;
use tokio_postgres::Client;

use crate::progress::Progress;

/// How often a running release looks whether it was asked to stop.
const LOOK: Duration = Duration::from_millis(500);

/// Why a release stopped before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// The program that runs it asked for it: staging and checkpoints are kept.
    Interrupted,
    /// `abort` asked for it through the database: staging is removed.
    Aborted,
}

/// Asks a release that runs in this process to stop.
///
/// ```
/// use cutover::stop_pair;
///
/// let (stop, stopped) = stop_pair();
/// assert!(!stopped.is_asked());
/// stop.ask();
/// assert!(stopped.is_asked());
/// ```
#[derive(Debug)]
pub struct Stop(watch::Sender<bool>);

/// The release's end of a [`Stop`].
#[derive(Debug, Clone)]
pub struct StopSignal(watch::Receiver<bool>);

/// A stop and the signal to hand to the release.
#[must_use]
pub fn stop_pair() -> (Stop, StopSignal) {
    let (sender, receiver) = watch::channel(false);
    (Stop(sender), StopSignal(receiver))
}

impl Stop {
    /// Asks the release to stop: its running statements are cancelled, checkpoints and staging are kept.
    pub fn ask(&self) {
        self.0.send_replace(true);
    }
}

impl StopSignal {
    /// A signal that never comes.
    #[must_use]
    pub fn never() -> Self {
        stop_pair().1
    }

    /// Whether the release was asked to stop.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the release is asked to stop; for ever when nobody can ask any more.
    pub(crate) async fn asked(&mut self) {
        if self.0.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Looks after a phase while it runs, and cancels its statements when the release is asked to stop.
///
/// Uses a session of its own; when that is lost, only Ctrl-C's question is still heard.
pub(crate) struct Supervisor<'a> {
    pub(crate) client: &'a Client,
    pub(crate) records: &'a Records,
    pub(crate) release: i64,
    /// What all sessions of this release bear as their application name, and no other session does.
    pub(crate) application: &'a str,
    pub(crate) signal: StopSignal,
    /// Told when the release is asked to stop, where what runs does not only wait for statements.
    pub(crate) told: Option<Stop>,
    /// What the release is at, to be written to its record meanwhile.
    pub(crate) progress: &'a Progress,
}

impl Supervisor<'_> {
    /// Drives `phase` to its end. The second value tells whether the release was asked to stop meanwhile; then the
    /// phase's statements were cancelled, again and again until it ended.
    pub(crate) async fn run<T>(&mut self, phase: impl Future<Output = T>) -> (T, Option<StopReason>) {
        let mut phase = pin!(phase);
        // Boxed, as it is a part of every phase's future.
        let mut telling = Box::pin(self.progress.keep(self.client, self.records, self.release));
        let mut reason = self.asked_to_stop().await;
        loop {
            let look = async {
                if reason.is_some() {
                    tokio::time::sleep(LOOK).await;
                } else {
                    tokio::select! {
                        () = self.signal.asked() => {}
                        () = tokio::time::sleep(LOOK) => {}
                    }
                }
            };
            tokio::select! {
                biased;
                output = &mut phase => return (output, reason),
                () = look => {}
                never = &mut telling => match never {},
            }
            reason = match reason {
                Some(reason) => Some(reason),
                None => self.asked_to_stop().await,
            };
            if reason.is_some() {
                if let Some(told) = &self.told {
                    told.ask();
                }
                self.cancel_statements().await;
            }
        }
    }

    /// Whether the release was asked to stop, here or through the database.
    pub(crate) async fn asked_to_stop(&self) -> Option<StopReason> {
        if self.signal.is_asked() {
            return Some(StopReason::Interrupted);
        }
        match self.records.release(self.client, self.release).await {
            Ok(Some(record)) if record.abort_requested.is_some() => Some(StopReason::Aborted),
            // A lost watching session must not stop a release that is doing well.
            _ => None,
        }
    }

    /// Cancels what this release's own sessions are running, and nobody else's. The swap's COMMIT cannot be
    /// cancelled half way: PostgreSQL either has committed or has not.
    async fn cancel_statements(&self) {
        let cancelled = self
            .client
            .execute(
                "SELECT pg_catalog.pg_cancel_backend(pid) FROM pg_catalog.pg_stat_activity \
                  WHERE application_name = $1 AND datname = pg_catalog.current_database() \
                    AND usename = current_user AND state = 'active' AND pid <> pg_catalog.pg_backend_pid()",
                &[&self.application],
            )
            .await;
        if let Err(error) = cancelled {
            tracing::warn!(release = self.release, %error, "could not cancel the running statements");
        }
    }
}
