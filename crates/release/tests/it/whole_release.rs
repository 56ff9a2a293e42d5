//! A whole release of the reference dataset, hooks included, disturbed at points spread over all of it: its process killed,
//! its connections to the target lost, those to the portal lost. After each, `status` tells the truth, and of the two ways on
//! both end well: `resume` with what an undisturbed release ends with, `abort` with nothing left.
//!
//! Few points here; two hundred of each, or every message there is, with `scripts/soak faults`.

use std::sync::{Arc, Mutex, PoisonError};

use cutover::{Activity, ReleaseError, ReleaseReport, ResumeOptions, StopSignal};
use cutover_core::Events;
use cutover_core::records::ReleaseState;
use cutover_testkit::FaultProxy;

use crate::child::{self, Task};
use crate::world::{
    Site, assert_same_dump, cutover, dump_of_month_1, in_full, month_2_but_for_drawn_numbers, proxy,
    wait_until,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    ProcessKilled,
    TargetLost,
    PortalLost,
}

const HOOKS: &str = r#"
[[hook]]
name = "note"
on = "phase_complete"
command = ["true"]
[[hook]]
name = "told"
on = "post_swap"
sql = "SELECT pg_catalog.pg_backend_pid()"
"#;

/// Month 1 is live; target and portal are reached through proxies.
struct Disturbed {
    site: Site,
    target: FaultProxy,
    portal: FaultProxy,
}

impl Disturbed {
    async fn new() -> Self {
        let mut site = Site::month_1().await;
        site.edit(|file| format!("{file}{HOOKS}"));
        let (target, portal) = (proxy().await, proxy().await);
        let port = portal.port();
        // To count messages, a proxy must be able to read them.
        let through = format!("ALTER SERVER portal OPTIONS (SET port '{port}', ADD sslmode 'disable')");
        site.live().execute(&through).await.unwrap();
        Self { site, target, portal }
    }

    fn url(&self) -> String {
        self.site.url_through(&self.target)
    }

    async fn release(&self) -> Result<ReleaseReport, ReleaseError> {
        cutover(&self.url(), self.site.directory())
            .release(&self.site.options(), StopSignal::never(), &Events::none())
            .await
    }

    /// Runs a release into a fault after so many messages; whether it came to that.
    async fn release_into(&self, fault: Fault, messages: u64, test: &str) -> bool {
        let proxy = match fault {
            Fault::ProcessKilled | Fault::TargetLost => &self.target,
            Fault::PortalLost => &self.portal,
        };
        proxy.cut_after_client_messages(messages);
        let ended_well = if fault == Fault::ProcessKilled {
            self.release_in_a_child_that_dies(test).await
        } else {
            self.release().await.is_ok()
        };
        let came = proxy.tripped();
        proxy.disarm();
        self.site.until_lock_is_free().await;
        // An importer whose source is lost reads it again, and after the swap the portal is not needed.
        assert!(came || ended_well, "{fault:?}, message {messages}");
        came
    }

    async fn release_in_a_child_that_dies(&self, test: &str) -> bool {
        let child = Arc::new(Mutex::new(None));
        let killed = Arc::clone(&child);
        self.target.before_cut(move || {
            let mut child = killed.lock().unwrap_or_else(PoisonError::into_inner);
            child.as_mut().map(std::process::Child::kill);
        });
        let task = Task::Release(self.site.label().as_str().to_owned());
        let started = child::start(test, self.url(), self.site.directory(), task);
        *child.lock().unwrap() = Some(started);
        let wait = move || child.lock().unwrap().as_mut().unwrap().try_wait().unwrap();
        let mut ended = None;
        wait_until("the child has ended", async || {
            ended = wait();
            ended.is_some()
        })
        .await;
        // A child panics when its release has ended.
        ended.unwrap().code().is_some()
    }

