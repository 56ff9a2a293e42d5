//! Portal, live database, release file and its data, all at once.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::{
    PortalConnection, PortalSpec, create_live, create_portal, load_live, switch_portal_month, write_csvs,
};
use crate::{Cluster, TestDatabase};

/// All that a release needs: a portal with a month in it, a live database that is still empty, and a directory with the
/// example's release file and the month's CSV files. The directory goes when it is dropped.
///
/// # Examples
/// ```no_run
/// # use cutover_testkit::{Cluster, dataset::{PortalSpec, World}};
/// # async fn example() -> anyhow::Result<()> {
/// let mut world = World::create(Cluster::shared(), Cluster::shared(), PortalSpec::new(1, 0.001)).await?;
/// world.load().await?; // live is as after a release of month 0
/// world.switch_to_month(1).await?; // the portal has moved on
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct World {
    portal: TestDatabase,
    live: TestDatabase,
    directory: tempfile::TempDir,
    spec: PortalSpec,
}

impl World {
    /// Makes both databases, on two clusters or twice the same, and the files.
    ///
    /// # Errors
    /// When a database or file cannot be made.
    pub async fn create(portal_on: &Cluster, live_on: &Cluster, spec: PortalSpec) -> Result<Self> {
        let (portal, live) = (portal_on.database().await?, live_on.database().await?);
        create_portal(&portal.connect().await?, &spec).await?;
        create_live(&live.connect().await?, &PortalConnection::to(portal_on, &portal)).await?;
        let directory = tempfile::tempdir().context("could not make a directory for the release file")?;
        let world = Self {
            portal,
            live,
            directory,
            spec,
        };
        let example = include_str!("../../../../examples/wdpa/release.toml");
        std::fs::write(world.release_file(), example).context("could not write the release file")?;
        std::fs::create_dir(world.data_directory())
            .context("could not make a directory for the CSV files")?;
        world.write_csvs()?;
        Ok(world)
    }

    /// The upstream database.
    #[must_use]
    pub fn portal(&self) -> &TestDatabase {
        &self.portal
    }

    /// The database that is released to.
    #[must_use]
    pub fn live(&self) -> &TestDatabase {
        &self.live
    }

    /// What the portal holds now.
    #[must_use]
    pub fn spec(&self) -> &PortalSpec {
        &self.spec
    }

    /// Holds the release file and, in `data`, the CSV files of every month so far.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A copy of the example's release file, for a test to change.
    #[must_use]
    pub fn release_file(&self) -> PathBuf {
        self.directory.path().join("release.toml")
    }

    /// Brings the portal to another month, and writes that month's CSV files. Live stays as it is.
    ///
    /// # Errors
    /// Those of [`switch_portal_month`] and [`write_csvs`](super::write_csvs()).
    pub async fn switch_to_month(&mut self, month: u32) -> Result<()> {
        self.switch_to(self.spec.in_month(month)).await
    }

    /// Brings the portal to another specification, and writes the CSV files of its month. Live stays as it is.
    ///
    /// # Errors
    /// Those of [`switch_portal_month`] and [`write_csvs`](super::write_csvs()).
    pub async fn switch_to(&mut self, spec: PortalSpec) -> Result<()> {
        switch_portal_month(&self.portal.connect().await?, &spec).await?;
        self.spec = spec;
        self.write_csvs()
    }

    /// Fills live from the portal without a release; see [`load_live`].
    ///
    /// # Errors
    /// Those of [`load_live`].
    pub async fn load(&self) -> Result<()> {
        load_live(
            &self.live.connect().await?,
            &self.data_directory(),
            &self.spec.month_label(),
        )
        .await
    }

    fn write_csvs(&self) -> Result<()> {
        write_csvs(&self.data_directory(), &self.spec, &self.spec.month_label())
    }

    fn data_directory(&self) -> PathBuf {
        self.directory.path().join("data")
    }
}
