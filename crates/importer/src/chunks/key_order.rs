//! The order in which a source is read that may have to be taken up: by key, and behind a key.

use cutover_core::Sql;

/// The key of a row as texts, in the key's order; `None` for NULL.
pub type Key = Vec<Option<String>>;

/// Reads the rows by key, those behind `after` only.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeyOrder {
    /// What the source sends for each column of the key.
    pub(crate) columns: Vec<Sql>,
    pub(crate) after: Option<Key>,
}

impl KeyOrder {
    pub(crate) fn order_by(&self) -> Sql {
        Sql::text("\n ORDER BY ").append(&Sql::join(self.columns.iter().cloned(), ", "))
    }

    /// The condition that a row comes behind the key, where there is one. NULLs come last, as `ORDER BY` has them.
    ///
    /// The constants have no type of their own, so PostgreSQL reads them as the column's.
    pub(crate) fn condition(&self) -> Option<Sql> {
        let after = self.after.as_ref()?;
        let pairs = || self.columns.iter().zip(after);
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
            return Some(Sql::text("false"));
        }
        Some(Sql::join(alternatives, "\n    OR "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(after: &[Option<&str>], expected: &str) {
        let order = KeyOrder {
            columns: vec![Sql::text("a"), Sql::text("b")],
            after: Some(after.iter().map(|value| value.map(str::to_owned)).collect()),
        };
        assert_eq!(order.condition().unwrap().as_str(), expected);
    }

    #[test]
    fn nulls_come_last() {
        check(
            &[Some("1"), Some("x")],
            "(a > '1' OR a IS NULL)\n    OR a = '1' AND (b > 'x' OR b IS NULL)",
        );
        check(&[Some("1"), None], "(a > '1' OR a IS NULL)");
        check(&[None, Some("x")], "a IS NULL AND (b > 'x' OR b IS NULL)");
        check(&[None, None], "false");
    }

    #[test]
    fn without_a_key_to_go_on_from_there_is_no_condition() {
        let order = KeyOrder {
            columns: vec![Sql::text("a")],
            after: None,
        };
        assert!(order.condition().is_none());
        assert_eq!(order.order_by().as_str(), "\n ORDER BY a");
    }
}
