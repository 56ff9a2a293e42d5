//! What to check.

use std::fmt;

use cutover_core::{Ident, QualifiedName};
use serde::Serialize;

use super::tolerance::Tolerance;

/// One check of the sources.
#[derive(Debug, Clone)]
#[must_use]
pub struct Check {
    pub(super) subject: Subject,
    pub(super) severity: Severity,
    pub(super) max_keys: usize,
    pub(super) tolerance: Tolerance,
    pub(super) note: Option<String>,
}

/// Whether violations stop a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// They do.
    #[default]
    Error,
    /// They are only reported.
    Warn,
}

#[derive(Debug, Clone)]
pub(super) enum Subject {
    View {
        view: QualifiedName,
        columns: Vec<(Ident, Option<String>)>,
    },
    NotEmpty {
        any_of: Vec<QualifiedName>,
    },
    Geometry(GeometryCheck),
    Unique {
        view: QualifiedName,
        key: Vec<Ident>,
    },
    Query {
        name: String,
        sql: String,
    },
}

impl Check {
    /// The relation exists and has these columns, of these types where one is given.
    ///
    /// Types are compared as `to_regtype` reads them; a modifier like the `52` of `varchar(52)` is not.
    pub fn view(view: QualifiedName, columns: impl IntoIterator<Item = (Ident, Option<String>)>) -> Self {
        Self::new(Subject::View {
            view,
            columns: columns.into_iter().collect(),
        })
    }

    /// At least one of the relations has a row.
    pub fn not_empty(any_of: impl IntoIterator<Item = QualifiedName>) -> Self {
        Self::new(Subject::NotEmpty {
            any_of: any_of.into_iter().collect(),
        })
    }

    /// Every geometry is what the check asks for.
    pub fn geometry(check: GeometryCheck) -> Self {
        Self::new(Subject::Geometry(check))
    }

    /// No two rows have the same key; NULLs count as equal.
    pub fn unique(view: QualifiedName, key: impl IntoIterator<Item = Ident>) -> Self {
        Self::new(Subject::Unique {
            view,
            key: key.into_iter().collect(),
        })
    }

    /// The operator's query returns no row; each row it returns is a violation, and its columns are the key.
    pub fn query(name: impl Into<String>, sql: impl Into<String>) -> Self {
        Self::new(Subject::Query {
            name: name.into(),
            sql: sql.into(),
        })
    }

    fn new(subject: Subject) -> Self {
        Self {
            subject,
            severity: Severity::Error,
            max_keys: 10,
            tolerance: Tolerance::none(),
            note: None,
        }
    }

    /// What the report is to say of it besides, for people; nothing unless set.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// What the report is to say of it besides.
    #[must_use]
    pub fn noted(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Whether violations stop a release; they do unless set.
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// How many rows may offend without stopping a release; none unless set. A share of the rows can be told of
    /// geometries only: with it, a check by [`Engine::Server`] counts the rows besides.
    pub fn tolerance(mut self, tolerance: Tolerance) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// How many offending keys to keep for each reason; 10 unless set. All are counted.
    pub fn max_keys(mut self, max_keys: usize) -> Self {
        self.max_keys = max_keys;
        self
    }
}

/// The check's name in reports and events.
impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |names: &[String]| names.join(", ");
        match &self.subject {
            Subject::View { view, .. } => write!(f, "view {view}"),
            Subject::NotEmpty { any_of } => {
                let names: Vec<String> = any_of.iter().map(ToString::to_string).collect();
                write!(f, "not empty: any of {}", joined(&names))
            }
            Subject::Geometry(check) => write!(f, "geometry {}.{}", check.view, check.column),
            Subject::Unique { view, key } => {
                let names: Vec<String> = key.iter().map(ToString::to_string).collect();
                write!(f, "unique {view} ({})", joined(&names))
            }
            Subject::Query { name, .. } => write!(f, "query {name}"),
        }
    }
}

/// Who judges geometries. All three find the same; the verdict on validity is PostGIS's in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Engine {
    /// This process, on all its cores: every geometry is sent here. The default, as it costs the server least, and the
    /// geometry of a foreign table has to travel whoever judges it.
    ///
    /// Geometries with curves or surfaces, which are not read here, are judged by the server in a second scan.
    #[default]
    Native,
    /// The server: only what offends is sent.
    Server,
    /// Both; a row on which they do not agree fails the preflight.
    Verify,
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Native, Self::Server, Self::Verify];
}

/// What the geometries of one column must be.
#[derive(Debug, Clone)]
#[must_use]
pub struct GeometryCheck {
    pub(super) view: QualifiedName,
    pub(super) column: Ident,
    pub(super) srid: i32,
    pub(super) key: Vec<Ident>,
    pub(super) types: Vec<String>,
    pub(super) allow_empty: bool,
    pub(super) allow_null: bool,
    pub(super) bounds: Option<Bounds>,
    pub(super) engine: Engine,
}

/// The range that coordinates must be in, borders included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the four sides of a rectangle")]
pub struct Bounds {
    pub min_x: f64,
    pub min_y: f64,
    pub max_x: f64,
    pub max_y: f64,
}

impl Bounds {
    /// Longitude and latitude in degrees.
    pub const DEGREES: Self = Self {
        min_x: -180.0,
        min_y: -90.0,
        max_x: 180.0,
        max_y: 90.0,
    };
}

impl GeometryCheck {
    /// Finite coordinates, OGC validity as `ST_IsValid` tells it, not NULL, not empty, this SRID; for SRID 4326
    /// within the degrees of the globe.
    pub fn new(view: QualifiedName, column: Ident, srid: i32) -> Self {
        Self {
            view,
            column,
            srid,
            key: Vec::new(),
            types: Vec::new(),
            allow_empty: false,
            allow_null: false,
            bounds: (srid == 4326).then_some(Bounds::DEGREES),
            engine: Engine::Native,
        }
    }

    /// The columns that name a row in the report; none unless set.
    pub fn key(mut self, key: impl IntoIterator<Item = Ident>) -> Self {
        self.key = key.into_iter().collect();
        self
    }

    /// The types allowed, as `GeometryType` names them, in any case; all unless set.
    pub fn types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.types = types.into_iter().map(Into::into).collect();
        self
    }

    /// Lets empty geometries pass.
    pub fn allow_empty(mut self) -> Self {
        self.allow_empty = true;
        self
    }

    /// Lets rows without a geometry pass.
    pub fn allow_null(mut self) -> Self {
        self.allow_null = true;
        self
    }

    /// Who judges; [`Engine::Native`] unless set.
    pub fn engine(mut self, engine: Engine) -> Self {
        self.engine = engine;
        self
    }

    /// The range for the coordinates, in the units of the SRID; `None` for any.
    pub fn bounds(mut self, bounds: Option<Bounds>) -> Self {
        self.bounds = bounds;
        self
    }
}
