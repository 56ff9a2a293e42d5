//! Geometries judged in this process, from the rows of a binary COPY.

use cutover_core::{Ident, Sql};
use cutover_geometry::{
    Coord, Ewkb, EwkbErrorKind, Extent, Facts, Invalid, InvalidReason, Primitive, Validator,
};
use geo::Point;

use super::sketch::Sketch;
use super::{
    EMPTY, ENGINES_DISAGREE, NO_GEOMETRY, NOT_FINITE, NOT_JUDGED, OUT_OF_RANGE, Reasons, WRONG_SRID,
    WRONG_TYPE, invalid, wrong_srid,
};
use crate::chunks::RowFormat;
use crate::preflight::check::{Bounds, GeometryCheck};
use crate::preflight::findings::{Findings, key_of};
use crate::preflight::report::Offender;

/// A validator that has judged a larger geometry is let go with its memory, some ten times as much.
const USUAL_BYTES: usize = 1 << 20;

/// Sends every row: the key's columns as text, then the geometry. Nothing is computed on the server, and a foreign
/// table's geometry travels anyway, whoever judges it.
pub(in crate::preflight) fn copy(check: &GeometryCheck, postgis: &Ident) -> Sql {
    let mut sql = Sql::text("COPY (SELECT ");
    for key in &check.key {
        sql = sql.then("v.").ident(key).then("::pg_catalog.text, ");
    }
    sql.then("CAST(v.")
        .ident(&check.column)
        .then(" AS ")
        .ident(postgis)
        .then(".geometry)\n  FROM ")
        .name(&check.view)
        .then(" AS v) TO STDOUT (FORMAT binary)")
}

/// What is looked at in each row of a stream.
#[derive(Debug, Clone)]
pub(in crate::preflight) struct Looked {
    pub(in crate::preflight) check: GeometryCheck,
    pub(in crate::preflight) fields: Fields,
}

/// Which fields of a row a check is about.
#[derive(Debug, Clone)]
pub(in crate::preflight) enum Fields {
    /// Those of a COPY made for the check: the key as texts, the geometry, perhaps the server's verdict.
    Asked,
    /// Some of an importer's, by position, all in their types' binary format.
    Among {
        fields: usize,
        key: Vec<usize>,
        geometry: usize,
    },
}

/// What became of some rows.
#[derive(Debug)]
pub(in crate::preflight) struct Judged {
    pub(in crate::preflight) findings: Findings,
    /// Rows with curves or surfaces, of which nothing was found.
    pub(in crate::preflight) unread: u64,
}

impl Judged {
    /// Adds what became of other rows.
    pub(in crate::preflight) fn add(&mut self, other: Self) {
        self.findings.merge(other.findings);
        self.unread += other.unread;
    }
}

/// Judges rows, a batch at a time.
#[derive(Debug, Default)]
pub(super) struct Judge {
    validator: Validator,
}

/// A COPY stream whose fields are not those that were asked for.
#[derive(Debug, thiserror::Error)]
#[error("the server sent a row with other fields than were asked for")]
pub(in crate::preflight) struct UnexpectedFields;

impl Judge {
    /// Looks at whole rows, as [`copy`] or [`copy_with_verdict`](super::server::copy_with_verdict) has them sent, or an
    /// importer.
    pub(super) fn look(
        &mut self,
        Looked { check, fields }: &Looked,
        mut rows: &[u8],
        mut findings: Findings,
    ) -> Result<Judged, UnexpectedFields> {
        let mut unread = 0;
        while !rows.is_empty() {
            let (row, rest) = rows.split_at(RowFormat::Binary.row_end(rows));
            rows = rest;
            let row = Row::read(row, check.key.len(), fields).ok_or(UnexpectedFields)?;
            findings.next_row();
            let Some(reasons) = self.reasons(check, &row) else {
                unread += 1;
                continue;
            };
            let (srid, reasons) = (reasons.srid, reasons.all);
            for reason in reasons {
                findings.add(&reason.kind, || Offender {
                    key: key_of(&check.key, row.key_texts()),
                    detail: reason.detail,
                    srid,
                    place: reason.place,
                    geometry: row.sketch(reason.place),
                    unprinted_key: row.unprinted_key(),
                });
            }
            if row.geometry.is_some_and(|bytes| bytes.len() > USUAL_BYTES) {
                self.validator = Validator::new();
            }
        }
        Ok(Judged { findings, unread })
    }

