//! Tables that values are looked up in.

use cutover_core::release_file::{UnknownValue, suggestion};
use cutover_core::{Ident, QualifiedName, Sql};
use tokio_postgres::GenericClient;

use super::addition::{Extendable, NotFound};
use super::numbered;
use super::outputs::Output;
use crate::Import;
use crate::mapping::ColumnProblem;
use crate::target::Target;

/// Values that a problem names.
const NAMED: i64 = 5;

/// A lookup whose table and columns are there, and whose table holds no value twice.
pub(super) struct LookedUp {
    pub(super) table: QualifiedName,
    pub(super) matching: Ident,
    pub(super) take: Ident,
    pub(super) not_found: NotFound,
    /// Where it gets what it lacks.
    pub(super) adds: Option<Extendable>,
}

impl LookedUp {
    /// Reads what the catalog says of a lookup's table, and whether it holds a value twice: a join would make two rows of one.
    /// Reads the table for that only where no unique index tells.
    pub(super) async fn read(
        output: &Output<'_>,
        import: &Import,
        target: &Target,
        session: &impl GenericClient,
        problems: &mut Vec<ColumnProblem>,
    ) -> Result<Option<Self>, tokio_postgres::Error> {
        let Some(lookup) = output.transform.and_then(|transform| transform.looked_up()) else {
            return Ok(None);
        };
        let table = lookup.table.in_schema(&import.into_table().schema);
        let found = session
            .query(
                include_str!("sql/lookup_columns.sql"),
                &[&table.schema.as_str(), &table.name.as_str()],
            )
            .await?;
        if found.is_empty() {
            problems.push(ColumnProblem::LookupMissing {
                column: output.column.clone(),
                table,
            });
            return Ok(None);
        }
        let names: Vec<&str> = found.iter().map(|row| row.get(0)).collect();
        for wanted in [&lookup.matching, &lookup.take] {
            if !names.contains(&wanted.as_str()) {
                problems.push(ColumnProblem::MissingInLookup {
                    column: output.column.clone(),
                    table: table.clone(),
                    wanted: wanted.clone(),
                    hint: suggestion(wanted.as_str(), &names, "it has"),
                });
                return Ok(None);
            }
        }
        let is_unique = found
            .iter()
            .any(|row| row.get::<_, &str>(0) == lookup.matching.as_str() && row.get(1));
        let mut adds = None;
        if lookup.unknown == UnknownValue::Add {
            match Extendable::read(session, &table, &lookup.matching, is_unique).await? {
                Ok(extendable) => adds = Some(extendable),
                Err(obstacles) => {
                    problems.extend(obstacles.into_iter().map(|obstacle| ColumnProblem::CannotAdd {
                        column: output.column.clone(),
                        table: table.clone(),
                        obstacle,
                    }));
                    return Ok(None);
                }
            }
        }
        let filled = target.columns.iter().find(|column| column.name == *output.column);
        let not_null = filled.is_some_and(|column| column.not_null);
        let looked_up = Self {
            table,
            matching: lookup.matching.clone(),
            take: lookup.take.clone(),
            not_found: NotFound::of(lookup.unknown, import.adds_nothing(), not_null),
            adds,
        };
        if !is_unique {
            let twice = looked_up.twice(session).await?;
            if !twice.is_empty() {
                problems.push(ColumnProblem::AmbiguousLookup {
                    column: output.column.clone(),
                    table: looked_up.table,
                    matching: looked_up.matching,
                    values: twice,
                });
                return Ok(None);
            }
        }
        Ok(Some(looked_up))
    }

    /// The first values that several rows have.
    async fn twice(&self, session: &impl GenericClient) -> Result<Vec<String>, tokio_postgres::Error> {
        let value = Sql::text("t.").ident(&self.matching);
        let ask = Sql::text("SELECT CAST(")
            .append(&value)
            .then(" AS pg_catalog.text) FROM ")
            .name(&self.table)
            .then(" AS t WHERE ")
            .append(&value)
            .then(" IS NOT NULL GROUP BY ")
            .append(&value)
            .then(" HAVING pg_catalog.count(*) > 1 ORDER BY ")
            .append(&value)
            .then(" LIMIT ")
            .number(NAMED);
        let rows = session.query(ask.as_str(), &[]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// The `n`th column's row of the table, or none.
    pub(super) fn join(&self, n: i64, value: &Sql) -> Sql {
        let alias = numbered("l", n);
        Sql::text("\n   LEFT JOIN ")
            .name(&self.table)
            .then(" AS ")
            .append(&alias)
            .then(" ON ")
            .append(&alias)
            .then(".")
            .ident(&self.matching)
            .then(" = ")
            .append(value)
    }

    /// Whether there is nothing to find, or it was found.
    pub(super) fn found(&self, n: i64, value: &Sql) -> Sql {
        Sql::text("(")
            .append(value)
            .then(" IS NULL OR ")
            .append(&numbered("l", n))
            .then(".")
            .ident(&self.matching)
            .then(" IS NOT NULL)")
    }

    /// Why the row is to be set aside, or NULL.
    pub(super) fn verdict(&self, n: i64, value: &Sql, column: &Ident) -> Sql {
        let place = format!("{}.{}", self.table.name.as_str(), self.matching.as_str());
        Sql::text("CASE WHEN ")
            .append(value)
            .then(" IS NOT NULL AND ")
            .append(&numbered("l", n))
            .then(".")
            .ident(&self.matching)
            .then(" IS NULL THEN pg_catalog.concat(")
            .literal(&format!("column {column}: \""))
            // Long enough to be found, short enough to be read.
            .then(", pg_catalog.\"left\"(CAST(")
            .append(value)
            .then(" AS pg_catalog.text), 200), ")
            .literal(&format!("\" is not in {place}"))
            .then(") END")
    }
}
