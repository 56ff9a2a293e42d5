//! Values that never reach a log, an event, an error or a manifest.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value that must not be shown: `env:NAME`, looked up when it is needed, or the value itself.
///
/// `Debug`, `Display` and `Serialize` print `env:NAME` or `***`, never a value.
///
/// ```
/// use cutover_core::release_file::Secret;
///
/// let url = Secret::env("DATABASE_URL");
/// let variables = |name: &str| (name == "DATABASE_URL").then(|| "postgres://live".to_owned());
/// assert_eq!(url.resolve("target.url", variables)?.reveal(), "postgres://live");
/// assert_eq!(url.to_string(), "env:DATABASE_URL");
/// assert_eq!(Secret::literal("postgres://u:pw@live").to_string(), "***");
/// # Ok::<(), cutover_core::release_file::SecretError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Source);

#[derive(Clone, PartialEq, Eq)]
enum Source {
    Variable(String),
    Literal(String),
}

/// The value of a [`Secret`]; [`reveal`](Self::reveal) is the one way to it.
#[derive(Clone, PartialEq, Eq)]
pub struct RevealedSecret(String);

/// A secret whose variable is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The variable is unset or empty.
    #[error("the environment variable `{variable}` that `{key}` of the release file asks for is not set")]
    Unset {
        /// The variable.
        variable: String,
        /// The key of the release file that names it.
        key: String,
    },
}

impl Secret {
    const PREFIX: &str = "env:";

    /// The value of an environment variable, looked up by [`resolve`](Self::resolve).
    #[must_use]
    pub fn env(variable: impl Into<String>) -> Self {
        Self(Source::Variable(variable.into()))
    }

    /// The value itself.
    #[must_use]
    pub fn literal(value: impl Into<String>) -> Self {
        Self(Source::Literal(value.into()))
    }

    /// The variable that holds the value, when it is one.
    #[must_use]
    pub fn variable(&self) -> Option<&str> {
        match &self.0 {
            Source::Variable(name) => Some(name),
            Source::Literal(_) => None,
        }
    }

    /// The value, for `key` of the release file. `variables` looks a variable up.
    ///
    /// # Errors
    /// [`SecretError::Unset`] when the variable is unset or empty.
    pub fn resolve(
        &self,
        key: &str,
        variables: impl Fn(&str) -> Option<String>,
    ) -> Result<RevealedSecret, SecretError> {
        match &self.0 {
            Source::Literal(value) => Ok(RevealedSecret(value.clone())),
            Source::Variable(variable) => match variables(variable) {
                Some(value) if !value.is_empty() => Ok(RevealedSecret(value)),
                _ => Err(SecretError::Unset {
                    variable: variable.clone(),
                    key: key.to_owned(),
                }),
            },
        }
    }
}

impl RevealedSecret {
    /// The value: hand it to what needs it and keep no copy.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Secret {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.strip_prefix(Self::PREFIX) {
            Some("") => Err("`env:` must be followed by the name of an environment variable"),
            Some(name) if name.contains(['=', '\0']) => {
                Err("the name of an environment variable holds neither `=` nor NUL")
            }
            Some(name) => Ok(Self::env(name)),
            None => Ok(Self::literal(text)),
        }
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Variable(name) => write!(f, "{}{name}", Self::PREFIX),
            Source::Literal(_) => f.write_str("***"),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({self})")
    }
}

/// Not derived: serde's own error for a value that is no text quotes it, and a token may be all digits.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Ok(text) = String::deserialize(deserializer) else {
            return Err(D::Error::custom("expected a string; its value is not shown"));
        };
        Self::try_from(text).map_err(D::Error::custom)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Debug for RevealedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RevealedSecret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing_set(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn nothing_prints_a_value() {
        let literal = Secret::try_from("postgres://u:hunter2@h/db".to_owned()).unwrap();
        let shown = format!(
            "{literal} {literal:?} {}",
            serde_json::to_string(&literal).unwrap()
        );
        assert_eq!(shown, r#"*** Secret(***) "***""#);
        let revealed = literal.resolve("target.url", nothing_set).unwrap();
        assert_eq!(format!("{revealed:?}"), "RevealedSecret(***)");
        assert_eq!(revealed.reveal(), "postgres://u:hunter2@h/db");
    }

    #[test]
    fn a_variable_that_is_not_set_is_named_with_its_key() {
        let error = Secret::env("DATABASE_URL")
            .resolve("target.url", nothing_set)
            .unwrap_err();
        insta::assert_snapshot!(error, @"the environment variable `DATABASE_URL` that `target.url` of the release file asks for is not set");
        let empty = |_: &str| Some(String::new());
        assert!(Secret::env("DATABASE_URL").resolve("target.url", empty).is_err());
    }

    #[test]
    fn an_error_about_a_value_that_is_no_text_does_not_quote_it() {
        let error = serde_json::from_str::<Secret>("8675309").unwrap_err().to_string();
        assert!(error.starts_with("expected a string"), "{error}");
        assert!(!error.contains("8675309"), "{error}");
    }

    #[test]
    fn a_variable_needs_a_name() {
        assert!(Secret::try_from("env:".to_owned()).is_err());
        assert!(Secret::try_from("env:A=B".to_owned()).is_err());
    }
}
