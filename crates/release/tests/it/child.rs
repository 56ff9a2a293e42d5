//! A release in a process of its own, which is killed at a moment of our choice.

use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::Command;

use cutover::{ReleaseOptions, StopSignal};
use cutover_core::release_file::Label;
use cutover_core::{Event, Events};
use serde::{Deserialize, Serialize};

use crate::world::{Site, cutover};

const VARIABLE: &str = "CUTOVER_TEST_ORDERS";
const SIGKILL: i32 = 9;

/// What the child is to do.
#[derive(Serialize, Deserialize)]
struct Orders {
    url: String,
    directory: PathBuf,
    label: String,
    dies_at: String,
}

/// Carries out the orders that a test's own process was started with, and does not return; returns when there are none.
#[expect(
    clippy::disallowed_methods,
    reason = "how a test reaches the child process it starts"
)]
pub(crate) async fn obey() {
    let Ok(orders) = std::env::var(VARIABLE) else {
        return;
    };
    let Orders {
        url,
        directory,
        label,
        dies_at,
    } = serde_json::from_str(&orders).unwrap();
    let options = ReleaseOptions::default().label(Label::new(label).unwrap());
    let events = Events::to(move |event: &Event| {
        if moment(event).as_deref() == Some(&dies_at) {
            let status = Command::new("sh").args(["-c", "kill -9 $PPID"]).status();
            unreachable!("survived its own SIGKILL: {status:?}");
        }
    });
    let outcome = cutover(&url, &directory)
        .release(&options, StopSignal::never(), &events)
        .await;
    panic!("the release ended instead of being killed: {outcome:?}");
}

/// An event as orders name it: `release_started`, `phase_started import_core`, `import_started sources`,
/// `step_done fill staging_x`, …
fn moment(event: &Event) -> Option<String> {
    let event = serde_json::to_value(event).unwrap();
    let name = event["event"].as_str()?;
    if let Some(purpose) = event["purpose"].as_str() {
        return Some(format!("{name} {purpose} {}", event["object"]["name"].as_str()?));
    }
    Some(match event["phase"].as_str().or(event["importer"].as_str()) {
        Some(which) => format!("{name} {which}"),
        None => name.to_owned(),
    })
}

impl Site {
    /// Runs the release of the month that the portal shows in a child process: the test `test` of this binary, which
    /// must call [`obey`] first. Returns when it was killed, and the server has noticed.
    pub(crate) async fn release_in_a_child_that_dies(&self, test: &str, dies_at: &str) {
        let orders = Orders {
            url: self.url(),
            directory: self.directory().to_owned(),
            label: self.label().as_str().to_owned(),
            dies_at: dies_at.to_owned(),
        };
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(VARIABLE, serde_json::to_string(&orders).unwrap())
            .output()
            .unwrap();
        assert_eq!(child.status.signal(), Some(SIGKILL), "{child:?}");
        self.until_lock_is_free().await;
    }
}
