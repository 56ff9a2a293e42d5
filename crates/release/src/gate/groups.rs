//! A table's rows by the values of a column: what hides in a total that looks sound.

use std::fmt::Write as _;

use cutover_core::release_file::GroupValidation;
use cutover_core::{Ident, QualifiedName, Sql, StatementError};
use serde::{Deserialize, Serialize};
use tokio_postgres::Client;

use super::table;
use crate::manifest;

/// Groups that are told of one by one.
const TOLD: i64 = 20;
/// Of these, in an error.
const TOLD_IN_ERRORS: usize = 5;
/// Characters of a value.
const LONGEST_VALUE: usize = 60;

/// How the rows of a table are spread over the values of a column, in staging and live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GroupFacts {
    /// The column.
    pub by: Ident,
    /// How many groups there are, in staging, live or both.
    pub groups: u64,
    /// Groups that are to be judged, have rows live and none in staging.
    pub vanished: u64,
    /// Groups that are to be judged and change by more than allowed.
    pub beyond: u64,
    /// The groups that change most, at most 20: those that may not first, then by rows.
    pub movers: Vec<GroupChange>,
}

/// A group that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GroupChange {
    /// The value, the beginning of a long one; `None` for null.
    pub value: Option<String>,
    /// Rows in staging.
    pub rows: u64,
    /// Rows live.
    pub live_rows: u64,
}

impl GroupChange {
    /// The change against live as a share: 0.02 for two per cent more. `None` when live has no such rows.
    #[must_use]
    pub fn change(&self) -> Option<f64> {
        manifest::change(self.rows, self.live_rows)
    }

    /// `"FRA" (100 → 60 rows)`.
    fn told(&self) -> String {
        let value = self
            .value
            .as_ref()
            .map_or("null".to_owned(), |value| format!("{value:?}"));
        format!("{value} ({} → {} rows)", self.live_rows, self.rows)
    }
}

impl GroupFacts {
    /// Counts the rows of both by a column. Both are read once, and what comes back is bounded.
    pub(crate) async fn read(
        client: &Client,
        live: &QualifiedName,
        staging: &QualifiedName,
        groups: &GroupValidation,
    ) -> Result<Self, StatementError> {
        let failed = |error| StatementError::new("count the groups of", table(staging), error);
        let sql = counting(live, staging, &groups.by);
        // Row-level security must fail loudly, not filter what is counted.
        client
            .batch_execute("SET row_security = off")
            .await
            .map_err(failed)?;
        let ignore_below = i64::try_from(groups.ignore_below).unwrap_or(i64::MAX);
        let rows = client
            .query(
                sql.as_str(),
                &[&groups.max_shrink, &groups.max_growth, &ignore_below, &TOLD],
            )
            .await
            .map_err(failed)?;
        let whole = |row: &tokio_postgres::Row, column| u64::try_from(row.get::<_, i64>(column)).unwrap_or(0);
        let of_all = |column| rows.first().map_or(0, |row| whole(row, column));
        let movers = rows.iter().map(|row| GroupChange {
            value: row.get::<_, Option<String>>("value").map(shortened),
            rows: whole(row, "staged"),
            live_rows: whole(row, "live"),
        });
        Ok(Self {
            by: groups.by.clone(),
            groups: of_all("all_groups"),
            vanished: of_all("all_vanished"),
            beyond: of_all("all_beyond"),
            movers: movers.filter(|mover| mover.rows != mover.live_rows).collect(),
        })
    }

