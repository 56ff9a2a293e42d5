//! The geometry check: what is wrong with each geometry of a view, by either engine.

pub(super) mod batches; // batches of rows over all cores
pub(super) mod native; // rows of a COPY judged in this process
pub(super) mod server; // rows judged by PostGIS
pub(super) mod sketch; // offending geometries, to be looked at
pub(super) mod stream; // a COPY made for a check

use std::borrow::Cow;

use cutover_geometry::InvalidReason;
use geo::Point;

/// One reason why a row offends.
#[derive(Debug)]
pub(super) struct Reason {
    /// The kind of violation, under which it is counted.
    pub(super) kind: Cow<'static, str>,
    /// More about this row.
    pub(super) detail: Option<String>,
    /// Where in the geometry.
    pub(super) place: Option<Point<f64>>,
}

/// Everything wrong with one row.
#[derive(Debug, Default)]
pub(super) struct Reasons {
    pub(super) all: Vec<Reason>,
    /// The SRID of the geometry, where there is one.
    pub(super) srid: Option<i32>,
}

impl Reasons {
    fn add(&mut self, kind: impl Into<Cow<'static, str>>, detail: Option<String>, place: Option<Point<f64>>) {
        self.all.push(Reason {
            kind: kind.into(),
            detail,
            place,
        });
    }
}

// The kinds that both engines find, in words that reports, thresholds and people share.
const NO_GEOMETRY: &str = "no geometry";
const WRONG_SRID: &str = "wrong SRID";
const WRONG_TYPE: &str = "wrong type";
const EMPTY: &str = "empty";
const NOT_FINITE: &str = "coordinate not finite";
const OUT_OF_RANGE: &str = "coordinate out of range";
/// A row whose geometry neither engine can judge.
pub(super) const NOT_JUDGED: &str = "validity cannot be judged";
/// A row about which the two engines do not agree: a fault of one of them, which nothing tolerates.
pub(super) const ENGINES_DISAGREE: &str = "engines disagree";

fn wrong_srid(found: i32, expected: i32) -> String {
    format!("{found} instead of {expected}")
}

/// The kind of violation that an invalid geometry is.
fn invalid(reason: InvalidReason) -> String {
    format!("invalid: {}", reason.text().to_lowercase())
}

/// The same for the words of `ST_IsValidDetail`.
fn invalid_by_postgis(text: &str) -> String {
    if let Some(reason) = InvalidReason::from_postgis(text) {
        return invalid(reason);
    }
    // The first words are the kind; GEOS may append the place, which stands elsewhere.
    let kind = text.split('[').next().unwrap_or(text).trim().to_lowercase();
    format!("invalid: {kind}")
}
