//! A session is cancelled or ended, or the client's process killed, at every stage.

use std::process::Child;

use cutover::RollbackOptions;
use cutover_core::Events;

use super::gate::Gate;
use crate::child::{self, Task};
use crate::parks::Parks;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// `pg_cancel_backend`.
    Cancel,
    /// `pg_terminate_backend`.
    Terminate,
    /// SIGKILL of the client's process.
    Kill,
}

const FAULTS: [Fault; 3] = [Fault::Cancel, Fault::Terminate, Fault::Kill];

/// Whether live changes all the same. A backend that is at work on `COMMIT` does not notice that its client is gone.
fn goes_through(gate: Gate, fault: Fault) -> bool {
    gate == Gate::PostSwap || (gate, fault) == (Gate::Commit, Fault::Kill)
}

/// Strikes whoever waits at the gate, and lets it go on.
async fn strike(parks: &Parks, fault: Fault, child: &mut Child) {
    let pid = parks.stopped_at_gate().await;
    let signal = match fault {
        Fault::Cancel => "pg_cancel_backend",
        Fault::Terminate => "pg_terminate_backend",
        Fault::Kill => {
            child.kill().unwrap();
            child.wait().unwrap();
            return parks.open().await;
        }
    };
    assert_eq!(parks.text(&format!("SELECT {signal}({pid})::text")).await, "true");
    parks.open().await;
    child.wait().unwrap();
}

#[tokio::test]
async fn whatever_becomes_of_a_swaps_sessions() {
    child::obey().await;
    let test = "faults::sessions::whatever_becomes_of_a_swaps_sessions";
    let mut parks = Parks::staged().await.with_gates().await;
    for gate in Gate::OF_A_SWAP {
        for fault in FAULTS {
            parks.close(gate).await;
            let mut child = parks.start_child(test, Task::Swap);
            strike(&parks, fault, &mut child).await;
            let month = parks.whole().await;
            if goes_through(gate, fault) {
                assert_eq!(month, "Feb2026", "{gate:?} {fault:?}");
                parks
                    .roll_back(&parks.cutover, &RollbackOptions::default())
                    .await
                    .unwrap();
                assert_eq!(parks.whole().await, "Jan2026");
                parks.assert_tidy().await;
                parks = Parks::staged().await.with_gates().await;
            } else {
                assert_eq!(month, "Jan2026", "{gate:?} {fault:?}");
                if fault == Fault::Terminate {
                    // Taken up again by a whole release, or given up: both must work.
                    parks.cutover.abort(&Events::none()).await.unwrap();
                    parks.assert_tidy().await;
                    parks.stage("Feb2026").await.unwrap();
                }
            }
        }
    }
}

#[tokio::test]
async fn whatever_becomes_of_a_rollbacks_sessions() {
    child::obey().await;
    let test = "faults::sessions::whatever_becomes_of_a_rollbacks_sessions";
    let parks = Parks::live().await.with_gates().await;
    for gate in Gate::OF_A_SWAP {
        for fault in FAULTS {
            parks.close(gate).await;
            let stamp = parks.newest_backup().await;
            let mut child = parks.start_child(test, Task::Rollback(stamp));
            strike(&parks, fault, &mut child).await;
            let month = parks.whole().await;
            if goes_through(gate, fault) {
                assert_eq!(month, "Jan2026", "{gate:?} {fault:?}");
                parks
                    .roll_back(&parks.cutover, &RollbackOptions::default())
                    .await
                    .unwrap();
                assert_eq!(parks.whole().await, "Feb2026");
                parks.assert_tidy().await;
            } else {
                assert_eq!(month, "Feb2026", "{gate:?} {fault:?}");
            }
        }
    }
    // And all of that has left nothing behind.
    parks
        .roll_back(&parks.cutover, &RollbackOptions::default())
        .await
        .unwrap();
    assert_eq!(parks.whole().await, "Jan2026");
}
