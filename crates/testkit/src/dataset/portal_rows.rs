//! Streams the portal's rows in by binary COPY, one table at a time.

use std::pin::pin;

use anyhow::{Context as _, Result};
use jiff::civil::date;
use tokio_postgres::Client;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};

use super::PortalSpec;
use super::dice::{Dice, Purpose};
use super::population::{AwkwardSite, first_month_sites, members, scaled, site_id};
use super::shape;
use super::site::{MARINE, Parcel, Site, catalogue_rows as rows, sources};

type Value<'a> = &'a (dyn ToSql + Sync);

pub(super) async fn write_rows(client: &Client, spec: &PortalSpec) -> Result<()> {
    write_sources(client, spec).await?;
    write_sites(client, spec).await?;
    write_shapes(client, spec).await?;
    write_pairs(client, spec, "wdpa_iso3", |site| &site.countries).await?;
    write_pairs(client, spec, "wdpa_parent_iso3", |site| &site.countries[..1]).await?;
    write_pairs(client, spec, "wdpa_international_criteria", |site| &site.criteria).await?;
    write_pairs(client, spec, "wdpa_governance_subtypes", |site| {
        &site.governance_subtypes
    })
    .await?;
    write_pairs(client, spec, "wdpa_ownership_subtypes", |site| {
        &site.ownership_subtypes
    })
    .await?;
    write_pairs(client, spec, "wdpa_oecm_assessments", |site| {
        &site.oecm_assessments
    })
    .await?;
    write_evaluations(client, spec).await?;
    write_green_list(client, spec).await
}

/// A COPY into one table, whole rows in the order of its columns.
async fn copy(
    client: &Client,
    table: &str,
    types: &[Type],
    rows: impl AsyncFnOnce(&mut Rows<'_>) -> Result<()>,
) -> Result<()> {
    let sink = client
        .copy_in(&format!("COPY portal.{table} FROM STDIN (FORMAT binary)"))
        .await?;
    let writer = pin!(BinaryCopyInWriter::new(sink, types));
    let mut out = Rows { writer };
    rows(&mut out)
        .await
        .with_context(|| format!("could not fill portal.{table}"))?;
    out.writer
        .finish()
        .await
        .with_context(|| format!("could not fill portal.{table}"))?;
    Ok(())
}

struct Rows<'a> {
    writer: std::pin::Pin<&'a mut BinaryCopyInWriter>,
}

impl Rows<'_> {
    async fn put(&mut self, row: &[Value<'_>]) -> Result<()> {
        Ok(self.writer.as_mut().write(row).await?)
    }
}

/// Every site of the specification with each of its rows.
fn site_rows(spec: &PortalSpec) -> impl Iterator<Item = (Site, Vec<Parcel>)> {
    members(spec).map(|member| {
        let site = Site::generate(spec, member);
        let parcels = site.parcels();
        (site, parcels)
    })
}

async fn write_sites(client: &Client, spec: &PortalSpec) -> Result<()> {
    let types = [
        Type::INT8,
        Type::INT8,
        Type::TEXT,
        Type::INT8,
        Type::TEXT,
        Type::TEXT,
        Type::INT4,
        Type::TEXT,
        Type::INT4,
        Type::INT4,
        Type::INT4,
        Type::INT4,
        Type::FLOAT8,
        Type::FLOAT8,
        Type::FLOAT8,
        Type::FLOAT8,
        Type::INT4,
        Type::FLOAT8,
        Type::INT4,
        Type::INT4,
        Type::INT4,
        Type::INT4,
        Type::TEXT,
        Type::TEXT,
        Type::INT4,
        Type::TEXT,
        Type::INT4,
        Type::INT4,
        Type::INT4,
        Type::TIMESTAMPTZ,
    ];
    let archived = date(2024, 2, 29)
        .at(12, 0, 0, 0)
        .to_zoned(jiff::tz::TimeZone::UTC)?
        .timestamp();
    copy(client, "wdpas", &types, async |out| {
        for (site, parcels) in site_rows(spec) {
            let marine_area = if site.realm == MARINE {
                site.reported_area
            } else {
                0.0
            };
            let gis_marine_area = if site.realm == MARINE { site.gis_area } else { 0.0 };
            let designation_type = 1 + site.designation % 4;
            let restriction = if site.awkward == Some(AwkwardSite::Restricted) {
                2
            } else {
                1
            };
            let archived_at = (site.awkward == Some(AwkwardSite::Archived)).then_some(archived);
            for parcel in parcels {
                let row: [Value<'_>; 30] = [
                    &parcel.row_id,
                    &site.id,
                    &parcel.id,
                    &site.source_id,
                    &site.name_english,
                    &site.name_original,
                    &site.kind,
                    &site.designation_original,
                    &site.designation,
                    &designation_type,
                    &site.iucn_category,
                    &site.realm,
                    &marine_area,
                    &gis_marine_area,
                    &site.reported_area,
                    &site.gis_area,
                    &site.no_take,
                    &site.no_take_area,
                    &site.status,
                    &site.status_year,
                    &site.governance_type,
                    &site.ownership_type,
                    &site.management_authority,
                    &site.management_plan,
                    &site.objective,
                    &site.supplementary_info,
                    &site.verification,
                    &site.inland_waters,
                    &restriction,
                    &archived_at,
                ];
                out.put(&row).await?;
            }
        }
        Ok(())
    })
    .await
}

