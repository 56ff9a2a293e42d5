//! Identifiers: checked once at the door, quoted by printing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// PostgreSQL's `NAMEDATALEN - 1`: the longest identifier in bytes ([4.1.1]).
///
/// The server cuts longer names silently; Cutover refuses or shortens them itself (see
/// [`NamingPolicy`](crate::NamingPolicy)).
///
/// [4.1.1]: https://www.postgresql.org/docs/15/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS
pub const MAX_IDENT_BYTES: usize = 63;

/// One SQL identifier: 1 to 63 bytes, no NUL. `Display` prints it quoted, ready to stand in a statement.
///
/// ```
/// use cutover_core::Ident;
///
/// let name = Ident::new("say \"hi\"")?;
/// assert_eq!(name.to_string(), r#""say ""hi""""#);
/// assert_eq!(name.as_str(), "say \"hi\"");
/// assert!(Ident::new("").is_err());
/// # Ok::<(), cutover_core::IdentError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ident(String);

/// A text that PostgreSQL does not take for a name as it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentError {
    /// The text was empty.
    #[error("a name must not be empty")]
    Empty,
    /// The text holds a NUL byte.
    #[error("the name {0:?} holds a NUL byte")]
    Nul(String),
    /// PostgreSQL would cut the name to 63 bytes without saying so.
    #[error("the name {name:?} has {bytes} bytes, PostgreSQL keeps 63")]
    TooLong {
        /// The name as given.
        name: String,
        /// Its length in bytes.
        bytes: usize,
    },
}

impl Ident {
    /// Checks a name and keeps it as it is: no case folding, no trimming.
    ///
    /// # Errors
    /// [`IdentError`] when the name is empty, longer than 63 bytes or holds a NUL byte.
    pub fn new(name: impl Into<String>) -> Result<Self, IdentError> {
        let name = name.into();
        if name.is_empty() {
            return Err(IdentError::Empty);
        }
        if name.contains('\0') {
            return Err(IdentError::Nul(name));
        }
        if name.len() > MAX_IDENT_BYTES {
            return Err(IdentError::TooLong {
                bytes: name.len(),
                name,
            });
        }
        Ok(Self(name))
    }

    /// A name that was built from checked parts and cut to fit.
    pub(crate) fn fitted(name: String) -> Self {
        debug_assert!(!name.is_empty() && name.len() <= MAX_IDENT_BYTES && !name.contains('\0'));
        Self(name)
    }

    /// The bare name, without quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

impl TryFrom<String> for Ident {
    type Error = IdentError;

    fn try_from(name: String) -> Result<Self, IdentError> {
        Self::new(name)
    }
}

impl FromStr for Ident {
    type Err = IdentError;

    fn from_str(name: &str) -> Result<Self, IdentError> {
        Self::new(name)
    }
}

impl From<Ident> for String {
    fn from(ident: Ident) -> Self {
        ident.0
    }
}

/// The name of a relation (or sequence, or index) with its schema. `Display` prints both parts quoted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct QualifiedName {
    /// The schema.
    pub schema: Ident,
    /// The name within it.
    pub name: Ident,
}

impl QualifiedName {
    /// Puts the two parts together.
    #[must_use]
    pub fn new(schema: Ident, name: Ident) -> Self {
        Self { schema, name }
    }

    /// The same schema, another name.
    #[must_use]
    pub fn with_name(&self, name: Ident) -> Self {
        Self {
            schema: self.schema.clone(),
            name,
        }
    }
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_quoted(name: &str, expected: &str) {
        assert_eq!(Ident::new(name).unwrap().to_string(), expected);
    }

    #[test]
    fn prints_quoted() {
        check_quoted("plain", r#""plain""#);
        check_quoted("Select", r#""Select""#);
        check_quoted("a.b", r#""a.b""#);
        check_quoted("q\"q", r#""q""q""#);
        check_quoted("محمية", "\"محمية\"");
    }

    #[test]
    fn refuses_what_postgresql_would_change() {
        assert_eq!(Ident::new(""), Err(IdentError::Empty));
        assert!(matches!(Ident::new("a\0b"), Err(IdentError::Nul(_))));
        assert!(Ident::new("x".repeat(63)).is_ok());
        assert!(matches!(
            Ident::new("x".repeat(64)),
            Err(IdentError::TooLong { bytes: 64, .. })
        ));
        assert!(
            Ident::new("é".repeat(32)).is_err(),
            "the limit counts bytes, not characters"
        );
    }

    #[test]
    fn a_deserialised_name_is_checked_too() {
        assert!(serde_json::from_str::<Ident>("\"\"").is_err());
        assert_eq!(serde_json::from_str::<Ident>("\"x\"").unwrap().as_str(), "x");
    }
}
