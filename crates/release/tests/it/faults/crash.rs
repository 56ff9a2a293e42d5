//! The server goes down at every stage, or its disk is full. On a cluster of our own, which is as durable as a real one.

use cutover::{FailureClass, ReleaseError, ReleaseOptions, RollbackOptions, StopSignal};
use cutover_core::Events;
use cutover_core::release_file::Label;
use cutover_testkit::{Cluster, ClusterBuilder};
use tokio::task::JoinHandle;

use super::gate::Gate;
use crate::parks::Parks;
use crate::world::swap_what_is_staged;

fn durable() -> ClusterBuilder {
    Cluster::builder()
        .setting("fsync", "on")
        .setting("full_page_writes", "on")
        .setting("synchronous_commit", "on")
        .setting("shared_buffers", "16MB")
}

/// The counters of writes begin again after a crash, so nothing tells whether live was written to.
fn whatever_was_written() -> RollbackOptions {
    RollbackOptions::default().allow_lost_writes()
}

impl Parks {
    /// Starts a release of so many sites, and waits until it has come to the gate. Returns the process that waits there.
    async fn release_up_to(&self, gate: Gate, sites: u32) -> (JoinHandle<Result<(), ReleaseError>>, i32) {
        self.close(gate).await;
        let upstream = format!("UPDATE upstream SET month = 'Feb2026', sites = {sites}");
        self.database.execute(&upstream).await.unwrap();
        let cutover = self.cutover.clone();
        let release = tokio::spawn(async move {
            let options = ReleaseOptions::default().label(Label::new("Feb2026").unwrap());
            let ended = cutover
                .release(&options, StopSignal::never(), &Events::none())
                .await;
            ended.map(drop)
        });
        (release, self.stopped_at_gate().await)
    }

    /// Starts the swap of what is staged, and waits until it has come to the gate. Returns the process that waits there.
    async fn swap_up_to(&self, gate: Gate) -> (JoinHandle<Result<(), ReleaseError>>, i32) {
        self.close(gate).await;
        let cutover = self.cutover.clone();
        let swap = tokio::spawn(async move {
            let options = swap_what_is_staged();
            let ended = cutover
                .release(&options, StopSignal::never(), &Events::none())
                .await;
            ended.map(drop)
        });
        (swap, self.stopped_at_gate().await)
    }

    /// The same with a rollback to the newest backup set.
    async fn rollback_up_to(&self, gate: Gate) -> (JoinHandle<Result<(), ReleaseError>>, i32) {
        self.close(gate).await;
        let (cutover, stamp) = (self.cutover.clone(), self.newest_backup().await);
        let rollback = tokio::spawn(async move {
            let (options, events) = (whatever_was_written(), Events::none());
            let ended = cutover
                .rollback(&stamp, &options, StopSignal::never(), &events)
                .await;
            ended.map(drop)
        });
        (rollback, self.stopped_at_gate().await)
    }
}

