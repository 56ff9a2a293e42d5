//! A second release, or a rollback, while one runs.

use cutover::{FailureClass, RollbackOptions, StopSignal};
use cutover_core::records::ReleaseState;
use cutover_core::{EventKind, Events};

use crate::world::{Ear, Site, swap_what_is_staged, told, wait_until};

#[tokio::test]
async fn is_refused_at_once_and_names_the_holder() {
    let site = Site::month_2_staged().await;
    // Keeps the swap from its locks until we say so.
    let reader = site.holding("LOCK TABLE sources IN ACCESS SHARE MODE").await;
    let ear = Ear::default();
    let (cutover, events) = (site.cutover.clone(), ear.events());
    let swap = swap_what_is_staged();
    let first = tokio::spawn(async move { cutover.release(&swap, StopSignal::never(), &events).await });
    let waits = |kind: &EventKind| matches!(kind, EventKind::LockAttemptFailed { .. });
    wait_until("the swap waits for its locks", async || {
        ear.heard().iter().any(waits)
    })
    .await;

    let second = site.run(site.options()).await.unwrap_err();
    assert_eq!(second.class(), FailureClass::Busy);
    insta::assert_snapshot!(told(&second), @r#"
    Busy: release set "wdpa" is locked by pid [n] ("cutover: wdpa release [n]", user "wdpa_owner", host "test-host" process [n]) since [time], in phase finalise_swap
    remedy: wait for it, or stop it with `cutover abort`
    "#);
    let stamp = site.cutover.backups().await.unwrap()[0].stamp.clone();
    let rollback = site
        .cutover
        .rollback(
            &stamp,
            &RollbackOptions::default(),
            StopSignal::never(),
            &Events::none(),
        )
        .await
        .unwrap_err();
    assert_eq!(told(&rollback), told(&second));

    drop(reader);
    assert_eq!(first.await.unwrap().unwrap().state, ReleaseState::Completed);
    site.assert_tidy().await;
}
