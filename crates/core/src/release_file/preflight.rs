//! `[preflight]`: what has to hold before anything is built.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::table_reader::TableReader;
use super::{QueryTemplate, RelationRef};
use crate::Ident;

/// Whether a violation stops the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It does. The default.
    #[default]
    Error,
    /// It is reported.
    Warn,
}

/// `[preflight]`: all checks of the phase `preflight`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Preflight {
    /// How many offending keys a check reports where it does not say itself; 20 unless set.
    pub max_keys: u32,
    /// The folder for `preflight.json` and GeoJSON files with everything found; relative paths start at the release file's
    /// folder. No files are written unless it is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<PathBuf>,
    /// Views that must exist.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub view: Vec<ViewCheck>,
    /// Groups of views that must not all be empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_empty: Vec<NotEmptyCheck>,
    /// Keys that must not repeat.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unique: Vec<UniqueCheck>,
    /// Geometry columns that must be sound.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub geometry: Vec<GeometryCheck>,
    /// Queries that must return no row.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<QueryCheck>,
}

impl Preflight {
    pub(super) const DEFAULT_MAX_KEYS: u32 = 20;

    pub(super) fn read(table: &mut TableReader<'_>) -> Self {
        let max_keys = table.or("max_keys", Self::DEFAULT_MAX_KEYS);
        let findings = table.optional("findings");
        Self {
            max_keys,
            findings,
            view: table.tables("view", ViewCheck::read),
            not_empty: table.tables("not_empty", NotEmptyCheck::read),
            unique: table.tables("unique", |table| UniqueCheck::read(table, max_keys)),
            geometry: table.tables("geometry", |table| GeometryCheck::read(table, max_keys)),
            query: table.tables("query", |table| QueryCheck::read(table, max_keys)),
        }
    }
}

/// `[[preflight.view]]`: a relation exists, with these columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ViewCheck {
    /// The view, materialized view or table.
    pub view: RelationRef,
    /// Columns it must have, of whatever type.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Ident>,
    /// Columns it must have with these types, in any spelling that the server reads; a modifier, as the `52` of
    /// `varchar(52)`, is not compared.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<Ident, String>,
    /// Whether a violation stops the release.
    pub severity: Severity,
}

impl ViewCheck {
    /// The relation must exist.
    #[must_use]
    pub fn new(view: RelationRef) -> Self {
        Self {
            view,
            columns: Vec::new(),
            types: BTreeMap::new(),
            severity: Severity::Error,
        }
    }

    fn read(table: &mut TableReader<'_>) -> Option<Self> {
        let view = table.required("view");
        let columns = table.list("columns");
        let types = table.or("types", BTreeMap::new());
        let severity = table.or("severity", Severity::default());
        Some(Self {
            view: view?,
            columns,
            types,
            severity,
        })
    }
}

/// `[[preflight.not_empty]]`: at least one of a group has a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NotEmptyCheck {
    /// The group.
    pub any_of: Vec<RelationRef>,
    /// Whether a violation stops the release.
    pub severity: Severity,
}

impl NotEmptyCheck {
    /// At least one of these must have a row.
    #[must_use]
    pub fn new(any_of: Vec<RelationRef>) -> Self {
        Self {
            any_of,
            severity: Severity::Error,
        }
    }

    fn read(table: &mut TableReader<'_>) -> Option<Self> {
        let any_of = table.required_list("any_of");
        let severity = table.or("severity", Severity::default());
        Some(Self {
            any_of: any_of?,
            severity,
        })
    }
}

/// `[[preflight.unique]]`: no two rows have the same key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UniqueCheck {
    /// The relation.
    pub view: RelationRef,
    /// The columns of the key.
    pub key: Vec<Ident>,
    /// How many keys may offend without stopping the release: none unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
    /// Whether more violations than that stop the release.
    pub severity: Severity,
    /// How many offending keys are reported.
    pub max_keys: u32,
}

impl UniqueCheck {
    /// No two rows of `view` may have the same `key`.
    #[must_use]
    pub fn new(view: RelationRef, key: Vec<Ident>) -> Self {
        Self {
            view,
            key,
            max: None,
            severity: Severity::Error,
            max_keys: Preflight::DEFAULT_MAX_KEYS,
        }
    }

    fn read(table: &mut TableReader<'_>, max_keys: u32) -> Option<Self> {
        let view = table.required("view");
        let key = table.required_list("key");
        let max = table.optional("max");
        let severity = table.or("severity", Severity::default());
        let max_keys = table.or("max_keys", max_keys);
        Some(Self {
            view: view?,
            key: key?,
            max,
            severity,
            max_keys,
        })
    }
}

/// The geometry types a column may hold, in OGC's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each variant is the OGC type it is named after")]
#[non_exhaustive]
pub enum GeometryType {
    Point,
    LineString,
    Polygon,
    MultiPoint,
    MultiLineString,
    MultiPolygon,
    GeometryCollection,
}

