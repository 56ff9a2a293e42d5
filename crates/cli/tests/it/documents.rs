//! What documents say of the code is so.

use std::collections::BTreeSet;
use std::path::Path;

/// Crate, module and function of `crate: module::test`.
fn named_test(span: &str) -> Option<(&str, &str, &str)> {
    let (package, test) = span.split_once(": ")?;
    let (module, name) = test.split_once("::")?;
    Some((package, module, name))
}

#[test]
fn every_test_that_is_named_for_a_trap_exists() {
    let traps = include_str!("../../../../docs/traps.md");
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut rows = BTreeSet::new();
    for line in traps.lines() {
        let Some(number) = line
            .strip_prefix("| ")
            .and_then(|row| row.split(' ').next()?.parse::<u32>().ok())
        else {
            continue;
        };
        assert!(rows.insert(number), "trap {number} comes twice");
        let spans = line.split('`').skip(1).step_by(2);
        let tests: Vec<_> = spans.filter_map(named_test).collect();
        assert!(!tests.is_empty(), "trap {number} has no test");
        for (package, module, name) in tests {
            let path = crates.join(format!("{package}/tests/it/{module}.rs"));
            let source = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
            assert!(
                source.contains(&format!("fn {name}(")),
                "{path:?} has no test {name}"
            );
        }
    }
    let missing: Vec<u32> = (1..=57).filter(|number| !rows.contains(number)).collect();
    assert_eq!(missing, Vec::<u32>::new(), "traps without a row");
}
