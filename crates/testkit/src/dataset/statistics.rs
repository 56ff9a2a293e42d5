//! The CSV files that come with a month.

use std::path::Path;

use anyhow::{Context as _, Result};
use csv::Writer;

use super::PortalSpec;
use super::dice::{Dice, Purpose};
use super::people::countries;
use super::population::{AwkwardSite, first_month_sites};

/// Writes `country_statistics_{month}.csv`, `global_statistics_{month}.csv` and `story_map_links.csv` into a directory that
/// exists. Their headings are the columns of the tables they are for; each row of the statistics names the month, and some
/// cells are empty or `-`.
///
/// # Errors
/// When a file cannot be written.
pub fn write_csvs(directory: &Path, spec: &PortalSpec, month: &str) -> Result<()> {
    let write = |name: String, rows: Vec<Vec<String>>| -> Result<()> {
        let path = directory.join(name);
        let context = || format!("could not write {}", path.display());
        let mut writer = Writer::from_path(&path).with_context(context)?;
        for row in rows {
            writer.write_record(row).with_context(context)?;
        }
        writer.flush().with_context(context)
    };
    write(
        format!("country_statistics_{month}.csv"),
        country_rows(spec, month)?,
    )?;
    write(format!("global_statistics_{month}.csv"), global_rows(spec, month))?;
    write("story_map_links.csv".to_owned(), story_map_rows())
}

fn texts<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

fn country_rows(spec: &PortalSpec, month: &str) -> Result<Vec<Vec<String>>> {
    let heading = texts([
        "country_iso_3",
        "month",
        "land_area",
        "marine_area",
        "pa_land_area",
        "pa_marine_area",
        "percentage_pa_land_cover",
        "percentage_pa_marine_cover",
        "polygons_count",
        "points_count",
    ]);
    let rows = countries()?.into_iter().zip(0..).map(|(country, index)| {
        let mut fixed = Dice::new(spec.seed, Purpose::Statistics, index, 0);
        let (land, marine) = (fixed.log_normal(100_000.0, 1.5), fixed.log_normal(50_000.0, 1.5));
        let mut monthly = Dice::new(spec.seed, Purpose::Statistics, index, spec.month + 1);
        let (land_share, marine_share) = (monthly.between(0.0, 60.0), monthly.between(0.0, 40.0));
        let landlocked = fixed.chance(0.2);
        let marine_cell = |value: f64| {
            if landlocked {
                "-".to_owned()
            } else {
                format!("{value:.3}")
            }
        };
        vec![
            country.iso_3,
            month.to_owned(),
            format!("{land:.3}"),
            marine_cell(marine),
            format!("{:.3}", land * land_share / 100.0),
            marine_cell(marine * marine_share / 100.0),
            format!("{land_share:.2}"),
            marine_cell(marine_share),
            monthly.below(5000).to_string(),
            // Nobody counts points everywhere.
            if monthly.chance(0.1) {
                String::new()
            } else {
                monthly.below(300).to_string()
            },
        ]
    });
    Ok(std::iter::once(heading).chain(rows).collect())
}

fn global_rows(spec: &PortalSpec, month: &str) -> Vec<Vec<String>> {
    let mut dice = Dice::new(spec.seed, Purpose::Statistics, 1000, spec.month + 1);
    let mut values = vec![("protected_areas", first_month_sites(spec).to_string())];
    for name in [
        "oecms",
        "countries",
        "land_area",
        "marine_area",
        "high_seas_area",
        "green_list_areas",
    ] {
        values.push((name, format!("{:.2}", dice.between(10.0, 1_000_000.0))));
    }
    values.push(("sites_with_stories", "-".to_owned()));
    values.push(("effectively_managed_share", String::new()));
    let rows = values
        .into_iter()
        .map(|(name, value)| vec![name.to_owned(), month.to_owned(), value]);
    std::iter::once(texts(["name", "month", "value"]))
        .chain(rows)
        .collect()
}

fn story_map_rows() -> Vec<Vec<String>> {
    let sites = [
        AwkwardSite::Quotes,
        AwkwardSite::Arabic,
        AwkwardSite::Giant,
        AwkwardSite::SeveralParcels,
    ];
    let rows = sites.into_iter().enumerate().map(|(number, site)| {
        let kind = if number % 2 == 0 { "story" } else { "-" };
        vec![
            site.site_id().to_string(),
            format!("https://stories.example/{number}?a=1,2"),
            kind.to_owned(),
        ]
    });
    std::iter::once(texts(["site_id", "link", "link_type"]))
        .chain(rows)
        .collect()
}
