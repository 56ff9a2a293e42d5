//! Mail, through the system's own `sendmail`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use cutover_core::release_file::{self, MailAddress};
use email_encoding::body::base64;
use email_encoding::headers::quoted_string;
use email_encoding::headers::writer::EmailWriter;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use super::message::Message;
use crate::process_group::ProcessGroup;

/// How long `sendmail` may take to accept a message: it only queues.
const DELIVERY: Duration = Duration::from_secs(20);
/// The longest line that may be sent as it is, in bytes (RFC 5322, 2.1.1).
const LONGEST_LINE: usize = 998;

/// Hands messages to a program that takes the options of `sendmail`, as every mail transfer agent brings one.
#[derive(Debug)]
pub(super) struct Mailer {
    sendmail: PathBuf,
    to: Vec<MailAddress>,
    from: MailAddress,
}

impl Mailer {
    pub(super) fn new(mail: &release_file::Mail, folder: &Path) -> Self {
        let is_a_path = mail.sendmail.components().count() > 1;
        Self {
            sendmail: if is_a_path {
                folder.join(&mail.sendmail)
            } else {
                mail.sendmail.clone()
            },
            to: mail.to.clone(),
            from: mail.from.clone(),
        }
    }

    /// Has the program take a message, within 20 seconds; then it is killed with everything that it has started.
    pub(super) async fn send(&self, message: &Message) -> Result<(), String> {
        let letter = self
            .letter(message)
            .map_err(|_error| "could not be given a message: it cannot be written down".to_owned())?;
        match timeout(DELIVERY, self.hand_over(&letter)).await {
            Ok(handed_over) => handed_over,
            Err(_elapsed) => Err(format!(
                "did not take a mail within {} s and was stopped",
                DELIVERY.as_secs()
            )),
        }
    }

    async fn hand_over(&self, letter: &str) -> Result<(), String> {
        // The addresses begin with no `-`, and the sender's stands alone in its argument.
        let child = Command::new(&self.sendmail)
            .args(["-i", "-f", self.from.address(), "--"])
            .args(self.to.iter().map(MailAddress::address))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        let mut program = ProcessGroup(child.map_err(|error| format!("could not be started: {error}"))?);
        if let Some(mut stdin) = program.0.stdin.take() {
            // A program that does not read says why with its status.
            let _ = stdin.write_all(letter.as_bytes()).await;
        }
        let status = program.0.wait().await;
        match status.map_err(|error| format!("could not be waited for: {error}"))? {
            status if status.success() => Ok(()),
            status => Err(format!("did not take a mail: {status}")),
        }
    }

    /// The message with its headers (RFC 5322). Lines end as the system's own do: `sendmail` makes of them what travels.
    ///
    /// What the headers say comes from names that are no more than letters, digits and `._-`, and from checked addresses; only
    /// these have names in other scripts, which are encoded (RFC 2047).
    fn letter(&self, message: &Message) -> Result<String, std::fmt::Error> {
        let mut letter = String::new();
        address_list(&mut letter, "From", std::slice::from_ref(&self.from))?;
        address_list(&mut letter, "To", &self.to)?;
        writeln!(letter, "Subject: {}", plain(&message.subject()))?;
        // No time zone and no year beyond 9999: such a time can be printed.
        if let Ok(date) = rfc2822::DateTimePrinter::new().timestamp_to_string(&Timestamp::now()) {
            writeln!(letter, "Date: {date}")?;
        }
        letter.push_str("Auto-Submitted: auto-generated\nMIME-Version: 1.0\n");
        letter.push_str("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: ");
        let text = message.mail_text();
        if is_sent_as_it_is(&text) {
            letter.push_str("7bit\n\n");
            letter.push_str(&text);
        } else {
            letter.push_str("base64\n\n");
            base64::encode(text.as_bytes(), &mut letter)?;
        }
        letter.push('\n');
        Ok(letter.replace("\r\n", "\n"))
    }
}

fn is_sent_as_it_is(text: &str) -> bool {
    let is_plain = |c: char| c == '\n' || c == ' ' || c.is_ascii_graphic();
    text.chars().all(is_plain) && text.lines().all(|line| line.len() <= LONGEST_LINE)
}

/// One line, whatever it was made of.
fn plain(text: &str) -> String {
    let plain = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
    text.chars().map(plain).collect()
}

/// A header with an address a line.
fn address_list(letter: &mut String, header: &str, addresses: &[MailAddress]) -> std::fmt::Result {
    let mut before = format!("{header}: ");
    for (index, address) in addresses.iter().enumerate() {
        letter.push_str(&before);
        if let Some(name) = address.name() {
            // The writer has its last words when it goes.
            {
                let mut writer = EmailWriter::new(letter, before.len(), 0, false);
                quoted_string::encode(name, &mut writer)?;
            }
            write!(letter, "\n <{}>", address.address())?;
        } else {
            letter.push_str(address.address());
        }
        letter.push_str(if index + 1 < addresses.len() { ",\n" } else { "\n" });
        " ".clone_into(&mut before);
    }
    Ok(())
}
