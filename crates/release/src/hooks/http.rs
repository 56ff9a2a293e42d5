//! Hooks that are requests.

use std::time::{Duration, Instant};

use cutover_core::release_file::{HookTemplate, HttpRequest, Secret};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode, Url};
use tokio::time::sleep;

use super::HookFacts;
use super::error::HookProblem;
use super::output::Tail;
use crate::https::{self, root_cause};
use crate::{ReleaseError, StopSignal};

/// How long one try may take.
const TRY: Duration = Duration::from_secs(10);
/// The first pause between two tries; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause that we choose ourselves.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How much of an answer is read, in bytes.
const READ: usize = 64 * 1024;

/// A request with its secrets looked up.
#[derive(Debug, Clone)]
pub(super) struct Request {
    method: Method,
    url: Address,
    /// Marked sensitive, so not printed.
    headers: HeaderMap,
    body: Option<HookTemplate>,
}

/// A URL that prints its host only.
#[derive(Clone)]
struct Address(Url);

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.host())
    }
}

impl Address {
    fn host(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        match self.0.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }
}

impl Request {
    /// The request of hook `name`; `reveal` looks up the secret of a key.
    pub(super) fn of(
        name: &str,
        request: &HttpRequest,
        reveal: &mut impl FnMut(&Secret, &str) -> Result<String, ReleaseError>,
    ) -> Result<Self, ReleaseError> {
        let refused = |problem| ReleaseError::HookRequest {
            hook: name.to_owned(),
            problem,
        };
        let url = reveal(&request.url, "url")?;
        let url = url.parse().ok().filter(|url: &Url| {
            let scheme = url.scheme();
            scheme == "http" || scheme == "https"
        });
        let mut headers = HeaderMap::new();
        for (header, value) in &request.headers {
            let value = reveal(value, &format!("headers.{header}"))?;
            let header_name = HeaderName::from_bytes(header.as_bytes());
            let (Ok(header_name), Ok(mut value)) = (header_name, HeaderValue::from_str(&value)) else {
                return Err(refused(format!("`headers.{header}` is no header")));
            };
            value.set_sensitive(true);
            headers.insert(header_name, value);
        }
        if request.body.is_some() && !headers.contains_key(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let method = Method::from_bytes(request.method.as_str().as_bytes());
        Ok(Self {
            method: method.map_err(|error| refused(error.to_string()))?,
            url: Address(url.ok_or_else(|| refused("`url` is no http or https URL".to_owned()))?),
            headers,
            body: request.body.clone(),
        })
    }

    /// Sends it until it is answered well, and returns the end of the last answer.
    ///
    /// Tried again are a server that cannot be reached or does not answer in time, and the answers 408, 429 and 5xx, after
    /// growing pauses or the one that the answer asks for; so it may arrive more than once. All of it takes `longest` at most.
    pub(super) async fn run(
        &self,
        facts: &HookFacts<'_>,
        longest: Duration,
        stop: &mut StopSignal,
    ) -> (Tail, Result<(), HookProblem>) {
        let mut tail = Tail::default();
        let outcome = tokio::select! {
            outcome = self.send(facts, longest, &mut tail) => outcome,
            () = stop.asked() => Err(HookProblem::Stopped),
        };
        (tail, outcome)
    }

    async fn send(
        &self,
        facts: &HookFacts<'_>,
        longest: Duration,
        tail: &mut Tail,
    ) -> Result<(), HookProblem> {
        let deadline = Instant::now() + longest;
        let client = https::client(TRY.min(longest)).map_err(HookProblem::Client)?;
        let body = match &self.body {
            Some(body) => Some(body.render(facts.values()?)?),
            None => None,
        };
        let host = self.url.host();
        let mut pause = FIRST_PAUSE;
        let mut tries = 0;
        loop {
            tries += 1;
            let left = deadline.saturating_duration_since(Instant::now());
            let mut request = client
                .request(self.method.clone(), self.url.0.clone())
                .headers(self.headers.clone())
                .timeout(TRY.min(left));
            if let Some(body) = &body {
                request = request.body(body.clone());
            }
            let (problem, asked_pause) = match request.send().await {
                Ok(response) => {
                    let (status, asked_pause) = (response.status(), pause_asked_for(&response));
                    *tail = read(response).await;
                    if status.is_success() {
                        return Ok(());
                    }
                    let host = host.clone();
                    let problem = HookProblem::Status {
                        host,
                        status: status.to_string(),
                        tries,
                    };
                    if !may_pass(status) {
                        return Err(problem);
                    }
                    (problem, asked_pause)
                }
                Err(error) => {
                    let (host, reason) = (host.clone(), root_cause(error));
                    (HookProblem::Unreachable { host, reason, tries }, None)
                }
            };
            let wait = asked_pause.unwrap_or(pause);
            if Instant::now() + wait >= deadline {
                return Err(problem);
            }
            sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Whether the same request may be answered well later.
fn may_pass(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
        )
}

/// `Retry-After` in seconds; a date is not worth a clock's trouble.
fn pause_asked_for(response: &Response) -> Option<Duration> {
    let header = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    header.trim().parse().ok().map(Duration::from_secs)
}

/// The answer's end, as far as it comes.
async fn read(mut response: Response) -> Tail {
    let mut tail = Tail::default();
    let mut read = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        tail.push(&chunk);
        read += chunk.len();
        if read > READ {
            break;
        }
    }
    tail
}
