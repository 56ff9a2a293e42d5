//! Ranges of the first column of a key, and where to cut them.

use cutover_core::Sql;
use tokio_postgres::Transaction;

use super::key_order::KeyedRead;

/// Rows that bounds are told by: a quantile of so many is off by a third of a percent of all rows at most, 19 times in 20.
const SAMPLE: u64 = 100_000;

/// Ranges of the first column of an import's key, one behind the other, that hold every row: rows of one value are never parted,
/// and the NULLs belong to the last.
///
/// ```
/// use cutover_importer::KeyRanges;
///
/// let ranges = KeyRanges::between(["1200".to_owned(), "98000".to_owned()]);
/// assert_eq!(ranges.count(), 3);
/// assert_eq!(KeyRanges::one().count(), 1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyRanges {
    bounds: Vec<String>,
}

impl KeyRanges {
    /// All rows in one.
    #[must_use]
    pub fn one() -> Self {
        Self::default()
    }

    /// Ranges of which all but the last end with these values, as [`ImportPlan::read_ranges`](crate::ImportPlan::read_ranges)
    /// found them: in the column's order, as PostgreSQL prints them.
    #[must_use]
    pub fn between(bounds: impl IntoIterator<Item = String>) -> Self {
        Self {
            bounds: bounds.into_iter().collect(),
        }
    }

    /// The last value of each range but the last.
    #[must_use]
    pub fn bounds(&self) -> &[String] {
        &self.bounds
    }

    /// How many there are; at least one.
    #[must_use]
    pub fn count(&self) -> usize {
        self.bounds.len() + 1
    }

    /// One of them, counted from 0.
    pub(crate) fn range(&self, n: usize) -> KeyRange {
        KeyRange {
            above: n
                .checked_sub(1)
                .and_then(|before| self.bounds.get(before).cloned()),
            up_to: self.bounds.get(n).cloned(),
        }
    }
}

/// A range of the first column of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyRange {
    /// The last value of the range before.
    pub(crate) above: Option<String>,
    /// Its last value; without one it has the NULLs, too.
    pub(crate) up_to: Option<String>,
}

impl KeyRange {
    pub(crate) fn all() -> Self {
        Self {
            above: None,
            up_to: None,
        }
    }
}

/// Cuts the rows of a source into so many ranges of about as many rows each, or into fewer where many rows share a value.
///
/// The bounds are quantiles of the column (`percentile_disc`), over all rows or, where the planner expects more than 100,000,
/// over about as many picked at random. That reads the source once without its other columns: of a table no TOAST and at best
/// an index, of a view what its query takes to tell the key. A histogram that `ANALYZE` has left would cost nothing, but tells of
/// another state, and of no view.
pub(crate) async fn read(
    read: &KeyedRead,
    from: &Sql,
    expected_rows: Option<u64>,
    ranges: u32,
    source: &Transaction<'_>,
) -> Result<KeyRanges, tokio_postgres::Error> {
    let (Some(column), true) = (read.key.first(), ranges > 1) else {
        return Ok(KeyRanges::one());
    };
    let fractions: Vec<f64> = (1..=ranges).map(|n| f64::from(n) / f64::from(ranges)).collect();
    let mut ask = Sql::text(
        "SELECT coalesce((pg_catalog.percentile_disc($1::pg_catalog.float8[]) WITHIN GROUP (ORDER BY ",
    )
    .append(column)
    .then("))::pg_catalog.text[], '{}') FROM ")
    .append(from)
    .then(" AS s");
    if let Some(expected) = expected_rows.filter(|rows| *rows > SAMPLE) {
        ask = ask
            .then(" WHERE pg_catalog.random() * ")
            .number(i64::try_from(expected).unwrap_or(i64::MAX))
            .then(" < ")
            .number(i64::try_from(SAMPLE).unwrap_or(i64::MAX));
    }
    let row = source.query_one(ask.as_str(), &[&fractions]).await?;
    Ok(of_quantiles(row.get(0)))
}

/// Ranges out of quantiles, the last of which is the greatest value. Printed alike they are one value: other types are not cut.
fn of_quantiles(quantiles: Vec<Option<String>>) -> KeyRanges {
    let mut bounds: Vec<String> = quantiles.into_iter().flatten().collect();
    bounds.dedup();
    // Behind the greatest value there would be a range of NULLs only.
    bounds.pop();
    KeyRanges { bounds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(quantiles: &[&str], expected: &[&str]) {
        let quantiles = quantiles.iter().map(|value| Some((*value).to_owned())).collect();
        assert_eq!(of_quantiles(quantiles).bounds(), expected);
    }

    #[test]
    fn a_value_is_in_one_range() {
        check(&["2", "4", "6"], &["2", "4"]);
        check(&["2", "2", "6"], &["2"]);
        check(&["2", "6", "6"], &["2"]);
        check(&["6", "6"], &[]);
        check(&[], &[]);
    }
}
