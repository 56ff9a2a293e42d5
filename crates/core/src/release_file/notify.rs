//! `[notify]`: who is told of a release, and of what.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::table_reader::TableReader;
use super::{Secret, duration};

/// `[notify]`: who is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Notify {
    /// How often a release that waits before its swap reminds of it; 1 h unless set, never with zero.
    #[serde(serialize_with = "duration::serialize")]
    pub remind_after: Duration,
    /// How often the progress of imports is told, where it is asked for; 10 min unless set.
    #[serde(serialize_with = "duration::serialize")]
    pub progress_every: Duration,
    /// `[notify.slack]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slack: Option<Slack>,
    /// `[notify.webhook]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
    /// `[notify.mail]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<Mail>,
}

impl Notify {
    pub(super) fn read(table: &mut TableReader<'_>) -> Self {
        Self {
            remind_after: table.duration_or("remind_after", Duration::from_hours(1)),
            progress_every: table.duration_or("progress_every", Duration::from_mins(10)),
            slack: table.table("slack", Slack::read).flatten(),
            webhook: table.table("webhook", Webhook::read).flatten(),
            mail: table.table("mail", Mail::read).flatten(),
        }
    }
}

/// What a channel hears beside what every channel does: started, held, live, failed, rolled back, ended, and warnings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Told {
    /// Every phase that completes; `false` unless set.
    pub phase_complete: bool,
    /// The progress of imports, at intervals and when one is done; `false` unless set.
    pub import_progress: bool,
}

impl Told {
    fn read(table: &mut TableReader<'_>) -> Self {
        Self {
            phase_complete: table.or("phase_complete", false),
            import_progress: table.or("import_progress", false),
        }
    }
}

/// `[notify.slack]`: messages to a Slack channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Slack {
    /// The incoming webhook's URL.
    pub webhook: Secret,
    /// What is told.
    #[serde(flatten)]
    pub told: Told,
}

impl Slack {
    /// Messages about the release only.
    #[must_use]
    pub fn new(webhook: Secret) -> Self {
        Self {
            webhook,
            told: Told::default(),
        }
    }

    fn read(table: &mut TableReader<'_>) -> Option<Self> {
        let webhook = table.required("webhook");
        let told = Told::read(table);
        Some(Self {
            webhook: webhook?,
            told,
        })
    }
}

/// `[notify.webhook]`: each message as a JSON document, posted to a URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Webhook {
    /// The URL.
    pub url: Secret,
    /// Headers of the request; they may hold tokens.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Secret>,
    /// What is told.
    #[serde(flatten)]
    pub told: Told,
}

impl Webhook {
    /// Messages about the release only, without headers of its own.
    #[must_use]
    pub fn new(url: Secret) -> Self {
        Self {
            url,
            headers: BTreeMap::new(),
            told: Told::default(),
        }
    }

    fn read(table: &mut TableReader<'_>) -> Option<Self> {
        let url = table.required("url");
        let headers = table.or("headers", BTreeMap::new());
        let told = Told::read(table);
        Some(Self {
            url: url?,
            headers,
            told,
        })
    }
}

/// `[notify.mail]`: mail through the system's `sendmail`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Mail {
    /// To whom.
    pub to: Vec<MailAddress>,
    /// From whom.
    pub from: MailAddress,
    /// The program; `/usr/sbin/sendmail` unless set.
    pub sendmail: PathBuf,
    /// What is told.
    #[serde(flatten)]
    pub told: Told,
}

impl Mail {
    /// Where mail transfer agents put their `sendmail`.
    pub const DEFAULT_SENDMAIL: &str = "/usr/sbin/sendmail";

    /// Mail to these addresses about the release only, by `sendmail` as the system has it.
    #[must_use]
    pub fn new(to: Vec<MailAddress>, from: MailAddress) -> Self {
        Self {
            to,
            from,
            sendmail: PathBuf::from(Self::DEFAULT_SENDMAIL),
            told: Told::default(),
        }
    }

    fn read(table: &mut TableReader<'_>) -> Option<Self> {
        let to = table.required_list("to");
        let from = table.required("from");
        let sendmail = table.or("sendmail", Self::DEFAULT_SENDMAIL.to_owned());
        let told = Told::read(table);
        Some(Self {
            to: to?,
            from: from?,
            sendmail: PathBuf::from(sendmail),
            told,
        })
    }
}

/// Whom mail goes to or comes from: `ops@example.org`, or with a name `Operations <ops@example.org>`.
///
/// The address is plain ASCII without what could be taken for a second address, an option of `sendmail` or another header;
/// the name may be in any script, and holds no control characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MailAddress {
    name: Option<String>,
    address: String,
}

impl MailAddress {
    /// The longest address, in bytes (RFC 5321, 4.5.3.1.3).
    const MAX_BYTES: usize = 254;

    /// Who it is, where that is told.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The address alone.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }
}

/// The characters of a dot-atom (RFC 5322, 3.2.3).
fn is_dot_atom(text: &str) -> bool {
    let is_atext = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    text.split('.')
        .all(|atom| !atom.is_empty() && atom.bytes().all(is_atext))
}

impl TryFrom<String> for MailAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (name, address) = match text.strip_suffix('>').and_then(|text| text.split_once('<')) {
            Some((name, address)) => (Some(name.trim()).filter(|name| !name.is_empty()), address),
            None => (None, text.trim()),
        };
        let is_address = address.len() <= Self::MAX_BYTES
            && !address.starts_with('-')
            && address
                .split_once('@')
                .is_some_and(|(local, domain)| is_dot_atom(local) && is_dot_atom(domain));
        let is_name = name.is_none_or(|name| !name.contains(|c: char| c.is_control() || "<>".contains(c)));
        if is_address && is_name {
            Ok(Self {
                name: name.map(str::to_owned),
                address: address.to_owned(),
            })
        } else {
            Err(format!(
                "{text:?} is no mail address; write it as in `ops@example.org` or `Operations <ops@example.org>`"
            ))
        }
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => f.write_str(&self.address),
        }
    }
}

impl From<MailAddress> for String {
    fn from(address: MailAddress) -> Self {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_address_and_nothing_else() {
        for good in ["ops@example.org", "Équipe données <first.last+wdpa@example.org>"] {
            let address = MailAddress::try_from(good.to_owned()).unwrap();
            assert_eq!(address.to_string(), good);
        }
        let bare = MailAddress::try_from(" <ops@example.org>".to_owned()).unwrap();
        assert_eq!((bare.name(), bare.address()), (None, "ops@example.org"));
        for bad in [
            "",
            "ops",
            "@example.org",
            "ops@",
            "-oQ/tmp@example.org",
            "a@b, c@d",
            "a@b c@d",
            "a@b\nBcc: c@d",
            "Ops\r\nBcc: c@d <a@b>",
            "Ops <a@b\n>",
            "Ops <a@b> <c@d>",
            "Ops <a@b",
            "a..b@c",
            "a@b@c",
            "\"a b\"@c",
            "a@[127.0.0.1]",
            "ö@example.org",
        ] {
            assert!(MailAddress::try_from(bad.to_owned()).is_err(), "{bad:?}");
        }
        let long = format!("{}@example.org", "a".repeat(254));
        assert!(MailAddress::try_from(long).is_err());
    }
}
