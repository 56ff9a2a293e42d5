//! The release set that the tests swap.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cutover_core::catalog::CatalogSnapshot;
use cutover_core::records::{Records, ReleaseKind};
use cutover_core::{Event, EventKind, Events, Ident, NamingPolicy, ReleaseLock, Stamp};
use cutover_swap::{
    LockPolicy, Pair, PlanOptions, SwapContext, SwapError, SwapPlan, SwapRefused, SwapReport,
};
use cutover_testkit::{Cluster, TestDatabase};
use jiff::Timestamp;
use tokio_postgres::Client;

pub(crate) const MEMBERS: [&str; 4] = ["sources", "sites", "sites & countries", "site_counts"];

pub(crate) fn ident(name: &str) -> Ident {
    Ident::new(name).unwrap()
}

pub(crate) fn quick() -> LockPolicy {
    LockPolicy::default()
        .deadline(Duration::from_secs(20))
        .longest_pause(Duration::from_millis(200))
}

/// A database with the release set live in it, and a session that holds the release lock.
pub(crate) struct ReleaseSet {
    pub(crate) client: Client,
    pub(crate) lock: ReleaseLock,
    pub(crate) records: Records,
    pub(crate) events: Events,
    pub(crate) policy: NamingPolicy,
    observer: Observer,
}

/// Staging and backups in schemas of their own.
pub(crate) fn apart() -> NamingPolicy {
    NamingPolicy::default()
        .staging_in(ident("next"))
        .backups_in(ident("past"))
}

/// Looks at the set, whatever its session does.
#[derive(Clone)]
pub(crate) struct Observer {
    pub(crate) database: TestDatabase,
    seen: Arc<Mutex<Vec<EventKind>>>,
}

impl ReleaseSet {
    pub(crate) async fn new() -> Self {
        Self::on(Cluster::shared()).await
    }

    pub(crate) async fn on(cluster: &Cluster) -> Self {
        let database = cluster.empty_database().await.unwrap();
        database.execute(include_str!("release_set.sql")).await.unwrap();
        let mut client = database.connect().await.unwrap();
        Records::migrate(&mut client).await.unwrap();
        let name = ident("sites");
        let (lock, records) = (ReleaseLock::of(&name), Records::of(&name));
        assert!(lock.try_acquire(&client).await.unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let events = Events::to(move |event: &Event| log.lock().unwrap().push(event.kind.clone()));
        Self {
            client,
            lock,
            records,
            events,
            policy: NamingPolicy::default(),
            observer: Observer { database, seen },
        }
    }

    /// With the staging twins for month `month` beside it.
    pub(crate) async fn staged(month: &str) -> Self {
        let set = Self::new().await;
        set.stage(month).await;
        set
    }

    pub(crate) async fn staged_on(cluster: &Cluster, month: &str) -> Self {
        let set = Self::on(cluster).await;
        set.stage(month).await;
        set
    }

    /// Looks at the set while its session is busy.
    pub(crate) fn observer(&self) -> Observer {
        self.observer.clone()
    }

    pub(crate) async fn stage(&self, month: &str) {
        let staging = include_str!("staging.sql").replace("MONTH", month);
        self.execute_in_staging(&staging).await;
    }

    /// Where new relations are staging's and names mean staging's first.
    pub(crate) async fn execute_in_staging(&self, sql: &str) {
        let public = ident("public");
        let schema = self.policy.staging_schema(&public);
        let path = format!("CREATE SCHEMA IF NOT EXISTS {schema}; SET search_path = {schema}, public;\n");
        self.database.execute(&(path + sql)).await.unwrap();
    }

    /// Live and staging as the catalog describes them now.
    pub(crate) async fn snapshots(&mut self) -> (CatalogSnapshot, CatalogSnapshot) {
        let schema = ident("public");
        let live: Vec<Ident> = MEMBERS.iter().map(|name| ident(name)).collect();
        let staging: Vec<Ident> = MEMBERS
            .iter()
            .map(|name| ident(&format!("staging_{name}")))
            .collect();
        let tx = self.client.transaction().await.unwrap();
        let live = CatalogSnapshot::read(&tx, &schema, &live).await.unwrap();
        let live = live.with_schemas(&tx, &self.policy).await.unwrap();
        let apart = self.policy.staging_schema(&schema);
        let incoming = CatalogSnapshot::read_beside(&tx, &schema, apart, &staging)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        (live, incoming)
    }

    pub(crate) async fn compute(&mut self, options: &PlanOptions) -> Result<SwapPlan, SwapRefused> {
        let policy = self.policy.clone();
        let (live, incoming) = self.snapshots().await;
        let taken: Vec<Stamp> = self
            .records
            .backup_sets(&self.client)
            .await
            .unwrap()
            .into_iter()
            .map(|set| set.stamp)
            .collect();
        let stamp = Stamp::first_free(Timestamp::now(), &taken);
        let pairing = Pair::by_policy(&live, &incoming, &policy);
        SwapPlan::compute(&live, &incoming, &pairing, &stamp, &policy, options)
    }

    pub(crate) async fn plan(&mut self) -> SwapPlan {
        self.compute(&PlanOptions::default()).await.unwrap()
    }

    pub(crate) async fn open(&self, kind: ReleaseKind) -> i64 {
        self.records
            .open(&self.client, kind, "label", None, "host", 1)
            .await
            .unwrap()
    }

    pub(crate) async fn run(
        &mut self,
        plan: &SwapPlan,
        policy: &LockPolicy,
    ) -> Result<SwapReport, SwapError> {
        let release = self.open(ReleaseKind::Release).await;
        let context = SwapContext {
            lock: &self.lock,
            records: &self.records,
            release,
            events: &self.events,
            observer: None,
        };
        plan.run(&mut self.client, &context, policy).await
    }

    /// Plans and swaps, then validates.
    pub(crate) async fn swap(&mut self) -> SwapReport {
        let plan = self.plan().await;
        let report = self.run(&plan, &quick()).await.unwrap();
        self.validate(&plan).await;
        report
    }

    pub(crate) async fn validate(&mut self, plan: &SwapPlan) {
        let failures = plan.run_post_swap(&mut self.client, Duration::from_secs(5)).await;
        assert!(failures.is_empty(), "{failures:?}");
    }

    pub(crate) async fn roll_back(&mut self, stamp: &Stamp) -> SwapReport {
        let plan = cutover_swap::rollback_plan(&mut self.client, &self.records, stamp, &self.policy)
            .await
            .unwrap();
        let report = self.run(&plan, &quick()).await.unwrap();
        self.validate(&plan).await;
        report
    }
}

impl std::ops::Deref for ReleaseSet {
    type Target = Observer;

