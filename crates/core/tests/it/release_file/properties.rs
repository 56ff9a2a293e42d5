//! Whatever is in the file: an answer, never a panic.

use cutover_core::release_file::{QueryTemplate, ReleaseFile};
use proptest::prelude::*;

const KEYS: &[&str] = &[
    "release",
    "target",
    "portal",
    "staging",
    "refresh",
    "preflight",
    "import",
    "validate",
    "hook",
    "notify",
    "log",
    "swap",
    "name",
    "tables",
    "url",
    "into",
    "from",
    "query",
    "csv",
    "columns",
    "after",
    "on",
    "http",
    "slack",
    "view",
    "geometry",
    "bounds",
    "label",
    "label_pattern",
    "deadline",
    "unknown",
    "é",
    "",
];

/// TOML values made of keys that the file knows, so that the reading gets deep.
fn value() -> impl Strategy<Value = toml::Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(toml::Value::Boolean),
        any::<i64>().prop_map(toml::Value::Integer),
        any::<f64>().prop_map(toml::Value::Float),
        "\\PC{0,12}".prop_map(toml::Value::String),
        proptest::sample::select(vec![
            "sources",
            "env:X",
            "{{ staging('sources') }}",
            "%b%Y",
            "1s",
            "core",
            "failed"
        ])
        .prop_map(|text| toml::Value::String(text.to_owned())),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(toml::Value::Array),
            prop::collection::btree_map(proptest::sample::select(KEYS), inner, 0..6).prop_map(|entries| {
                toml::Value::Table(
                    entries
                        .into_iter()
                        .map(|(key, value)| (key.to_owned(), value))
                        .collect(),
                )
            }),
        ]
    })
}

fn document() -> impl Strategy<Value = toml::Table> {
    prop::collection::btree_map(proptest::sample::select(KEYS), value(), 0..8).prop_map(|entries| {
        entries
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    })
}

/// Every finding has a place in the text, and the error prints.
fn check(text: &str) {
    if let Err(error) = ReleaseFile::parse(text, "release.toml") {
        assert!(!error.findings().is_empty());
        assert!(
            error.findings().iter().all(|finding| finding.position.is_some()),
            "{error}"
        );
        let lines = text.matches('\n').count() + 1;
        assert!(
            error
                .findings()
                .iter()
                .all(|finding| finding.position.is_some_and(|at| at.line <= lines))
        );
    }
}

proptest! {
    #[test]
    fn any_text_gets_an_answer(text in "\\PC{0,200}") {
        check(&text);
    }

    #[test]
    fn text_that_looks_like_toml_gets_an_answer(text in "([\\[\\]{}=\"'., \n#a-z0-9éñ_-]|release|import){0,60}") {
        check(&text);
    }

    #[test]
    fn any_toml_gets_an_answer(document in document()) {
        check(&toml::to_string(&document).unwrap());
    }

    #[test]
    fn any_template_gets_an_answer(text in "(\\{\\{|\\}\\}|\\{%|%\\}|staging|month|\\('a'\\)|[ a-z.|~+*()'0-9]){0,30}") {
        let _ = QueryTemplate::parse(text);
    }
}
