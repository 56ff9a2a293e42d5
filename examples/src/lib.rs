#![doc = include_str!("../README.md")]

use anyhow::{Context as _, Result};
use cutover_core::{ConnectSettings, Environment, Session};
use cutover_testkit::Cluster;

/// The database that an example works on.
#[derive(Debug)]
pub struct Place {
    settings: ConnectSettings,
    /// Kept until the example ends; its server goes with it.
    _cluster: Option<Cluster>,
}

impl Place {
    /// The database that `url` or else the variable `CUTOVER_EXAMPLE_URL` names; with neither, one of a throwaway
    /// cluster that is gone when the example ends.
    ///
    /// # Errors
    /// When the URL means nothing, or no server binaries are installed.
    pub async fn find(url: Option<String>) -> Result<Self> {
        let environment: Environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        if let Some(url) = url.as_deref().or_else(|| environment.get("CUTOVER_EXAMPLE_URL")) {
            let settings = ConnectSettings::resolve(url, &environment)?;
            return Ok(Self {
                settings,
                _cluster: None,
            });
        }
        let version = environment
            .get("CUTOVER_TEST_PG_VERSION")
            .map(str::parse)
            .transpose();
        let version = version.context("CUTOVER_TEST_PG_VERSION is no major version")?;
        let cluster = Cluster::builder().version(version).start()?;
        let url = cluster.database().await?.url().to_owned();
        Ok(Self {
            settings: ConnectSettings::resolve(&url, &Environment::empty())?,
            _cluster: Some(cluster),
        })
    }

    /// How to connect to it.
    #[must_use]
    pub fn settings(&self) -> &ConnectSettings {
        &self.settings
    }

    /// A session on it, in which `setup` has been run as one transaction.
    ///
    /// # Errors
    /// When there is no connection, or the server refuses a statement; nothing of `setup` is left then.
    pub async fn session(&self, setup: &str) -> Result<Session> {
        let session = self.settings.connect("run an example").await?;
        let refused =
            "could not set up the example; DROP SCHEMA cutover_example CASCADE if an earlier run left it";
        session.batch_execute(setup).await.context(refused)?;
        Ok(session)
    }
}
