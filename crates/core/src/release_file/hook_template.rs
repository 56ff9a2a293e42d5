//! `{{ label }}`, `{{ facts }}` and the others in the body of a hook's request.

use std::collections::BTreeMap;

use minijinja::{Error, ErrorKind};
use serde::{Deserialize, Serialize};

use super::TemplateError;
use super::template::render;

/// The body of a request that a hook sends, with placeholders ([minijinja]'s syntax, as in [`QueryTemplate`](super::QueryTemplate)).
///
/// * `{{ facts }}`: everything that is known of the release at that point, as one JSON document
/// * `{{ release_set }}`, `{{ label }}`, `{{ month }}`, `{{ release }}` (the record's number), `{{ point }}`, `{{ phase }}`
///   and `{{ backup }}` (the stamp of the backup set): one fact each, as it stands; empty where there is none
///
/// ```
/// use std::collections::BTreeMap;
/// use cutover_core::release_file::HookTemplate;
///
/// let body = HookTemplate::parse(r#"{"index": "wdpa_{{ label }}", "release": {{ facts }}}"#)?;
/// let values = BTreeMap::from([("label", "Sep2025".to_owned()), ("facts", r#"{"release":7}"#.to_owned())]);
/// assert_eq!(body.render(values)?, r#"{"index": "wdpa_Sep2025", "release": {"release":7}}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HookTemplate(String);

impl HookTemplate {
    /// The names that a template knows.
    pub const VARIABLES: &[&str] = &[
        "facts",
        "release_set",
        "label",
        "month",
        "release",
        "point",
        "phase",
        "backup",
    ];

    /// Checks a template: its syntax, that it uses known variables only, and that it renders.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn parse(source: impl Into<String>) -> Result<Self, TemplateError> {
        let template = Self(source.into());
        template.render(BTreeMap::new())?;
        Ok(template)
    }

    /// The text with every placeholder filled in; one that `values` does not name becomes nothing.
    ///
    /// # Errors
    /// [`TemplateError::Template`] when it cannot be rendered.
    pub fn render(&self, mut values: BTreeMap<&'static str, String>) -> Result<String, TemplateError> {
        for name in Self::VARIABLES {
            values.entry(name).or_default();
        }
        render(&self.0, Self::VARIABLES, values, |_| {
            Err(Error::from(ErrorKind::UnknownFunction))
        })
    }
}

impl TryFrom<String> for HookTemplate {
    type Error = TemplateError;

    fn try_from(source: String) -> Result<Self, TemplateError> {
        Self::parse(source)
    }
}

impl From<HookTemplate> for String {
    fn from(template: HookTemplate) -> Self {
        template.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_does_not_know_is_named() {
        let parse = |source: &str| HookTemplate::parse(source).unwrap_err().to_string();
        insta::assert_snapshot!(parse("{{ lable }}"), @"unknown variable `lable`; did you mean `label`?");
        insta::assert_snapshot!(parse("{{ staging('sources') }}"), @"unknown variable `staging`; the template knows: `facts`, `release_set`, `label`, `month`, `release`, `point`, `phase`, `backup`");
        insta::assert_snapshot!(parse("{{ label "), @"line 1 of the template: syntax error: unexpected end of input, expected end of variable block");
    }

    #[test]
    fn json_needs_no_care() {
        let body = r#"{"actions":[{"remove":{"index":"*"}},{"add":{"index":"x"}}]}"#;
        let template = HookTemplate::parse(body).unwrap();
        assert_eq!(template.render(BTreeMap::new()).unwrap(), body);
    }
}