impl GeometryType {
    /// The type's name in OGC's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Point => "Point",
            Self::LineString => "LineString",
            Self::Polygon => "Polygon",
            Self::MultiPoint => "MultiPoint",
            Self::MultiLineString => "MultiLineString",
            Self::MultiPolygon => "MultiPolygon",
            Self::GeometryCollection => "GeometryCollection",
        }
    }
}

/// Who judges the geometries of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GeometryEngine {
    /// The program, on all its cores. The default.
    #[default]
    Native,
    /// The server, by `ST_IsValidDetail`.
    Server,
    /// Both; where they do not agree the phase fails, whatever the severity.
    Verify,
}

/// When the geometries of a check are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GeometryMoment {
    /// In the phase `preflight`, which reads the view for it: before anything is built, where a failure costs least. The
    /// default.
    #[default]
    Preflight,
    /// While an importer brings the view's rows through the program, which then reads them only once. Where none does it is
    /// the phase `preflight` all the same.
    Import,
}

/// `[[preflight.geometry]]`: every geometry of a column is sound.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GeometryCheck {
    /// The relation.
    pub view: RelationRef,
    /// Its geometry column.
    pub column: Ident,
    /// The spatial reference system that all must have; any unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub srid: Option<i32>,
    /// The types that are allowed; any unless set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<GeometryType>,
    /// Whether NULL and empty geometries pass; `false` unless set.
    pub allow_empty: bool,
    /// Whether invalid geometries (OGC) are violations; `true` unless set.
    pub valid: bool,
    /// The box (`[xmin, ymin, xmax, ymax]`) that holds every coordinate; unless set, the degrees of the globe for SRID
    /// 4326 and any box for others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounds: Option<[f64; 4]>,
    /// The columns that name an offending row in the report.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<Ident>,
    /// Who judges; `native` unless set.
    pub engine: GeometryEngine,
    /// When; `preflight` unless set.
    pub when: GeometryMoment,
    /// How many rows may offend without stopping the release: none unless set, unless `max_share` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
    /// Which share of the rows may offend without stopping the release, from 0.0 to 1.0; where `max` is set, both hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_share: Option<f64>,
    /// Whether more violations than that stop the release.
    pub severity: Severity,
    /// How many offending keys are reported.
    pub max_keys: u32,
}

impl GeometryCheck {
    /// Every geometry in `column` must be there, and valid.
    #[must_use]
    pub fn new(view: RelationRef, column: Ident) -> Self {
        Self {
            view,
            column,
            srid: None,
            types: Vec::new(),
            allow_empty: false,
            valid: true,
            bounds: None,
            key: Vec::new(),
            engine: GeometryEngine::Native,
            when: GeometryMoment::Preflight,
            max: None,
            max_share: None,
            severity: Severity::Error,
            max_keys: Preflight::DEFAULT_MAX_KEYS,
        }
    }

    fn read(table: &mut TableReader<'_>, max_keys: u32) -> Option<Self> {
        let view = table.required("view");
        let column = table.required("column");
        let srid = table.optional("srid");
        let types = table.list("types");
        let allow_empty = table.or("allow_empty", false);
        let valid = table.or("valid", true);
        let bounds = table.optional("bounds");
        let key = table.list("key");
        let engine = table.or("engine", GeometryEngine::default());
        let when = table.or("when", GeometryMoment::default());
        let max = table.optional("max");
        let max_share = table.optional("max_share");
        let severity = table.or("severity", Severity::default());
        let max_keys = table.or("max_keys", max_keys);
        let (view, column) = (view?, column?);
        Some(Self {
            view,
            column,
            srid,
            types,
            allow_empty,
            valid,
            bounds,
            key,
            engine,
            when,
            max,
            max_share,
            severity,
            max_keys,
        })
    }
}

/// `[[preflight.query]]`: a query whose rows are violations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct QueryCheck {
    /// Names the check in the report.
    pub name: String,
    /// The query. Staging does not exist yet when it runs.
    pub sql: QueryTemplate,
    /// How many rows may offend without stopping the release: none unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
    /// Whether more violations than that stop the release.
    pub severity: Severity,
    /// How many offending rows are reported.
    pub max_keys: u32,
}

impl QueryCheck {
    /// `sql` must return no row.
    #[must_use]
    pub fn new(name: impl Into<String>, sql: QueryTemplate) -> Self {
        Self {
            name: name.into(),
            sql,
            max: None,
            severity: Severity::Error,
            max_keys: Preflight::DEFAULT_MAX_KEYS,
        }
    }

    fn read(table: &mut TableReader<'_>, max_keys: u32) -> Option<Self> {
        let name = table.required("name");
        let sql = table.required("sql");
        let max = table.optional("max");
        let severity = table.or("severity", Severity::default());
        let max_keys = table.or("max_keys", max_keys);
        Some(Self {
            name: name?,
            sql: sql?,
            max,
            severity,
            max_keys,
        })
    }
}
