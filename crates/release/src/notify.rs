//! Notifications: what people hear of a release. One place decides what is told, and several channels send it; none of them
//! can fail a release, or slow it.

mod channel; // Slack, a webhook, mail
mod mail; // through the system's sendmail
mod message; // what is told, for people and for programs
mod outbox; // messages on their way
mod post; // messages over HTTP
mod teller; // from events to messages
#[cfg(test)]
mod tests; // with receivers that do not take them

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cutover_core::release_file::{Notify, SecretError, Told};
use cutover_core::{Event, EventSink};
use futures_util::future::join_all;

use channel::Channel;
pub use message::NOTIFICATION_SCHEMA_VERSION;
use outbox::{Outbox, Slot};
use teller::{Interest, Teller};

/// Tells people of a release, or of a rollback, through every channel of `[notify]`.
///
/// Each channel has a task of its own, which this owns, and a queue of 64 messages. What a channel does, or fails to do,
/// is nothing that the release waits for: [`sink`](Self::sink) never blocks, and dropping this stops everything at once.
/// [`finish`](Self::finish) gives what is queued ten seconds.
///
/// Secrets (webhooks, tokens) are in no error, log or `Debug` text.
#[derive(Debug)]
pub struct Notifications {
    outboxes: Vec<(Told, Outbox)>,
    progress_every: Duration,
}

/// The listener to add to [`Events`](cutover_core::Events).
#[derive(Debug)]
pub struct NotificationSink {
    teller: Mutex<Teller>,
    slots: Vec<(Told, Slot)>,
}

/// A channel that cannot be used at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotifyError {
    /// A URL is none. It may hold a secret and is not repeated.
    #[error("`{key}` is no http or https URL")]
    Url {
        /// The key of the release file.
        key: &'static str,
    },
    /// What is set for a header can be none. It may be a secret and is not repeated.
    #[error("`notify.webhook.headers.{name}` is no header")]
    Header {
        /// Its name.
        name: String,
    },
    /// The HTTP client could not be set up.
    #[error("could not set up HTTPS for `{key}`: {reason}")]
    Tls {
        /// The key of the release file.
        key: &'static str,
        /// Why.
        reason: String,
    },
    /// A secret is not there.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl NotifyError {
    /// What the operator can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Url { .. } | Self::Header { .. } => "correct it, or the variable that it names",
            Self::Tls { .. } => "see whether the system's certificates can be read",
            Self::Secret(_) => "set the variable",
        }
    }
}

impl Notifications {
    /// Opens every channel of `[notify]`; with none, all of this does nothing. Must be called within a Tokio runtime.
    ///
    /// `variables` looks up what secrets name. A `sendmail` with a `/` in its name is looked for from `folder`, that of the
    /// release file.
    ///
    /// # Errors
    /// [`NotifyError`] when a channel cannot be used at all. Nothing is connected to: that somebody does not answer is told
    /// by [`finish`](Self::finish).
    pub fn start(
        notify: &Notify,
        folder: &Path,
        variables: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, NotifyError> {
        let mut outboxes = Vec::new();
        if let Some(slack) = &notify.slack {
            outboxes.push((slack.told, Outbox::start(Channel::slack(slack, &variables)?)));
        }
        if let Some(webhook) = &notify.webhook {
            outboxes.push((
                webhook.told,
                Outbox::start(Channel::webhook(webhook, &variables)?),
            ));
        }
        if let Some(mail) = &notify.mail {
            outboxes.push((mail.told, Outbox::start(Channel::mail(mail, folder))));
        }
        Ok(Self {
            outboxes,
            progress_every: notify.progress_every,
        })
    }

    /// The listener to add to the events of one release.
    #[must_use]
    pub fn sink(&self) -> NotificationSink {
        NotificationSink {
            teller: Mutex::new(Teller::new(self.progress_every)),
            slots: self
                .outboxes
                .iter()
                .map(|(told, outbox)| (*told, outbox.slot()))
                .collect(),
        }
    }

    /// Gives what is queued ten seconds to be delivered, and tells what was not, a line each and without secrets.
    pub async fn finish(self) -> Vec<String> {
        let all = self.outboxes.into_iter().map(|(_, outbox)| outbox.finish());
        join_all(all).await.into_iter().flatten().collect()
    }
}

impl EventSink for NotificationSink {
    fn emit(&self, event: &Event) {
        let mut teller = self.teller.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((message, interest)) = teller.follow(event) else {
            return;
        };
        for (told, slot) in &self.slots {
            let is_wanted = match interest {
                Interest::Everybody => true,
                Interest::Phases => told.phase_complete,
                Interest::Imports => told.import_progress,
            };
            if is_wanted {
                slot.put(&message);
            }
        }
    }
}
