//! The two servers of the demo, with the reference dataset on them.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use cutover::Cutover;
use cutover_core::ConnectSettings;
use cutover_core::release_file::ReleaseFile;
use cutover_testkit::dataset::{
    LIVE_OWNER, LIVE_READER, PortalConnection, PortalSpec, create_live, create_portal, switch_portal_month,
    write_csvs,
};
use cutover_testkit::{Cluster, TestDatabase};
use serde::Serialize;
use tempfile::TempDir;
use tokio_postgres::Client;

use crate::environment::Captured;

/// The example of the repository: the whole dataset, 16 tables and 9 materialized views.
const RELEASE_FILE: &str = include_str!("../../../../examples/wdpa/release.toml");
const FILE_NAME: &str = "release.toml";
/// Every demo shows the same dataset.
const SEED: u64 = 1;

/// The portal, live, and the folder with the release file and its CSV files.
pub(super) struct Servers {
    portal: Cluster,
    live: Cluster,
    portal_database: TestDatabase,
    live_database: TestDatabase,
    folder: TempDir,
    spec: PortalSpec,
}

/// How to reach what was left running, and how to be rid of it.
#[derive(Debug, Serialize)]
pub(crate) struct Kept {
    pub(super) portal: String,
    pub(super) live: String,
    pub(super) status: String,
    pub(super) removal: String,
}

impl Servers {
    /// Starts both servers and fills the portal with the first month; live has its tables, all empty.
    pub(super) async fn start(scale: f64) -> Result<Self> {
        let start = || tokio::task::spawn_blocking(|| Cluster::builder().start());
        let (portal, live) = tokio::try_join!(start(), start())?;
        let (portal, live) = (portal?, live?);
        let (portal_database, live_database) = tokio::try_join!(portal.database(), live.database())?;
        let spec = PortalSpec::new(SEED, scale);
        create_portal(&portal_database.connect().await?, &spec).await?;
        let connection = PortalConnection::to(&portal, &portal_database);
        create_live(&live_database.connect().await?, &connection).await?;
        let folder = tempfile::Builder::new().prefix("cutover-demo-").tempdir()?;
        std::fs::write(folder.path().join(FILE_NAME), RELEASE_FILE)
            .context("could not write the release file")?;
        std::fs::create_dir(folder.path().join("data"))
            .context("could not make the folder of the CSV files")?;
        let servers = Self {
            portal,
            live,
            portal_database,
            live_database,
            folder,
            spec,
        };
        servers.write_csvs()?;
        Ok(servers)
    }

    /// Brings the portal to the next month, and says which.
    pub(super) async fn next_month(&mut self) -> Result<String> {
        self.spec = self.spec.in_month(self.spec.month + 1);
        switch_portal_month(&self.portal_database.connect().await?, &self.spec).await?;
        self.write_csvs()?;
        Ok(self.month())
    }

    /// The month that the portal holds, as labels spell it.
    pub(super) fn month(&self) -> String {
        self.spec.month_label()
    }

    /// The major version of both servers.
    pub(super) fn version(&self) -> u16 {
        self.live.version()
    }

    /// How many sites the portal holds.
    pub(super) async fn sites(&self) -> Result<u64> {
        let sites = self
            .portal_database
            .query_text("SELECT count(DISTINCT site_id) FROM portal.wdpas")
            .await?;
        Ok(sites.parse()?)
    }

    /// The release set on the live server, as its owner.
    pub(super) fn cutover(&self, captured: &Captured) -> Result<Cutover> {
        let file = ReleaseFile::parse(RELEASE_FILE, FILE_NAME)?;
        let target = ConnectSettings::resolve(&self.owner_url(), &captured.environment)?;
        Ok(Cutover::new(file, target)
            .folder(self.folder.path())
            .host(&captured.host))
    }

    /// How an application connects to live: it may read, and nothing else.
    pub(super) fn reader_url(&self) -> String {
        self.live
            .url_for(LIVE_READER, LIVE_READER, self.live_database.name())
    }

    /// A session on live that may look at everything.
    pub(super) async fn connect(&self) -> Result<Client> {
        self.live_database.connect().await
    }

    /// Leaves everything where it is, after this process too.
    pub(super) fn keep(self) -> Result<Kept> {
        let status_url = self.owner_url();
        let (portal, live) = (
            self.portal_database.url().to_owned(),
            self.live_database.url().to_owned(),
        );
        let (portal_kept, live_kept) = (self.portal.keep()?, self.live.keep()?);
        let folder: PathBuf = self.folder.keep();
        let file = folder.join(FILE_NAME);
        Ok(Kept {
            portal: format!("psql '{portal}'"),
            live: format!("psql '{live}'"),
            status: format!(
                "DATABASE_URL='{status_url}' cutover status --file '{}'",
                file.display()
            ),
            removal: format!(
                "{}; {}; rm -rf '{}'",
                portal_kept.removal,
                live_kept.removal,
                folder.display()
            ),
        })
    }

    fn owner_url(&self) -> String {
        self.live
            .url_for(LIVE_OWNER, LIVE_OWNER, self.live_database.name())
    }

    fn write_csvs(&self) -> Result<()> {
        write_csvs(&self.folder.path().join("data"), &self.spec, &self.month())
    }
}
