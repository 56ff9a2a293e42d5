//! `build_staging`: the live tables are cloned.

use std::fmt::Write as _;

use cutover_core::catalog::{RelationKind, WriteCounts};
use cutover_core::release_file;
use cutover_staging::{CloneOptions, ClonePlan, DeclaredChanges, SequenceStart};

use super::counted;
use crate::run::{Run, session_error};
use crate::staged::Staged;
use crate::{Cutover, ReleaseError};

impl Run<'_> {
    /// Locks: `ACCESS SHARE` on live; with `include_fks`, `SHARE ROW EXCLUSIVE` on tables outside the set that keys
    /// refer to, for a moment. Killed here, the twins exist all or none, and the record knows.
    pub(super) async fn build_staging(&mut self) -> Result<String, ReleaseError> {
        let mut client = self.client().await?;
        if let Some(tables) = &self.staged.tables {
            let old = Staged {
                tables: Some(tables.clone()),
                ..Staged::default()
            };
            self.cutover.drop_staged(&mut client, &old, &self.events).await?;
            // Only now: a drop that failed or was cancelled must leave them known, or an abort would forget them.
            self.staged.tables = None;
            (self.staged.validated, self.staged.sampled) = (false, false);
            self.records
                .clear_checkpoints(&*self.session, self.release)
                .await?;
            self.keep_staged().await?;
        }
        let cutover = self.cutover;
        let live = cutover.read_live(&mut client).await?;
        cutover.refuse_what_cannot_go_live(&live)?;
        let companions = cutover.companions(&live);
        let options = cutover.clone_options(self.changes_to_make().await?);
        let plan = ClonePlan::compute(&live, &cutover.naming, &options)?;
        let tx = client
            .transaction()
            .await
            .map_err(|error| session_error("begin to clone in", error))?;
        let set = plan.run_in(&tx, &self.events).await?;
        // Nobody writes to what is made of a query.
        let (queries, tables): (Vec<_>, Vec<_>) =
            set.members.iter().partition(|member| member.kind.has_query());
        let live: Vec<u32> = tables.iter().map(|table| table.live_oid).collect();
        self.staged.writes = WriteCounts::read(&*tx, &live).await?;
        let mut cloned = counted(tables.len(), "table");
        let views = |kind| queries.iter().filter(|member| member.kind == kind).count();
        for (number, noun) in [
            (views(RelationKind::MaterializedView), "materialized view"),
            (views(RelationKind::View), "view"),
        ] {
            if number > 0 {
                let _ = write!(cloned, " and {}", counted(number, noun));
            }
        }
        if !companions.is_empty() {
            let names: Vec<String> = companions.iter().map(ToString::to_string).collect();
            let _ = write!(cloned, " ({} came along)", names.join(", "));
        }
        let later = set.post_data.len();
        self.staged.tables = Some(set);
        self.keep_staged_in(&*tx).await?;
        tx.commit()
            .await
            .map_err(|error| session_error("commit the clones in", error))?;
        Ok(format!(
            "{cloned} cloned, {later} indexes, keys and triggers after the load"
        ))
    }
}

impl Cutover {
    /// How the release file wants staging to be built.
    pub(crate) fn clone_options(&self, changes: DeclaredChanges) -> CloneOptions {
        let staging = self.file.staging();
        let options = CloneOptions::default()
            .lightweight(staging.lightweight)
            .include_indexes(staging.indexes_before_load())
            .include_fks(staging.foreign_keys_before_load())
            .changes(changes);
        match staging.sequences {
            release_file::SequenceStart::Restart => options.sequences(SequenceStart::Restart),
            _ => options.sequences(SequenceStart::Continue),
        }
    }
}
