//! Measures the ways of cloning a schema against each other: `clone_ways --help`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench prints its figures"
)]

mod live; // the set that is cloned
mod report; // seconds -> ratios
mod way; // the ways

use anyhow::Result;
use clap::Parser;
use live::Live;
use report::Report;
use way::Way;

/// Clones many empty tables with five indexes each beside themselves, on a throwaway PostgreSQL cluster, in several ways
/// that take turns, and prints how long each took compared with `pg_dump --schema-only | sed | psql` in the same round.
#[derive(Parser)]
struct Arguments {
    /// How many tables.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..10_000))]
    tables: u32,
    /// How often each way takes its turn.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Prints JSON instead of a table.
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let live = Live::start(arguments.tables).await?;
    let mut report = Report::new(live.version(), arguments.tables);
    for round in 1..=arguments.rounds {
        for way in Way::ALL {
            let database = live.copy().await?;
            let took = way.clone(&live, &database).await?;
            live.check(&database).await?;
            eprintln!("round {round}: {:<44} {took}", way.to_string());
            report.add(way, took);
        }
    }
    if arguments.json {
        println!("{:#}", report.to_json());
    } else {
        print!("{report}");
    }
    Ok(())
}
