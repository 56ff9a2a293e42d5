//! The label of a release, and the rule a file sets for it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use regex::Regex;
use serde::{Deserialize, Serialize};

/// The longest label, in bytes.
pub const MAX_LABEL_BYTES: usize = 63;

/// A label such as `Sep2025`: 1 to 63 letters (A–Z), digits, `.`, `_` and `-`, so that it is safe in a path, a query
/// and a message. It starts with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Label(String);

/// A label that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    /// Not 1 to 63 of the characters a label may hold.
    #[error(
        "the label {0:?} is not allowed; use 1 to {MAX_LABEL_BYTES} letters, digits, `.`, `_` and `-`, starting with a letter or digit"
    )]
    Characters(String),
    /// The file's `label_pattern` does not match it.
    #[error("the label `{label}` does not match `release.label_pattern`, which is `{pattern}`")]
    Pattern {
        /// The label.
        label: Label,
        /// The pattern.
        pattern: String,
    },
    /// It is not what the file's `label` could have printed.
    #[error("the label `{label}` does not have the form `{format}` of `release.label`, as in `{example}`")]
    Format {
        /// The label.
        label: Label,
        /// The `strftime` format.
        format: String,
        /// What the format prints for some time.
        example: String,
    },
    /// `release.label_pattern` is no regular expression.
    #[error("`{pattern}` is no regular expression: {reason}")]
    BadPattern {
        /// The pattern.
        pattern: String,
        /// Why not.
        reason: String,
    },
    /// `release.label` cannot be printed.
    #[error("`{format}` is no format for a label")]
    BadFormat {
        /// The format.
        format: String,
        /// Why not.
        source: jiff::Error,
    },
}

impl Label {
    /// Checks the characters of a label.
    ///
    /// # Errors
    /// [`LabelError::Characters`].
    pub fn new(text: impl Into<String>) -> Result<Self, LabelError> {
        let text = text.into();
        if is_safe_name(&text) {
            Ok(Self(text))
        } else {
            Err(LabelError::Characters(text))
        }
    }

    /// The label's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a text is short and plain enough for a name that ends up in paths, locks, messages and lists.
pub(super) fn is_safe_name(text: &str) -> bool {
    text.len() <= MAX_LABEL_BYTES
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Label {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        Self::new(text)
    }
}

impl TryFrom<String> for Label {
    type Error = LabelError;

    fn try_from(text: String) -> Result<Self, LabelError> {
        Self::new(text)
    }
}

impl From<Label> for String {
    fn from(label: Label) -> Self {
        label.0
    }
}

/// How a release gets its label, and which labels given by hand are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelPolicy {
    format: String,
    pattern: Option<LabelPattern>,
}

/// A regular expression that has to match the whole label.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct LabelPattern {
    source: String,
    whole: Regex,
}

impl TryFrom<String> for LabelPattern {
    type Error = LabelError;

    fn try_from(source: String) -> Result<Self, LabelError> {
        // Compiled by itself first: wrapped, a stray `)` could pass, and errors would show our wrapping.
        let compiled = Regex::new(&source).and_then(|_| Regex::new(&format!("^(?:{source})$")));
        match compiled {
            Ok(whole) => Ok(Self { source, whole }),
            Err(error) => {
                // The text has several lines with a drawing; the last says what is wrong.
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default();
                let reason = last.trim_start_matches("error: ").to_owned();
                Err(LabelError::BadPattern {
                    pattern: source,
                    reason,
                })
            }
        }
    }
}

impl PartialEq for LabelPattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for LabelPattern {}

impl Default for LabelPolicy {
    /// `%b%Y`: `Sep2025`.
    fn default() -> Self {
        Self {
            format: "%b%Y".to_owned(),
            pattern: None,
        }
    }
}

impl LabelPolicy {
    pub(super) fn new(format: String, pattern: Option<LabelPattern>) -> Self {
        Self { format, pattern }
    }

    /// Labels in this `strftime` format ([jiff's conversions](strtime)).
    #[must_use]
    pub fn from_format(format: impl Into<String>) -> Self {
        Self {
            format: format.into(),
            pattern: None,
        }
    }

    /// Another format, with the same pattern.
    #[must_use]
    pub fn with_format(&self, format: impl Into<String>) -> Self {
        Self {
            format: format.into(),
            pattern: self.pattern.clone(),
        }
    }

    /// The same format, and a regular expression that labels given by hand must match as a whole.
    ///
    /// # Errors
    /// [`LabelError::BadPattern`] when `pattern` is no regular expression.
    pub fn with_pattern(self, pattern: impl Into<String>) -> Result<Self, LabelError> {
        Ok(Self {
            pattern: Some(LabelPattern::try_from(pattern.into())?),
            ..self
        })
    }

    /// The `strftime` format of default labels ([jiff's conversions](strtime)).
    #[must_use]
    pub fn format(&self) -> &str {
        &self.format
    }

    /// The regular expression that labels must match as a whole, where the file sets one.
    #[must_use]
    pub fn pattern(&self) -> Option<&str> {
        self.pattern.as_ref().map(|pattern| pattern.source.as_str())
    }

