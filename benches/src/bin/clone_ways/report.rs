//! From seconds to ratios.

use std::fmt;

use cutover_benches::Spread;
use serde_json::{Value, json};

use crate::way::{Parts, Took, Way};

/// What was measured. Ratios are to the baseline **of the same round**, so that what slows the machine for a while
/// slows both sides of a ratio.
pub(crate) struct Report {
    postgresql: u16,
    tables: u32,
    measured: Vec<(Way, Vec<Took>)>,
}

impl Report {
    pub(crate) fn new(postgresql: u16, tables: u32) -> Self {
        Self {
            postgresql,
            tables,
            measured: Way::ALL.map(|way| (way, Vec::new())).into(),
        }
    }

    /// Takes the ways round by round.
    pub(crate) fn add(&mut self, way: Way, took: Took) {
        for (_, taken) in self.measured.iter_mut().filter(|(measured, _)| *measured == way) {
            taken.push(took);
        }
    }

    fn ratios(&self, taken: &[Took]) -> Vec<f64> {
        let baseline = self.measured.iter().filter(|(way, _)| *way == Way::BASELINE);
        let baseline = baseline.flat_map(|(_, taken)| seconds(taken));
        seconds(taken)
            .into_iter()
            .zip(baseline)
            .map(|(took, baseline)| took / baseline)
            .collect()
    }

    pub(crate) fn to_json(&self) -> Value {
        let ways = self.measured.iter().map(|(way, taken)| {
            let ratio = Spread::of(&self.ratios(taken));
            let parts = taken.iter().filter_map(|took| took.parts).map(|parts| {
                let Parts {
                    plan,
                    pre_data,
                    post_data,
                } = parts;
                json!({
                    "plan_seconds": plan.as_secs_f64(),
                    "pre_data_seconds": pre_data.as_secs_f64(),
                    "post_data_seconds": post_data.as_secs_f64(),
                })
            });
            json!({
                "way": way.to_string(),
                "seconds": seconds(taken),
                "parts": parts.collect::<Vec<_>>(),
                "ratio": { "median": ratio.median, "min": ratio.min, "max": ratio.max },
            })
        });
        json!({
            "schema_version": 1,
            "postgresql": self.postgresql,
            "tables": self.tables,
            "baseline": Way::BASELINE.to_string(),
            "ways": ways.collect::<Vec<_>>(),
        })
    }
}

fn seconds(taken: &[Took]) -> Vec<f64> {
    taken.iter().map(|took| took.whole.as_secs_f64()).collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tables, rounds) = (self.tables, self.measured[0].1.len());
        writeln!(
            f,
            "{tables} tables with 5 indexes and a foreign key each, {rounds} rounds, PostgreSQL {}\n",
            self.postgresql
        )?;
        writeln!(f, "| way | median time | ratio, median | ratio, min–max |")?;
        writeln!(f, "| --- | ---: | ---: | ---: |")?;
        for (way, taken) in &self.measured {
            let seconds = Spread::of(&seconds(taken)).median;
            let Spread { median, min, max } = Spread::of(&self.ratios(taken));
            writeln!(f, "| {way} | {seconds:.2} s | {median:.2} | {min:.2}–{max:.2} |")?;
        }
        Ok(())
    }
}
