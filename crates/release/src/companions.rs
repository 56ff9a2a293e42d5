//! What belongs to the release set beside what the file names: materialized views over it, and the views they read it through.

use cutover_core::catalog::{CatalogError, CatalogSnapshot, Relation};
use cutover_core::release_file::MatviewsOutside;
use cutover_core::{Ident, ObjectName};
use tokio_postgres::{Client, IsolationLevel};

use crate::run::session_error;
use crate::staged::Staged;
use crate::{Cutover, ReleaseError};

impl Cutover {
    /// Reads the live set as of one moment: what the file names, and what has to change places with that.
    pub(crate) async fn read_live(&self, client: &mut Client) -> Result<CatalogSnapshot, ReleaseError> {
        let tx = client
            .build_transaction()
            .read_only(true)
            .isolation_level(IsolationLevel::RepeatableRead)
            .start()
            .await
            .map_err(|error| session_error("begin to read the catalog in", error))?;
        let mut members = self.members();
        let mut live = CatalogSnapshot::read(&tx, self.schema(), &members).await?;
        let companions = match self.file.swap().matviews {
            MatviewsOutside::Refuse => live.companions_of_members(),
            _ => live.companions(),
        };
        if !companions.is_empty() {
            members.extend(companions.into_iter().map(|companion| companion.name));
            live = CatalogSnapshot::read(&tx, self.schema(), &members).await?;
        }
        let live = live.with_schemas(&tx, &self.naming).await?;
        tx.commit()
            .await
            .map_err(|error| session_error("end reading the catalog in", error))?;
        Ok(live)
    }

    /// The members of the live set, partitions left out; what the file names where that is not all there.
    pub(crate) async fn live_members(&self, client: &mut Client) -> Result<Vec<Ident>, ReleaseError> {
        let live = self.read_live(client).await;
        self.members_of(live)
    }

    /// The same of a set that was read already, or could not be.
    pub(crate) fn members_of(
        &self,
        live: Result<CatalogSnapshot, ReleaseError>,
    ) -> Result<Vec<Ident>, ReleaseError> {
        match live {
            Ok(live) => {
                let members = live.relations.iter().filter(|relation| !relation.is_partition());
                Ok(members.map(|relation| relation.name.name.clone()).collect())
            }
            Err(ReleaseError::Catalog(CatalogError::Missing { .. })) => Ok(self.members()),
            Err(error) => Err(error),
        }
    }

    /// Of a set that was read so, what came along by itself.
    pub(crate) fn companions(&self, live: &CatalogSnapshot) -> Vec<ObjectName> {
        let came = |relation: &&Relation| {
            !relation.is_partition()
                && !self
                    .file
                    .release()
                    .members()
                    .any(|name| *name == relation.name.name)
        };
        live.relations.iter().filter(came).map(Relation::object).collect()
    }

    /// The members whose twins stand in staging: those that the file names, and those that came along when it was built.
    /// Partitions come with their tables.
    pub(crate) fn members_staged(&self, staged: &Staged) -> Vec<Ident> {
        let mut members = self.members();
        let set = staged.whole();
        let twins = set.iter().flat_map(|set| &set.members);
        for twin in twins.filter(|twin| twin.partition_of.is_none()) {
            if !members.contains(&twin.live.name) {
                members.push(twin.live.name.clone());
            }
        }
        members
    }
}