    /// The label of a release started at `time`, in UTC.
    ///
    /// # Errors
    /// [`LabelError`] when the format cannot be printed, or prints what is no label.
    pub fn default_label(&self, time: Timestamp) -> Result<Label, LabelError> {
        let zoned = time.to_zoned(TimeZone::UTC);
        let text = strtime::format(&self.format, &zoned).map_err(|source| LabelError::BadFormat {
            format: self.format.clone(),
            source,
        })?;
        Label::new(text)
    }

    /// Checks a label given by hand: against the pattern where the file sets one, else that the format could have
    /// printed it.
    ///
    /// ```
    /// use cutover_core::release_file::LabelPolicy;
    ///
    /// let policy = LabelPolicy::default();
    /// assert_eq!(policy.check("Sep2025")?.as_str(), "Sep2025");
    /// assert!(policy.check("September").is_err());
    /// # Ok::<(), cutover_core::release_file::LabelError>(())
    /// ```
    ///
    /// # Errors
    /// [`LabelError`] with what was expected.
    pub fn check(&self, label: &str) -> Result<Label, LabelError> {
        let label = Label::new(label)?;
        match &self.pattern {
            Some(pattern) if pattern.whole.is_match(label.as_str()) => Ok(label),
            Some(pattern) => Err(LabelError::Pattern {
                label,
                pattern: pattern.source.clone(),
            }),
            None if self.could_print(&label) => Ok(label),
            None => {
                let example = self.default_label(Timestamp::UNIX_EPOCH)?.0;
                Err(LabelError::Format {
                    label,
                    format: self.format.clone(),
                    example,
                })
            }
        }
    }

    /// Reading is laxer than printing (`sep2025`), so what was read has to print the same again; and it does not look
    /// whether the day exists.
    fn could_print(&self, label: &Label) -> bool {
        let Ok(time) = strtime::parse(&self.format, label.as_str()) else {
            return false;
        };
        let is_whole_date = time.year().is_some() && time.month().is_some() && time.day().is_some();
        if is_whole_date && time.to_date().is_err() {
            return false;
        }
        time.to_string(&self.format)
            .is_ok_and(|printed| printed == label.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(format: &str, pattern: Option<&str>) -> LabelPolicy {
        let pattern = pattern.map(|text| LabelPattern::try_from(text.to_owned()).unwrap());
        LabelPolicy::new(format.to_owned(), pattern)
    }

    #[track_caller]
    fn check(policy: &LabelPolicy, label: &str, taken: bool) {
        assert_eq!(
            policy.check(label).is_ok(),
            taken,
            "{label}: {:?}",
            policy.check(label)
        );
    }

    #[test]
    fn the_default_label_is_the_month_in_utc() {
        let time: Timestamp = "2025-08-31T23:30:00-02:00".parse().unwrap();
        assert_eq!(
            LabelPolicy::default().default_label(time).unwrap().as_str(),
            "Sep2025"
        );
        assert_eq!(
            policy("%Y-%m", None).default_label(time).unwrap().as_str(),
            "2025-09"
        );
    }

    #[test]
    fn without_a_pattern_the_format_decides() {
        let monthly = LabelPolicy::default();
        check(&monthly, "Sep2025", true);
        check(&monthly, "sep2025", false);
        check(&monthly, "Sep25", false);
        check(&monthly, "Sep2025-2", false);
        let dated = policy("%Y-%m-%d", None);
        check(&dated, "2025-02-28", true);
        check(&dated, "2025-02-30", false);
        check(&policy("fixed", None), "fixed", true);
        check(&policy("fixed", None), "other", false);
    }

    #[test]
    fn a_pattern_matches_the_whole_label() {
        let either = policy("%b%Y", Some(r"\w{3}\d{4}|test"));
        check(&either, "Sep2025", true);
        check(&either, "test", true);
        check(&either, "xSep2025", false);
        check(&either, "tests", false);
    }

    #[test]
    fn errors_say_what_was_expected() {
        let show = |policy: &LabelPolicy, label: &str| policy.check(label).unwrap_err().to_string();
        insta::assert_snapshot!(show(&LabelPolicy::default(), "September"), @"the label `September` does not have the form `%b%Y` of `release.label`, as in `Jan1970`");
        insta::assert_snapshot!(show(&policy("%b%Y", Some("[A-Z][a-z]{2}20[0-9]{2}")), "Sep25"), @"the label `Sep25` does not match `release.label_pattern`, which is `[A-Z][a-z]{2}20[0-9]{2}`");
        insta::assert_snapshot!(show(&LabelPolicy::default(), "../etc"), @r#"the label "../etc" is not allowed; use 1 to 63 letters, digits, `.`, `_` and `-`, starting with a letter or digit"#);
        let bad = policy("%!", None)
            .default_label(Timestamp::UNIX_EPOCH)
            .unwrap_err();
        insta::assert_snapshot!(bad, @"`%!` is no format for a label");
    }

    #[test]
    fn only_plain_characters_make_a_label() {
        for text in ["", "a b", "é", "a/b", "-x", ".", "a\0", "a'b", &"x".repeat(64)] {
            assert!(Label::new(text).is_err(), "{text:?}");
        }
        assert!(Label::new("2025.09_a-b").is_ok());
    }
}
