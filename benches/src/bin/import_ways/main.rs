//! Measures the ways of importing against each other: `import_ways --help`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench prints its figures"
)]

mod importer; // ours
mod pipes; // two psql
mod report; // seconds -> ratios
mod scripts; // an ORM's
mod servers; // portal and live
mod tools; // pg_dump, ogr2ogr, pgcopydb
mod way; // the ways

use anyhow::Result;
use clap::Parser;
use report::{Baselines, Report};
use servers::Servers;
use way::Way;

/// Imports generated polygons from one throwaway PostgreSQL cluster into another, in several ways that take turns,
/// and prints how long each took compared with psql's own binary COPY piped into psql in the same round.
#[derive(Parser)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
struct Arguments {
    /// How many polygons, about 5 kB each on average.
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u64).range(1..))]
    polygons: u64,
    /// How often each way takes its turn.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// What the polygons are drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Compares imports of geometries that are not checked, are checked by a read of their own, and as they pass; nothing else.
    #[arg(long)]
    checks: bool,
    /// Compares imports in chunks by one stream and by two ranges at once, with lz4 and with pglz; nothing else.
    #[arg(long, conflicts_with = "checks")]
    ranges: bool,
    /// Compares imports in one transaction and in chunks of several sizes with their checkpoints; nothing else.
    #[arg(long, conflicts_with_all = ["checks", "ranges"])]
    checkpoints: bool,
    /// Only these ways; ratios are to the first of them. A name that there is not prints all names.
    #[arg(long, value_delimiter = ',', value_parser = Way::named, conflicts_with_all = ["checks", "ranges", "checkpoints"])]
    ways: Vec<Way>,
    /// Prints JSON instead of a table.
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let servers = Servers::start(arguments.polygons, arguments.seed).await?;
    let (ways, baselines) = if arguments.checks {
        (Way::CHECKED.to_vec(), Way::BASELINES_OF_CHECKED)
    } else if arguments.ranges {
        (Way::RANGED.to_vec(), Way::BASELINES_OF_RANGED)
    } else if arguments.checkpoints {
        (Way::CHECKPOINTS.to_vec(), Way::BASELINES_OF_CHECKPOINTS)
    } else if let Some(&first) = arguments.ways.first() {
        (arguments.ways, Baselines { first, second: None })
    } else {
        (Way::available(), Way::BASELINES)
    };
    let mut report = Report::new(servers.facts().await?, &ways, baselines);
    for round in 1..=arguments.rounds {
        for &way in &ways {
            servers.empty_target().await?;
            if way.stays_pglz() {
                servers.keep_pglz().await?;
            }
            let took = way.import(&servers).await?;
            if way.fills() {
                servers.check_target(round == 1).await?;
            }
            eprintln!(
                "round {round}: {:<56} {:>8.3} s",
                way.to_string(),
                took.as_secs_f64()
            );
            report.add(way, took, servers.target_bytes().await?);
        }
    }
    if arguments.json {
        println!("{:#}", report.to_json());
    } else {
        print!("{report}");
    }
    Ok(())
}