    /// Everything that is wrong with a row; `None` where its geometry is of a kind that is not read here.
    fn reasons(&mut self, check: &GeometryCheck, row: &Row<'_>) -> Option<Reasons> {
        let mut reasons = Reasons::default();
        let Some(bytes) = row.geometry else {
            if !check.allow_null {
                reasons.add(NO_GEOMETRY, None, None);
            }
            return Some(reasons);
        };
        let value = match Ewkb::parse(bytes) {
            Ok(value) => value,
            Err(error) if matches!(error.kind, EwkbErrorKind::UnsupportedType { .. }) => return None,
            Err(error) => {
                reasons.add(NOT_JUDGED, Some(error.to_string()), None);
                return Some(reasons);
            }
        };
        let facts = check
            .bounds
            .map_or_else(|| value.facts(), |bounds| value.facts_within(extent(bounds)));
        let srid = facts.srid.unwrap_or(0);
        reasons.srid = Some(srid);
        if srid != check.srid {
            reasons.add(WRONG_SRID, Some(wrong_srid(srid, check.srid)), None);
        }
        let found = facts.geometry_type.name();
        let is_found = |allowed: &String| allowed.eq_ignore_ascii_case(found);
        if !check.types.is_empty() && !check.types.iter().any(is_found) {
            let place = (facts.non_finite.count == 0).then(|| first_vertex(&value, |_| true));
            reasons.add(WRONG_TYPE, Some(found.to_owned()), place.flatten());
        }
        if facts.is_empty() {
            if !check.allow_empty {
                reasons.add(EMPTY, None, None);
            }
        } else if facts.non_finite.count > 0 {
            reasons.add(NOT_FINITE, None, None);
        } else {
            self.judge_finite(check, row, &value, &facts, &mut reasons);
        }
        Some(reasons)
    }

    fn judge_finite(
        &mut self,
        check: &GeometryCheck,
        row: &Row<'_>,
        value: &Ewkb<'_>,
        facts: &Facts,
        reasons: &mut Reasons,
    ) {
        if let Some(bounds) = check.bounds
            && facts.outside.count > 0
            && facts.srid.unwrap_or(0) == check.srid
        {
            let place = first_vertex(value, |vertex| !extent(bounds).contains(vertex));
            reasons.add(OUT_OF_RANGE, None, place);
        }
        let verdict = self.validator.check(value);
        if let Err(invalid_here) = &verdict {
            let place = invalid_here.location.map(|[x, y]| Point::new(x, y));
            match invalid_here.reason {
                InvalidReason::Undecided => {
                    reasons.add(NOT_JUDGED, Some(invalid_here.reason.text().to_owned()), place);
                }
                reason => reasons.add(invalid(reason), in_element(&invalid_here.part), place),
            }
        }
        if let Some(server) = &row.server {
            server.compare(verdict.err().as_ref(), reasons);
        }
    }
}

fn extent(bounds: Bounds) -> Extent {
    Extent {
        min_x: bounds.min_x,
        min_y: bounds.min_y,
        max_x: bounds.max_x,
        max_y: bounds.max_y,
    }
}

/// The place of the first vertex that is looked for.
fn first_vertex(value: &Ewkb<'_>, is_wanted: impl Fn(Coord) -> bool) -> Option<Point<f64>> {
    let found = value.primitives().find_map(|primitive| match primitive {
        Primitive::Point(point) => point.coord().filter(|vertex| is_wanted(*vertex)),
        Primitive::LineString(line) => line.coords().find(|vertex| is_wanted(*vertex)),
        Primitive::Polygon(polygon) => polygon
            .rings()
            .find_map(|ring| ring.coords().find(|vertex| is_wanted(*vertex))),
    })?;
    Some(Point::new(found.x, found.y))
}

/// Which element of a collection fails, counted as `ST_GeometryN` counts.
fn in_element(part: &[usize]) -> Option<String> {
    let path: Vec<String> = part.iter().map(|index| (index + 1).to_string()).collect();
    (!path.is_empty()).then(|| format!("in element {}", path.join(", ")))
}

/// A row of the stream.
struct Row<'a> {
    key: Vec<Option<&'a [u8]>>,
    /// Whether the key's fields are texts.
    key_is_printed: bool,
    geometry: Option<&'a [u8]>,
    server: Option<ServersVerdict<'a>>,
}

impl<'a> Row<'a> {
    fn read(row: &'a [u8], keys: usize, wanted: &Fields) -> Option<Self> {
        let mut fields = RowFormat::Binary.fields(row);
        match wanted {
            Fields::Asked => {
                let (_, told) = fields.split_at_checked(keys)?;
                let (geometry, server) = match *told {
                    [geometry] => (geometry, None),
                    [geometry, valid, reason, x, y] => {
                        (geometry, Some(ServersVerdict::read([valid, reason, x, y])))
                    }
                    _ => return None,
                };
                fields.truncate(keys);
                Some(Self {
                    key: fields,
                    key_is_printed: true,
                    geometry,
                    server,
                })
            }
            Fields::Among {
                fields: expected,
                key,
                geometry,
            } => {
                if fields.len() != *expected {
                    return None;
                }
                let field = |at: &usize| fields.get(*at).copied();
                Some(Self {
                    key: key.iter().map(field).collect::<Option<_>>()?,
                    key_is_printed: false,
                    geometry: field(geometry)?,
                    server: None,
                })
            }
        }
    }

    /// Its geometry, to be looked at.
    fn sketch(&self, place: Option<Point<f64>>) -> Option<Sketch> {
        Sketch::of(&Ewkb::parse(self.geometry?).ok()?, place)
    }

