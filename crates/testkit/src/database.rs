//! A database for one test.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};
use tokio_postgres::{Client, NoTls};

use crate::Cluster;

/// Has the extensions, so that a test need not wait for `CREATE EXTENSION postgis`.
const TEMPLATE: &str = "cutover_template";

/// A database of its own for one test; it goes when its [`Cluster`] does.
#[derive(Debug, Clone)]
pub struct TestDatabase {
    name: String,
    url: String,
}

impl TestDatabase {
    pub(crate) async fn from_postgis_template(cluster: &Cluster) -> Result<Self> {
        cluster
            .template
            .get_or_try_init(|| make_template(cluster))
            .await?;
        Self::create(cluster, TEMPLATE).await
    }

    pub(crate) async fn from_template0(cluster: &Cluster) -> Result<Self> {
        Self::create(cluster, "template0").await
    }

    pub(crate) async fn copy_of(cluster: &Cluster, template: &Self) -> Result<Self> {
        Self::create(cluster, template.name()).await
    }

    async fn create(cluster: &Cluster, template: &str) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let admin = connect(&cluster.url("postgres")).await?;
        admin
            .batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}"))
            .await
            .with_context(|| format!("could not create database {name} from {template}"))?;
        Ok(Self {
            url: cluster.url(&name),
            name,
        })
    }

    /// The database of the same name on another cluster.
    pub(crate) fn on(&self, cluster: &Cluster) -> Self {
        Self {
            name: self.name.clone(),
            url: cluster.url(&self.name),
        }
    }

    pub(crate) async fn discard(self, cluster: &Cluster) -> Result<()> {
        let admin = connect(&cluster.url("postgres")).await?;
        admin
            .batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name))
            .await
            .with_context(|| format!("could not drop database {}", self.name))
    }

    /// The database's name; needs no quoting.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How the superuser connects to it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A new connection as the superuser, driven by a task of the current runtime until the client is dropped.
    ///
    /// # Errors
    /// When the server does not accept it.
    pub async fn connect(&self) -> Result<Client> {
        connect(&self.url).await
    }

    /// Runs any number of statements on a connection of their own.
    ///
    /// # Errors
    /// The server's, with the statements.
    pub async fn execute(&self, sql: &str) -> Result<()> {
        let client = self.connect().await?;
        client
            .batch_execute(sql)
            .await
            .with_context(|| format!("could not run {sql}"))
    }

    /// The only value of a query as the server prints it; `None` when it is NULL.
    ///
    /// # Errors
    /// The server's, or when the query does not return exactly one row.
    pub async fn query_one_text(&self, sql: &str) -> Result<Option<String>> {
        let mut values = self.query_texts(sql).await?;
        anyhow::ensure!(values.len() == 1, "{sql} returned {} rows, not one", values.len());
        Ok(values.remove(0))
    }

    /// The only value of a query that is not NULL, as the server prints it.
    ///
    /// # Errors
    /// Those of [`TestDatabase::query_one_text`], or when the value is NULL.
    pub async fn query_text(&self, sql: &str) -> Result<String> {
        self.query_one_text(sql)
            .await?
            .with_context(|| format!("{sql} returned NULL"))
    }

    /// The first column of each row of a query, as the server prints it.
    ///
    /// # Errors
    /// The server's, with the query.
    pub async fn query_texts(&self, sql: &str) -> Result<Vec<Option<String>>> {
        let client = self.connect().await?;
        let messages = client
            .simple_query(sql)
            .await
            .with_context(|| format!("could not run {sql}"))?;
        let rows = messages.iter().filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).map(str::to_owned)),
            _ => None,
        });
        Ok(rows.collect())
    }
}

async fn make_template(cluster: &Cluster) -> Result<()> {
    let admin = connect(&cluster.url("postgres")).await?;
    // A test process that was interrupted here would find it half made.
    admin
        .batch_execute(&format!("DROP DATABASE IF EXISTS {TEMPLATE}"))
        .await?;
    admin
        .batch_execute(&format!("CREATE DATABASE {TEMPLATE} TEMPLATE template0"))
        .await?;
    let client = connect(&cluster.url(TEMPLATE)).await?;
    client.batch_execute("CREATE EXTENSION postgis; CREATE EXTENSION postgres_fdw").await.with_context(|| {
        let version = cluster.version();
        format!("PostGIS is missing from PostgreSQL {version}; install the Debian package postgresql-{version}-postgis-3")
    })?;
    Ok(())
}

/// A connection whose task ends with its client.
pub(crate) async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .context("could not connect to the throwaway cluster")?;
    // Errors reach whoever uses the client.
    drop(tokio::spawn(connection));
    Ok(client)
}
