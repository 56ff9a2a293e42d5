//! The record store.

mod backups;
mod kept;
mod migrate;
mod releases;

use cutover_core::records::{Records, ReleaseKind};
use cutover_core::{Ident, Stamp};
use cutover_testkit::{Cluster, TestDatabase};
use tokio_postgres::Client;

fn ident(name: &str) -> Ident {
    Ident::new(name).unwrap()
}

fn stamp(digits: &str) -> Stamp {
    digits.parse().unwrap()
}

/// A database with an up-to-date record store, the records of `wdpa`, and a connection.
struct Fixture {
    database: TestDatabase,
    client: Client,
    records: Records,
}

impl Fixture {
    async fn new() -> Self {
        let database = Cluster::shared().empty_database().await.unwrap();
        let mut client = database.connect().await.unwrap();
        Records::migrate(&mut client).await.unwrap();
        Self {
            database,
            client,
            records: Records::of(&ident("wdpa")),
        }
    }

    async fn open(&self, label: &str) -> i64 {
        self.records
            .open(&self.client, ReleaseKind::Release, label, None, "host", 42)
            .await
            .unwrap()
    }
}
