//! The whole demo as a value: what `--json` prints, and the verdict.

use std::fmt::Write as _;
use std::time::Duration;

use cutover::{ReleaseReport, RollbackReport, Status};
use cutover_core::records::BackupSet;
use serde::Serialize;

use super::readers::Sighting;
use super::servers::Kept;
use crate::failure::Failure;
use crate::render::{Palette, count, duration};

/// What the demo showed.
#[derive(Debug, Serialize)]
pub(crate) struct DemoReport {
    pub(super) scale: f64,
    pub(super) took_ms: u64,
    /// The release of the second month, under readers.
    pub(super) release: ReleaseReport,
    pub(super) rollback: RollbackReport,
    /// The backup sets between the two.
    pub(super) backups: Vec<BackupSet>,
    /// The status at the end.
    pub(super) status: Status,
    /// What the readers saw of the release and of the rollback.
    pub(super) readers: Vec<Sighting>,
    /// How to reach what was kept.
    pub(super) kept: Option<Kept>,
}

impl DemoReport {
    /// The last lines.
    pub(crate) fn verdict(&self, palette: Palette) -> String {
        let statements: u64 = self.readers.iter().map(|seen| seen.statements).sum();
        let took = duration(Duration::from_millis(self.took_ms));
        let mut text = String::new();
        if self.failure().is_none() {
            let verdict = palette.good(format!(
                "{} statements: none failed, none saw two releases.",
                count(statements)
            ));
            let _ = writeln!(text, "{verdict} The demo took {took}.");
        }
        match &self.kept {
            None => text.push_str("Both servers are gone; `cutover demo --keep` leaves them running.\n"),
            Some(kept) => {
                let _ = writeln!(
                    text,
                    "Both servers are left running.\n\n  portal  {}\n  live    {}\n  status  {}\n  remove  {}",
                    kept.portal, kept.live, kept.status, kept.removal
                );
            }
        }
        text
    }

    /// What the readers should never have seen.
    pub(crate) fn failure(&self) -> Option<Failure> {
        let sum = |of: fn(&Sighting) -> u64| self.readers.iter().map(of).sum();
        let (failed, mixed) = (sum(|seen| seen.errors), sum(Sighting::mixed));
        let unknown = sum(|seen| seen.unknown_reads);
        (failed + mixed + unknown > 0).then_some(Failure::DemoReaders {
            failed,
            mixed,
            unknown,
        })
    }
}
