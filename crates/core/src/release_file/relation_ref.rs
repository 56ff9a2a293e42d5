//! A relation as the release file names it: with or without its schema.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Ident, IdentError, QualifiedName};

/// A relation named `name`, `schema.name` or, where a part holds a dot, `"na.me"`.
///
/// Unlike in SQL, letters keep their case: a name is written as the catalog has it.
///
/// ```
/// use cutover_core::{Ident, release_file::RelationRef};
///
/// let view: RelationRef = "portal_fdw.wdpas".parse()?;
/// assert_eq!(view.in_schema(&Ident::new("public")?).to_string(), r#""portal_fdw"."wdpas""#);
/// let view: RelationRef = "sources".parse()?;
/// assert_eq!(view.in_schema(&Ident::new("public")?).to_string(), r#""public"."sources""#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RelationRef {
    schema: Option<Ident>,
    name: Ident,
}

/// A text that names no relation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RelationRefError {
    /// Not one or two parts.
    #[error("`{0}` is no relation: write `name`, `schema.name`, or quote a part that holds a dot")]
    Parts(String),
    /// A part that is no name.
    #[error(transparent)]
    Ident(#[from] IdentError),
}

impl RelationRef {
    /// A relation in the target's schema.
    #[must_use]
    pub fn new(name: Ident) -> Self {
        Self { schema: None, name }
    }

    /// Its full name, `schema` being used where it names none.
    #[must_use]
    pub fn in_schema(&self, schema: &Ident) -> QualifiedName {
        QualifiedName::new(
            self.schema.clone().unwrap_or_else(|| schema.clone()),
            self.name.clone(),
        )
    }
}

impl RelationRef {
    /// Its name, where it is in this schema, so that it may be of the release set.
    pub(super) fn member_of(&self, schema: &Ident) -> Option<&Ident> {
        let is_there = self.schema.as_ref().is_none_or(|own| own == schema);
        is_there.then_some(&self.name)
    }
}

impl From<QualifiedName> for RelationRef {
    fn from(name: QualifiedName) -> Self {
        Self {
            schema: Some(name.schema),
            name: name.name,
        }
    }
}

/// Cuts the text at dots outside quotes and takes the quotes off; `None` when quotes are out of place.
fn parts(text: &str) -> Option<Vec<String>> {
    let mut parts = vec![String::new()];
    let mut rest = text.chars().peekable();
    let mut quoted = false;
    let mut closed = false;
    while let Some(c) = rest.next() {
        let part = parts.last_mut()?;
        match c {
            '"' if quoted && rest.next_if_eq(&'"').is_some() => part.push('"'),
            '"' if quoted => (quoted, closed) = (false, true),
            '"' if part.is_empty() && !closed => quoted = true,
            '.' if !quoted => {
                parts.push(String::new());
                closed = false;
            }
            '"' => return None,
            _ if closed => return None,
            c => part.push(c),
        }
    }
    (!quoted).then_some(parts)
}

impl FromStr for RelationRef {
    type Err = RelationRefError;

    fn from_str(text: &str) -> Result<Self, RelationRefError> {
        let malformed = || RelationRefError::Parts(text.to_owned());
        let mut parts = parts(text).ok_or_else(malformed)?.into_iter();
        match (parts.next(), parts.next(), parts.next()) {
            (Some(name), None, None) => Ok(Self {
                schema: None,
                name: Ident::new(name)?,
            }),
            (Some(schema), Some(name), None) => Ok(Self {
                schema: Some(Ident::new(schema)?),
                name: Ident::new(name)?,
            }),
            _ => Err(malformed()),
        }
    }
}

impl TryFrom<String> for RelationRef {
    type Error = RelationRefError;

    fn try_from(text: String) -> Result<Self, RelationRefError> {
        text.parse()
    }
}

/// Prints the text that reads back: quoted only where it must be.
impl fmt::Display for RelationRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (part, end) in self
            .schema
            .iter()
            .map(|schema| (schema, "."))
            .chain([(&self.name, "")])
        {
            if part.as_str().contains(['.', '"']) {
                write!(f, "{part}{end}")?;
            } else {
                write!(f, "{}{end}", part.as_str())?;
            }
        }
        Ok(())
    }
}

impl From<RelationRef> for String {
    fn from(relation: RelationRef) -> Self {
        relation.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let read: RelationRef = text.parse().unwrap();
        assert_eq!(
            read.in_schema(&Ident::new("public").unwrap()).to_string(),
            expected
        );
        assert_eq!(read.to_string().parse(), Ok(read), "reads back");
    }

    #[test]
    fn reads_names_with_and_without_schema() {
        check("sites", r#""public"."sites""#);
        check("Portal.Sites", r#""Portal"."Sites""#);
        check(r#""a.b"."c""d""#, r#""a.b"."c""d""#);
        check(r#"a."b.c""#, r#""a"."b.c""#);
    }

    #[test]
    fn refuses_the_rest() {
        for text in ["", ".", "a.", ".a", "a.b.c", "\"a", "a\"b", "\"a\"b", "\"\""] {
            assert!(text.parse::<RelationRef>().is_err(), "{text:?}");
        }
    }
}