    /// What shuts the gate.
    pub(crate) fn reasons(&self, limits: &GroupValidation) -> Vec<String> {
        let by = self.by.as_str();
        let mut reasons = Vec::new();
        if self.vanished > limits.max_vanished {
            let vanished = self.movers.iter().filter(|mover| mover.rows == 0);
            reasons.push(format!(
                "groups by {by} that vanish: {}, at most {} may: {}",
                self.vanished,
                limits.max_vanished,
                listed(vanished, self.vanished)
            ));
        }
        if self.beyond > 0 {
            let judged = |mover: &&GroupChange| mover.rows > 0 && mover.live_rows > 0;
            reasons.push(format!(
                "groups by {by} that change too much: {}, allowed are {}: {}",
                self.beyond,
                allowed(limits),
                listed(self.movers.iter().filter(judged), self.beyond)
            ));
        }
        reasons
    }
}

fn allowed(limits: &GroupValidation) -> String {
    let share = |limit: Option<f64>, what| limit.map(|limit| format!("{:.2} % {what}", limit * 100.0));
    let both = [share(limits.max_shrink, "less"), share(limits.max_growth, "more")];
    both.into_iter().flatten().collect::<Vec<_>>().join(" and ")
}

/// The first of them, which are the ones that may not: the list begins with these.
fn listed<'g>(groups: impl Iterator<Item = &'g GroupChange>, all: u64) -> String {
    let told = usize::try_from(all).unwrap_or(usize::MAX).min(TOLD_IN_ERRORS);
    let told: Vec<String> = groups.take(told).map(GroupChange::told).collect();
    if told.is_empty() {
        // All that are told one by one vanish.
        return "not listed".to_owned();
    }
    let mut text = told.join(", ");
    if all > told.len() as u64 {
        // Writing to a text cannot fail.
        let _ = write!(text, " and {} more", all - told.len() as u64);
    }
    text
}

fn shortened(value: String) -> String {
    match value.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value,
    }
}

/// Groups of both relations with their counts and whether each is as it may be; parameters are the shares of rows that may go and
/// come, how many rows a group needs live to be judged, and how many groups are wanted.
fn counting(live: &QualifiedName, staging: &QualifiedName, by: &Ident) -> Sql {
    Sql::text(
        "SELECT value, live, staged, count(*) OVER () AS all_groups, \
                count(*) FILTER (WHERE vanished) OVER () AS all_vanished, \
                count(*) FILTER (WHERE beyond) OVER () AS all_beyond \
           FROM (SELECT value, live, staged, \
                        live > 0 AND live >= $3::bigint AND staged = 0 AS vanished, \
                        live > 0 AND live >= $3::bigint AND staged > 0 \
                        AND (coalesce((live - staged)::float8 / nullif(live, 0) > $1::float8, false) \
                             OR coalesce((staged - live)::float8 / nullif(live, 0) > $2::float8, false)) AS beyond \
                   FROM (SELECT value, sum(live)::bigint AS live, sum(staged)::bigint AS staged \
                           FROM (SELECT ",
    )
    .ident(by)
    .then("::text AS value, count(*) AS live, 0 AS staged FROM ")
    .name(live)
    .then(" GROUP BY 1 UNION ALL SELECT ")
    .ident(by)
    .then("::text, 0, count(*) FROM ")
    .name(staging)
    .then(
        " GROUP BY 1) AS counted GROUP BY value) AS both_counts) AS judged \
          ORDER BY vanished OR beyond DESC, abs(staged - live) DESC, value LIMIT $4::bigint",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_cut_and_says_so() {
        let groups: Vec<GroupChange> = (0..20)
            .map(|n| GroupChange {
                value: (n > 0).then(|| format!("g{n}")),
                rows: 0,
                live_rows: 7,
            })
            .collect();
        assert_eq!(
            listed(groups.iter(), 30),
            "null (7 → 0 rows), \"g1\" (7 → 0 rows), \"g2\" (7 → 0 rows), \"g3\" (7 → 0 rows), \"g4\" (7 → 0 rows) and 25 more"
        );
        assert_eq!(listed(groups.iter(), 1), "null (7 → 0 rows)");
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        assert_eq!(shortened("é".repeat(60)), "é".repeat(60));
        assert_eq!(shortened("é".repeat(61)), format!("{}…", "é".repeat(60)));
    }
}
