//! The script that teams write: rename one table after the other, in one transaction, and wait for locks.

use std::time::{Duration, Instant};

use anyhow::Result;
use cutover_testkit::dataset::{RELEASE_MATVIEWS, RELEASE_TABLES};
use jiff::Timestamp;
use tokio_postgres::Client;

const VIEWS: [&str; 3] = [
    "reporting_country_statistics",
    "reporting_region_statistics",
    "portal_downloads_protected_areas",
];

/// Puts the twins live by their names, and back.
pub(crate) struct RenameScript {
    client: Client,
    views: Vec<String>,
}

/// A run of the script.
pub(crate) struct Ran {
    pub(crate) began: Timestamp,
    pub(crate) lasted: Duration,
    /// What ended it early; it has changed nothing then.
    pub(crate) error: Option<String>,
}

impl RenameScript {
    pub(crate) async fn new(client: Client) -> Result<Self> {
        let mut views = Vec::new();
        for view in VIEWS {
            let sql = "SELECT pg_get_viewdef($1::text::regclass)";
            let definition: String = client.query_one(sql, &[&view]).await?.get(0);
            views.push(format!("CREATE OR REPLACE VIEW {view} AS {definition}"));
        }
        Ok(Self { client, views })
    }

    /// What is staged goes live, what is live is called `old_…`.
    pub(crate) fn forth(&self) -> Vec<String> {
        self.renames(|name| {
            [
                (name.to_owned(), format!("old_{name}")),
                (format!("staging_{name}"), name.to_owned()),
            ]
        })
    }

    pub(crate) fn back(&self) -> Vec<String> {
        self.renames(|name| {
            [
                (name.to_owned(), format!("staging_{name}")),
                (format!("old_{name}"), name.to_owned()),
            ]
        })
    }

    fn renames(&self, of: impl Fn(&str) -> [(String, String); 2]) -> Vec<String> {
        let tables = RELEASE_TABLES.iter().map(|name| ("TABLE", name));
        let views = RELEASE_MATVIEWS.iter().map(|name| ("MATERIALIZED VIEW", name));
        let renames = tables.chain(views).flat_map(|(kind, name)| {
            of(name).map(|(from, to)| format!("ALTER {kind} {from} RENAME TO {to}"))
        });
        // Without these, views would go on with the old tables.
        renames.chain(self.views.iter().cloned()).collect()
    }

    /// Runs the statements one by one in a transaction, as `psql` does.
    pub(crate) async fn run(&self, statements: Vec<String>) -> Result<Ran> {
        let (began, since) = (Timestamp::now(), Instant::now());
        self.client
            .batch_execute("BEGIN; SET LOCAL lock_timeout = '30s'")
            .await?;
        let mut error = None;
        for statement in statements.iter().map(String::as_str).chain(["COMMIT"]) {
            if let Err(refused) = self.client.batch_execute(statement).await {
                self.client.batch_execute("ROLLBACK").await?;
                error = Some(
                    refused
                        .as_db_error()
                        .map_or_else(|| refused.to_string(), ToString::to_string),
                );
                break;
            }
        }
        Ok(Ran {
            began,
            lasted: since.elapsed(),
            error,
        })
    }
}
