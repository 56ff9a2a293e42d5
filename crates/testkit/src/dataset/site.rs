//! What a site says about itself.

use super::dice::{Dice, Purpose};
use super::fault::Fault;
use super::people::{AUTHORITIES, authority, country_place, site_name};
use super::population::{AwkwardSite, Member, site_id, turning_month};
use super::{PortalSpec, population};

/// How many rows the catalogues of `portal.sql` have.
pub(super) mod catalogue_rows {
    pub(in super::super) const COUNTRIES: i32 = 250;
    pub(in super::super) const DESIGNATIONS: i32 = 40;
    pub(in super::super) const IUCN_CATEGORIES: i32 = 10;
    pub(in super::super) const GOVERNANCE_TYPES: i32 = 12;
    pub(in super::super) const GOVERNANCE_SUBTYPES: i32 = 6;
    pub(in super::super) const OWNERSHIP_TYPES: i32 = 8;
    pub(in super::super) const OWNERSHIP_SUBTYPES: i32 = 4;
    pub(in super::super) const STATUSES: i32 = 5;
    pub(in super::super) const VERIFICATIONS: i32 = 3;
    pub(in super::super) const INLAND_WATERS: i32 = 3;
    pub(in super::super) const OBJECTIVES: i32 = 4;
    pub(in super::super) const CRITERIA: i32 = 10;
    pub(in super::super) const OECM_ASSESSMENTS: i32 = 3;
    pub(in super::super) const LANGUAGES: i32 = 6;
    pub(in super::super) const CHARACTER_SETS: i32 = 3;
    pub(in super::super) const PROVIDERS: i32 = 90;
    pub(in super::super) const GREEN_LIST_STATUSES: i32 = 3;
    pub(in super::super) const PAME_METHODS: i32 = 6;
}
use catalogue_rows as rows;

/// A site of the portal in one month; ids are those of the catalogues.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub(super) index: u64,
    pub(super) id: i64,
    pub(super) awkward: Option<AwkwardSite>,
    pub(super) fault: Option<Fault>,
    /// Changes when its shape does.
    pub(super) shape_version: u32,
    pub(super) is_polygon: bool,
    pub(super) parcels: u32,
    pub(super) place: [f64; 2],
    /// Half the width of its shape, in degrees.
    pub(super) radius: f64,
    pub(super) source_id: i64,
    pub(super) name_english: String,
    pub(super) name_original: Option<String>,
    pub(super) kind: i32,
    pub(super) designation_original: Option<String>,
    pub(super) designation: i32,
    pub(super) iucn_category: i32,
    pub(super) realm: i32,
    pub(super) reported_area: f64,
    pub(super) gis_area: f64,
    pub(super) no_take: i32,
    pub(super) no_take_area: Option<f64>,
    pub(super) status: i32,
    pub(super) status_year: i32,
    pub(super) governance_type: i32,
    pub(super) governance_subtypes: Vec<i32>,
    pub(super) ownership_type: i32,
    pub(super) ownership_subtypes: Vec<i32>,
    pub(super) oecm_assessments: Vec<i32>,
    pub(super) criteria: Vec<i32>,
    pub(super) management_authority: String,
    pub(super) management_plan: Option<String>,
    pub(super) objective: i32,
    pub(super) supplementary_info: Option<String>,
    pub(super) verification: i32,
    pub(super) inland_waters: i32,
    pub(super) countries: Vec<i32>,
}

/// One row of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parcel {
    pub(super) row_id: i64,
    pub(super) id: String,
    pub(super) number: u32,
}

/// The id of the marine realm in its catalogue.
pub(super) const MARINE: i32 = 3;

impl Site {
    pub(super) fn generate(spec: &PortalSpec, member: Member) -> Self {
        let Member { index, version } = member;
        let mut dice = Dice::new(spec.seed, Purpose::Attributes, index, 0);
        let mut countries = vec![dice.id(rows::COUNTRIES)];
        if dice.chance(0.03) {
            countries.push(dice.id(rows::COUNTRIES));
        }
        let centre = country_place(spec.seed, countries[0]);
        let (name_english, name_original) = site_name(&mut dice);
        let radius = dice.log_normal(0.03, 1.0).min(2.0);
        let place = [
            centre[0] + dice.between(-8.0, 8.0),
            centre[1] + dice.between(-8.0, 8.0),
        ];
        let gis_area = area_km2(place[1], radius);
        let oecm = dice.chance(0.02);
        let no_take = dice.id(5);
        let mut site = Self {
            index,
            id: site_id(index),
            awkward: AwkwardSite::at(index),
            fault: spec.faults.of_site(index),
            shape_version: 0,
            is_polygon: dice.chance(0.95),
            parcels: if dice.chance(0.04) { 2 + dice.below(3) } else { 1 },
            place,
            radius,
            source_id: 1 + i64::from(dice.below(used_sources(spec))),
            name_english,
            name_original: dice.chance(0.9).then_some(name_original),
            kind: if oecm { 2 } else { 1 },
            designation_original: dice.chance(0.7).then(|| format!("Parc no {}", dice.below(500))),
            designation: dice.id(rows::DESIGNATIONS),
            iucn_category: dice.id(rows::IUCN_CATEGORIES),
            realm: if dice.chance(0.85) {
                1
            } else {
                2 + i32::from(dice.chance(0.6))
            },
            reported_area: gis_area * dice.between(0.9, 1.1),
            gis_area,
            no_take,
            // The first two are `All` and `Part`. Few distinct values: they become a catalogue.
            no_take_area: (no_take <= 2).then(|| f64::from(dice.below(40)) / 4.0),
            status: dice.id(rows::STATUSES),
            status_year: 1900 + i32::try_from(dice.below(125)).unwrap_or(0),
            governance_type: dice.id(rows::GOVERNANCE_TYPES),
            governance_subtypes: some_of(&mut dice, rows::GOVERNANCE_SUBTYPES, 0.3),
            ownership_type: dice.id(rows::OWNERSHIP_TYPES),
            ownership_subtypes: some_of(&mut dice, rows::OWNERSHIP_SUBTYPES, 0.2),
            oecm_assessments: if oecm {
                vec![dice.id(rows::OECM_ASSESSMENTS)]
            } else {
                Vec::new()
            },
            criteria: some_of(&mut dice, rows::CRITERIA, 0.05),
            management_authority: authority(dice.id(AUTHORITIES)),
            management_plan: dice.chance(0.3).then(|| format!("https://plans.example/{index}")),
            objective: dice.id(rows::OBJECTIVES),
            supplementary_info: dice.chance(0.1).then(|| "See the management plan.".to_owned()),
            verification: dice.id(rows::VERIFICATIONS),
            inland_waters: dice.id(rows::INLAND_WATERS),
            countries,
        };
        site.revise(spec, version);
        site.make_awkward();
        site
    }

