//! The path of a setting, as people read it and as the document is walked.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The path of a setting: `import["sources"].columns`.
#[derive(Debug, Clone, Default)]
pub(super) struct KeyPath {
    text: String,
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Step {
    Key(String),
    Item(usize),
}

impl KeyPath {
    /// A setting of the table at this path.
    pub(super) fn key(&self, key: &str) -> Self {
        let mut path = self.clone();
        if !path.text.is_empty() {
            path.text.push('.');
        }
        path.text.push_str(key);
        path.steps.push(Step::Key(key.to_owned()));
        path
    }

    /// An item of the array at this path; `name` is what people know it by, where it has a name.
    pub(super) fn item(&self, index: usize, name: Option<&str>) -> Self {
        let mut path = self.clone();
        let shown = name.map_or_else(|| format!("[{index}]"), |name| format!("[{name:?}]"));
        path.text.push_str(&shown);
        path.steps.push(Step::Item(index));
        path
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Where the setting stands in `document`: the value itself, or the innermost table around it that exists.
    pub(super) fn locate(&self, document: &Spanned<DeTable<'_>>) -> Range<usize> {
        self.walk(document).0
    }

    /// Where the setting stands in `document`, if it does.
    pub(super) fn find(&self, document: &Spanned<DeTable<'_>>) -> Option<Range<usize>> {
        let (span, found) = self.walk(document);
        found.then_some(span)
    }

    /// As far as it goes, and whether that is all the way.
    fn walk(&self, document: &Spanned<DeTable<'_>>) -> (Range<usize>, bool) {
        let mut span = document.span();
        let mut table = Some(document.get_ref());
        let mut items = None;
        for step in &self.steps {
            let value = match step {
                Step::Key(key) => table.and_then(|table| table.get(key.as_str())),
                Step::Item(index) => items.and_then(|items: &toml::de::DeArray<'_>| items.get(*index)),
            };
            let Some(value) = value else { return (span, false) };
            span = value.span();
            (table, items) = match value.get_ref() {
                DeValue::Table(inner) => (Some(inner), None),
                DeValue::Array(inner) => (None, Some(inner)),
                _ => (None, None),
            };
        }
        (span, true)
    }
}
