//! The network is lost at every message, of either side.
//!
//! A sweep takes every so many messages: nearly all of a command's are those that read the catalog. It takes every single
//! one where `CUTOVER_TEST_IN_FULL` is set, as `scripts/soak faults` does. The swap's own transaction is swept by the tests
//! of cutover-swap.

use cutover::{RollbackOptions, StopSignal};
use cutover_core::Events;
use cutover_testkit::FaultProxy;

use crate::parks::Parks;
use crate::world::{in_full, proxy};

/// After how many messages of whom the connections are cut.
type Arm = fn(&FaultProxy, u64);

/// The numbers of messages to cut after; sweeps that begin at different ones meet different messages.
fn cuts(first: u64, step: usize) -> impl Iterator<Item = u64> {
    if in_full() {
        (1..).step_by(1)
    } else {
        (first..).step_by(step)
    }
}

/// How many of the cuts must have come before the commit, or the sweep has not met what it is for.
fn enough() -> u32 {
    if in_full() { 150 } else { 8 }
}

/// Cuts a swap at messages in turn, until it gets through uncut.
async fn sweep_swap(first: u64, arm: Arm) {
    let (mut parks, proxy) = (Parks::staged().await, proxy().await);
    let (mut old, mut new) = (0, 0);
    for messages in cuts(first, 60) {
        arm(&proxy, messages);
        let ended = parks.go_live(&parks.through(&proxy)).await;
        let cut = proxy.tripped();
        proxy.disarm();
        if !cut {
            ended.unwrap();
            break;
        }
        if parks.whole().await == "Jan2026" {
            old += 1;
            assert!(ended.is_err(), "message {messages}");
        } else {
            new += 1;
            // The next command works.
            parks
                .roll_back(&parks.cutover, &RollbackOptions::default())
                .await
                .unwrap();
            assert_eq!(parks.whole().await, "Jan2026");
            parks.assert_tidy().await;
            parks = Parks::staged().await;
        }
    }
    assert_eq!(parks.whole().await, "Feb2026");
    parks.assert_tidy().await;
    assert!(
        old >= enough() && new > 0,
        "{old} cuts before the commit, {new} after it"
    );
}

/// Cuts a rollback at messages in turn, until it gets through uncut.
async fn sweep_rollback(first: u64, arm: Arm) {
    let (parks, proxy) = (Parks::live().await, proxy().await);
    let cutover = parks.through(&proxy);
    let options = RollbackOptions::default();
    let (mut old, mut new) = (0, 0);
    for messages in cuts(first, 25) {
        let stamp = parks.newest_backup().await;
        arm(&proxy, messages);
        let ended = cutover
            .rollback(&stamp, &options, StopSignal::never(), &Events::none())
            .await;
        let cut = proxy.tripped();
        proxy.disarm();
        if !cut {
            ended.unwrap();
            break;
        }
        if parks.whole().await == "Feb2026" {
            old += 1;
            assert!(ended.is_err(), "message {messages}");
        } else {
            new += 1;
            parks.roll_back(&parks.cutover, &options).await.unwrap();
            assert_eq!(parks.whole().await, "Feb2026");
            parks.assert_tidy().await;
        }
    }
    assert_eq!(parks.whole().await, "Jan2026");
    parks.assert_tidy().await;
    assert!(
        old >= enough() && new > 0,
        "{old} cuts before the commit, {new} after it"
    );
}

#[tokio::test]
async fn an_answer_of_a_swap() {
    sweep_swap(1, FaultProxy::cut_after_client_messages).await;
}

#[tokio::test]
async fn a_message_of_a_swap() {
    sweep_swap(6, FaultProxy::cut_before_client_message).await;
}

#[tokio::test]
async fn a_part_of_an_answer_of_a_swap() {
    sweep_swap(11, FaultProxy::cut_after_server_messages).await;
}

#[tokio::test]
async fn an_answer_of_a_rollback() {
    Box::pin(sweep_rollback(1, FaultProxy::cut_after_client_messages)).await;
}

#[tokio::test]
async fn a_message_of_a_rollback() {
    Box::pin(sweep_rollback(4, FaultProxy::cut_before_client_message)).await;
}

#[tokio::test]
async fn a_part_of_an_answer_of_a_rollback() {
    Box::pin(sweep_rollback(7, FaultProxy::cut_after_server_messages)).await;
}
