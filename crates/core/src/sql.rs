//! Statements put together from our literals and typed parts only.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Ident, QualifiedName};

/// One SQL statement (or a piece of one).
///
/// It is made from `&'static str` text and typed parts, so no name or value is ever pasted in. There are two other ways
/// to one, for trusted text only: [`operator_query`](Self::operator_query), and deserialising what was kept.
///
/// ```
/// use cutover_core::{Ident, QualifiedName, Sql};
///
/// let live = QualifiedName::new(Ident::new("public")?, Ident::new("sources")?);
/// let sql = Sql::text("ALTER TABLE ").name(&live).then(" RENAME TO ").ident(&Ident::new("bk\"x")?);
/// assert_eq!(sql.as_str(), r#"ALTER TABLE "public"."sources" RENAME TO "bk""x""#);
/// # Ok::<(), cutover_core::IdentError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[must_use]
pub struct Sql(String);

/// Text that one of PostgreSQL's own deparsers printed (`pg_get_indexdef`, `pg_get_expr`, …).
///
/// It is the one kind of run-time text that may enter a statement, because the server wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Deparsed(String);

impl Deparsed {
    /// Wraps what a `pg_get_*` function or `format_type` returned. Never for text from elsewhere.
    #[must_use]
    pub fn from_server(text: String) -> Self {
        Self(text)
    }

    /// The text, as the server printed it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Deparsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Sql {
    /// Starts with literal text.
    pub fn text(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    /// SQL that an operator wrote into the release file, run as it stands and under their responsibility.
    pub fn operator_query(query: impl Into<String>) -> Self {
        Self(query.into())
    }

    /// Appends literal text.
    pub fn then(mut self, text: &'static str) -> Self {
        self.0.push_str(text);
        self
    }

    /// Appends a quoted identifier.
    pub fn ident(self, ident: &Ident) -> Self {
        self.push(ident)
    }

    /// Appends a quoted, schema-qualified name.
    pub fn name(self, name: &QualifiedName) -> Self {
        self.push(name)
    }

    /// Appends quoted identifiers, separated by commas.
    pub fn idents<'a>(mut self, idents: impl IntoIterator<Item = &'a Ident>) -> Self {
        for (n, ident) in idents.into_iter().enumerate() {
            if n > 0 {
                self.0.push_str(", ");
            }
            self = self.push(ident);
        }
        self
    }

    /// Appends a string constant: `'it''s'`, or `E'…'` where it holds a backslash ([4.1.2]).
    ///
    /// A NUL byte cannot stand in a PostgreSQL text; it is left out.
    ///
    /// [4.1.2]: https://www.postgresql.org/docs/15/sql-syntax-lexical.html#SQL-SYNTAX-CONSTANTS
    pub fn literal(mut self, value: &str) -> Self {
        let escaped = value.contains('\\');
        self.0.push_str(if escaped { "E'" } else { "'" });
        for c in value.chars() {
            match c {
                '\'' => self.0.push_str("''"),
                '\\' => self.0.push_str("\\\\"),
                '\0' => {}
                c => self.0.push(c),
            }
        }
        self.0.push('\'');
        self
    }

    /// Appends a whole number.
    pub fn number(self, value: i64) -> Self {
        self.push(value)
    }

    /// Appends text that PostgreSQL itself printed.
    pub fn deparsed(self, text: &Deparsed) -> Self {
        self.push(text)
    }

    /// Appends another piece.
    pub fn append(mut self, piece: &Sql) -> Self {
        self.0.push_str(&piece.0);
        self
    }

    /// Joins pieces with a separator.
    pub fn join(pieces: impl IntoIterator<Item = Sql>, separator: &'static str) -> Self {
        let pieces: Vec<String> = pieces.into_iter().map(|piece| piece.0).collect();
        Self(pieces.join(separator))
    }

    /// The statement's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn push(mut self, part: impl fmt::Display) -> Self {
        use fmt::Write;
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{part}");
        self
    }
}

impl fmt::Display for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_literal(value: &str, expected: &str) {
        assert_eq!(Sql::text("").literal(value).as_str(), expected);
    }

    #[test]
    fn literals_are_escaped() {
        check_literal("plain", "'plain'");
        check_literal("it's", "'it''s'");
        check_literal(r"a\b'c", r"E'a\\b''c'");
        check_literal("a\0b", "'ab'");
    }

    #[test]
    fn lists_are_separated() {
        let names = [Ident::new("a").unwrap(), Ident::new("b c").unwrap()];
        assert_eq!(
            Sql::text("(").idents(&names).then(")").as_str(),
            r#"("a", "b c")"#
        );
        assert_eq!(Sql::join([Sql::text("x"), Sql::text("y")], "; ").as_str(), "x; y");
    }
}
