//! Measures what imports cost by the number of rows: `import_growth --help`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench prints its figures"
)]

mod graph; // the report as a picture
mod memory; // of this process
mod report; // seconds -> seconds by row
mod servers; // portal and live

use std::path::PathBuf;
use std::time::Instant;

use allocation_counter::measure;
use anyhow::Result;
use clap::Parser;
use memory::Sampler;
use report::{Import, Report};
use servers::Servers;
use tokio::runtime::Builder;

/// Imports tables of small polygons, from one throwaway PostgreSQL cluster into another, as a release does: straight from the
/// portal, in the order of the key, in chunks with checkpoints. Prints time by row and memory for each number of rows.
///
/// The importer runs on one thread, whose allocations are counted; what the process has in memory is sampled.
#[derive(Parser)]
struct Arguments {
    /// Numbers of rows, some 220 bytes each.
    #[arg(long, value_delimiter = ',', default_value = "10000,30000,100000,300000,1000000,3000000", value_parser = clap::value_parser!(u64).range(1..))]
    rows: Vec<u64>,
    /// How often each is imported, in turns.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Where to write the graph, as SVG; nowhere unless given.
    #[arg(long)]
    graph: Option<PathBuf>,
    /// Prints JSON instead of a table, with all that was sampled.
    #[arg(long)]
    json: bool,
}

fn main() -> Result<()> {
    let mut arguments = Arguments::parse();
    arguments.rows.sort_unstable();
    arguments.rows.dedup();
    // Whatever is allocated for an import, this thread does it.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    eprintln!("filling the portal …");
    let servers = runtime.block_on(Servers::start(&arguments.rows))?;
    let mut report = Report::new(servers.version(), &arguments.rows);
    for round in 1..=arguments.rounds {
        for &rows in &arguments.rows {
            runtime.block_on(servers.empty_target())?;
            let sampler = Sampler::start();
            let started = Instant::now();
            let mut imported = Ok(());
            let allocated = measure(|| imported = runtime.block_on(servers.import(rows)));
            let seconds = started.elapsed().as_secs_f64();
            let resident = sampler.stop();
            imported?;
            runtime.block_on(servers.check_target(rows))?;
            eprintln!("round {round}: {rows:>9} rows {seconds:>8.3} s");
            report.add(
                rows,
                Import {
                    seconds,
                    allocated_bytes: allocated.bytes_max,
                    resident,
                },
            );
        }
    }
    if let Some(path) = &arguments.graph {
        graph::draw(&report, path)?;
    }
    if arguments.json {
        println!("{:#}", serde_json::to_value(&report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}