    fn deref(&self) -> &Observer {
        &self.observer
    }
}

impl Observer {
    pub(crate) fn events_seen(&self) -> Vec<EventKind> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until `condition` returns true.
    pub(crate) async fn wait_until(&self, condition: &str) {
        for _ in 0..400 {
            if self.database.query_text(condition).await.unwrap() == "t" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("never became true: {condition}");
    }

    /// The month that everything readers use agrees on; panics when it does not agree.
    pub(crate) async fn month(&self) -> String {
        let months = self
            .database
            .query_texts(
                "SELECT DISTINCT left(m, 2) FROM (SELECT title FROM sources UNION ALL SELECT name FROM sites \
                 UNION ALL SELECT name FROM named_sites UNION ALL SELECT lower(name) FROM upper_sites \
                 UNION ALL SELECT name FROM site_report UNION ALL SELECT title FROM site_report \
                 UNION ALL SELECT title FROM titled_sources) seen (m)",
            )
            .await
            .unwrap();
        assert_eq!(months.len(), 1, "a mix of {months:?}");
        let counted = self
            .database
            .query_text("SELECT sum(n) = (SELECT count(*) FROM sites) FROM site_counts");
        assert_eq!(
            counted.await.unwrap(),
            "t",
            "the materialized view is of another month"
        );
        months[0].clone().unwrap()
    }

    /// Names of live's schema that are neither live nor outside the set.
    pub(crate) async fn leftovers(&self) -> Vec<String> {
        let names = self
            .database
            .query_texts(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace \
                 AND (relname LIKE 'staging%' OR relname LIKE 'bk%') ORDER BY 1",
            )
            .await
            .unwrap();
        names.into_iter().flatten().collect()
    }

    /// Nobody but readers is left on the members.
    pub(crate) async fn assert_no_locks(&self) {
        self.wait_until(
            "SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'relation' AND mode <> 'AccessShareLock' \
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        )
        .await;
    }
}

/// What pg_dump prints of everything but backups and records, less what it varies itself.
pub(crate) fn dump(database: &TestDatabase, extra: &[&str]) -> String {
    let mut args = vec![
        "-N",
        "cutover",
        "-N",
        "next",
        "-N",
        "past",
        "-T",
        "public.bk*",
        "-T",
        "public.staging_*",
    ];
    args.extend(extra);
    let text = Cluster::shared().pg_dump(database.name(), &args).unwrap();
    text.lines()
        .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
        .collect::<Vec<_>>()
        .join("\n")
}
