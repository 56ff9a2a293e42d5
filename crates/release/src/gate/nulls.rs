//! Columns that have become empty, by the statistics of the planner: a column that an importer no longer fills is no structural
//! difference and changes no count.

use cutover_core::{QualifiedName, StatementError};
use tokio_postgres::Client;

use super::table;

/// What shuts the gate: columns whose share of nulls grows by more than `most`, and that there are no statistics.
///
/// Both sides are what `ANALYZE` has sampled, staging's a moment ago. Of a live table that was never analysed nothing is known, and
/// nothing is held against it.
pub(crate) async fn reasons(
    client: &Client,
    live: &QualifiedName,
    staging: &QualifiedName,
    most: f64,
) -> Result<Vec<String>, StatementError> {
    let failed = |error| StatementError::new("read the statistics of", table(staging), error);
    let rows = client
        .query(
            include_str!("sql/null_shares.sql"),
            &[
                &live.schema.as_str(),
                &live.name.as_str(),
                &staging.schema.as_str(),
                &staging.name.as_str(),
            ],
        )
        .await
        .map_err(failed)?;
    if rows.is_empty() {
        return Ok(vec![
            "has no statistics, or none that this role may see".to_owned(),
        ]);
    }
    let mut reasons = Vec::new();
    for row in rows {
        let (column, before, after): (&str, Option<f32>, f32) = (row.get(0), row.get(1), row.get(2));
        let (Some(before), after) = (before.map(f64::from), f64::from(after)) else {
            continue;
        };
        if after - before > most {
            reasons.push(format!(
                "column {column} is null in {:.1} % of the rows and was in {:.1} %, at most {:.1} points more are allowed",
                after * 100.0,
                before * 100.0,
                most * 100.0
            ));
        }
    }
    Ok(reasons)
}