    /// What is live, having made sure that `status` and the catalog agree on it.
    async fn live(&self, context: &str) -> Live {
        let status = self.site.cutover.status().await.unwrap();
        let [newest, ..] = &status.latest[..] else {
            panic!("{context}: {status:#?}")
        };
        match newest.state {
            ReleaseState::Running => {
                let dead = Activity::Dead { release: newest.id };
                assert_eq!(status.activity, dead, "{context}");
            }
            _ => assert_eq!(status.activity, Activity::Idle, "{context}"),
        }
        assert_eq!(status.unmanaged, [], "{context}");
        let current = status.current.unwrap();
        let is_new = current.label == self.site.label().as_str();
        if is_new {
            let live = self.site.live_but_for_drawn_numbers().await;
            assert_same_dump(&live, month_2_but_for_drawn_numbers().await);
            Live::New
        } else {
            assert_same_dump(&self.site.dump_live().await, dump_of_month_1().await);
            Live::Old
        }
    }

    async fn assert_aborts(self, live: Live, context: &str) {
        let report = self.site.cutover.abort(&Events::none()).await;
        let report = report.unwrap_or_else(|error| panic!("{context}: {error:?}"));
        assert!(!report.was_running, "{context}");
        self.site.assert_tidy().await;
        assert_eq!(self.live(context).await, live, "{context}");
        self.site.discard().await;
    }

    async fn assert_resumes(self, live: Live, context: &str) {
        match self.site.resume(ResumeOptions::default()).await {
            Ok(report) => assert_eq!(report.state, ReleaseState::Completed, "{context}"),
            // It had not begun, or had ended.
            Err(ReleaseError::NothingToResume { .. }) => {
                if live == Live::Old {
                    let report = self.site.run(self.site.options()).await;
                    let report = report.unwrap_or_else(|error| panic!("{context}: {error:?}"));
                    assert_eq!(report.state, ReleaseState::Completed, "{context}");
                }
            }
            Err(error) => panic!("{context}: {error:?}"),
        }
        self.site.assert_tidy().await;
        assert_eq!(self.live(context).await, Live::New, "{context}");
        self.site.discard().await;
    }

    /// The same, as it is now.
    async fn copy(&self) -> Self {
        let mut site = self.site.copy().await;
        site.edit(|file| format!("{file}{HOOKS}"));
        Self {
            site,
            target: proxy().await,
            portal: proxy().await,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Live {
    Old,
    New,
}

/// So many points, spread over all messages of a release.
#[expect(clippy::print_stdout, reason = "how many there were")]
async fn sweep(fault: Fault, few: u64, test: &str) {
    let undisturbed = Disturbed::new().await;
    undisturbed.release().await.unwrap();
    let messages = match fault {
        Fault::ProcessKilled | Fault::TargetLost => undisturbed.target.client_messages(),
        Fault::PortalLost => undisturbed.portal.client_messages(),
    };
    undisturbed.site.discard().await;
    let points = if in_full() { messages.min(200) } else { few };
    let (mut met, mut old, mut new) = (0, 0, 0);
    for point in 0..points {
        // In the middle of each of as many equal parts.
        let after = 1 + messages * (2 * point + 1) / (2 * points);
        let context = format!("{fault:?} after message {after} of {messages}");
        let disturbed = Disturbed::new().await;
        met += u64::from(disturbed.release_into(fault, after, test).await);
        let live = disturbed.live(&context).await;
        match live {
            Live::Old => old += 1,
            Live::New => new += 1,
        }
        Box::pin(disturbed.copy().await.assert_aborts(live, &context)).await;
        Box::pin(disturbed.assert_resumes(live, &context)).await;
        if (point + 1) % 25 == 0 {
            println!("{fault:?}: {} of {points} points", point + 1);
        }
    }
    println!(
        "{fault:?}: {points} points of {messages} messages, {met} met; {old} before the swap, {new} after it"
    );
    // What a release says differs by a few messages from run to run.
    assert!(met + 3 >= points, "only {met} of {points} points were met");
}

#[tokio::test]
async fn its_process_is_killed() {
    child::obey().await;
    Box::pin(sweep(
        Fault::ProcessKilled,
        1,
        "whole_release::its_process_is_killed",
    ))
    .await;
}

#[tokio::test]
async fn its_connections_to_the_target_are_lost() {
    Box::pin(sweep(Fault::TargetLost, 2, "")).await;
}

#[tokio::test]
async fn its_connections_to_the_portal_are_lost() {
    Box::pin(sweep(Fault::PortalLost, 1, "")).await;
}
