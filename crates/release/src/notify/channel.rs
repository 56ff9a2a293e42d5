//! The channels: Slack, a webhook of anybody's, mail.

use std::path::Path;

use cutover_core::release_file::{self, Secret};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;

use super::NotifyError;
use super::mail::Mailer;
use super::message::Message;
use super::post::Address;

/// Where messages go to.
#[derive(Debug)]
pub(super) enum Channel {
    /// An incoming webhook of Slack.
    Slack(Address),
    /// A URL that is posted documents to.
    Webhook(Address),
    /// Mail.
    Mail(Mailer),
}

/// What Slack takes (<https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>).
#[derive(Serialize)]
struct SlackText {
    text: String,
}

impl Channel {
    pub(super) fn slack(
        slack: &release_file::Slack,
        variables: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, NotifyError> {
        let address = Address::of(
            "notify.slack.webhook",
            &slack.webhook,
            variables,
            HeaderMap::new(),
        )?;
        Ok(Self::Slack(address))
    }

    pub(super) fn webhook(
        webhook: &release_file::Webhook,
        variables: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, NotifyError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &webhook.headers {
            let (name, value) = header(name, value, &variables)?;
            headers.insert(name, value);
        }
        let address = Address::of("notify.webhook.url", &webhook.url, variables, headers)?;
        Ok(Self::Webhook(address))
    }

    pub(super) fn mail(mail: &release_file::Mail, folder: &Path) -> Self {
        Self::Mail(Mailer::new(mail, folder))
    }

    /// What it is called in errors.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Slack(_) => "the Slack webhook",
            Self::Webhook(_) => "the webhook",
            Self::Mail(_) => "sendmail",
        }
    }

    /// Delivers one message. The reason of a failure is what the channel did, after its name; it holds no secret.
    pub(super) async fn deliver(&self, message: &Message) -> Result<(), String> {
        match self {
            Self::Slack(address) => {
                let text = message.slack_text();
                address.post(&SlackText { text }).await
            }
            Self::Webhook(address) => address.post(message).await,
            Self::Mail(mailer) => mailer.send(message).await,
        }
    }
}

fn header(
    name: &str,
    value: &Secret,
    variables: impl Fn(&str) -> Option<String>,
) -> Result<(HeaderName, HeaderValue), NotifyError> {
    let value = value.resolve(&format!("notify.webhook.headers.{name}"), variables)?;
    let header = HeaderName::from_bytes(name.as_bytes())
        .ok()
        .zip(HeaderValue::from_str(value.reveal()).ok());
    let (header, mut value) = header.ok_or_else(|| NotifyError::Header {
        name: name.to_owned(),
    })?;
    value.set_sensitive(true);
    Ok((header, value))
}
