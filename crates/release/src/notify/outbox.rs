//! Messages on their way out: one after the other, by a task of its own, so that nobody waits for a dead receiver.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::channel::Channel;
use super::message::Message;

/// How long the end of a release waits for messages that are still on their way.
const FAREWELL: Duration = Duration::from_secs(10);
/// Messages that may wait to be delivered; what comes while so many wait is not sent.
const QUEUE: usize = 64;

/// Delivers messages in their order. Dropping it stops that.
#[derive(Debug)]
pub(super) struct Outbox {
    name: &'static str,
    tasks: JoinSet<()>,
    slot: Slot,
    closing: oneshot::Sender<()>,
}

/// Where messages are put in; never waits.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    queue: mpsc::Sender<Message>,
    lost: Lost,
}

/// How many messages were not delivered, by the reason.
#[derive(Debug, Clone, Default)]
struct Lost(Arc<Mutex<BTreeMap<String, u64>>>);

impl Lost {
    fn add(&self, reason: String) {
        let mut lost = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *lost.entry(reason).or_default() += 1;
    }

    fn lines(&self) -> Vec<String> {
        let lost = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = |(reason, messages): (&String, &u64)| match messages {
            1 => format!("a message was not delivered: {reason}"),
            messages => format!("{messages} messages were not delivered: {reason}"),
        };
        lost.iter().map(line).collect()
    }
}

impl Slot {
    pub(super) fn put(&self, message: &Message) {
        // A full queue means that nothing was delivered for long: newer messages are of no use then. A closed one means that
        // nobody waits for the end of this message any more.
        if self.queue.try_send(message.clone()).is_err() {
            self.lost.add("too many were waiting already".to_owned());
        }
    }
}

impl Outbox {
    /// Begins to deliver; must be called within a Tokio runtime.
    pub(super) fn start(channel: Channel) -> Self {
        let name = channel.name();
        let (queue, mut waiting) = mpsc::channel::<Message>(QUEUE);
        let (closing, mut closed) = oneshot::channel::<()>();
        let lost = Lost::default();
        let slot = Slot {
            queue,
            lost: lost.clone(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            loop {
                let message = tokio::select! {
                    biased;
                    message = waiting.recv() => message,
                    _ = &mut closed, if !waiting.is_closed() => {
                        waiting.close();
                        continue;
                    }
                };
                let Some(message) = message else { break };
                if let Err(reason) = channel.deliver(&message).await {
                    tracing::warn!(channel = name, reason, "a message was not delivered");
                    lost.add(format!("{name} {reason}"));
                }
            }
        });
        Self {
            name,
            tasks,
            slot,
            closing,
        }
    }

    pub(super) fn slot(&self) -> Slot {
        self.slot.clone()
    }

    /// Waits for what is queued, at most ten seconds, and tells what could not be delivered.
    pub(super) async fn finish(mut self) -> Vec<String> {
        let _ = self.closing.send(());
        let is_late = timeout(FAREWELL, self.tasks.join_next()).await.is_err();
        let mut lines = self.slot.lost.lines();
        if is_late {
            lines.push(format!(
                "{} did not take every message within {} s of the end",
                self.name,
                FAREWELL.as_secs()
            ));
        }
        lines
    }
}
