//! Both sides, beside each other.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::Result;
use cutover_benches::Distribution;
use serde_json::{Value, json};

use crate::side::Side;
use crate::stalls::{Baseline, Stalls, split};

/// What was measured.
pub(crate) struct Report {
    postgresql: u16,
    readers: usize,
    reporters: usize,
    pub(crate) cutover: Side,
    pub(crate) script: Side,
}

impl Report {
    pub(crate) fn new(postgresql: u16, readers: usize, reporters: usize) -> Self {
        Self {
            postgresql,
            readers,
            reporters,
            cutover: Side::default(),
            script: Side::default(),
        }
    }

    /// Of Cutover, then of the script; both are compared with the undisturbed reads of the whole run.
    fn stalls(&self) -> [Stalls; 2] {
        let sides = [&self.cutover, &self.script];
        let split = sides.map(|side| split(side.reads(), &side.windows));
        let baseline = Baseline::of(
            split
                .iter()
                .flat_map(|(_, undisturbed)| undisturbed.iter().copied()),
        );
        split.map(|(met, undisturbed)| Stalls::of(&met, &undisturbed, &baseline))
    }

    pub(crate) fn to_json(&self) -> Result<Value> {
        let [cutover, script] = self.stalls();
        let side = |side: &Side, stalls: Stalls| -> Result<Value> {
            Ok(json!({
                "done": side.through_ms.len(),
                "failures": side.failures,
                "tries": Distribution::of(&side.tries),
                "window_ms": Distribution::of(&side.through_ms),
                "statements": side.statements(),
                "errors": side.errors(),
                "error_samples": side.error_samples().collect::<Vec<_>>(),
                "deadlock_victims": side.deadlock_victims(),
                "mixed": side.mixed(),
                "reads_ms": serde_json::to_value(stalls)?,
            }))
        };
        Ok(json!({
            "schema_version": 1,
            "postgresql": self.postgresql,
            "readers": self.readers,
            "reporters": self.reporters,
            "cutover": side(&self.cutover, cutover)?,
            "script": side(&self.script, script)?,
        }))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sides = [&self.cutover, &self.script];
        let stalls = self.stalls();
        let mut row =
            |name: &str, cells: [String; 2]| writeln!(f, "| {name} | {} | {} |", cells[0], cells[1]);
        row("", ["Cutover".to_owned(), "rename script".to_owned()])?;
        row("---", ["---:".to_owned(), "---:".to_owned()])?;
        row(
            "swaps and rollbacks done",
            sides.map(|side| side.through_ms.len().to_string()),
        )?;
        row("failed", sides.map(|side| side.failures.len().to_string()))?;
        row(
            "tries of each: p50, p99, max",
            sides.map(|side| distribution(Distribution::of(&side.tries), 0)),
        )?;
        row(
            "window of the try that got through: p50, p99, max, ms",
            sides.map(|side| distribution(Distribution::of(&side.through_ms), 1)),
        )?;
        row(
            "statements of readers",
            sides.map(|side| side.statements().to_string()),
        )?;
        row("errors", sides.map(|side| side.errors().to_string()))?;
        row(
            "of them victims of a deadlock",
            sides.map(|side| side.deadlock_victims().to_string()),
        )?;
        row("mixed reads", sides.map(|side| side.mixed().to_string()))?;
        for (name, of) in [
            (
                "reads that met no window",
                (|stalls: &Stalls| stalls.undisturbed) as fn(&Stalls) -> _,
            ),
            ("reads that met one", |stalls| stalls.met),
            ("reads that it delayed, and their stall", |stalls| stalls.delayed),
        ] {
            let [cutover, script] = &stalls;
            let count = |stalls: &Stalls| of(stalls).map_or(0, |times| times.count).to_string();
            row(name, [count(cutover), count(script)])?;
            let times = |stalls: &Stalls| distribution(of(stalls), 1);
            row("… p50, p99, max, ms", [times(cutover), times(script)])?;
        }
        for (who, side) in [("Cutover", &self.cutover), ("the script", &self.script)] {
            let different: BTreeSet<&String> = side.failures.iter().collect();
            for failure in different {
                writeln!(f, "\n{who} failed with: {failure}")?;
            }
        }
        writeln!(
            f,
            "\n{} connections read, {} of them long reports; PostgreSQL {}",
            self.readers, self.reporters, self.postgresql
        )
    }
}

fn distribution(of: Option<Distribution>, decimals: usize) -> String {
    of.map_or_else(
        || "–".to_owned(),
        |Distribution { p50, p99, max, .. }| format!("{p50:.decimals$}, {p99:.decimals$}, {max:.decimals$}"),
    )
}
