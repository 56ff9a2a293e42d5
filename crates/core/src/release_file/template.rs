//! `{{ staging('x') }}`, `{{ month }}` and `{{ label }}` in queries, hooks and paths of the release file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};
use serde::{Deserialize, Serialize};

use crate::{Ident, QualifiedName};

use super::label::Label;
use super::nearest::{nearest, suggestion};

const LABEL: &str = "label";
const MONTH: &str = "month";
const STAGING: &str = "staging";
const KNOWN: &[&str] = &[LABEL, MONTH, STAGING];

/// SQL or a path of the release file, with placeholders ([minijinja]'s syntax).
///
/// * `{{ staging('sources') }}`: the quoted, schema-qualified staging relation of a member of the release set
/// * `{{ label }}`: the release's label
/// * `{{ month }}`: the label too, unless the caller sets another
///
/// The text around the placeholders is the operator's and is used as it stands. SQL that itself holds `{{`, `{%` or
/// `{#` goes between `{% raw %}` and `{% endraw %}`.
///
/// ```
/// use cutover_core::release_file::{Label, QueryTemplate, TemplateFacts};
/// use cutover_core::{Ident, QualifiedName};
///
/// let live = Ident::new("sources")?;
/// let staging = QualifiedName::new(Ident::new("public")?, Ident::new("staging_sources")?);
/// let facts = TemplateFacts::new(Label::new("Sep2025")?).staging(&live, &staging);
/// let query = QueryTemplate::parse("SELECT '{{ month }}', id FROM {{ staging('sources') }}")?;
/// assert_eq!(query.render(&facts)?, r#"SELECT 'Sep2025', id FROM "public"."staging_sources""#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct QueryTemplate {
    source: String,
    staging_references: BTreeSet<String>,
}

/// What the placeholders stand for in one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFacts {
    label: Label,
    month: Label,
    staging: BTreeMap<String, String>,
}

/// A template that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// The template itself is wrong.
    #[error("line {line} of the template: {reason}")]
    Template {
        /// The line within the template's text, counted from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A variable that does not exist.
    #[error("unknown variable `{name}`{}", suggestion(name, known, "the template knows"))]
    UnknownVariable {
        /// The variable.
        name: String,
        /// Those that there are.
        known: &'static [&'static str],
    },
    /// `staging('x')` with no such member of the release set.
    #[error("{}", unknown_member(name, nearest.as_deref()))]
    UnknownMember {
        /// The relation asked for.
        name: String,
        /// The member that was probably meant.
        nearest: Option<String>,
    },
}

/// `name` is no member of the release set; the same words wherever a member is named.
pub(super) fn unknown_member(name: &str, nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("`{name}` is no member of the release set; did you mean `{nearest}`?"),
        None => {
            format!(
                "`{name}` is no member of the release set; add it to `release.tables` or `release.matviews`"
            )
        }
    }
}

impl TemplateFacts {
    /// The facts of a release with this label and no staging relations yet.
    #[must_use]
    pub fn new(label: Label) -> Self {
        Self {
            month: label.clone(),
            label,
            staging: BTreeMap::new(),
        }
    }

    /// The release's label.
    #[must_use]
    pub fn label(&self) -> &Label {
        &self.label
    }

    /// Lets `{{ month }}` be something else than the label.
    #[must_use]
    pub fn month(mut self, month: Label) -> Self {
        self.month = month;
        self
    }

    /// Adds the staging relation of a member.
    #[must_use]
    pub fn staging(mut self, live: &Ident, staging: &QualifiedName) -> Self {
        self.staging.insert(live.as_str().to_owned(), staging.to_string());
        self
    }
}

impl QueryTemplate {
    /// Checks a template: its syntax, that it uses known variables only, and that it renders.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn parse(source: impl Into<String>) -> Result<Self, TemplateError> {
        let source = source.into();
        let asked = Arc::new(Mutex::new(BTreeSet::new()));
        let recorder = Arc::clone(&asked);
        let staging = move |name: &str| {
            recorder
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(name.to_owned());
            Ok(name.to_owned())
        };
        render(&source, KNOWN, values("label", "month"), staging)?;
        let staging_references = std::mem::take(&mut *asked.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Self {
            source,
            staging_references,
        })
    }

    /// The template's text.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The live names of the members whose staging relations it reads.
    pub fn staging_references(&self) -> impl Iterator<Item = &str> {
        self.staging_references.iter().map(String::as_str)
    }

    /// The text with every placeholder filled in.
    ///
    /// # Errors
    /// [`TemplateError::UnknownMember`] when `facts` has no such staging relation.
    pub fn render(&self, facts: &TemplateFacts) -> Result<String, TemplateError> {
        // Checked up front, so the error is typed rather than dug out of the template engine's.
        for name in self.staging_references() {
            if !facts.staging.contains_key(name) {
                let nearest = nearest(name, facts.staging.keys().map(String::as_str)).map(str::to_owned);
                return Err(TemplateError::UnknownMember {
                    name: name.to_owned(),
                    nearest,
                });
            }
        }
        let known = facts.staging.clone();
        let staging = move |name: &str| {
            known
                .get(name)
                .cloned()
                .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, unknown_member(name, None)))
        };
        let values = values(facts.label.as_str(), facts.month.as_str());
        render(&self.source, KNOWN, values, staging)
    }
}