async fn write_shapes(client: &Client, spec: &PortalSpec) -> Result<()> {
    // On the wire a geometry is its EWKB, as a bytea is its bytes.
    copy(
        client,
        "spatial_data",
        &[Type::INT8, Type::INT4, Type::BYTEA],
        async |out| {
            for (site, parcels) in site_rows(spec) {
                let is_polygon = i32::from(site.is_polygon);
                for parcel in parcels {
                    out.put(&[&parcel.row_id, &is_polygon, &shape::ewkb(spec, &site, &parcel)])
                        .await?;
                }
            }
            Ok(())
        },
    )
    .await
}

/// A table that links each row of a site to rows of a catalogue.
async fn write_pairs(
    client: &Client,
    spec: &PortalSpec,
    table: &str,
    ids: impl Fn(&Site) -> &[i32],
) -> Result<()> {
    copy(client, table, &[Type::INT8, Type::INT4], async |out| {
        for (site, parcels) in site_rows(spec) {
            for parcel in parcels {
                for id in ids(&site) {
                    out.put(&[&parcel.row_id, id]).await?;
                }
            }
        }
        Ok(())
    })
    .await
}

async fn write_sources(client: &Client, spec: &PortalSpec) -> Result<()> {
    let types = [
        Type::INT8,
        Type::INT4,
        Type::TEXT,
        Type::INT4,
        Type::INT4,
        Type::INT4,
        Type::INT4,
        Type::INT4,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
    ];
    copy(client, "source", &types, async |out| {
        for number in 1..=sources(spec) {
            let mut dice = Dice::new(spec.seed, Purpose::Source, u64::from(number), 0);
            let id = i64::from(number);
            let metadata_id = 100 + i32::try_from(number)?;
            let title = if number == sources(spec) {
                "Unused source".to_owned()
            } else {
                format!("National dataset {number}")
            };
            let (provider, language, characters) = (
                dice.id(rows::PROVIDERS),
                dice.id(rows::LANGUAGES),
                dice.id(rows::CHARACTER_SETS),
            );
            let year = 1990 + dice.id(30);
            let update_year = dice.chance(0.8).then_some(2025);
            let scale = dice.chance(0.5).then(|| format!("1:{}000", 10 * dice.id(50)));
            let none: Option<String> = None;
            let citation = format!("Agency {provider} ({year}). {title}.");
            out.put(&[
                &id,
                &metadata_id,
                &title,
                &provider,
                &year,
                &update_year,
                &language,
                &characters,
                &"WGS 84",
                &scale,
                &none,
                &citation,
                &none,
            ])
            .await?;
        }
        Ok(())
    })
    .await
}

async fn write_evaluations(client: &Client, spec: &PortalSpec) -> Result<()> {
    const SOURCES: i32 = 40;
    let types = [Type::INT4, Type::TEXT, Type::TEXT, Type::INT4, Type::INT4];
    copy(client, "pame_sources", &types, async |out| {
        for id in 1..=SOURCES {
            let mut dice = Dice::new(spec.seed, Purpose::Evaluation, 0, id.unsigned_abs());
            let (title, party) = (
                format!("Evaluations {id}"),
                format!("Institute {}", dice.below(30)),
            );
            out.put(&[
                &id,
                &title,
                &party,
                &(2000 + dice.id(24)),
                &dice.id(rows::LANGUAGES),
            ])
            .await?;
        }
        Ok(())
    })
    .await?;

    let first = scaled(40_000.0, spec, 30);
    let count = first + u64::from(spec.month) * (first / 100).max(1);
    let sites = u32::try_from(first_month_sites(spec))?;
    let types = [
        Type::INT8,
        Type::INT8,
        Type::INT4,
        Type::INT4,
        Type::INT4,
        Type::INT4,
        Type::TEXT,
        Type::BOOL,
    ];
    copy(client, "pame", &types, async |out| {
        for number in 1..=count {
            let mut dice = Dice::new(spec.seed, Purpose::Evaluation, number, 0);
            let site = site_id(u64::from(dice.below(sites)));
            let year = 2000 + dice.id(24);
            let url = dice
                .chance(0.5)
                .then(|| format!("https://evaluations.example/{number}"));
            let (source, method) = (dice.id(SOURCES), dice.id(rows::PAME_METHODS));
            out.put(&[
                &i64::try_from(number)?,
                &site,
                &source,
                &method,
                &year,
                &(year + 1),
                &url,
                &dice.chance(0.02),
            ])
            .await?;
        }
        Ok(())
    })
    .await
}

async fn write_green_list(client: &Client, spec: &PortalSpec) -> Result<()> {
    let types = [Type::INT4, Type::INT8, Type::INT4, Type::DATE, Type::TEXT];
    let count = i32::try_from(scaled(80.0, spec, 6))?;
    copy(client, "greenlists", &types, async |out| {
        for id in 1..=count {
            let mut dice = Dice::new(spec.seed, Purpose::GreenList, u64::from(id.unsigned_abs()), 0);
            let expiry = dice
                .chance(0.9)
                .then(|| date(2030, 1, 1) + jiff::Span::new().days(i64::from(dice.below(900))));
            let url = format!("https://greenlist.example/{id}");
            // Sites of different indexes, none of them reserved.
            let site = site_id(70 + 3 * u64::from(id.unsigned_abs()));
            out.put(&[&id, &site, &dice.id(rows::GREEN_LIST_STATUSES), &expiry, &url])
                .await?;
        }
        Ok(())
    })
    .await
}
