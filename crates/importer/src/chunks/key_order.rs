//! The order in which a source is read that may have to be taken up: by key, one range of it, and behind a key.

use cutover_core::Sql;

use super::key_ranges::KeyRange;

/// The key of a row as texts, in the key's order; `None` for NULL.
pub type Key = Vec<Option<String>>;

/// The statement that reads a source by key, but for where it begins and ends.
#[derive(Debug, Clone)]
pub(crate) struct KeyedRead {
    /// `COPY (SELECT … FROM …`.
    pub(crate) head: Sql,
    /// What the source sends for each column of the key.
    pub(crate) key: Vec<Sql>,
    /// `) TO STDOUT …`.
    pub(crate) tail: Sql,
}

impl KeyedRead {
    /// Reads the rows of a range by key, those behind `after` only. That is a key within the range.
    pub(crate) fn statement(&self, range: &KeyRange, after: Option<&Key>) -> Sql {
        let mut sql = self.head.clone();
        if let Some(condition) = self.condition(range, after) {
            sql = sql.then("\n WHERE ").append(&condition);
        }
        sql.then("\n ORDER BY ")
            .append(&Sql::join(self.key.iter().cloned(), ", "))
            .append(&self.tail)
    }

    fn condition(&self, range: &KeyRange, after: Option<&Key>) -> Option<Sql> {
        let behind = after.map(|after| self.behind(after));
        let above = if after.is_some() { None } else { self.above(range) };
        let up_to = self.key.first().zip(range.up_to.as_deref());
        let up_to = up_to.map(|(column, value)| Sql::text("").append(column).then(" <= ").literal(value));
        match (behind.or(above), up_to) {
            (Some(begin), Some(end)) if after.is_some() => {
                Some(Sql::text("(").append(&begin).then(")\n   AND ").append(&end))
            }
            (Some(begin), Some(end)) => Some(begin.then(" AND ").append(&end)),
            (begin, end) => begin.or(end),
        }
    }

    /// The condition that a row is above the range before. The last range has the NULLs, too: they come last, as `ORDER BY` has
    /// them.
    fn above(&self, range: &KeyRange) -> Option<Sql> {
        let column = self.key.first()?;
        let value = range.above.as_deref()?;
        let above = || Sql::text("").append(column).then(" > ").literal(value);
        Some(match range.up_to {
            Some(_) => above(),
            None => Sql::text("(")
                .append(&above())
                .then(" OR ")
                .append(column)
                .then(" IS NULL)"),
        })
    }

    /// The condition that a row comes behind a key. NULLs come last, as `ORDER BY` has them.
    ///
    /// The constants have no type of their own, so PostgreSQL reads them as the column's.
    fn behind(&self, after: &Key) -> Sql {
        let pairs = || self.key.iter().zip(after);
        let alternatives = pairs().enumerate().filter_map(|(n, (column, value))| {
            let greater = Sql::text("(")
                .append(column)
                .then(" > ")
                .literal(value.as_deref()?)
                .then(" OR ")
                .append(column)
                .then(" IS NULL)");
            let equal = pairs().take(n).map(|(column, value)| match value {
                Some(value) => Sql::text("").append(column).then(" = ").literal(value),
                None => Sql::text("").append(column).then(" IS NULL"),
            });
            Some(Sql::join(equal.chain([greater]), " AND "))
        });
        let alternatives: Vec<Sql> = alternatives.collect();
        if alternatives.is_empty() {
            // Nothing comes behind a key that is NULL throughout.
            return Sql::text("false");
        }
        Sql::join(alternatives, "\n    OR ")
    }
}

#[cfg(test)]
mod tests {
    use super::super::key_ranges::KeyRanges;
    use super::*;

    fn read() -> KeyedRead {
        KeyedRead {
            head: Sql::text("COPY (SELECT * FROM s"),
            key: vec![Sql::text("a"), Sql::text("b")],
            tail: Sql::text(")"),
        }
    }

    #[track_caller]
    fn check(range: &KeyRange, after: Option<&[Option<&str>]>, expected: &str) {
        let after = after.map(|key| key.iter().map(|value| value.map(str::to_owned)).collect());
        let sql = read().statement(range, after.as_ref());
        let condition = sql.as_str().strip_prefix("COPY (SELECT * FROM s");
        let condition = condition.and_then(|rest| rest.strip_suffix("\n ORDER BY a, b)"));
        assert_eq!(condition, Some(expected));
    }

    #[test]
    fn nulls_come_last() {
        let all = KeyRange::all();
        check(
            &all,
            Some(&[Some("1"), Some("x")]),
            "\n WHERE (a > '1' OR a IS NULL)\n    OR a = '1' AND (b > 'x' OR b IS NULL)",
        );
        check(&all, Some(&[Some("1"), None]), "\n WHERE (a > '1' OR a IS NULL)");
        check(
            &all,
            Some(&[None, Some("x")]),
            "\n WHERE a IS NULL AND (b > 'x' OR b IS NULL)",
        );
        check(&all, Some(&[None, None]), "\n WHERE false");
        check(&all, None, "");
    }

    #[test]
    fn a_range_begins_behind_the_one_before_and_the_last_has_the_nulls() {
        let ranges = KeyRanges::between(["3".to_owned(), "it's".to_owned()]);
        let [first, middle, last] = [0, 1, 2].map(|n| ranges.range(n));
        check(&first, None, "\n WHERE a <= '3'");
        check(&middle, None, "\n WHERE a > '3' AND a <= 'it''s'");
        check(&last, None, "\n WHERE (a > 'it''s' OR a IS NULL)");
        check(
            &middle,
            Some(&[Some("5"), None]),
            "\n WHERE ((a > '5' OR a IS NULL))\n   AND a <= 'it''s'",
        );
        check(
            &last,
            Some(&[None, Some("x")]),
            "\n WHERE a IS NULL AND (b > 'x' OR b IS NULL)",
        );
    }
}
