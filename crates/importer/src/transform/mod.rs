//! What happens to columns on their way: one query around the source that does all of it.
//!
//! The servers read that query in place of the source, so the plan prints it, and ways, chunks and resuming are those of any
//! other source. A row that a lookup finds nothing for bears the reason in a column of its own ([`VERDICT`]), by which the
//! client sets it aside: a query that failed would end the whole stream, and a second query for such rows would see another
//! state, or run the source twice.

mod addition; // what lookups add to their tables
mod lookup; // tables that values are looked up in
mod outputs; // which columns are filled, and from what

use cutover_core::release_file::{CentroidAxis, FirstBy};
use cutover_core::{Ident, Sql};
use tokio_postgres::GenericClient;

use crate::Import;
use crate::mapping::ColumnProblem;
use crate::preflight::postgis_schema;
use crate::source::Rows;
use crate::target::Target;

use addition::NotFound;
use lookup::LookedUp;
use outputs::{Output, outputs};

pub use addition::{Addition, AdditionObstacle, MissingValues};

/// The column that says why a row is to be set aside; NULL where it is not.
pub(crate) const VERDICT: &str = "cutover_verdict";

/// A source with its transforms.
pub(crate) struct Transformed {
    /// What stands behind `FROM`.
    pub(crate) from: Sql,
    /// Target column and column of `from`, which bear the same name.
    pub(crate) columns: Vec<(Ident, String)>,
    /// What has to be in the tables that values are looked up in.
    pub(crate) additions: Vec<Addition>,
}

/// Where the query runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// In the statement that fills the table, so it has to give the table's types.
    Table,
    /// On a session of its own: the table reads texts.
    Client,
}

/// Puts the transforms of an import around its source, or tells everything that is wrong with them. `setup` is what a session has to
/// be set up with that adds to tables of lookups.
pub(crate) async fn transformed(
    import: &Import,
    target: &Target,
    source: &Rows,
    session: &impl GenericClient,
    (reader, setup): (Reader, &Sql),
) -> Result<Result<Transformed, Vec<ColumnProblem>>, tokio_postgres::Error> {
    let mut problems = Vec::new();
    let outputs = outputs(import, target, source, &mut problems);
    let mut lookups = Vec::new();
    for output in &outputs {
        lookups.push(LookedUp::read(output, import, target, session, &mut problems).await?);
    }
    let postgis = if outputs.iter().any(Output::is_centroid) {
        let schema = postgis_schema(session).await?;
        if schema.is_none() {
            problems.extend(outputs.iter().find(|output| output.is_centroid()).map(|output| {
                ColumnProblem::NoPostgis {
                    column: output.column.clone(),
                }
            }));
        }
        schema
    } else {
        None
    };
    let first = match import.takes_first_by() {
        Some(first) => Some(first_by(first, source, session).await?),
        None => None,
    };
    if !problems.is_empty() {
        return Ok(Err(problems));
    }
    let query = Query {
        target,
        source,
        outputs: &outputs,
        lookups: &lookups,
        postgis: postgis.as_ref(),
        first: first.as_ref(),
        reader,
    };
    Ok(Ok(Transformed {
        from: query.sql(),
        columns: outputs
            .iter()
            .map(|output| (output.column.clone(), output.column.as_str().to_owned()))
            .collect(),
        additions: query.additions(import, setup),
    }))
}

/// `DISTINCT ON` and its order.
struct First {
    distinct: Sql,
    order: Sql,
}

/// The columns are there: `outputs` has asked for them.
async fn first_by(
    first: &FirstBy,
    source: &Rows,
    session: &impl GenericClient,
) -> Result<First, tokio_postgres::Error> {
    let type_of = |name: &Ident| {
        let found = source.columns.iter().find(|column| column.name == *name);
        found.map_or(0, |column| column.type_oid)
    };
    let types: Vec<u32> = first.order.iter().map(type_of).collect();
    let collatable = session
        .query(
            "SELECT t.typcollation <> 0 FROM pg_catalog.unnest($1::pg_catalog.oid[]) WITH ORDINALITY AS o(type, n) \
               LEFT JOIN pg_catalog.pg_type t ON t.oid = o.type ORDER BY o.n",
            &[&types],
        )
        .await?;
    let of = |name: &Ident| Sql::text("f.").ident(name);
    let key: Vec<Sql> = first.key.iter().map(of).collect();
    let order = first.order.iter().zip(&collatable).map(|(name, row)| {
        let is_collatable: Option<bool> = row.get(0);
        if is_collatable == Some(true) {
            of(name).then(" COLLATE pg_catalog.\"C\"")
        } else {
            of(name)
        }
    });
    Ok(First {
        distinct: Sql::join(key.clone(), ", "),
        order: Sql::join(key.into_iter().chain(order), ", "),
    })
}

struct Query<'a> {
    target: &'a Target,
    source: &'a Rows,
    outputs: &'a [Output<'a>],
    lookups: &'a [Option<LookedUp>],
    postgis: Option<&'a Ident>,
    first: Option<&'a First>,
    reader: Reader,
}

