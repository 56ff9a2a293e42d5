//! Measures a whole release beside the script that does the same by hand: `release_beside_script --help`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench prints its figures"
)]

mod contents; // what is live afterwards
mod release; // ours
mod report; // seconds -> ratios
mod script; // a database administrator's
mod servers; // portal and live
mod way; // the ways

use anyhow::Result;
use clap::Parser;
use report::Report;
use script::Script;
use servers::Servers;
use way::Way;

/// Publishes a month of the reference dataset, from one throwaway PostgreSQL cluster into another that waits for its disk:
/// by a whole release of Cutover, and by the shortest script of `CREATE TABLE LIKE`, `INSERT ... SELECT`, `CREATE INDEX`,
/// `VACUUM ANALYZE` and one transaction that changes places. The two take turns, each on a fresh copy of the live database;
/// after each, what is live is compared.
#[derive(Parser)]
struct Arguments {
    /// The size of the reference dataset, where 1 is the real one with 300,000 sites.
    #[arg(long, default_value_t = 0.2)]
    scale: f64,
    /// How often each takes its turn.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How many importers of a release run at once: a way for each number.
    #[arg(long, value_delimiter = ',', default_value = "1", value_parser = clap::value_parser!(u32).range(1..=16))]
    jobs: Vec<u32>,
    /// Of how many steps of a release the time is printed, the longest first.
    #[arg(long, default_value_t = 12)]
    steps: usize,
    /// Prints the script, and measures nothing.
    #[arg(long)]
    script: bool,
    /// Prints JSON instead of tables, with all steps.
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    eprintln!("making the reference dataset …");
    let servers = Servers::start(arguments.scale).await?;
    let script = Script::write(&servers).await?;
    if arguments.script {
        print!("{script}");
        return Ok(());
    }
    let ways = Way::all(&arguments.jobs);
    let mut report = Report::new(servers.facts().await?, &ways);
    let mut expected = None;
    for round in 1..=arguments.rounds {
        for &way in &ways {
            let database = servers.copy().await?;
            let took = way.publish(&servers, &script, &database).await?;
            let found = contents::read(&database, round == 1).await?;
            contents::compare(expected.get_or_insert_with(|| found.clone()), &found, way)?;
            servers.discard(database).await?;
            eprintln!("round {round}: {:<32} {:>8.3} s", way.to_string(), took.seconds());
            report.add(way, &took);
        }
    }
    if arguments.json {
        println!("{:#}", report.to_json());
    } else {
        print!("{}", report.table(arguments.steps));
    }
    Ok(())
}
