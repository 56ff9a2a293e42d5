//! `refresh_views`: materialized views of the set get filled twins; others that the file names are refreshed.

use cutover_core::catalog::existing;
use cutover_core::{Events, LockMode, ObjectKind, ObjectName, QualifiedName, Sql, Step};
use cutover_staging::MatviewPlan;

use crate::run::{Run, session_error};
use crate::staged::Staged;
use crate::{Cutover, ReleaseError};

impl Run<'_> {
    /// Starts afresh: staging that earlier releases left behind is dropped first, by their records.
    ///
    /// Locks: `ACCESS SHARE` on what the views read; `EXCLUSIVE` on views outside the set while they are refreshed
    /// concurrently, which readers do not notice. Killed here, the twins exist all or none, and the record knows.
    pub(super) async fn refresh_views(&mut self) -> Result<String, ReleaseError> {
        self.drop_leftovers().await?;
        let outside = self.refresh_outside().await?;
        let twins = if self.cutover.matviews().is_empty() {
            0
        } else {
            self.build_matview_twins().await?
        };
        Ok(match (twins, outside) {
            (0, 0) => "no materialized views".to_owned(),
            (twins, 0) => format!("{twins} materialized views rebuilt beside the live ones"),
            (twins, outside) => {
                format!("{twins} materialized views rebuilt beside the live ones, {outside} others refreshed")
            }
        })
    }

    /// Staging of every earlier release of the set that its record still knows of.
    async fn drop_leftovers(&mut self) -> Result<(), ReleaseError> {
        let mut client = self.client().await?;
        for record in self.records.with_staging(&*self.session).await? {
            if let Some(staged) = Staged::of(&record)? {
                if staged.validated && !staged.dry_run {
                    self.warn(format!(
                        "what release {} of {} had ready for its swap is removed",
                        record.id, record.label
                    ));
                }
                self.cutover
                    .drop_staged(&mut client, &staged, &Events::none())
                    .await?;
            }
            self.records.set_staged(&*self.session, record.id, None).await?;
        }
        self.staged = Staged {
            contents: Some(self.cutover.file.contents_digest().as_str().to_owned()),
            settings: Some(self.cutover.file.contents()),
            ..Staged::default()
        };
        let taken = self.cutover.existing_staging(&client).await?;
        if taken.is_empty() {
            Ok(())
        } else {
            Err(ReleaseError::Leftover { relations: taken })
        }
    }

    /// Those that read tables of the set come with the tables.
    async fn build_matview_twins(&mut self) -> Result<usize, ReleaseError> {
        let mut client = self.client().await?;
        // The whole set, so that one that reads a table of the set is recognised.
        let live = self.cutover.read_live(&mut client).await?;
        self.cutover.refuse_what_cannot_go_live(&live)?;
        let options = self.cutover.clone_options(self.changes_to_make().await?);
        let plan = MatviewPlan::compute(&live, &self.cutover.naming, &options)?;
        if plan.is_empty() {
            return Ok(0);
        }
        let tx = client
            .transaction()
            .await
            .map_err(|error| session_error("begin to build twins in", error))?;
        self.staged.matviews = Some(plan.run_in(&tx, &self.events).await?);
        self.keep_staged_in(&*tx).await?;
        tx.commit()
            .await
            .map_err(|error| session_error("commit the twins built in", error))?;
        if let Some(set) = &self.staged.matviews {
            set.fill_materialized_views(&mut client, &self.events).await?;
        }
        self.staged.filled = true;
        self.keep_staged().await?;
        Ok(self.staged.matviews.as_ref().map_or(0, |set| set.members.len()))
    }

    /// Refreshes what `[refresh]` names outside the set, without stopping its readers.
    async fn refresh_outside(&mut self) -> Result<usize, ReleaseError> {
        let refresh = self.cutover.file.refresh();
        if !refresh.enabled {
            return Ok(0);
        }
        let outside = self.cutover.outside(&refresh.views);
        let client = self.client().await?;
        for (done, view) in outside.iter().enumerate() {
            refresh_concurrently(view).run(&**client, done).await?;
        }
        Ok(outside.len())
    }
}

impl Cutover {
    /// Of the views named, those that are no members, in the order given.
    pub(crate) fn outside(&self, views: &[cutover_core::release_file::RelationRef]) -> Vec<QualifiedName> {
        let members: Vec<QualifiedName> = self.members().iter().map(|member| self.live(member)).collect();
        let named = views.iter().map(|view| view.in_schema(self.schema()));
        named.filter(|view| !members.contains(view)).collect()
    }

    /// Relations that already bear a name which staging is about to take.
    async fn existing_staging(
        &self,
        client: &tokio_postgres::Client,
    ) -> Result<Vec<QualifiedName>, ReleaseError> {
        let names: Vec<QualifiedName> = self.members().iter().map(|member| self.staging(member)).collect();
        Ok(existing(client, &names).await?)
    }
}

/// Needs a unique index over whole rows; the server's refusal says so, and names the view.
fn refresh_concurrently(view: &QualifiedName) -> Step {
    let object = ObjectName::qualified(ObjectKind::MaterializedView, view);
    let sql = Sql::text("REFRESH MATERIALIZED VIEW CONCURRENTLY ").name(view);
    Step::new("refresh", object, sql).locking(LockMode::Exclusive, view)
}
