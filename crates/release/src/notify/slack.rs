//! Slack incoming webhooks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cutover_core::{Event, EventKind, EventSink};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::https::{self, root_cause};

/// How long one message may take to be delivered.
const DELIVERY: Duration = Duration::from_secs(5);
/// How long the end of a release waits for messages that are still on their way.
const FAREWELL: Duration = Duration::from_secs(10);
/// Messages that may wait to be delivered; what comes while so many wait is not sent.
const QUEUE: usize = 64;

/// Sends a release's milestones to a Slack incoming webhook.
///
/// [`Slack::start`] gives the sender and its sink. Messages are delivered one after the other by a task that the sender
/// owns: dropping it stops the task, [`Slack::finish`] waits for what is queued, at most ten seconds.
#[derive(Debug)]
pub struct Slack {
    tasks: JoinSet<Delivery>,
    failures: Arc<Mutex<Vec<String>>>,
    sink: SlackSink,
}

#[derive(Debug)]
struct Delivery;

/// The listener to add to [`Events`](cutover_core::Events).
#[derive(Debug, Clone)]
pub struct SlackSink {
    queue: mpsc::Sender<String>,
    messages: SlackMessages,
}

/// What is told beyond the milestones: started, live, failed, ended, and warnings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use]
pub struct SlackMessages {
    phases: bool,
    importers: bool,
}

impl SlackMessages {
    /// The milestones only.
    pub fn milestones() -> Self {
        Self::default()
    }

    /// Each phase when it is done, too, if asked for.
    pub fn phases(mut self, told: bool) -> Self {
        self.phases = told;
        self
    }

    /// Each importer when it is done, too, if asked for.
    pub fn importers(mut self, told: bool) -> Self {
        self.importers = told;
        self
    }
}

/// The webhook cannot be used at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SlackError {
    /// The URL is none. The URL itself is a secret and is not repeated.
    #[error("the Slack webhook is no http or https URL")]
    Url,
    /// The HTTP client could not be set up.
    #[error("could not set up HTTPS for the Slack webhook: {0}")]
    Tls(String),
}

#[derive(Serialize)]
struct Message<'a> {
    text: &'a str,
}

impl Slack {
    /// Starts delivering to a webhook. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`SlackError`] when the URL is none, or TLS cannot be set up.
    pub fn start(webhook: &str, messages: SlackMessages) -> Result<Self, SlackError> {
        let url: reqwest::Url = webhook.parse().map_err(|_error| SlackError::Url)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(SlackError::Url);
        }
        let client = https::client(DELIVERY).map_err(SlackError::Tls)?;
        let (queue, mut waiting) = mpsc::channel::<String>(QUEUE);
        let failures = Arc::new(Mutex::new(Vec::new()));
        let failed = Arc::clone(&failures);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Some(text) = waiting.recv().await {
                if let Err(reason) = deliver(&client, &url, &text).await
                    && let Ok(mut failed) = failed.lock()
                {
                    failed.push(reason);
                }
            }
            Delivery
        });
        Ok(Self {
            tasks,
            failures,
            sink: SlackSink { queue, messages },
        })
    }

    /// The listener to add to the release's events.
    #[must_use]
    pub fn sink(&self) -> SlackSink {
        self.sink.clone()
    }

    /// Waits for what is queued, at most ten seconds, and tells what could not be delivered.
    ///
    /// Every [`SlackSink`] must have been dropped before, or the whole ten seconds pass.
    pub async fn finish(self) -> Vec<String> {
        let Self {
            mut tasks,
            failures,
            sink,
        } = self;
        drop(sink);
        let late = timeout(FAREWELL, tasks.join_next()).await.is_err();
        let mut failures = failures
            .lock()
            .map(|mut list| std::mem::take(&mut *list))
            .unwrap_or_default();
        if late {
            failures.push("messages were still waiting when the release ended".to_owned());
        }
        failures
    }
}

/// Delivers one message; the reason of a failure never holds the URL, which is a secret.
async fn deliver(client: &reqwest::Client, url: &reqwest::Url, text: &str) -> Result<(), String> {
    let response = client.post(url.clone()).json(&Message { text }).send().await;
    match response {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => Err(format!("the Slack webhook answered {}", response.status())),
        Err(error) => Err(format!(
            "the Slack webhook could not be reached: {}",
            root_cause(error)
        )),
    }
}

impl EventSink for SlackSink {
    fn emit(&self, event: &Event) {
        if let Some(text) = message(&event.kind, self.messages) {
            // A full queue means that nothing was delivered for long: newer messages are of no use then.
            let _ = self.queue.try_send(text);
        }
    }
}