#[track_caller]
fn refused_for_counters(error: &ReleaseError) {
    assert_eq!(error.class(), FailureClass::Refused);
    assert!(
        error.to_string().contains("unknown, its counters were reset"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_goes_down_comes_back_with_all_old_or_all_new() {
    let cluster = durable().start().unwrap();
    let mut parks = Parks::first_on(&cluster).await.with_gates().await;
    for gate in [Gate::BeforeTheLocks, Gate::UnderTheLocks, Gate::Commit] {
        parks.stage("Feb2026").await.unwrap();
        let (swap, _) = parks.swap_up_to(gate).await;
        cluster.stop_immediately().unwrap();
        swap.await.unwrap().unwrap_err();
        cluster.start_again().unwrap();
        parks.reconnect().await;
        parks.open().await;
        assert_eq!(parks.whole().await, "Jan2026", "{gate:?}");
        if gate == Gate::BeforeTheLocks {
            // What was staged is still there and sound; but whether live was written to nobody can tell.
            refused_for_counters(&parks.go_live(&parks.cutover).await.unwrap_err());
        }
    }
    parks.stage("Feb2026").await.unwrap();
    let (swap, _) = parks.swap_up_to(Gate::PostSwap).await;
    cluster.stop_immediately().unwrap();
    drop(swap.await.unwrap());
    cluster.start_again().unwrap();
    parks.reconnect().await;
    parks.open().await;
    assert_eq!(parks.whole().await, "Feb2026");

    for gate in [Gate::BeforeTheLocks, Gate::UnderTheLocks, Gate::Commit] {
        let (rollback, _) = parks.rollback_up_to(gate).await;
        cluster.stop_immediately().unwrap();
        rollback.await.unwrap().unwrap_err();
        cluster.start_again().unwrap();
        parks.reconnect().await;
        parks.open().await;
        assert_eq!(parks.whole().await, "Feb2026", "{gate:?}");
    }
    let refused = parks.roll_back(&parks.cutover, &RollbackOptions::default()).await;
    refused_for_counters(&refused.unwrap_err());
    parks
        .roll_back(&parks.cutover, &whatever_was_written())
        .await
        .unwrap();
    assert_eq!(parks.whole().await, "Jan2026");
    parks.assert_tidy().await;
}

/// No multiple of a page: a table's next page is written in part, as on a disk that is full. Enough for the write-ahead log
/// of a cluster with segments of 1 MB.
const ROOM_FOR_THE_LOG: u64 = 1024 * 1024 + 100;
/// Enough for nothing.
const NO_ROOM: u64 = 100;

#[tokio::test]
async fn a_full_disk_leaves_live_as_it_was() {
    let cluster = durable().wal_segment_megabytes(1).start().unwrap();
    let mut parks = Parks::first_on(&cluster).await.with_gates().await;
    // While rows are loaded and indexed: the server says so, and the next release finds room.
    for (gate, sites) in [(Gate::Import, 30_000), (Gate::IndexBuild, 60_000)] {
        let (release, pid) = parks.release_up_to(gate, sites).await;
        cluster.limit_file_size(pid, ROOM_FOR_THE_LOG).unwrap();
        parks.open().await;
        let error = release.await.unwrap().unwrap_err();
        assert_eq!(error.class(), FailureClass::Build, "{gate:?}: {error:?}");
        assert!(
            error.remedy().starts_with("the disk is full"),
            "{gate:?}: {error:?}"
        );
        assert_eq!(parks.whole().await, "Jan2026", "{gate:?}");
    }

    // During the swap and the rollback the write-ahead log cannot be written, which ends the server.
    for gate in [Gate::UnderTheLocks, Gate::Commit] {
        parks.stage("Feb2026").await.unwrap();
        let (swap, pid) = parks.swap_up_to(gate).await;
        cluster.limit_file_size(pid, NO_ROOM).unwrap();
        parks.open().await;
        swap.await.unwrap().unwrap_err();
        parks.reconnect().await;
        // The commit does not wait for the log: the server's log writer, which has room, may have written it.
        if parks.whole().await != "Jan2026" {
            parks
                .roll_back(&parks.cutover, &whatever_was_written())
                .await
                .unwrap();
        }
    }
    parks.stage("Feb2026").await.unwrap();
    parks.go_live(&parks.cutover).await.unwrap();
    for gate in [Gate::UnderTheLocks, Gate::Commit] {
        let (rollback, pid) = parks.rollback_up_to(gate).await;
        cluster.limit_file_size(pid, NO_ROOM).unwrap();
        parks.open().await;
        rollback.await.unwrap().unwrap_err();
        parks.reconnect().await;
        if parks.whole().await != "Feb2026" {
            parks.stage("Feb2026").await.unwrap();
            parks.go_live(&parks.cutover).await.unwrap();
        }
    }
    parks
        .roll_back(&parks.cutover, &whatever_was_written())
        .await
        .unwrap();
    assert_eq!(parks.whole().await, "Jan2026");
    parks.assert_tidy().await;
}
