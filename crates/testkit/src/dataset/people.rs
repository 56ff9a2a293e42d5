//! Countries, authorities and the words that names are made of.

use anyhow::{Context as _, Result};

use super::dice::{Dice, Purpose};

/// The code that the portal knows and no catalogue of the live side does.
pub(super) const UNKNOWN_COUNTRY: &str = "QQQ";

pub(super) struct Country {
    pub(super) iso_3: String,
    pub(super) name: String,
    pub(super) region: String,
}

/// The 250 countries, by code.
pub(super) fn countries() -> Result<Vec<Country>> {
    let mut reader = csv::Reader::from_reader(include_str!("countries.csv").as_bytes());
    let rows = reader.records().map(|row| {
        let row = row.context("countries.csv is damaged")?;
        let field = |at: usize| {
            row.get(at)
                .map(str::to_owned)
                .context("countries.csv lacks a column")
        };
        Ok(Country {
            iso_3: field(0)?,
            name: field(1)?,
            region: field(2)?,
        })
    });
    rows.collect()
}

pub(super) const REGIONS: [(&str, &str); 9] = [
    ("AF", "Africa"),
    ("AS", "Asia and the Pacific"),
    ("AT", "Antarctica"),
    ("EU", "Europe"),
    ("GL", "High Seas"),
    ("LA", "Latin America and the Caribbean"),
    ("NA", "North America"),
    ("PO", "Pacific"),
    ("WA", "West Asia"),
];

/// Where the sites of the country with this id lie, about: longitude and latitude.
pub(super) fn country_place(seed: u64, country: i32) -> [f64; 2] {
    let mut dice = Dice::new(seed, Purpose::CountryPlace, u64::from(country.unsigned_abs()), 0);
    [dice.between(-160.0, 160.0), dice.between(-55.0, 65.0)]
}

pub(super) const AUTHORITIES: i32 = 60;

/// The name of a management authority, by its number from 1 to [`AUTHORITIES`].
pub(super) fn authority(number: i32) -> String {
    const KINDS: [&str; 5] = [
        "Ministry of Nature",
        "Park Service",
        "Forest Agency",
        "Coastal Council",
        "Land Trust",
    ];
    let kind = KINDS
        .iter()
        .cycle()
        .nth(number.unsigned_abs() as usize)
        .copied()
        .unwrap_or_default();
    format!("{kind}, division {number}")
}

/// An English name and one in another tongue.
pub(super) fn site_name(dice: &mut Dice) -> (String, String) {
    const FIRST: [(&str, &str); 12] = [
        ("Red", "Rouge"),
        ("Upper", "Haut"),
        ("Old", "Vieux"),
        ("Great", "Grand"),
        ("Little", "Petit"),
        ("Northern", "Nord"),
        ("Hidden", "Caché"),
        ("Saint Mary's", "Sainte-Marie"),
        ("White", "Blanc"),
        ("Misty", "Brumeux"),
        ("Long", "Long"),
        ("Silent", "Silencieux"),
    ];
    const SECOND: [(&str, &str); 12] = [
        ("River", "Rivière"),
        ("Mountain", "Mont"),
        ("Bay", "Baie"),
        ("Forest", "Forêt"),
        ("Island", "Île"),
        ("Marsh", "Marais"),
        ("Cape", "Cap"),
        ("Lagoon", "Lagune"),
        ("Valley", "Vallée"),
        ("Reef", "Récif"),
        ("Plateau", "Plateau"),
        ("Dunes", "Dunes"),
    ];
    let (first, second, number) = (dice.pick(&FIRST), dice.pick(&SECOND), dice.below(10_000));
    (
        format!("{} {} {number}", first.0, second.0),
        format!("{} {} {number}", second.1, first.1),
    )
}
