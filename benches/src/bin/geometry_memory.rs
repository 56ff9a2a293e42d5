//! Measures what memory the validator takes beside the geometry: `geometry_memory --help`.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use allocation_counter::measure;
use anyhow::Result;
use clap::Parser;
use cutover_benches::GeometryShape;
use cutover_geometry::{Ewkb, Validator};
use serde_json::{Value, json};

/// Judges generated valid geometries, and prints the most bytes that were allocated at one time beside the bytes of the largest value.
///
/// Every byte asked of the allocator counts, also where a list that grows is copied into a larger one.
#[derive(Parser)]
struct Arguments {
    /// Only these; all unless given.
    #[arg(long, value_enum)]
    shape: Vec<GeometryShape>,
    /// Each shape is judged in its full size divided by this.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    divide: u32,
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
    let rows = shapes
        .iter()
        .map(|&shape| Row::measure(shape, (shape.full_size() / arguments.divide).max(4)))
        .collect::<Result<Vec<_>>>()?;
    if arguments.json {
        println!("{:#}", rows.iter().map(Row::to_json).collect::<Value>());
    } else {
        println!("| shape | size | largest value, bytes | most allocated, bytes | times the value |");
        println!("| --- | ---: | ---: | ---: | ---: |");
        rows.iter().for_each(Row::print);
    }
    Ok(())
}

struct Row {
    shape: GeometryShape,
    size: u32,
    largest: usize,
    /// At one time, by one validator over all values.
    most: u64,
}

impl Row {
    fn measure(shape: GeometryShape, size: u32) -> Result<Self> {
        let values = shape.values(size)?;
        let mut judged = Ok(());
        let memory = measure(|| {
            let mut validator = Validator::new();
            judged = values
                .iter()
                .try_for_each(|value| Ok(validator.check(&Ewkb::parse(value)?)?));
        });
        judged.map(|()| Self {
            shape,
            size,
            largest: values.iter().map(Vec::len).max().unwrap_or_default(),
            most: memory.bytes_max,
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "there are no 2^52 bytes")]
    fn times(&self) -> f64 {
        self.most as f64 / self.largest as f64
    }

    fn print(&self) {
        println!(
            "| {} | {} | {} | {} | {:.1} |",
            self.shape,
            self.size,
            self.largest,
            self.most,
            self.times()
        );
    }

    fn to_json(&self) -> Value {
        json!({
            "shape": self.shape.to_string(),
            "size": self.size,
            "largest_value_bytes": self.largest,
            "most_allocated_bytes": self.most,
            "times_the_value": self.times(),
        })
    }
}
