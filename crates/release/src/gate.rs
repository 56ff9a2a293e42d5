//! The gates of `[[validate]]`: what must hold of a staging table before it goes live.

pub(crate) mod groups; // by the values of a column
mod nulls; // columns that have become empty

use std::fmt;

use cutover_core::release_file::{TemplateFacts, Validation};
use cutover_core::{Ident, ObjectKind, ObjectName, QualifiedName, Sql, StatementError};
use serde::Serialize;
use tokio_postgres::Client;

use crate::manifest::RelationFacts;
use crate::run::session_error;
use crate::{Cutover, ReleaseError};
use groups::GroupFacts;

/// A gate that is shut.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GateFailure {
    /// The table, by its live name.
    pub table: Ident,
    /// What was found and what was allowed.
    pub reason: String,
}

impl fmt::Display for GateFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.table.as_str(), self.reason)
    }
}

/// What the row counts alone tell.
pub(crate) fn check_counts(validation: &Validation, facts: &RelationFacts) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Some(least) = validation.min_rows
        && facts.rows < least
    {
        reasons.push(format!("{} rows, at least {least} wanted", facts.rows));
    }
    let Some(change) = facts.change() else {
        return reasons;
    };
    let counts = format!("{} rows live, {} staged", facts.live_rows, facts.rows);
    if let Some(most) = validation.max_shrink
        && -change > most
    {
        reasons.push(format!(
            "shrinks by {:.2} %, at most {:.2} % allowed ({counts})",
            -change * 100.0,
            most * 100.0
        ));
    }
    if let Some(most) = validation.max_growth
        && change > most
    {
        reasons.push(format!(
            "grows by {:.2} %, at most {:.2} % allowed ({counts})",
            change * 100.0,
            most * 100.0
        ));
    }
    reasons
}

impl Cutover {
    /// Everything that is wrong with one staged table; an empty list opens the gate. What is learnt of its groups goes into `facts`.
    pub(crate) async fn check_gate(
        &self,
        client: &Client,
        validation: &Validation,
        facts: &mut RelationFacts,
        template: &TemplateFacts,
    ) -> Result<Vec<GateFailure>, ReleaseError> {
        let staging = self.staging(&validation.table);
        let mut reasons = check_counts(validation, facts);
        if let Some(column) = &validation.geometry_present {
            let missing = count_missing_geometry(client, &staging, column).await?;
            if missing > 0 {
                reasons.push(format!(
                    "{missing} rows have no {} or an empty one",
                    column.as_str()
                ));
            }
        }
        let live = self.file.live_name(&validation.table);
        if let Some(most) = validation.max_null_growth {
            reasons.extend(nulls::reasons(client, &live, &staging, most).await?);
        }
        if let Some(limits) = &validation.groups {
            let groups = GroupFacts::read(client, &live, &staging, limits).await?;
            reasons.extend(groups.reasons(limits));
            facts.groups.push(groups);
        }
        if let Some(query) = &validation.query {
            let sql = query.render(template).map_err(|source| ReleaseError::Template {
                what: "validation of",
                name: validation.table.as_str().to_owned(),
                source,
            })?;
            let found = count_rows_of(client, &staging, &sql).await?;
            if found > 0 {
                reasons.push(format!("its query returns {found} rows, none are allowed"));
            }
        }
        Ok(reasons
            .into_iter()
            .map(|reason| GateFailure {
                table: validation.table.clone(),
                reason,
            })
            .collect())
    }
}

/// Rows of a relation. A full count: statistics would not do for a gate.
pub(crate) async fn count_rows(client: &Client, relation: &QualifiedName) -> Result<u64, StatementError> {
    count(
        client,
        relation,
        &Sql::text("SELECT count(*) FROM ").name(relation),
    )
    .await
}

/// Rows without a geometry; where PostGIS is installed, rows with an empty one too.
async fn count_missing_geometry(
    client: &Client,
    relation: &QualifiedName,
    column: &Ident,
) -> Result<u64, ReleaseError> {
    let schema = postgis_schema(client).await?;
    let sql = match schema {
        Some(schema) => Sql::text("SELECT count(*) FROM ")
            .name(relation)
            .then(" WHERE ")
            .ident(column)
            .then(" IS NULL OR ")
            .ident(&schema)
            .then(".ST_IsEmpty(")
            .ident(column)
            .then(")"),
        None => Sql::text("SELECT count(*) FROM ")
            .name(relation)
            .then(" WHERE ")
            .ident(column)
            .then(" IS NULL"),
    };
    Ok(count(client, relation, &sql).await?)
}

/// The schema that PostGIS is installed in; `None` where it is not.
pub(crate) async fn postgis_schema(client: &Client) -> Result<Option<Ident>, ReleaseError> {
    extension_schema(client, "postgis").await
}

/// The schema that an extension is installed in; `None` where it is not.
pub(crate) async fn extension_schema(
    client: &Client,
    extension: &'static str,
) -> Result<Option<Ident>, ReleaseError> {
    let row = client
        .query_opt(
            "SELECT n.nspname::text FROM pg_catalog.pg_extension e \
               JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = $1::text",
            &[&extension],
        )
        .await
        .map_err(|error| session_error("look for an extension in", error))?;
    Ok(row.and_then(|row| Ident::new(row.get::<_, &str>(0)).ok()))
}

async fn count_rows_of(
    client: &Client,
    relation: &QualifiedName,
    query: &str,
) -> Result<u64, StatementError> {
    let query = query.trim().trim_end_matches(';');
    let sql = Sql::text("SELECT count(*) FROM (")
        .append(&Sql::operator_query(query))
        .then("\n) AS violations");
    count(client, relation, &sql).await
}

async fn count(client: &Client, relation: &QualifiedName, sql: &Sql) -> Result<u64, StatementError> {
    let failed = |error| StatementError::new("count the rows of", table(relation), error);
    // Row-level security must fail loudly, not filter what is counted.
    client
        .batch_execute("SET row_security = off")
        .await
        .map_err(failed)?;
    let row = client.query_one(sql.as_str(), &[]).await.map_err(failed)?;
    Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or(0))
}

fn table(relation: &QualifiedName) -> ObjectName {
    ObjectName::qualified(ObjectKind::Table, relation)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Ident {
        Ident::new("protected_areas").unwrap()
    }

    #[track_caller]
    fn check(validation: &Validation, rows: u64, live_rows: u64, expected: &[&str]) {
        assert_eq!(
            check_counts(validation, &RelationFacts::new(rows, live_rows, 0)),
            expected
        );
    }

    #[test]
    fn counts_are_held_against_the_limits() {
        let validation = Validation::new(table())
            .min_rows(10)
            .max_shrink(0.05)
            .max_growth(0.5);
        check(&validation, 100, 100, &[]);
        check(&validation, 95, 100, &[]);
        check(
            &validation,
            94,
            100,
            &["shrinks by 6.00 %, at most 5.00 % allowed (100 rows live, 94 staged)"],
        );
        check(
            &validation,
            151,
            100,
            &["grows by 51.00 %, at most 50.00 % allowed (100 rows live, 151 staged)"],
        );
        check(
            &validation,
            9,
            100,
            &[
                "9 rows, at least 10 wanted",
                "shrinks by 91.00 %, at most 5.00 % allowed (100 rows live, 9 staged)",
            ],
        );
    }

    #[test]
    fn the_first_release_has_nothing_to_be_compared_with() {
        check(
            &Validation::new(table()).max_shrink(0.0).max_growth(0.0),
            1000,
            0,
            &[],
        );
    }
}
