//! The release file: what it means, what is wrong with it, and that nothing it holds leaks.

mod changes;
mod example;
mod findings;
mod overrides;
mod properties;

use cutover_core::release_file::ReleaseFile;

/// The least a file holds.
const SMALL: &str = r#"
[release]
name = "wdpa"
tables = ["sources", "protected_areas"]

[target]
url = "env:DATABASE_URL"
"#;

#[track_caller]
fn parse(text: &str) -> ReleaseFile {
    match ReleaseFile::parse(text, "release.toml") {
        Ok(file) => file,
        Err(error) => panic!("{error}"),
    }
}

/// The findings in `SMALL` with `more` after it.
#[track_caller]
fn findings_with(more: &str) -> String {
    ReleaseFile::parse(&format!("{SMALL}{more}"), "release.toml")
        .unwrap_err()
        .to_string()
}
