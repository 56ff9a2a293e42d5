//! What stands against the next release.

use std::fmt::Write as _;

use cutover::{CheckReport, CheckSeverity, Finding};

use super::Palette;
use super::measure::counted;

/// A line for each finding, its remedy below; then how many there are.
pub(crate) fn check_text(report: &CheckReport, palette: Palette) -> String {
    let mut text = String::new();
    for Finding {
        concern,
        severity,
        what,
        remedy,
        ..
    } in &report.findings
    {
        let severity = format!("{severity:<7}", severity = severity.to_string());
        let severity = match severity.trim_end() {
            "ok" => palette.good(severity).to_string(),
            "warning" => palette.notable(severity).to_string(),
            _ => palette.bad(severity).to_string(),
        };
        let concern = format!("{concern:<14}", concern = concern.to_string());
        let _ = writeln!(text, "{severity}  {concern}  {what}");
        if let Some(remedy) = remedy {
            let remedy = palette.faint(remedy).to_string();
            let _ = writeln!(text, "{:>25}{remedy}", "");
        }
    }
    let count = |severity, one, several| counted(report.count(severity) as u64, one, several);
    let _ = writeln!(
        text,
        "{}, {}",
        count(CheckSeverity::Error, "error", "errors"),
        count(CheckSeverity::Warning, "warning", "warnings")
    );
    text
}
