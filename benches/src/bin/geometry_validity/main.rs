//! Measures the validator against GEOS and `geo`: `geometry_validity --help`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench prints its figures"
)]

mod judge; // who judges

use std::collections::BTreeMap;

use anyhow::Result;
use clap::Parser;
use cutover_benches::{GeometryShape, Spread};
use cutover_geometry::Ewkb;
use judge::Judge;
use serde_json::{Value, json};

/// Judges generated valid geometries on one thread, in several ways that take turns, and prints how long each took.
///
/// With the feature `geos` GEOS is asked as well, through the crate of that name; it needs GEOS' headers (Debian:
/// libgeos-dev). Reading EWKB is a part of what cutover is timed for; GEOS reads it beforehand, timed by itself.
#[derive(Parser)]
struct Arguments {
    /// Only these; all unless given.
    #[arg(long, value_enum)]
    shape: Vec<GeometryShape>,
    /// How often each takes its turn.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Each shape is judged in its full size divided by this.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    divide: u32,
    /// How many times the size is doubled to arrive there, to see how time grows.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..16))]
    doublings: u32,
    /// `geo` is only asked where comparing each vertex of a value with each other takes at most this many steps.
    #[arg(long, default_value_t = 2_000_000_000)]
    geo_steps: u64,
    /// Prints JSON instead of a table.
    #[arg(long)]
    json: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let shapes = match &arguments.shape[..] {
        [] => &GeometryShape::ALL[..],
        given => given,
    };
    let mut rows = Vec::new();
    for shape in shapes {
        for doublings_left in (0..=arguments.doublings).rev() {
            let size = (shape.full_size() / arguments.divide) >> doublings_left;
            rows.push(Row::measure(*shape, size.max(4), &arguments)?);
        }
    }
    if arguments.json {
        println!("{:#}", rows.iter().map(Row::to_json).collect::<Value>());
    } else {
        Row::print_header();
        rows.iter().for_each(Row::print);
    }
    Ok(())
}

/// A shape of a size, and how long each judge took.
struct Row {
    shape: GeometryShape,
    size: u32,
    vertices: usize,
    bytes: usize,
    /// In seconds.
    took: BTreeMap<Judge, Spread>,
}

impl Row {
    fn measure(shape: GeometryShape, size: u32, arguments: &Arguments) -> Result<Self> {
        let values = shape.values(size)?;
        let mut took: BTreeMap<Judge, Vec<f64>> = BTreeMap::new();
        for round in 1..=arguments.rounds {
            for judge in Judge::ALL {
                let Some(time) = judge.time(&values, arguments.geo_steps)? else {
                    continue;
                };
                eprintln!("round {round}: {shape}, {size}: {judge:<12} {time:?}");
                took.entry(*judge).or_default().push(time.as_secs_f64());
            }
        }
        let mut vertices = 0;
        for value in &values {
            vertices += Ewkb::parse(value)?.facts().vertices;
        }
        Ok(Self {
            shape,
            size,
            vertices,
            bytes: values.iter().map(Vec::len).sum(),
            took: took
                .into_iter()
                .map(|(judge, times)| (judge, Spread::of(&times)))
                .collect(),
        })
    }

    fn print_header() {
        print!("| shape | size | vertices | MB |");
        for judge in Judge::ALL {
            print!(" {judge}, ms |");
        }
        println!(" ns by n log n | slower than cutover |");
        print!("| --- | ---: | ---: | ---: |");
        for _ in Judge::ALL {
            print!(" ---: |");
        }
        println!(" ---: | --- |");
    }

    fn print(&self) {
        let megabytes = self.bytes / 100_000;
        print!(
            "| {} | {} | {} | {}.{} |",
            self.shape,
            self.size,
            self.vertices,
            megabytes / 10,
            megabytes % 10
        );
        for judge in Judge::ALL {
            match self.took.get(judge) {
                Some(Spread { median, min, max }) => {
                    print!(" {:.1} ({:.1}–{:.1}) |", median * 1e3, min * 1e3, max * 1e3);
                }
                None => print!(" – |"),
            }
        }
        println!(" {:.2} | {} |", self.nanoseconds_by_n_log_n(), self.ratios());
    }

    /// Of cutover; the same for every size where time grows as n log n.
    #[expect(clippy::cast_precision_loss, reason = "there are no 2^52 vertices")]
    fn nanoseconds_by_n_log_n(&self) -> f64 {
        let n = self.vertices as f64;
        self.took
            .get(&Judge::Cutover)
            .map_or(f64::NAN, |took| took.median * 1e9 / (n * n.log2()))
    }

    /// How many times as long the others took.
    fn ratios(&self) -> String {
        let Some(cutover) = self.took.get(&Judge::Cutover) else {
            return String::new();
        };
        let others = self.took.iter().filter(|(judge, _)| **judge != Judge::Cutover);
        let ratios: Vec<String> = others
            .map(|(judge, took)| format!("{judge} {:.1}", took.median / cutover.median))
            .collect();
        ratios.join(", ")
    }

    fn to_json(&self) -> Value {
        let took = self.took.iter().map(|(judge, Spread { median, min, max })| {
            let seconds = json!({ "median": median, "min": min, "max": max });
            (judge.to_string(), seconds)
        });
        json!({
            "shape": self.shape.to_string(),
            "size": self.size,
            "vertices": self.vertices,
            "bytes": self.bytes,
            "seconds": took.collect::<serde_json::Map<_, _>>(),
            "ns_by_n_log_n": self.nanoseconds_by_n_log_n(),
        })
    }
}
