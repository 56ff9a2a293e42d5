//! Rows outside the set that would lose what they refer to, counted before the swap.

use std::fmt;

use serde::Serialize;
use tokio_postgres::GenericClient;

use cutover_core::catalog::{InboundForeignKey, Relation, RelationKind};
use cutover_core::{ObjectKind, ObjectName, Sql, StatementError};

use crate::plan::SwapPlan;

/// A query that looks for rows which a foreign key from outside would refuse after the swap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Precheck {
    /// The foreign key.
    pub key: ObjectName,
    /// Returns the number of violating rows and up to ten of their keys as JSON.
    pub sql: Sql,
}

/// Rows that refer to what the incoming relations no longer hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrphanedRows {
    /// The foreign key.
    pub key: ObjectName,
    /// How many rows.
    pub rows: i64,
    /// The referring values of up to ten of them, as JSON.
    pub sample: Vec<String>,
}

impl Precheck {
    pub(crate) fn of(key: &InboundForeignKey, incoming: &Relation) -> Self {
        let pairs = key.columns.iter().zip(&key.references.columns);
        // As the key itself compares: `=` would be looked up on the session's search path.
        let matching = pairs.zip(&key.comparisons).map(|((ours, theirs), comparison)| {
            let sql = Sql::text("i.")
                .ident(theirs)
                .then(" ")
                .deparsed(&comparison.operator)
                .then(" r.")
                .ident(ours);
            match &comparison.collation {
                Some(collation) => sql.then(" COLLATE ").name(collation),
                None => sql,
            }
        });
        let present = key
            .columns
            .iter()
            .map(|column| Sql::text("r.").ident(column).then(" IS NOT NULL"));
        let shown = key.columns.iter().map(|column| Sql::text("r.").ident(column));
        let sql = Sql::text("SELECT pg_catalog.count(*), coalesce((pg_catalog.array_agg(orphan.keys::pg_catalog.text))[1:10], '{}') \
             FROM (SELECT pg_catalog.json_build_array(")
            .append(&Sql::join(shown, ", "))
            .then(") AS keys FROM ONLY ")
            .name(&key.table)
            .then(" r WHERE ")
            .append(&Sql::join(present, " AND "))
            .then(" AND NOT EXISTS (SELECT FROM ")
            // A key sees the partitions of what it refers to, but not what inherits from it.
            .then(match incoming.kind {
                RelationKind::PartitionedTable => "",
                _ => "ONLY ",
            })
            .name(&incoming.name)
            .then(" i WHERE ")
            .append(&Sql::join(matching, " AND "))
            .then(")) orphan");
        Self {
            key: ObjectName::part(ObjectKind::Constraint, &key.name, &key.table),
            sql,
        }
    }

    /// Runs the query; `None` when no row would be orphaned.
    ///
    /// Reads the whole referring table; takes only `ACCESS SHARE`.
    ///
    /// # Errors
    /// [`StatementError`] when the query fails.
    pub async fn read(&self, client: &impl GenericClient) -> Result<Option<OrphanedRows>, StatementError> {
        let failed = |error| StatementError::new("look for rows that would violate", self.key.clone(), error);
        let row = client.query_one(self.sql.as_str(), &[]).await.map_err(failed)?;
        let rows: i64 = row.get(0);
        Ok((rows > 0).then(|| OrphanedRows {
            key: self.key.clone(),
            rows,
            sample: row.get(1),
        }))
    }
}

impl SwapPlan {
    /// Runs all of [`prechecks`](Self::prechecks): the rows outside the set that would lose what they refer to.
    ///
    /// # Errors
    /// [`StatementError`] when a query fails.
    pub async fn read_orphans(
        &self,
        client: &impl GenericClient,
    ) -> Result<Vec<OrphanedRows>, StatementError> {
        let mut orphans = Vec::new();
        for precheck in &self.prechecks {
            orphans.extend(precheck.read(client).await?);
        }
        Ok(orphans)
    }
}

impl fmt::Display for OrphanedRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = if self.rows == 1 { "row" } else { "rows" };
        write!(
            f,
            "{} {rows} by {}, for example {}",
            self.rows,
            self.key,
            self.sample.join(", ")
        )
    }
}
