//! A swap or a rollback that is broken off, and what must be left of it.

use std::time::Duration;

use cutover_core::NamingPolicy;
use cutover_core::records::ReleaseKind;
use cutover_swap::{Outcome, SwapContext, SwapError, SwapPlan, rollback_plan, settle};
use cutover_testkit::{Cluster, FaultProxy};
use tokio_postgres::{Client, NoTls};

use crate::release_set::{ReleaseSet, quick};

/// What is broken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Month m1 is live, and m2 goes live.
    Swap,
    /// Month m2 is live, and m1 comes back.
    Rollback,
}

impl Change {
    pub(crate) async fn planned(self) -> (ReleaseSet, SwapPlan) {
        let mut set = ReleaseSet::staged("m2").await;
        let plan = match self {
            Self::Swap => set.plan().await,
            Self::Rollback => {
                let swapped = set.swap().await;
                rollback_plan(
                    &mut set.client,
                    &set.records,
                    &swapped.backup,
                    &NamingPolicy::default(),
                )
                .await
                .unwrap()
            }
        };
        (set, plan)
    }

    pub(crate) fn kind(self) -> ReleaseKind {
        match self {
            Self::Swap => ReleaseKind::Release,
            Self::Rollback => ReleaseKind::Rollback,
        }
    }

    /// All old or all new, and the records agree.
    pub(crate) async fn assert_whole(self, set: &ReleaseSet, outcome: Outcome) {
        let backups = set.records.backup_sets(&set.client).await.unwrap();
        let current = set.records.current(&set.client).await.unwrap();
        let leftovers = set.leftovers().await;
        let went_through = outcome == Outcome::Swapped;
        let (month, backup_sets, prefix) = match (self, went_through) {
            (Self::Swap, false) => ("m1", 0, "staging_"),
            (Self::Swap, true) | (Self::Rollback, false) => ("m2", 1, "bk"),
            (Self::Rollback, true) => ("m1", 1, "bk"),
        };
        assert_eq!(set.month().await, month);
        assert_eq!(backups.len(), backup_sets);
        assert!(
            leftovers.iter().all(|name| name.starts_with(prefix)),
            "{leftovers:?}"
        );
        match self {
            Self::Swap => assert_eq!(current.is_some(), went_through),
            Self::Rollback => assert_eq!(current.unwrap().restored_stamp.is_some(), went_through),
        }
    }
}

pub(crate) async fn proxy() -> FaultProxy {
    let cluster = Cluster::shared();
    FaultProxy::start(cluster.host(), cluster.port()).await.unwrap()
}

pub(crate) async fn through(proxy: &FaultProxy, set: &ReleaseSet) -> Client {
    let direct = Cluster::shared().port().to_string();
    let url = set.database.url().replace(&direct, &proxy.port().to_string());
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    drop(tokio::spawn(connection));
    client
}

/// One try over a connection that is cut; returns whether it was cut, and whether the change happened.
pub(crate) async fn run_with_cut(
    change: Change,
    set: &ReleaseSet,
    plan: &SwapPlan,
    proxy: &FaultProxy,
    arm: impl FnOnce(&FaultProxy),
) -> (bool, Outcome) {
    let mut client = through(proxy, set).await;
    assert!(
        set.lock.try_acquire(&client).await.unwrap(),
        "the last session let go of the lock"
    );
    let release = set
        .records
        .open(&client, change.kind(), "label", None, "host", 1)
        .await
        .unwrap();
    let context = SwapContext {
        lock: &set.lock,
        records: &set.records,
        release,
        events: &set.events,
        observer: None,
    };
    arm(proxy);
    let result = plan.run(&mut client, &context, &quick()).await;
    let cut = proxy.tripped();
    proxy.disarm();
    drop(client);
    let patience = Duration::from_secs(10);
    let outcome = settle(&set.client, &set.lock, &set.records, release, patience)
        .await
        .unwrap();
    match &result {
        Ok(_) => assert_eq!(outcome, Outcome::Swapped),
        Err(SwapError::OutcomeUnknown { .. }) => {}
        Err(error) => assert_eq!(outcome, Outcome::NotSwapped, "{error:?}"),
    }
    change.assert_whole(set, outcome).await;
    let free = "SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory' \
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    set.wait_until(free).await;
    set.assert_no_locks().await;
    (cut, outcome)
}
