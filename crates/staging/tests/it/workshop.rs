//! A database with a set to clone, and the steps that most tests repeat.

use cutover_core::catalog::CatalogSnapshot;
use cutover_core::{Events, Ident, NamingPolicy};
use cutover_staging::{
    CloneError, CloneOptions, ClonePlan, Difference, MatviewPlan, PostDataOptions, StagedSet, StagingError,
    StructuralDiff,
};
use cutover_testkit::{Cluster, TestDatabase};
use tokio_postgres::{Client, NoTls};

use crate::{catalog_facts, dump};

/// The set's schema in these tests; what is outside the set lives in others.
pub(crate) const SCHEMA: &str = "app";

pub(crate) struct Workshop {
    pub(crate) database: TestDatabase,
    pub(crate) client: Client,
    schema: Ident,
    members: Vec<Ident>,
}

pub(crate) fn ident(name: &str) -> Ident {
    Ident::new(name).unwrap()
}

impl Workshop {
    /// An empty database with the schema `app`, then `sql` in it. `ROLE_x` in the SQL becomes a role of this test only.
    pub(crate) async fn new(sql: &str, members: &[&str]) -> Self {
        let database = Cluster::shared().empty_database().await.unwrap();
        let workshop = Self::on(database, members).await;
        workshop.client.batch_execute("CREATE SCHEMA app").await.unwrap();
        workshop.execute(sql).await;
        workshop
    }

    pub(crate) async fn on(database: TestDatabase, members: &[&str]) -> Self {
        let client = database.connect().await.unwrap();
        Self {
            database,
            client,
            schema: ident(SCHEMA),
            members: members.iter().copied().map(ident).collect(),
        }
    }

    /// Works in another schema and on another connection than the superuser's.
    pub(crate) fn with(self, schema: &str, client: Client) -> Self {
        let schema = ident(schema);
        Self {
            client,
            schema,
            ..self
        }
    }

    /// The name of a role of this test.
    pub(crate) fn role(&self, name: &str) -> String {
        format!("{}_{name}", self.database.name())
    }

    pub(crate) async fn execute(&self, sql: &str) {
        let prefix = format!("{}_", self.database.name());
        self.database
            .execute(&sql.replace("ROLE_", &prefix))
            .await
            .unwrap();
    }

    /// A connection as a role of this test, which has the password `secret`.
    pub(crate) async fn connect_as(&self, role: &str) -> Client {
        let url = Cluster::shared().url_for(&self.role(role), "secret", self.database.name());
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        drop(tokio::spawn(connection));
        client
    }

    /// Waits until no other session is in a transaction: what was cut off has ended, and nobody waits for a lock of it.
    pub(crate) async fn until_others_are_idle(&self) {
        let busy = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL \
                    AND pid <> pg_backend_pid()";
        while self.database.query_text(busy).await.unwrap() != "0" {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn snapshot(&mut self) -> CatalogSnapshot {
        read_in(&mut self.client, &self.schema, &self.members).await
    }

    /// Stages tables and materialized views, carries out what was put off, and fills the latter, those that read the
    /// tables last.
    pub(crate) async fn stage(&mut self, options: &CloneOptions) -> StagedSet {
        let snapshot = self.snapshot().await;
        let set = stage(&mut self.client, &snapshot, options).await.unwrap();
        set.run_post_data(&mut self.client, &PostDataOptions::default(), &Events::none())
            .await
            .unwrap();
        set.fill_materialized_views(&mut self.client, &Events::none())
            .await
            .unwrap();
        set
    }

    pub(crate) async fn read(&mut self, schema: &str, members: &[Ident]) -> CatalogSnapshot {
        read_in(&mut self.client, &ident(schema), members).await
    }

    /// Live against staging, as both are now.
    pub(crate) async fn compare(&mut self, set: &StagedSet) -> StructuralDiff {
        let live = self.snapshot().await;
        let names: Vec<Ident> = set
            .members
            .iter()
            .map(|member| member.staging.name.clone())
            .collect();
        let staging = read_in(&mut self.client, &self.schema, &names).await;
        StructuralDiff::of_set(&live, &staging, set)
    }

    pub(crate) async fn differences(&mut self, set: &StagedSet) -> Vec<Difference> {
        self.compare(set).await.into_iter().collect()
    }

    /// Stages the set and asserts that `pg_dump` prints for the twins what it prints for live, but for the names; and
    /// that the structural comparison finds nothing either.
    pub(crate) async fn check_identical(&mut self, options: &CloneOptions) -> StagedSet {
        let before = dump::blocks(&self.database, self.schema.as_str());
        let set = self.stage(options).await;
        let after = dump::blocks(&self.database, self.schema.as_str());
        dump::assert_identical(&before, &after, &set);
        assert_eq!(self.differences(&set).await, []);
        assert_eq!(catalog_facts::differences(&self.client, &set).await, []);
        set
    }
}

pub(crate) async fn read(client: &mut Client, members: &[Ident]) -> CatalogSnapshot {
    read_in(client, &ident(SCHEMA), members).await
}

async fn read_in(client: &mut Client, schema: &Ident, members: &[Ident]) -> CatalogSnapshot {
    let tx = client.transaction().await.unwrap();
    CatalogSnapshot::read(&tx, schema, members).await.unwrap()
}

pub(crate) fn plan(snapshot: &CatalogSnapshot) -> Result<ClonePlan, CloneError> {
    ClonePlan::compute(snapshot, &NamingPolicy::default(), &CloneOptions::default())
}

/// Stages what the snapshot holds, without what was put off; materialized views that read tables of the set stay empty.
pub(crate) async fn stage(
    client: &mut Client,
    snapshot: &CatalogSnapshot,
    options: &CloneOptions,
) -> Result<StagedSet, StagingError> {
    stage_as(client, snapshot, &NamingPolicy::default(), options).await
}

pub(crate) async fn stage_as(
    client: &mut Client,
    snapshot: &CatalogSnapshot,
    naming: &NamingPolicy,
    options: &CloneOptions,
) -> Result<StagedSet, StagingError> {
    let events = Events::none();
    let matviews = MatviewPlan::compute(snapshot, naming, options).unwrap();
    let set = matviews.run(client, &events).await?;
    set.fill_materialized_views(client, &events).await?;
    let tables = ClonePlan::compute(snapshot, naming, options).unwrap();
    Ok(set.and(tables.run(client, &events).await?))
}
