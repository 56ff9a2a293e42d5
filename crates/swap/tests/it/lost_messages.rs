//! The connection is cut at every message of a swap and of a rollback; of the server's, which are many to each of the
//! client's, at every third. It is cut at every single one where `CUTOVER_TEST_IN_FULL` is set, as `scripts/soak faults` does.

use cutover_swap::Outcome;
use cutover_testkit::FaultProxy;

use crate::broken::{Change, proxy, run_with_cut};

/// Cuts at each message in turn until the change happens.
async fn sweep(change: Change, arm: impl Fn(&FaultProxy, u64)) {
    sweep_in_steps(change, 1, arm).await;
}

/// Cuts at every third, unless all are asked for.
async fn sweep_some(change: Change, arm: impl Fn(&FaultProxy, u64)) {
    let in_full = std::env::var_os("CUTOVER_TEST_IN_FULL").is_some();
    sweep_in_steps(change, if in_full { 1 } else { 3 }, arm).await;
}

async fn sweep_in_steps(change: Change, step: usize, arm: impl Fn(&FaultProxy, u64)) {
    let (set, plan) = change.planned().await;
    set.lock.release(&set.client).await.unwrap();
    let proxy = proxy().await;
    for messages in (1..).step_by(step) {
        assert!(messages < 1000, "never got through");
        let (cut, outcome) = run_with_cut(change, &set, &plan, &proxy, |proxy| arm(proxy, messages)).await;
        if outcome == Outcome::Swapped {
            assert!(messages > 20, "the sweep was over after {messages} messages");
            return;
        }
        assert!(cut, "failed by itself at message {messages}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_a_swap() {
    sweep(Change::Swap, FaultProxy::cut_after_client_messages).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_a_swap() {
    sweep(Change::Swap, FaultProxy::cut_before_client_message).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_an_answer_of_a_swap() {
    sweep_some(Change::Swap, FaultProxy::cut_after_server_messages).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_a_rollback() {
    sweep(Change::Rollback, FaultProxy::cut_after_client_messages).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_a_rollback() {
    sweep(Change::Rollback, FaultProxy::cut_before_client_message).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_an_answer_of_a_rollback() {
    sweep_some(Change::Rollback, FaultProxy::cut_after_server_messages).await;
}
