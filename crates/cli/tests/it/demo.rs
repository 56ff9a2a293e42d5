//! The demo, on the smallest dataset there is; kept, so that what it prints at the end can be tried.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::command::{Ended, Workplace};

/// Removes what the demo kept, also when the test fails.
struct Removal(String);

impl Drop for Removal {
    fn drop(&mut self) {
        let removed = Command::new("sh").args(["-c", &self.0]).status();
        assert!(removed.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

/// Runs a line that the demo told the user to type.
fn shell(line: &str) -> Ended {
    let folder = Path::new(env!("CARGO_BIN_EXE_cutover")).parent().unwrap();
    let path = format!(
        "{}:{}",
        folder.display(),
        std::env::var_os("PATH").unwrap_or_default().display()
    );
    Command::new("sh")
        .args(["-c", line])
        .env("PATH", path)
        .output()
        .unwrap()
        .into()
}

#[test]
fn the_demo_ends_well_and_keeps_what_it_says() {
    let demo = Workplace::empty().json(&["demo", "--scale", "0.0001", "--readers", "8", "--keep"]);
    let demo = &demo["demo"];
    let line = |name: &str| demo["kept"][name].as_str().unwrap().to_owned();
    let removal = Removal(line("removal"));

    for (index, during) in ["Oct2025 goes live", "Oct2025 is taken back"]
        .into_iter()
        .enumerate()
    {
        let seen = &demo["readers"][index];
        assert_eq!(seen["during"], during);
        for never in ["errors", "mixed_reads", "mixed_transactions", "unknown_reads"] {
            assert_eq!(seen[never], 0, "{seen}");
        }
        for month in ["Sep2025", "Oct2025"] {
            assert!(seen["by_release"][month].as_u64().unwrap() > 0, "{seen}");
        }
    }
    assert_eq!(demo["status"]["current"]["label"], "Sep2025");
    assert_eq!(demo["release"]["swap"]["relations"], 25);

    let status = shell(&format!("{} --json", line("status")));
    assert_eq!(status.status, 0, "{status:#?}");
    let document: Value = status.document();
    assert_eq!(document["status"]["current"]["label"], "Sep2025");
    drop(removal);
    assert_eq!(
        shell(&line("status")).status,
        2,
        "the folder with the release file is gone too"
    );
}
