//! The catalog snapshot: what it tells of members, of what depends on them, and what its digest notices.

mod definitions;
mod dependents;
mod fingerprint;
mod members;
mod parts;
mod reading;

use cutover_core::Ident;
use cutover_core::catalog::{CatalogError, CatalogSnapshot, Relation};
use cutover_testkit::{Cluster, TestDatabase};
use tokio_postgres::Client;

fn ident(name: &str) -> Ident {
    Ident::new(name).unwrap()
}

/// Whether the server knows what PostgreSQL 15 brought.
fn since_15() -> bool {
    Cluster::shared().version() >= 15
}

/// The statements for the server at hand: before PostgreSQL 15 with `old` in the place of `new`.
fn before_15(sql: &str, new: &str, old: &str) -> String {
    assert!(sql.contains(new), "{new}");
    if since_15() {
        sql.to_owned()
    } else {
        sql.replace(new, old)
    }
}

/// A database with a schema `live`, and a connection to it.
struct Fixture {
    database: TestDatabase,
    client: Client,
}

impl Fixture {
    /// `sql` runs after `CREATE SCHEMA live`; `$role` in it stands for a prefix of role names that no other test uses.
    async fn new(sql: &str) -> Self {
        let database = Cluster::shared().empty_database().await.unwrap();
        let client = database.connect().await.unwrap();
        let mut fixture = Self { database, client };
        fixture.execute("CREATE SCHEMA live").await;
        fixture.execute(sql).await;
        fixture
    }

    /// The name of a role of this test.
    fn role(&self, name: &str) -> Ident {
        ident(&format!("{}_{name}", self.database.name()))
    }

    async fn execute(&mut self, sql: &str) {
        let sql = sql.replace("$role", self.database.name());
        self.client
            .batch_execute(&sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    async fn try_read(&mut self, members: &[&str]) -> Result<CatalogSnapshot, CatalogError> {
        let members: Vec<Ident> = members.iter().map(|name| ident(name)).collect();
        let tx = self.client.transaction().await.unwrap();
        CatalogSnapshot::read(&tx, &ident("live"), &members).await
    }

    async fn read(&mut self, members: &[&str]) -> CatalogSnapshot {
        self.try_read(members).await.unwrap()
    }
}

#[track_caller]
fn member<'a>(set: &'a CatalogSnapshot, name: &str) -> &'a Relation {
    set.relation(&ident(name))
        .unwrap_or_else(|| panic!("no member {name}"))
}

/// The one item whose `name` is this.
#[track_caller]
fn named<'a, T>(items: &'a [T], name_of: impl Fn(&T) -> &Ident, name: &str) -> &'a T {
    let mut found = items.iter().filter(|item| name_of(item).as_str() == name);
    let item = found.next().unwrap_or_else(|| panic!("nothing is called {name}"));
    assert!(found.next().is_none(), "two are called {name}");
    item
}