fn values(label: &str, month: &str) -> BTreeMap<&'static str, String> {
    BTreeMap::from([(LABEL, label.to_owned()), (MONTH, month.to_owned())])
}

/// Fills in a template that knows the names `known`: the variables of `values`, and the function `staging` where it is one
/// of them.
pub(super) fn render(
    source: &str,
    known: &'static [&'static str],
    values: BTreeMap<&'static str, String>,
    staging: impl Fn(&str) -> Result<String, Error> + Send + Sync + 'static,
) -> Result<String, TemplateError> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_auto_escape_callback(|_| AutoEscape::None);
    let syntax = SyntaxConfig::builder().keep_trailing_newline(true).build();
    engine.set_syntax(syntax.map_err(|error| template_error(&error))?);
    if known.contains(&STAGING) {
        engine.add_function(STAGING, move |name: &str| staging(name));
    }
    let template = engine
        .template_from_str(source)
        .map_err(|error| template_error(&error))?;
    let names = known.iter().copied();
    let globals: BTreeSet<&str> = engine.globals().map(|(name, _)| name).chain(names).collect();
    let mut variables: Vec<String> = template.undeclared_variables(false).into_iter().collect();
    variables.sort();
    if let Some(name) = variables
        .into_iter()
        .find(|name| !globals.contains(name.as_str()))
    {
        return Err(TemplateError::UnknownVariable { name, known });
    }
    template.render(values).map_err(|error| template_error(&error))
}

fn template_error(error: &Error) -> TemplateError {
    let reason = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    TemplateError::Template {
        line: error.line().unwrap_or(1),
        reason,
    }
}

impl TryFrom<String> for QueryTemplate {
    type Error = TemplateError;

    fn try_from(source: String) -> Result<Self, TemplateError> {
        Self::parse(source)
    }
}

impl From<QueryTemplate> for String {
    fn from(template: QueryTemplate) -> Self {
        template.source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> TemplateFacts {
        let staged = |name: &str| {
            QualifiedName::new(
                Ident::new("public").unwrap(),
                Ident::new(format!("staging_{name}")).unwrap(),
            )
        };
        TemplateFacts::new(Label::new("Sep2025").unwrap())
            .staging(&Ident::new("sources").unwrap(), &staged("sources"))
            .staging(&Ident::new("it's").unwrap(), &staged("it's"))
    }

    #[track_caller]
    fn check(source: &str, expected: &str) {
        assert_eq!(
            QueryTemplate::parse(source).unwrap().render(&facts()).unwrap(),
            expected
        );
    }

    #[test]
    fn placeholders_are_filled_in_and_nothing_else_changes() {
        check(
            "SELECT 1 < 2 AND 'a' <> \"b\"\n",
            "SELECT 1 < 2 AND 'a' <> \"b\"\n",
        );
        check("data_{{ month }}_{{ label }}.csv", "data_Sep2025_Sep2025.csv");
        check("{{ staging('sources') }}", r#""public"."staging_sources""#);
        check(r#"{{ staging("it's") }}"#, r#""public"."staging_it's""#);
        check("{% raw %}'{{1,2}}'{% endraw %}", "'{{1,2}}'");
    }

    #[test]
    fn the_month_can_be_another() {
        let august = facts().month(Label::new("Aug2025").unwrap());
        let template = QueryTemplate::parse("{{ label }} {{ month }}").unwrap();
        assert_eq!(template.render(&august).unwrap(), "Sep2025 Aug2025");
    }

    #[test]
    fn a_template_knows_which_members_it_reads() {
        let template =
            QueryTemplate::parse("{{ staging('b') }} {{ staging('a') }} {{ staging('b') }}").unwrap();
        assert_eq!(template.staging_references().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn errors_name_what_is_wrong() {
        let parse = |source: &str| QueryTemplate::parse(source).unwrap_err().to_string();
        insta::assert_snapshot!(parse("SELECT {{ mnth }}"), @"unknown variable `mnth`; did you mean `month`?");
        insta::assert_snapshot!(parse("SELECT {{ something }}"), @"unknown variable `something`; the template knows: `label`, `month`, `staging`");
        insta::assert_snapshot!(parse("SELECT\n {{ month "), @"line 2 of the template: syntax error: unexpected end of input, expected end of variable block");
        insta::assert_snapshot!(parse("{{ month.year }}"), @"line 1 of the template: undefined value");
        insta::assert_snapshot!(parse("{{ staging() }}"), @"line 1 of the template: missing argument");
        let render = |source: &str| {
            QueryTemplate::parse(source)
                .unwrap()
                .render(&facts())
                .unwrap_err()
                .to_string()
        };
        insta::assert_snapshot!(render("{{ staging('source') }}"), @"`source` is no member of the release set; did you mean `sources`?");
        insta::assert_snapshot!(render("{{ staging('countries') }}"), @"`countries` is no member of the release set; add it to `release.tables` or `release.matviews`");
    }
}
