//! Messages over HTTP.

use std::fmt;
use std::time::Duration;

use cutover_core::release_file::Secret;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use serde::Serialize;
use tokio::time::sleep;

use super::NotifyError;
use crate::https::{self, root_cause};

/// How long one try may take.
const TRY: Duration = Duration::from_secs(5);
/// How often a message is sent that is not taken; Slack takes one a second.
const TRIES: u32 = 3;
/// The pause between two tries, where the answer does not ask for another.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause that an answer may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Where documents are posted to. The URL and the headers may be secrets, and are not printed.
pub(super) struct Address {
    client: Client,
    url: Url,
    headers: HeaderMap,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").finish_non_exhaustive()
    }
}

impl Address {
    /// That of a key of the release file.
    pub(super) fn of(
        key: &'static str,
        url: &Secret,
        variables: impl Fn(&str) -> Option<String>,
        headers: HeaderMap,
    ) -> Result<Self, NotifyError> {
        let url = url.resolve(key, variables)?;
        let url = url.reveal().parse().ok();
        let url = url.filter(|url: &Url| matches!(url.scheme(), "http" | "https"));
        Ok(Self {
            client: https::client(TRY).map_err(|reason| NotifyError::Tls { key, reason })?,
            url: url.ok_or(NotifyError::Url { key })?,
            headers,
        })
    }

    /// Posts a document until it is taken, three times at most; what was answered otherwise.
    pub(super) async fn post(&self, document: &impl Serialize) -> Result<(), String> {
        let mut tries = 0;
        loop {
            tries += 1;
            let request = self.client.post(self.url.clone()).headers(self.headers.clone());
            let (reason, pause) = match request.json(document).send().await {
                Ok(response) if response.status().is_success() => return Ok(()),
                Ok(response) => {
                    let status = response.status();
                    let reason = format!("answered {status}");
                    if !may_pass(status) {
                        return Err(reason);
                    }
                    (reason, pause_asked_for(&response))
                }
                Err(error) if error.is_timeout() => {
                    // The next message has as little hope, and all have to be over in the end.
                    return Err(format!("did not answer within {} s", TRY.as_secs()));
                }
                Err(error) => (format!("could not be reached: {}", root_cause(error)), None),
            };
            if tries == TRIES {
                return Err(reason);
            }
            sleep(pause.unwrap_or(PAUSE)).await;
        }
    }
}

/// Whether the same message may be taken later.
fn may_pass(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

fn pause_asked_for(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse();
    Some(Duration::from_secs(seconds.ok()?).min(LONGEST_PAUSE))
}
