//! The readers of the demo, and what they saw of a swap.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Result;
use cutover::Cutover;
use cutover_testkit::{LoadError, LoadReport, ReaderLoad, ReleaseMap};
use serde::Serialize;

use super::servers::Servers;
use crate::render::{count, table};

/// Readers at work on live.
pub(super) struct Readers {
    load: ReaderLoad,
    readers: u64,
}

/// What the readers saw while one swap came over them.
#[derive(Debug, Serialize)]
pub(crate) struct Sighting {
    /// What happened meanwhile.
    pub(super) during: String,
    /// How long the swap held its exclusive locks, in milliseconds.
    pub(super) exclusive_ms: u64,
    pub(super) readers: usize,
    pub(super) read_ms: f64,
    pub(super) statements: u64,
    pub(super) errors: u64,
    pub(super) error_samples: Vec<LoadError>,
    pub(super) mixed_reads: u64,
    pub(super) mixed_transactions: u64,
    pub(super) unknown_reads: u64,
    /// How many statements saw each release, by its label.
    pub(super) by_release: BTreeMap<String, u64>,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) longest_stall_ms: f64,
    pub(super) longest_stall_statement: String,
}

impl Readers {
    pub(super) async fn start(servers: &Servers, readers: u16) -> Result<Self> {
        let load = ReaderLoad::start(&servers.reader_url(), readers.into()).await?;
        Ok(Self {
            load,
            readers: readers.into(),
        })
    }

    /// Waits until every reader, on average, has had that many more answers: what is live by now has been read.
    pub(super) async fn settle(&self, answers: u64) -> Result<()> {
        self.load
            .statements_reach(self.load.statements() + answers * self.readers)
            .await
    }

    /// Ends the readers, and tells what they saw.
    pub(super) async fn stop(
        self,
        servers: &Servers,
        cutover: &Cutover,
        during: &str,
        exclusive_ms: u64,
    ) -> Result<Sighting> {
        let map = ReleaseMap::read(&servers.connect().await?).await?;
        let report = self.load.stop(&map).await?;
        let labels = labels(cutover).await?;
        Ok(Sighting::new(during, exclusive_ms, report, &labels))
    }
}

/// The label of what is live, and of each backup set, under the names that the map of releases has for them.
async fn labels(cutover: &Cutover) -> Result<BTreeMap<String, String>> {
    let status = cutover.status().await?;
    let mut labels = BTreeMap::new();
    if let Some(current) = status.current {
        labels.insert("live".to_owned(), current.label);
    }
    for backup in status.backups {
        if let Some(label) = backup.label {
            labels.insert(format!("bk{}", backup.stamp), label);
        }
    }
    Ok(labels)
}

impl Sighting {
    fn new(during: &str, exclusive_ms: u64, report: LoadReport, labels: &BTreeMap<String, String>) -> Self {
        let label = |name: String| labels.get(&name).cloned().unwrap_or(name);
        Self {
            during: during.to_owned(),
            exclusive_ms,
            readers: report.connections,
            read_ms: report.elapsed_ms,
            statements: report.statements,
            errors: report.errors,
            error_samples: report.error_samples,
            mixed_reads: report.mixed_reads,
            mixed_transactions: report.mixed_transactions,
            unknown_reads: report.unknown_reads,
            by_release: report
                .by_release
                .into_iter()
                .map(|(name, times)| (label(name), times))
                .collect(),
            p50_ms: report.p50_ms,
            p99_ms: report.p99_ms,
            longest_stall_ms: report.longest_stall_ms,
            longest_stall_statement: report.longest_stall_statement,
        }
    }

    /// Statements and transactions with two releases in one.
    pub(super) fn mixed(&self) -> u64 {
        self.mixed_reads + self.mixed_transactions
    }
}

/// One row for each thing seen, one column for each swap.
pub(super) fn sightings_table(sightings: &[Sighting]) -> String {
    let mut headings = vec![String::new()];
    headings.extend(sightings.iter().map(|sighting| format!("{}>", sighting.during)));
    let mut table = table(&headings.iter().map(String::as_str).collect::<Vec<_>>());
    let mut row = |name: &str, cell: &dyn Fn(&Sighting) -> String| {
        table.add_row(std::iter::once(name.to_owned()).chain(sightings.iter().map(cell)));
    };
    row("read for", &|seen| {
        crate::render::duration(Duration::from_secs_f64(seen.read_ms / 1000.0))
    });
    row("statements", &|seen| count(seen.statements));
    let releases: std::collections::BTreeSet<&String> =
        sightings.iter().flat_map(|seen| seen.by_release.keys()).collect();
    for release in releases {
        let times = |seen: &Sighting| count(seen.by_release.get(release).copied().unwrap_or(0));
        row(&format!("  of them saw {release}"), &times);
    }
    row("failed statements", &|seen| count(seen.errors));
    row("two releases in one statement", &|seen| count(seen.mixed_reads));
    row("two releases in one snapshot", &|seen| {
        count(seen.mixed_transactions)
    });
    row("half took at most", &|seen| milliseconds(seen.p50_ms));
    row("99 % took at most", &|seen| milliseconds(seen.p99_ms));
    row("longest stall", &|seen| milliseconds(seen.longest_stall_ms));
    row("swap held its locks for", &|seen| {
        format!("{} ms", seen.exclusive_ms)
    });
    let mut text = format!("{}\n", table.trim_fmt());
    for sample in sightings.iter().flat_map(|seen| &seen.error_samples) {
        let code = sample.sqlstate.as_deref().unwrap_or("no SQLSTATE");
        let _ = writeln!(
            text,
            "  {} x {} ({code}): {}",
            sample.times, sample.statement, sample.message
        );
    }
    text
}

fn milliseconds(millis: f64) -> String {
    format!("{millis:.1} ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_reads_in_columns() {
        let seen = |during: &str, by_release: [(&str, u64); 2]| Sighting {
            during: during.to_owned(),
            exclusive_ms: 14,
            readers: 8,
            read_ms: 20_400.0,
            statements: 31_234,
            errors: 0,
            error_samples: Vec::new(),
            mixed_reads: 0,
            mixed_transactions: 0,
            unknown_reads: 0,
            by_release: by_release.map(|(name, times)| (name.to_owned(), times)).into(),
            p50_ms: 1.04,
            p99_ms: 22.96,
            longest_stall_ms: 103.25,
            longest_stall_statement: "by id".to_owned(),
        };
        let text = sightings_table(&[
            seen("Oct2025 goes live", [("Oct2025", 401), ("Sep2025", 30_833)]),
            seen("Oct2025 is taken back", [("Oct2025", 400), ("Sep2025", 900)]),
        ]);
        insta::assert_snapshot!(text, @r"
                                       Oct2025 goes live  Oct2025 is taken back
        read for                                  20.4 s                 20.4 s
        statements                                31,234                 31,234
          of them saw Oct2025                        401                    400
          of them saw Sep2025                     30,833                    900
        failed statements                              0                      0
        two releases in one statement                  0                      0
        two releases in one snapshot                   0                      0
        half took at most                         1.0 ms                 1.0 ms
        99 % took at most                        23.0 ms                23.0 ms
        longest stall                           103.2 ms               103.2 ms
        swap held its locks for                    14 ms                  14 ms
        ");
    }
}