    /// The key's values; none of them where they are still to be printed.
    fn key_texts(&self) -> Vec<Option<String>> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let printed = |field: Option<&[u8]>| field.filter(|_| self.key_is_printed).map(text);
        self.key.iter().copied().map(printed).collect()
    }

    fn unprinted_key(&self) -> Option<Vec<Option<Vec<u8>>>> {
        let values = || self.key.iter().map(|field| field.map(<[u8]>::to_vec)).collect();
        (!self.key_is_printed && !self.key.is_empty()).then(values)
    }
}

/// What `ST_IsValidDetail` says of a row.
struct ServersVerdict<'a> {
    /// `None` where it was not asked.
    is_valid: Option<bool>,
    reason: &'a str,
    location: Option<[f64; 2]>,
}

impl<'a> ServersVerdict<'a> {
    fn read([valid, reason, x, y]: [Option<&'a [u8]>; 4]) -> Self {
        let float = |field: Option<&[u8]>| Some(f64::from_be_bytes(field?.try_into().ok()?));
        Self {
            is_valid: valid.and_then(|bytes| Some(*bytes.first()? != 0)),
            reason: std::str::from_utf8(reason.unwrap_or_default()).unwrap_or_default(),
            location: float(x).zip(float(y)).map(|(x, y)| [x, y]),
        }
    }

    /// Adds a reason unless both say the same: whether it is valid, why not, and where.
    fn compare(&self, here: Option<&Invalid>, reasons: &mut Reasons) {
        let agree = match here {
            None => self.is_valid == Some(true),
            Some(here) => {
                self.is_valid == Some(false)
                    && InvalidReason::from_postgis(self.reason) == Some(here.reason)
                    && self.location == here.location
            }
        };
        if agree {
            return;
        }
        let ours = here.map_or_else(|| "valid".to_owned(), ToString::to_string);
        let theirs = match (self.is_valid, self.location) {
            (None, _) => "not asked".to_owned(),
            (Some(true), _) => "valid".to_owned(),
            (Some(false), Some([x, y])) => format!("{} at {x} {y}", self.reason),
            (Some(false), None) => self.reason.to_owned(),
        };
        let place = here.and_then(|here| here.location).or(self.location);
        reasons.add(
            ENGINES_DISAGREE,
            Some(format!("native: {ours}; server: {theirs}")),
            place.map(|[x, y]| Point::new(x, y)),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bow tie that crosses itself at 0.5 0.5.
    fn bow_tie() -> Invalid {
        let ring = vec![(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)];
        let polygon = geo::Polygon::new(ring.into(), Vec::new());
        let bytes = cutover_geometry::encode_geo(&polygon.into(), None).unwrap();
        Ewkb::parse(&bytes).unwrap().validity().unwrap_err()
    }

    #[track_caller]
    fn check(here: Option<&Invalid>, server: (Option<bool>, &str, Option<[f64; 2]>), expected: Option<&str>) {
        let (is_valid, reason, location) = server;
        let mut reasons = Reasons::default();
        let server = ServersVerdict {
            is_valid,
            reason,
            location,
        };
        server.compare(here, &mut reasons);
        let told = reasons.all.first().and_then(|reason| reason.detail.as_deref());
        assert_eq!(told, expected);
    }

    #[test]
    fn engines_agree_on_verdict_reason_and_place() {
        let invalid = bow_tie();
        let middle = Some([0.5, 0.5]);
        check(None, (Some(true), "", None), None);
        check(Some(&invalid), (Some(false), "Self-intersection", middle), None);
        check(
            Some(&invalid),
            (Some(true), "", None),
            Some("native: Self-intersection at 0.5 0.5; server: valid"),
        );
        check(
            Some(&invalid),
            (Some(false), "Self-intersection", Some([0.5, 0.25])),
            Some("native: Self-intersection at 0.5 0.5; server: Self-intersection at 0.5 0.25"),
        );
        check(
            Some(&invalid),
            (Some(false), "Nested shells", middle),
            Some("native: Self-intersection at 0.5 0.5; server: Nested shells at 0.5 0.5"),
        );
        check(
            None,
            (Some(false), "Ring is not closed", None),
            Some("native: valid; server: Ring is not closed"),
        );
        check(None, (None, "", None), Some("native: valid; server: not asked"));
    }

    #[test]
    fn a_row_with_other_fields_is_refused() {
        let row = b"\0\x02\0\0\0\x01a\xff\xff\xff\xff";
        assert!(Row::read(row, 1, &Fields::Asked).is_some());
        assert!(Row::read(row, 2, &Fields::Asked).is_none());
        assert!(Row::read(row, 0, &Fields::Asked).is_none());
        assert!(Row::read(b"\0", 0, &Fields::Asked).is_none());
        let among = |fields, key, geometry| Fields::Among {
            fields,
            key: vec![key],
            geometry,
        };
        assert!(Row::read(row, 1, &among(2, 0, 1)).is_some());
        assert!(Row::read(row, 1, &among(3, 0, 1)).is_none());
        assert!(Row::read(row, 1, &among(2, 0, 2)).is_none());
    }
}