    /// What a changed site has new: always its reported area and a remark, at times its shape.
    fn revise(&mut self, spec: &PortalSpec, version: u32) {
        if version > 0 {
            let mut dice = Dice::new(spec.seed, Purpose::Attributes, self.index, version);
            self.reported_area *= dice.between(0.95, 1.05);
            self.supplementary_info = Some(format!("Revised in month {version}."));
            if dice.chance(0.4) {
                self.shape_version = version;
            }
        }
        if let Some(month) = turning_month(self.index) {
            self.is_polygon = u64::from(spec.month) >= month;
            self.parcels = 1;
        }
    }

    fn make_awkward(&mut self) {
        if self.fault.is_some() || Fault::ALL.iter().any(|fault| fault.site_index() == self.index) {
            (self.is_polygon, self.parcels) = (true, 1);
        }
        let Some(awkward) = self.awkward else { return };
        (self.is_polygon, self.parcels) = (true, 1);
        match awkward {
            AwkwardSite::Quotes => self.name_english = String::from(r#"O'Brien's "Wild" Park"#),
            AwkwardSite::Backslash => self.name_english = String::from(r"Back\slash \N \. Park"),
            AwkwardSite::Arabic => self.name_original = Some("محمية وادي الريّان".to_owned()),
            AwkwardSite::EmptyBesideNull => {
                (self.name_original, self.supplementary_info) = (Some(String::new()), None);
            }
            AwkwardSite::YearZero => self.status_year = 0,
            AwkwardSite::SeveralParcels => self.parcels = 3,
            AwkwardSite::Antimeridian => (self.place, self.realm) = ([180.0, -17.0], MARINE),
            AwkwardSite::UnknownCountry => self.countries = vec![rows::COUNTRIES + 1],
            AwkwardSite::ThreeCountries => self.countries = vec![7, 77, 177],
            AwkwardSite::Giant => {
                (self.realm, self.radius, self.place) = (MARINE, 12.0, [-140.0, 5.0]);
                self.gis_area = area_km2(5.0, 12.0);
                self.reported_area = self.gis_area;
            }
            // Their shape, or a column outside this struct, makes them so.
            AwkwardSite::TinyPart
            | AwkwardSite::PointThenPolygon
            | AwkwardSite::Archived
            | AwkwardSite::Restricted => {}
        }
    }

    /// Its rows, in the order of their ids.
    pub(super) fn parcels(&self) -> Vec<Parcel> {
        let row_id = |number: u32| (self.id - 1000) * 10 + i64::from(number) + 1;
        let mut parcels: Vec<Parcel> = (0..self.parcels)
            .zip('A'..)
            .map(|(number, letter)| {
                let id = self.id;
                let id = if self.parcels == 1 {
                    format!("{id}")
                } else {
                    format!("{id}_{letter}")
                };
                Parcel {
                    row_id: row_id(number),
                    id,
                    number,
                }
            })
            .collect();
        if self.fault == Some(Fault::DuplicateKey) {
            parcels.push(Parcel {
                row_id: row_id(9),
                id: self.id.to_string(),
                number: 9,
            });
        }
        parcels
    }
}

/// Square kilometres of a circle of `radius` degrees at a latitude.
fn area_km2(latitude: f64, radius: f64) -> f64 {
    let angle = latitude.to_radians();
    // The cosine by its series: the same on every platform.
    let squared = angle * angle;
    let cosine = 1.0 - squared / 2.0 + squared * squared / 24.0 - squared * squared * squared / 720.0;
    std::f64::consts::PI * (radius * 111.2) * (radius * 111.2) * cosine * 0.65
}

/// Up to three different ids, in order; none at all but for a `share` of the sites.
fn some_of(dice: &mut Dice, rows: i32, share: f64) -> Vec<i32> {
    if !dice.chance(share) {
        return Vec::new();
    }
    let mut ids: Vec<i32> = (0..=dice.below(3)).map(|_| dice.id(rows)).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// How many sources there are, the one that nobody uses included.
pub(super) fn sources(spec: &PortalSpec) -> u32 {
    // Real ones grow far slower than the sites: 700 at scale 1.0, and still 70 at 0.01.
    u32::try_from(population::scaled(7000.0, spec, 20).min(700)).unwrap_or(700)
}

fn used_sources(spec: &PortalSpec) -> u32 {
    sources(spec) - 1
}