/// The text that Slack shows for an event; most are not worth one.
fn message(kind: &EventKind, messages: SlackMessages) -> Option<String> {
    Some(match kind {
        EventKind::ReleaseStarted {
            name, label, release, ..
        } => {
            format!(
                ":arrow_forward: *{}* {}: release {release} started",
                escape(name),
                escape(label)
            )
        }
        EventKind::PhaseFinished {
            phase,
            summary,
            took_ms,
        } if messages.phases => {
            format!(
                ":heavy_check_mark: {phase}: {} ({:.1} s)",
                escape(summary),
                Duration::from_millis(*took_ms).as_secs_f64()
            )
        }
        EventKind::ImportFinished {
            importer,
            rows,
            took_ms,
            ..
        } if messages.importers => {
            format!(
                ":small_blue_diamond: {}: {rows} rows ({:.1} s)",
                escape(importer),
                Duration::from_millis(*took_ms).as_secs_f64()
            )
        }
        EventKind::PhaseFailed { phase, error } => format!(":x: {phase} failed: {}", escape(error)),
        EventKind::Held {
            release,
            waits_for_go: true,
            ..
        } => format!(":raised_hand: release {release} is ready and waits for `cutover go`"),
        EventKind::Held {
            release,
            not_before: Some(moment),
            ..
        } => format!(":raised_hand: release {release} is ready and waits for {moment}"),
        EventKind::Swapped {
            backup,
            relations,
            exclusive_ms,
            ..
        } => format!(
            ":rocket: live: {relations} relations swapped, readers held up for at most {exclusive_ms} ms; \
             take it back with `cutover rollback {backup}`"
        ),
        EventKind::ReleaseFinished { release, state } => {
            format!(":checkered_flag: release {release}: {}", escape(state))
        }
        EventKind::HookFailed {
            hook,
            point,
            error,
            fatal: false,
            ..
        } => format!(
            ":warning: hook {} at {point} failed: {}",
            escape(hook),
            escape(error)
        ),
        EventKind::Warning { message } => format!(":warning: {}", escape(message)),
        _ => return None,
    })
}

/// The three characters that mean something in Slack's markup.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use cutover_core::{Events, Phase};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Serves one connection a message on this machine and returns the bodies it was sent.
    async fn serve(listener: TcpListener, answer: &'static str, messages: usize) -> Vec<serde_json::Value> {
        let mut bodies = Vec::new();
        while bodies.len() < messages {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            loop {
                let text = String::from_utf8_lossy(&request).into_owned();
                if let Some((head, body)) = text.split_once("\r\n\r\n") {
                    let length: usize = head
                        .lines()
                        .find_map(|line| {
                            line.to_ascii_lowercase()
                                .strip_prefix("content-length: ")?
                                .parse()
                                .ok()
                        })
                        .unwrap();
                    if body.len() >= length {
                        bodies.push(serde_json::from_str(body).unwrap());
                        break;
                    }
                }
                assert!(
                    socket.read_buf(&mut request).await.unwrap() > 0,
                    "the request ended early"
                );
            }
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
        bodies
    }

    async fn local_server() -> (TcpListener, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "http://{}/services/T0/B0/secret-token",
            listener.local_addr().unwrap()
        );
        (listener, url)
    }

    fn some_events(slack: &Slack) {
        let events = Events::to(slack.sink());
        events.emit(EventKind::ReleaseStarted {
            release: 7,
            name: "wdpa".into(),
            label: "<Sep>&2025".into(),
            live_since: None,
        });
        events.emit(EventKind::PhaseFinished {
            phase: Phase::Preflight,
            summary: "5 checks".into(),
            took_ms: 1500,
        });
        events.emit(EventKind::ImportFinished {
            importer: "sources".into(),
            rows: 700,
            bytes: 0,
            took_ms: 300,
        });
        events.emit(EventKind::ReleaseFinished {
            release: 7,
            state: "completed".into(),
        });
    }

    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    const GONE: &str = "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

    #[tokio::test]
    async fn delivers_milestones_in_order() {
        let (listener, url) = local_server().await;
        let slack = Slack::start(&url, SlackMessages::milestones().phases(true).importers(true)).unwrap();
        some_events(&slack);
        let (bodies, failures) = tokio::join!(serve(listener, OK, 4), slack.finish());
        assert_eq!(
            bodies[0]["text"],
            ":arrow_forward: *wdpa* &lt;Sep&gt;&amp;2025: release 7 started"
        );
        assert_eq!(
            bodies[1]["text"],
            ":heavy_check_mark: preflight: 5 checks (1.5 s)"
        );
        assert_eq!(
            bodies[2]["text"],
            ":small_blue_diamond: sources: 700 rows (0.3 s)"
        );
        assert_eq!(bodies[3]["text"], ":checkered_flag: release 7: completed");
        assert_eq!(failures, Vec::<String>::new());
    }

    #[tokio::test]
    async fn phases_and_importers_are_told_only_when_asked_for() {
        let (listener, url) = local_server().await;
        let slack = Slack::start(&url, SlackMessages::milestones()).unwrap();
        some_events(&slack);
        let (bodies, _) = tokio::join!(serve(listener, OK, 2), slack.finish());
        assert_eq!(bodies[1]["text"], ":checkered_flag: release 7: completed");
    }

    #[tokio::test]
    async fn a_refusing_webhook_is_told_without_its_url() {
        let (listener, url) = local_server().await;
        let slack = Slack::start(&url, SlackMessages::milestones()).unwrap();
        some_events(&slack);
        let (_, failures) = tokio::join!(serve(listener, GONE, 2), slack.finish());
        assert_eq!(
            failures,
            [
                "the Slack webhook answered 410 Gone",
                "the Slack webhook answered 410 Gone"
            ]
        );
    }

    #[tokio::test]
    async fn a_dead_webhook_is_told_without_its_url() {
        let (listener, url) = local_server().await;
        drop(listener);
        let slack = Slack::start(&url, SlackMessages::milestones()).unwrap();
        some_events(&slack);
        let failures = slack.finish().await;
        assert_eq!(failures.len(), 2, "{failures:?}");
        assert!(
            failures[0].starts_with("the Slack webhook could not be reached: "),
            "{failures:?}"
        );
        assert!(!format!("{failures:?}").contains("secret-token"), "{failures:?}");
    }

    #[test]
    fn what_is_no_url_is_refused_without_repeating_it() {
        for text in ["secret-token", "ftp://host/secret-token"] {
            assert!(
                !Slack::start(text, SlackMessages::milestones())
                    .unwrap_err()
                    .to_string()
                    .contains("secret-token")
            );
        }
    }
}
