//! From seconds to ratios.

use std::fmt;
use std::time::Duration;

use cutover_benches::Spread;
use serde_json::{Value, json};

use crate::servers::SourceFacts;
use crate::way::Way;

/// What was measured. Ratios are to the baseline **of the same round**, so that what slows the machine for a while
/// slows both sides of a ratio.
pub(crate) struct Report {
    source: SourceFacts,
    measured: Vec<Measured>,
    baselines: Baselines,
}

/// What the ways are compared with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Baselines {
    pub(crate) first: Way,
    /// And what it is called in the head of the table, and in JSON.
    pub(crate) second: Option<(Way, &'static str)>,
}

struct Measured {
    way: Way,
    seconds: Vec<f64>,
    target_bytes: u64,
}

impl Report {
    pub(crate) fn new(source: SourceFacts, ways: &[Way], baselines: Baselines) -> Self {
        let measured = ways.iter().map(|&way| Measured {
            way,
            seconds: Vec::new(),
            target_bytes: 0,
        });
        Self {
            source,
            measured: measured.collect(),
            baselines,
        }
    }

    /// Takes the ways round by round.
    pub(crate) fn add(&mut self, way: Way, took: Duration, target_bytes: u64) {
        for measured in self.measured.iter_mut().filter(|measured| measured.way == way) {
            measured.seconds.push(took.as_secs_f64());
            measured.target_bytes = target_bytes;
        }
    }

    fn ratios(&self, measured: &Measured, to: Way) -> Vec<f64> {
        let baseline = self.measured.iter().filter(|measured| measured.way == to);
        let baseline = baseline.flat_map(|measured| &measured.seconds);
        measured
            .seconds
            .iter()
            .zip(baseline)
            .map(|(seconds, baseline)| seconds / baseline)
            .collect()
    }

    pub(crate) fn to_json(&self) -> Value {
        let Baselines { first, second } = self.baselines;
        let ways = self.measured.iter().map(|measured| {
            let ratio = |to| {
                let Spread { median, min, max } = Spread::of(&self.ratios(measured, to));
                json!({ "median": median, "min": min, "max": max })
            };
            let mut way = json!({
                "way": measured.way.to_string(),
                "seconds": measured.seconds,
                "ratio": ratio(first),
                "target_bytes": measured.target_bytes,
            });
            if let Some((second, name)) = second {
                way[format!("ratio_to_{}", key(name))] = ratio(second);
            }
            way
        });
        let mut report = json!({
            "schema_version": 1,
            "source": self.source,
            "baseline": first.to_string(),
            "ways": ways.collect::<Vec<_>>(),
        });
        if let Some((second, name)) = second {
            report[format!("{}_baseline", key(name))] = second.to_string().into();
        }
        report
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SourceFacts {
            postgresql,
            rows,
            geometry_bytes,
        } = self.source;
        let Baselines { first, second } = self.baselines;
        let rounds = self.measured[0].seconds.len();
        let size = megabytes(geometry_bytes);
        writeln!(
            f,
            "{rows} rows, {size} MB of geometry, {rounds} rounds, PostgreSQL {postgresql}\n"
        )?;
        write!(f, "| way | median time | ratio, median | ratio, min–max |")?;
        if let Some((_, name)) = second {
            write!(f, " to {name}, median | to {name}, min–max |")?;
        }
        let numbers = if second.is_some() { 6 } else { 4 };
        writeln!(f, " table |\n| --- |{}", " ---: |".repeat(numbers))?;
        for measured in &self.measured {
            let seconds = Spread::of(&measured.seconds).median;
            let Spread { median, min, max } = Spread::of(&self.ratios(measured, first));
            let way = measured.way;
            write!(f, "| {way} | {seconds:.2} s | {median:.2} | {min:.2}–{max:.2} |")?;
            if let Some((second, _)) = second {
                let Spread { median, min, max } = Spread::of(&self.ratios(measured, second));
                write!(f, " {median:.2} | {min:.2}–{max:.2} |")?;
            }
            writeln!(f, " {} MB |", megabytes(measured.target_bytes))?;
        }
        Ok(())
    }
}

/// A name as a part of a key of JSON.
fn key(name: &str) -> String {
    name.replace(' ', "_")
}

/// Whole megabytes, with one digit after the point.
fn megabytes(bytes: u64) -> String {
    format!("{}.{}", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAYS: [Way; 3] = [Way::PsqlPipe, Way::PsqlPipeLz4, Way::ImporterPipe];

    #[test]
    fn a_ratio_is_to_the_baseline_of_its_round() {
        let mut report = Report::new(
            SourceFacts {
                postgresql: 15,
                rows: 1,
                geometry_bytes: 2_340_000,
            },
            &WAYS,
            Way::BASELINES,
        );
        // The machine is three times as slow in the second round.
        for (baseline, other) in [(1.0, 2.0), (3.0, 6.0), (1.0, 4.0)] {
            for way in WAYS {
                let seconds = if way == Way::PsqlPipe { baseline } else { other };
                report.add(way, Duration::from_secs_f64(seconds), 1);
            }
        }
        let ratios: Vec<Spread> = report
            .measured
            .iter()
            .map(|m| Spread::of(&report.ratios(m, Way::PsqlPipe)))
            .collect();
        assert_eq!(
            ratios[0],
            Spread {
                median: 1.0,
                min: 1.0,
                max: 1.0
            }
        );
        assert_eq!(
            ratios[1],
            Spread {
                median: 2.0,
                min: 2.0,
                max: 4.0
            }
        );
        assert!(
            report
                .to_string()
                .starts_with("1 rows, 2.3 MB of geometry, 3 rounds, PostgreSQL 15\n")
        );
    }
}
