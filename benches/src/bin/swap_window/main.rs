//! How long a swap and a rollback hold their locks, by the number of tables and by the number of rows.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

mod report;

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Parser;
use cutover_benches::{SwappedSet, WdpaSet, create_tables, table_name};
use cutover_swap::LockPolicy;
use cutover_testkit::Cluster;

use report::{Measured, Report};

/// Swaps sets of tables to and fro, and tells how long the locks were held.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Numbers of tables, each 1 or divisible by 4.
    #[arg(long, value_delimiter = ',', default_value = "1,16,100,1000", value_parser = clap::value_parser!(u32).range(1..10_000))]
    tables: Vec<u32>,
    /// Numbers of rows, all of them in the first table.
    #[arg(long, value_delimiter = ',', default_value = "10000,10000000")]
    rows: Vec<u64>,
    /// The size of the reference dataset, where 1 is the real one.
    #[arg(long, default_value_t = 0.01)]
    wdpa_scale: f64,
    /// How often each set is swapped and taken back.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Prints JSON instead of a table.
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    for tables in &arguments.tables {
        ensure!(
            *tables == 1 || tables.is_multiple_of(4),
            "{tables} is neither 1 nor divisible by 4"
        );
    }
    // The commit counts, so it has to wait for the disk as it would elsewhere.
    let cluster = Cluster::builder()
        .setting("fsync", "on")
        .setting("full_page_writes", "on")
        .setting("synchronous_commit", "on")
        .setting("max_locks_per_transaction", "512")
        .start()?;
    let mut report = Report::new(cluster.version(), arguments.rounds);

    eprintln!("making the reference dataset …");
    let wdpa = WdpaSet::create(&cluster, arguments.wdpa_scale).await?;
    let mut databases = Vec::new();
    let most = arguments.tables.iter().copied().max().unwrap_or(1);
    for rows in &arguments.rows {
        eprintln!("making {most} tables with {rows} rows …");
        let database = cluster.empty_database().await?;
        create_tables(&database, most, *rows).await?;
        databases.push((*rows, database));
    }

    let set = SwappedSet::new(wdpa.connect().await?, &WdpaSet::members()).await?;
    report.add(
        measure(
            "WDPA: 16 tables, 9 materialized views".to_owned(),
            set,
            arguments.rounds,
        )
        .await?,
    );
    for tables in &arguments.tables {
        for (rows, database) in &databases {
            let members: Vec<String> = (1..=*tables).map(table_name).collect();
            let set = SwappedSet::new(database.connect().await?, &members).await?;
            let name = format!("{tables} tables, {rows} rows");
            report.add(measure(name, set, arguments.rounds).await?);
        }
    }
    if arguments.json {
        println!("{:#}", serde_json::to_value(&report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}

async fn measure(name: String, mut set: SwappedSet, rounds: u32) -> Result<Measured> {
    // A thousand tables on a slow machine are no reason to roll back.
    let policy = LockPolicy::default().exclusive_budget(Duration::from_secs(10));
    let mut measured = Measured::new(name);
    // The first round fills the server's caches, and is left out.
    for round in 0..=rounds {
        let renames = set.bare_renames().await?;
        let swap = set.swap(&policy).await?;
        let rollback = set.roll_back(&policy).await?;
        set.restage().await?;
        if round > 0 {
            measured.add(renames, &swap, &rollback);
        }
    }
    eprintln!("{measured}");
    Ok(measured)
}
