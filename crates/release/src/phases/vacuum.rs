//! Vacuuming staging once more before the swap, where an old snapshot kept the first time from being of use.
//!
//! `VACUUM` marks as visible to all, and freezes, only what every open snapshot of the database sees. One that is older than the
//! load, of a report or of the server's own `ANALYZE`, leaves a table unmarked: index-only scans would then read the heap,
//! and a standby would not notice that its own old snapshots conflict. So it is looked at again before the swap.

use cutover_core::{ObjectKind, ObjectName, QualifiedName, Sql, StatementError, Step};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::ReleaseError;
use crate::run::Run;

/// Those of some tables and materialized views that have pages which are not marked as visible to all.
const UNMARKED: &str = "SELECT c.relname::text FROM pg_catalog.pg_class c \
     WHERE c.relnamespace = pg_catalog.to_regnamespace(pg_catalog.quote_ident($1)) AND c.relname = ANY ($2) \
       AND c.relkind IN ('r', 'm') AND c.relallvisible < c.relpages ORDER BY 1";

impl Run<'_> {
    /// Vacuums once more what an old snapshot had kept from being marked, and warns where one still does. Usually there is
    /// nothing to do.
    ///
    /// Locks: `SHARE UPDATE EXCLUSIVE` on staging.
    pub(super) async fn vacuum_what_is_left(&self) -> Result<(), ReleaseError> {
        let Some(set) = self.staged.whole() else {
            return Ok(());
        };
        let left = self.unmarked(&self.session, &set).await?;
        if left.is_empty() {
            return Ok(());
        }
        let client = self.client().await?;
        for (name, kind) in &left {
            vacuum(name, *kind).run(&**client, 0).await?;
        }
        let left = self.unmarked(&self.session, &set).await?;
        if !left.is_empty() {
            let names: Vec<String> = left.iter().map(|(name, _)| name.to_string()).collect();
            self.warn(format!(
                "a transaction that is older than the load keeps vacuum from marking pages as visible to all ({}): until \
                 autovacuum comes by, index-only scans read the table, too, and standbys do not notice snapshots of their own \
                 that are older than the load; once that transaction (the oldest xact_start in pg_stat_activity) has ended, run \
                 VACUUM (FREEZE) on these tables, which are live by then",
                names.join(", ")
            ));
        }
        Ok(())
    }

    async fn unmarked(
        &self,
        client: &Client,
        set: &cutover_staging::StagedSet,
    ) -> Result<Vec<(QualifiedName, ObjectKind)>, ReleaseError> {
        let names: Vec<&str> = set
            .members
            .iter()
            .map(|member| member.staging.name.as_str())
            .collect();
        let rows = client
            .query_typed(
                UNMARKED,
                &[
                    (&set.staging_schema().as_str(), Type::TEXT),
                    (&names, Type::TEXT_ARRAY),
                ],
            )
            .await
            .map_err(|error| {
                let schema = ObjectName::global(ObjectKind::Schema, set.staging_schema());
                StatementError::new("look what is left to vacuum in", schema, error)
            })?;
        let unmarked: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let members = set
            .members
            .iter()
            .filter(|member| unmarked.iter().any(|name| name == member.staging.name.as_str()));
        Ok(members
            .map(|member| (member.staging.clone(), member.kind.object_kind()))
            .collect())
    }
}

/// It was analysed when it was vacuumed first. But a vacuum that reads only the pages that are left guesses the number of rows
/// anew from these (`vac_estimate_reltuples`), and plans would be made with that guess. `VACUUM` has to stand alone in its
/// message.
fn vacuum(staging: &QualifiedName, kind: ObjectKind) -> Step {
    Step::new(
        "vacuum and freeze once more",
        ObjectName::qualified(kind, staging),
        Sql::text("VACUUM (FREEZE, ANALYZE) ").name(staging),
    )
}
