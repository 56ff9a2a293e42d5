//! From seconds to seconds by row.

use std::fmt;

use cutover_benches::Spread;
use serde::Serialize;

use crate::memory::Sample;

/// What was measured, by the number of rows.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    schema_version: u32,
    postgresql: u16,
    pub(crate) sizes: Vec<Size>,
}

/// All imports of a table.
#[derive(Debug, Serialize)]
pub(crate) struct Size {
    pub(crate) rows: u64,
    pub(crate) imports: Vec<Import>,
}

/// One import.
#[derive(Debug, Serialize)]
pub(crate) struct Import {
    /// From connecting to the last commit.
    pub(crate) seconds: f64,
    /// The most that the importer had allocated at one time.
    pub(crate) allocated_bytes: u64,
    pub(crate) resident: Vec<Sample>,
}

impl Report {
    /// The sizes in order.
    pub(crate) fn new(postgresql: u16, sizes: &[u64]) -> Self {
        let size = |&rows: &u64| Size {
            rows,
            imports: Vec::new(),
        };
        Self {
            schema_version: 1,
            postgresql,
            sizes: sizes.iter().map(size).collect(),
        }
    }

    pub(crate) fn add(&mut self, rows: u64, import: Import) {
        if let Some(size) = self.sizes.iter_mut().find(|size| size.rows == rows) {
            size.imports.push(import);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are no 2^52 rows or bytes")]
impl Size {
    fn spread(&self, of: impl Fn(&Import) -> f64) -> Spread {
        Spread::of(&self.imports.iter().map(of).collect::<Vec<_>>())
    }

    pub(crate) fn rows_f64(&self) -> f64 {
        self.rows as f64
    }

    pub(crate) fn seconds(&self) -> Spread {
        self.spread(|import| import.seconds)
    }

    pub(crate) fn microseconds_by_row(&self) -> Spread {
        self.spread(|import| import.seconds * 1e6 / self.rows as f64)
    }

    /// In MiB.
    pub(crate) fn allocated(&self) -> Spread {
        self.spread(|import| mebibytes(import.allocated_bytes))
    }

    /// The most that was seen at one time in an import, in MiB; 0 where nothing was.
    pub(crate) fn resident(&self) -> Spread {
        self.spread(|import| {
            let samples = import.resident.iter().map(|sample| sample.resident_bytes);
            mebibytes(samples.max().unwrap_or_default())
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are no 2^52 bytes")]
pub(crate) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounds = self.sizes.first().map_or(0, |size| size.imports.len());
        writeln!(f, "{rounds} rounds, PostgreSQL {}\n", self.postgresql)?;
        writeln!(
            f,
            "| rows | median time | µs by row, median | min–max | most allocated, MiB | process, MiB |"
        )?;
        writeln!(f, "| ---: | ---: | ---: | ---: | ---: | ---: |")?;
        for size in &self.sizes {
            let by_row = size.microseconds_by_row();
            writeln!(
                f,
                "| {} | {:.2} s | {:.2} | {:.2}–{:.2} | {:.1} | {:.1} |",
                size.rows,
                size.seconds().median,
                by_row.median,
                by_row.min,
                by_row.max,
                size.allocated().max,
                size.resident().max,
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_told_by_row_and_memory_at_its_most() {
        let mut report = Report::new(15, &[1000, 1_000_000]);
        for (seconds, mebibytes) in [(1.0, 8), (3.0, 9), (2.0, 7)] {
            let sample = Sample {
                seconds: 0.0,
                resident_bytes: mebibytes << 21,
            };
            let import = Import {
                seconds,
                allocated_bytes: mebibytes << 20,
                resident: vec![sample],
            };
            report.add(1_000_000, import);
            report.add(
                1000,
                Import {
                    seconds: 0.001,
                    allocated_bytes: 0,
                    resident: Vec::new(),
                },
            );
        }
        let text = report.to_string();
        assert!(
            text.ends_with("| 1000000 | 2.00 s | 2.00 | 1.00–3.00 | 9.0 | 18.0 |\n"),
            "{text}"
        );
    }
}
