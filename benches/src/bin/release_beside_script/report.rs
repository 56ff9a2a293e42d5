//! From seconds to ratios, and where the seconds went.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use cutover_benches::Spread;
use serde_json::{Value, json};

use crate::servers::DatasetFacts;
use crate::way::{Took, Way};

/// What was measured. Ratios are to the baseline **of the same round**, so that what slows the machine for a while
/// slows both sides of a ratio.
pub(crate) struct Report {
    dataset: DatasetFacts,
    measured: Vec<(Way, Vec<Took>)>,
}

impl Report {
    pub(crate) fn new(dataset: DatasetFacts, ways: &[Way]) -> Self {
        Self {
            dataset,
            measured: ways.iter().map(|&way| (way, Vec::new())).collect(),
        }
    }

    /// Takes the ways round by round.
    pub(crate) fn add(&mut self, way: Way, took: &Took) {
        for (_, taken) in self.measured.iter_mut().filter(|(measured, _)| *measured == way) {
            taken.push(took.clone());
        }
    }

    fn ratios(&self, taken: &[Took]) -> Vec<f64> {
        let baseline = self.measured.iter().filter(|(way, _)| *way == Way::BASELINE);
        let baseline = baseline.flat_map(|(_, taken)| taken);
        let pairs = taken.iter().zip(baseline);
        pairs
            .map(|(took, baseline)| took.seconds() / baseline.seconds())
            .collect()
    }

    pub(crate) fn to_json(&self) -> Value {
        let ways = self.measured.iter().map(|(way, taken)| {
            let Spread { median, min, max } = Spread::of(&self.ratios(taken));
            json!({
                "way": way.to_string(),
                "seconds": taken.iter().map(Took::seconds).collect::<Vec<_>>(),
                "ratio": { "median": median, "min": min, "max": max },
                "phases": to_objects(&medians(taken, |took| &took.phases)),
                "steps": to_objects(&medians(taken, |took| &took.steps)),
            })
        });
        json!({
            "schema_version": 1,
            "dataset": self.dataset,
            "baseline": Way::BASELINE.to_string(),
            "ways": ways.collect::<Vec<_>>(),
        })
    }

    /// For people: of each way so many steps, the longest first.
    pub(crate) fn table(&self, steps: usize) -> impl fmt::Display {
        fmt::from_fn(move |f| self.fmt(f, steps))
    }

    fn fmt(&self, f: &mut fmt::Formatter<'_>, steps: usize) -> fmt::Result {
        let DatasetFacts {
            postgresql,
            scale,
            sites,
            live_bytes,
        } = self.dataset;
        let rounds = self.measured[0].1.len();
        let megabytes = live_bytes / 1_000_000;
        writeln!(
            f,
            "scale {scale}: {sites} sites, {megabytes} MB live; {rounds} rounds, PostgreSQL {postgresql}\n"
        )?;
        writeln!(f, "| way | median time | ratio, median | ratio, min–max |")?;
        writeln!(f, "| --- | ---: | ---: | ---: |")?;
        for (way, taken) in &self.measured {
            let seconds: Vec<f64> = taken.iter().map(Took::seconds).collect();
            let seconds = Spread::of(&seconds).median;
            let Spread { median, min, max } = Spread::of(&self.ratios(taken));
            writeln!(f, "| {way} | {seconds:.2} s | {median:.2} | {min:.2}–{max:.2} |")?;
        }
        for (way, taken) in &self.measured {
            let phases = medians(taken, |took| &took.phases);
            let phases = phases
                .iter()
                .filter(|(_, seconds)| *seconds >= 0.005)
                .map(|(phase, seconds)| format!("{phase} {seconds:.2} s"));
            writeln!(f, "\n{way}, medians: {}", phases.collect::<Vec<_>>().join(", "))?;
            let mut longest = medians(taken, |took| &took.steps);
            longest.sort_by(|(_, one), (_, other)| other.total_cmp(one));
            let mut text = String::new();
            for (step, seconds) in longest.iter().take(steps) {
                writeln!(text, "  {seconds:>8.3} s  {step}")?;
            }
            f.write_str(&text)?;
        }
        Ok(())
    }
}

/// The median over the rounds, by name, in the first round's order. What comes several times in a round is added up.
fn medians(taken: &[Took], timings: impl Fn(&Took) -> &Vec<(String, Duration)>) -> Vec<(String, f64)> {
    let mut order: Vec<&str> = Vec::new();
    let mut by_name: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (round, took) in taken.iter().enumerate() {
        for (name, duration) in timings(took) {
            let seconds = by_name.entry(name).or_default();
            if seconds.is_empty() {
                order.push(name);
            }
            seconds.resize(round + 1, 0.0);
            seconds[round] += duration.as_secs_f64();
        }
    }
    let median = |name: &&str| ((*name).to_owned(), Spread::of(&by_name[name]).median);
    order.iter().map(median).collect()
}

fn to_objects(timings: &[(String, f64)]) -> Vec<Value> {
    let object = |(name, seconds): &(String, f64)| json!({ "name": name, "seconds": seconds });
    timings.iter().map(object).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took(whole: f64, steps: &[(&str, f64)]) -> Took {
        let steps = steps
            .iter()
            .map(|(name, seconds)| ((*name).to_owned(), Duration::from_secs_f64(*seconds)));
        Took {
            whole: Duration::from_secs_f64(whole),
            phases: Vec::new(),
            steps: steps.collect(),
        }
    }

    #[test]
    fn a_ratio_is_to_the_script_of_its_round_and_steps_of_one_name_add_up() {
        let dataset = DatasetFacts {
            postgresql: 15,
            scale: 0.2,
            sites: 1,
            live_bytes: 2_000_000,
        };
        let cutover = Way::Cutover { jobs: 2 };
        let mut report = Report::new(dataset, &[Way::Script, cutover]);
        // The machine is three times as slow in the second round.
        for slow in [1.0, 3.0] {
            report.add(Way::Script, &took(4.0 * slow, &[]));
            report.add(
                cutover,
                &took(2.0 * slow, &[("a", slow), ("b", 0.5), ("a", slow)]),
            );
        }
        let text = report.table(1).to_string();
        assert!(
            text.starts_with("scale 0.2: 1 sites, 2 MB live; 2 rounds"),
            "{text}"
        );
        assert!(
            text.contains("| Cutover, 2 importers at once | 4.00 s | 0.50 | 0.50–0.50 |"),
            "{text}"
        );
        assert!(text.ends_with("     4.000 s  a\n"), "{text}");
    }
}