impl Query<'_> {
    fn sql(&self) -> Sql {
        let mut columns = Vec::new();
        let mut joins = Sql::text("");
        let mut verdicts = Vec::new();
        let mut kept = Vec::new();
        for (n, (output, lookup)) in (1..).zip(self.outputs.iter().zip(self.lookups)) {
            let mut value = output.value();
            if let Some(list) = output.transform.and_then(|transform| transform.split.as_deref()) {
                joins = joins.then("\n CROSS JOIN LATERAL ").append(&parts(output, list));
            }
            if let Some(lookup) = lookup {
                joins = joins.append(&lookup.join(n, &value));
                match lookup.not_found {
                    NotFound::SetAside => verdicts.push(lookup.verdict(n, &value, output.column)),
                    NotFound::LeaveOut => kept.push(lookup.found(n, &value)),
                    NotFound::Null => {}
                }
                value = numbered("l", n).then(".").ident(&lookup.take);
            }
            if let (Some(axis), Some(postgis)) = (output.axis(), self.postgis) {
                let shared = (1..)
                    .zip(self.outputs)
                    .find(|(_, other)| other.is_centroid() && other.from == output.from);
                let alias = numbered("c", shared.map_or(n, |(first, _)| first));
                if alias == numbered("c", n) {
                    // OFFSET keeps it from being computed wherever it is named.
                    joins = joins
                        .then("\n CROSS JOIN LATERAL (SELECT ")
                        .ident(postgis)
                        .then(".st_centroid(")
                        .append(&value)
                        .then(") AS centroid OFFSET 0) AS ")
                        .append(&alias);
                }
                let coordinate = match axis {
                    CentroidAxis::Latitude => ".st_y(",
                    CentroidAxis::Longitude => ".st_x(",
                };
                value = Sql::text("")
                    .ident(postgis)
                    .then(coordinate)
                    .append(&alias)
                    .then(".centroid)");
            }
            if output.transform.is_some_and(|transform| transform.cast) {
                value = self.cast(output.column, &value);
            }
            columns.push(value.then(" AS ").ident(output.column));
        }
        if !verdicts.is_empty() {
            columns.push(
                Sql::text("NULLIF(pg_catalog.concat_ws('; ', ")
                    .append(&Sql::join(verdicts, ", "))
                    .then("), '') AS ")
                    .then(VERDICT),
            );
        }
        let mut query = Sql::text("(SELECT ")
            .append(&Sql::join(columns, ",\n        "))
            .then("\n   FROM ")
            .append(&self.rows())
            .then(" AS r")
            .append(&joins);
        if !kept.is_empty() {
            query = query.then("\n  WHERE ").append(&Sql::join(kept, " AND "));
        }
        query.then("\n)")
    }

    /// The source, or the first of its rows.
    fn rows(&self) -> Sql {
        let Some(first) = self.first else {
            return self.source.from.clone();
        };
        let read = self.source.columns.iter().map(|column| &column.name);
        let read = read.filter(|name| self.outputs.iter().any(|output| output.from == *name));
        Sql::text("(SELECT DISTINCT ON (")
            .append(&first.distinct)
            .then(") ")
            .append(&Sql::join(read.map(|name| Sql::text("f.").ident(name)), ", "))
            .then("\n          FROM ")
            .append(&self.source.from)
            .then(" AS f\n         ORDER BY ")
            .append(&first.order)
            .then(")")
    }

    /// The value's text, which the table reads; where the query fills the table by itself, read here. Without a modifier: an
    /// explicit cast to `varchar(10)` would cut a longer text without a word.
    fn cast(&self, column: &Ident, value: &Sql) -> Sql {
        let text = Sql::text("CAST(").append(value).then(" AS pg_catalog.text)");
        let found = self.target.columns.iter().find(|known| known.name == *column);
        match (self.reader, found) {
            (Reader::Table, Some(known)) => Sql::text("CAST(")
                .append(&text)
                .then(" AS ")
                .name(&known.base_type)
                .then(")"),
            _ => text,
        }
    }
}

fn numbered(prefix: &'static str, n: i64) -> Sql {
    Sql::text(prefix).number(n)
}

/// The parts of a list, one row each.
fn parts(output: &Output<'_>, separator: &str) -> Sql {
    let nulls = output.transform.iter().flat_map(|transform| &transform.null_if);
    let conditions = std::iter::once("")
        .chain(nulls.map(String::as_str))
        .map(|value| Sql::text("t.part <> ").literal(value));
    Sql::text(
        "(SELECT DISTINCT t.part\n         FROM (SELECT pg_catalog.btrim(u.part, E' \\t\\n\\r\\f') AS part \
         FROM pg_catalog.unnest(pg_catalog.string_to_array(CAST(r.",
    )
    .ident(output.from)
    .then(" AS pg_catalog.text), ")
    .literal(separator)
    .then(")) AS u(part)) AS t\n        WHERE ")
    .append(&Sql::join(conditions, " AND "))
    .then(") AS parts")
}
