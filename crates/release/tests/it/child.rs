//! A release in a process of its own, which is killed at a moment of our choice.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use cutover::{ReleaseOptions, RollbackOptions, Selection, StopSignal};
use cutover_core::release_file::Label;
use cutover_core::{Event, Events, Phase, Stamp};
use serde::{Deserialize, Serialize};

use crate::parks::Parks;
use crate::world::{Site, cutover, swap_what_is_staged};

const VARIABLE: &str = "CUTOVER_TEST_ORDERS";
const SIGKILL: i32 = 9;

/// What the child is to do.
#[derive(Serialize, Deserialize)]
struct Orders {
    url: String,
    directory: PathBuf,
    task: Task,
    dies_at: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Task {
    /// A whole release under this label.
    Release(String),
    /// The same, or the rest of one from its importers on, with chunks of this size.
    ReleaseInChunks {
        label: String,
        chunk_bytes: usize,
        resume: bool,
    },
    /// The swap of what is staged, and what follows it.
    Swap,
    Rollback(Stamp),
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
        task,
        dies_at,
    } = serde_json::from_str(&orders).unwrap();
    let events = Events::to(move |event: &Event| {
        if dies_at.is_some() && moment(event) == dies_at {
            let status = Command::new("sh").args(["-c", "kill -9 $PPID"]).status();
            unreachable!("survived its own SIGKILL: {status:?}");
        }
    });
    let (cutover, stop) = (cutover(&url, &directory), StopSignal::never());
    let release = match task {
        Task::Release(label) => ReleaseOptions::default().label(Label::new(label).unwrap()),
        Task::ReleaseInChunks {
            label,
            chunk_bytes,
            resume,
        } => {
            let options = ReleaseOptions::default().chunk_bytes(chunk_bytes);
            if resume {
                options.selection(Selection::all().start_at(Phase::ImportCore).unwrap())
            } else {
                options.label(Label::new(label).unwrap())
            }
        }
        Task::Swap => swap_what_is_staged(),
        Task::Rollback(stamp) => {
            let outcome = cutover
                .rollback(&stamp, &RollbackOptions::default(), stop, &events)
                .await;
            panic!("the rollback ended: {outcome:?}");
        }
    };
    let outcome = cutover.release(&release, stop, &events).await;
    panic!("the release ended: {outcome:?}");
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
            task: Task::Release(self.label().as_str().to_owned()),
            dies_at: Some(dies_at.to_owned()),
        };
        let child = command(test, &orders).output().unwrap();
        assert_eq!(child.status.signal(), Some(SIGKILL), "{child:?}");
        self.until_lock_is_free().await;
    }
}

impl Site {
    /// Starts a child process that does the task: the test `test` of this binary, which must call [`obey`] first.
    pub(crate) fn start_child(&self, test: &str, task: Task) -> Child {
        start(test, self.url(), self.directory(), task)
    }
}

impl Parks {
    /// Starts a child process that does the task: the test `test` of this binary, which must call [`obey`] first.
    pub(crate) fn start_child(&self, test: &str, task: Task) -> Child {
        start(test, self.url(), self.directory(), task)
    }
}

pub(crate) fn start(test: &str, url: String, directory: &Path, task: Task) -> Child {
    let orders = Orders {
        url,
        directory: directory.to_owned(),
        task,
        dies_at: None,
    };
    command(test, &orders)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn command(test: &str, orders: &Orders) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture"])
        .env(VARIABLE, serde_json::to_string(orders).unwrap());
    command
}
