//! What is told of a release and of a rollback, while other channels take nothing.

use std::os::unix::fs::PermissionsExt as _;

use cutover::{Notifications, ResumeOptions, RollbackOptions, StopSignal};
use cutover_core::{Events, Ident, ReleaseLock};

use crate::hooks::server::{Answer, Server};
use crate::parks::Parks;
use crate::world::{swap_what_is_staged, wait_until};

/// The texts that Slack was sent.
fn texts(slack: &Server) -> Vec<String> {
    let requests = slack.requests();
    let body = |request: &String| -> serde_json::Value {
        serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
    };
    requests
        .iter()
        .map(|request| body(request)["text"].as_str().unwrap().to_owned())
        .collect()
}

/// A release that holds, is let go and taken back, and one that fails; a webhook and a `sendmail` hang all the time.
#[tokio::test]
async fn a_release_is_told_of_beside_channels_that_take_nothing() {
    let parks = Parks::staged().await;
    let slack = Server::answering(&[Answer::Status("200 OK")]).await;
    let hanging = Server::answering(&[Answer::Hang]).await;
    let sendmail = parks.directory().join("sendmail");
    std::fs::write(&sendmail, "#!/bin/sh\nexec sleep 600\n").unwrap();
    std::fs::set_permissions(&sendmail, std::fs::Permissions::from_mode(0o755)).unwrap();
    let notify = format!(
        "[notify]\nremind_after = \"1ms\"\n[notify.slack]\nwebhook = \"{}\"\n[notify.webhook]\nurl = \"{}\"\n\
         [notify.mail]\nto = [\"ops@example.org\"]\nfrom = \"cutover@example.org\"\nsendmail = \"./sendmail\"\n",
        slack.url, hanging.url
    );
    let cutover = parks.with(&notify);
    let notifications = Notifications::start(cutover.file().notify(), parks.directory(), |_| None).unwrap();
    let events = Events::to(notifications.sink());

    let release = {
        let (cutover, events) = (cutover.clone(), events.clone());
        tokio::spawn(async move {
            let options = swap_what_is_staged().hold(true);
            cutover.release(&options, StopSignal::never(), &events).await
        })
    };
    wait_until("people are reminded", async || {
        assert!(!release.is_finished());
        texts(&slack)
            .iter()
            .any(|text| text.contains("still waits for `cutover go`"))
    })
    .await;
    parks.cutover.go().await.unwrap();
    let report = release.await.unwrap().unwrap();
    let backup = report.swap.unwrap().backup;
    wait_until("the end is told", async || {
        texts(&slack).last().unwrap().contains("has ended")
    })
    .await;
    let told = texts(&slack);
    assert!(told[0].ends_with("*parks* Feb2026 has started"), "{told:?}");
    let counts = "portal_sites: 50 → 60 rows (+20.00 %)\nsites: 50 → 60 rows (+20.00 %)\nsources: 3 → 3 rows (+0.00 %)";
    for news in ["everything is ready", "still waits", "is live"] {
        let text = told.iter().find(|text| text.contains(news)).unwrap();
        assert!(text.contains(counts), "{text}");
    }
    assert!(told.iter().any(|text| text.contains(" said go")), "{told:?}");

    cutover
        .rollback(&backup, &RollbackOptions::default(), StopSignal::never(), &events)
        .await
        .unwrap();
    wait_until("the rollback is told", async || {
        texts(&slack)
            .iter()
            .any(|text| text.starts_with(&format!(":rewind: *parks* rollback to {backup} is done")))
    })
    .await;
    let told = texts(&slack);
    let back = told.iter().find(|text| text.contains("is live again")).unwrap();
    let counts = "portal_sites: 60 → 50 rows (-16.67 %)\nsites: 60 → 50 rows (-16.67 %)\nsources: 3 → 3 rows (+0.00 %)";
    assert!(back.ends_with(counts), "{back}");
    // With nothing in staging any more, and before any record is opened.
    let error = cutover
        .release(&swap_what_is_staged(), StopSignal::never(), &events)
        .await
        .unwrap_err();
    wait_until("that it did not begin is told", async || {
        texts(&slack).iter().any(|text| {
            text.contains("could not begin: ") && text.ends_with(&format!("remedy: {}", error.remedy()))
        })
    })
    .await;
    // Nor are a resumed release and a rollback that somebody else is in the way of; a stamp that nobody knows is a typo.
    let lock = parks.database.connect().await.unwrap();
    let held = ReleaseLock::of(&Ident::new("parks").unwrap());
    assert!(held.try_acquire(&lock).await.unwrap());
    let nobody = StopSignal::never;
    let unknown = "0001010000".parse().unwrap();
    let options = RollbackOptions::default();
    cutover
        .rollback(&unknown, &options, nobody(), &events)
        .await
        .unwrap_err();
    let stamp = parks.newest_backup().await;
    cutover
        .rollback(&stamp, &options, nobody(), &events)
        .await
        .unwrap_err();
    cutover
        .resume(&ResumeOptions::default(), nobody(), &events)
        .await
        .unwrap_err();
    wait_until("all that did not begin is told", async || {
        let did_not = |text: &&String| text.contains("could not begin: ");
        texts(&slack).iter().filter(did_not).count() == 3
    })
    .await;
    let told = texts(&slack);
    let rollback = format!(":x: *parks* rollback to {stamp} could not begin: ");
    assert!(told.iter().any(|text| text.starts_with(&rollback)), "{told:?}");
    assert!(!told.iter().any(|text| text.contains("0001010000")), "{told:?}");
    // Something hangs there, and what waits behind it is dropped.
    assert!(!hanging.requests().is_empty());
    drop(notifications);
}
