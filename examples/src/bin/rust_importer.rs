//! A release with an importer written in Rust: statistics per country from a file of JSON lines, with the sites counted that another
//! importer has brought.
//!
//! `cargo run -p cutover-examples --bin rust_importer [URL]`; the release file is `examples/countries/release.toml`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use anyhow::{Context as _, Result};
use cutover::{Cutover, Importer, ImporterContext, ReleaseOptions, RowSink, RowsSent, StopSignal};
use cutover_core::Events;
use cutover_core::release_file::ReleaseFile;
use cutover_examples::Place;
use serde_json::Value;
use tokio::sync::mpsc;

const LIVE: &str = "
CREATE SCHEMA cutover_example;
CREATE TABLE cutover_example.portal_sites AS
    SELECT n AS id, CASE WHEN n % 4 = 0 THEN 'PER' ELSE 'KEN' END AS iso3 FROM generate_series(1, 1000) n;
CREATE TABLE cutover_example.sites (id int PRIMARY KEY, iso3 char(3) NOT NULL);
CREATE TABLE cutover_example.country_statistics (
    iso3 char(3) PRIMARY KEY, sites bigint NOT NULL, land_area numeric, remark text, release text NOT NULL
);
";

/// The file's lines, each a country.
#[derive(Debug)]
struct CountryStatistics;

impl Importer for CountryStatistics {
    fn columns(&self) -> Vec<String> {
        ["iso3", "sites", "land_area", "remark", "release"]
            .map(str::to_owned)
            .to_vec()
    }

    fn send_rows<'a>(&'a self, release: ImporterContext<'a>, rows: &'a mut RowSink<'_>) -> RowsSent<'a> {
        Box::pin(async move {
            let sites = sites_per_country(&release).await?;

            // Files block: a task of its own reads, a few lines ahead of the server.
            let path = release.folder().join("statistics.jsonl");
            let (sender, mut countries) = mpsc::channel(100);
            let reader = tokio::task::spawn_blocking(move || read(&path, &sender));
            while let Some(country) = countries.recv().await {
                let iso3 = country["iso3"].as_str().context("a country without `iso3`")?;
                let sites = sites.get(iso3).copied().unwrap_or(0);
                // Every value travels as text, and `None` is NULL.
                let land_area = country["land_area"].as_number().map(ToString::to_string);
                let remark = country["remark"].as_str();
                let label = release.label().as_str();
                rows.send(&[&iso3, &sites, &land_area, &remark, &label]).await?;
            }
            reader.await?.map_err(Into::into)
        })
    }
}

/// From staging, which holds what the importer's `after` names.
async fn sites_per_country(release: &ImporterContext<'_>) -> Result<BTreeMap<String, i64>> {
    let sites = release
        .staging("sites")
        .context("`sites` is no member of the set")?;
    let query = format!("SELECT iso3::text, count(*) FROM {sites} GROUP BY iso3");
    let rows = release.session().query(&query, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

fn read(path: &Path, to: &mpsc::Sender<Value>) -> Result<()> {
    let file = File::open(path).with_context(|| format!("could not open {}", path.display()))?;
    for (n, line) in BufReader::new(file).lines().enumerate() {
        let country = serde_json::from_str(&line?).with_context(|| format!("line {}", n + 1))?;
        if to.blocking_send(country).is_err() {
            break; // the import has ended
        }
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let place = Place::find(std::env::args().nth(1)).await?;
    let session = place.session(LIVE).await?;

    let file = ReleaseFile::parse(include_str!("../../countries/release.toml"), "release.toml")?;
    let cutover = Cutover::new(file, place.settings().clone())
        .folder(concat!(env!("CARGO_MANIFEST_DIR"), "/countries"))
        .importer("country_statistics", CountryStatistics);
    let options = ReleaseOptions::default();
    let report = cutover
        .release(&options, StopSignal::never(), &Events::none())
        .await?;
    println!("{} is {}", report.label, report.state);

    let live = "SELECT to_jsonb(s)::text FROM cutover_example.country_statistics s ORDER BY sites DESC";
    for row in session.query(live, &[]).await? {
        println!("{}", row.get::<_, &str>(0));
    }
    Ok(())
}
