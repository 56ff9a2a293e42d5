//! Materialized views outside the set that are refreshed before anything else: whether they can be, without stopping readers.

use std::collections::BTreeSet;

use cutover_core::{Ident, QualifiedName, Session};

use super::{Concern, Findings};
use crate::run::session_error;
use crate::{Cutover, ReleaseError};

impl Cutover {
    /// Those that are missing, what is read tells.
    pub(super) async fn check_refreshed(
        &self,
        session: &Session,
        findings: &mut Findings,
    ) -> Result<(), ReleaseError> {
        let refresh = self.file.refresh();
        if !refresh.enabled {
            return Ok(());
        }
        let outside: BTreeSet<QualifiedName> = self.outside(&refresh.views).into_iter().collect();
        let schemas: Vec<&str> = outside.iter().map(|name| name.schema.as_str()).collect();
        let names: Vec<&str> = outside.iter().map(|name| name.name.as_str()).collect();
        let rows = session
            .query(include_str!("sql/refreshed.sql"), &[&schemas, &names])
            .await
            .map_err(|error| session_error("look for the views to refresh in", error))?;
        for row in rows {
            let ident = |column: usize| Ident::new(row.get::<_, &str>(column)).map_err(ReleaseError::Name);
            let name = QualifiedName::new(ident(0)?, ident(1)?);
            let (why, remedy) = if !row.get::<_, bool>("is_matview") {
                ("it is no materialized view", "take it out of [refresh] views")
            } else if !row.get::<_, bool>("is_allowed") {
                (
                    "the role neither owns it nor may maintain it",
                    "GRANT its owner to the role; from PostgreSQL 17 on GRANT MAINTAIN does as well",
                )
            } else if !row.get::<_, bool>("is_populated") {
                (
                    "it was never filled, and that can only be done where readers wait",
                    "REFRESH MATERIALIZED VIEW it once",
                )
            } else if !row.get::<_, bool>("has_key") {
                (
                    "it has no unique index of plain columns and all rows, without which its readers would wait",
                    "CREATE UNIQUE INDEX on it",
                )
            } else {
                continue;
            };
            findings.error(
                Concern::Sources,
                format!("{name} cannot be refreshed: {why}"),
                remedy,
            );
        }
        Ok(())
    }
}
