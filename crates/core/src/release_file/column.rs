//! `[import.columns]`: what fills a column of a table, and what happens to it on its way.

use serde::{Deserialize, Serialize};

use super::RelationRef;
use super::table_reader::TableReader;
use crate::Ident;

/// What fills one column of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum ColumnSource {
    /// A column of the source, as it is.
    Renamed(Ident),
    /// A column of the source, changed.
    Transformed(Transform),
}

/// A column of the source that is changed on its way. What is asked for happens in this order: `split`, `null_if`,
/// `default`, `lookup`, `cast`.
///
/// ```
/// use cutover_core::Ident;
/// use cutover_core::release_file::{Lookup, Transform, UnknownValue};
///
/// let countries = Lookup::new("countries".parse()?, Ident::new("iso_3")?, Ident::new("id")?);
/// let country_id = Transform::of(Ident::new("iso3")?)
///     .split(";")
///     .lookup(countries.unknown(UnknownValue::Null));
/// assert_eq!(country_id.split.as_deref(), Some(";"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Transform {
    /// The column of the source.
    pub from: Ident,
    /// Makes a row of each part of a list that is separated by this. Parts are trimmed, empty ones left out, and of those
    /// that are alike there is one. At most one column of an import.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// Values that stand for NULL.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub null_if: Vec<String>,
    /// What takes the place of NULL, as PostgreSQL reads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// What is made of the value.
    #[serde(flatten)]
    pub derived: Option<Derived>,
    /// Whether the value's text is read as the column's type, where PostgreSQL would not assign the one to the other. A text
    /// that is no such value is refused by the table.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cast: bool,
}

/// What is made of a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Derived {
    /// A coordinate of a geometry's centroid, in the geometry's own SRID.
    Centroid(CentroidAxis),
    /// What another table has for it.
    Lookup(Lookup),
}

/// Which coordinate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CentroidAxis {
    /// Its y.
    Latitude,
    /// Its x.
    Longitude,
}

/// Finds a value in another table. NULL is not looked up, it stays NULL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Lookup {
    /// The table; a member of the release set means its staging table.
    pub table: RelationRef,
    /// The column that holds the value. It may hold each only once.
    #[serde(rename = "match")]
    pub matching: Ident,
    /// The column to take.
    pub take: Ident,
    /// What becomes of a value that is not there.
    pub unknown: UnknownValue,
}

/// What becomes of a value that a lookup does not find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UnknownValue {
    /// Its row is set aside, as far as `max_rejects` and `max_reject_share` tolerate it. The default.
    #[default]
    Reject,
    /// The column becomes NULL.
    Null,
    /// It is added to the table before the rows are imported, and stays there whatever becomes of the release. The table is
    /// outside the release set, and a unique index says that it holds each value once.
    Add,
}

/// Keeps of all rows with the same `key` the first by `order`. Texts are compared byte by byte (collation `"C"`), so that
/// it is the same one on every server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FirstBy {
    /// The columns of the source that are alike.
    pub key: Vec<Ident>,
    /// The columns of the source that tell which is first: the lowest, NULL last.
    pub order: Vec<Ident>,
}

/// What becomes of the source's columns that `columns` does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OtherColumns {
    /// They are not read. The default.
    #[default]
    LeaveOut,
    /// They fill the columns of their names. Those that `columns` reads need no counterpart.
    ByName,
}

impl From<Ident> for ColumnSource {
    fn from(column: Ident) -> Self {
        Self::Renamed(column)
    }
}

impl From<Transform> for ColumnSource {
    fn from(transform: Transform) -> Self {
        Self::Transformed(transform)
    }
}

impl ColumnSource {
    /// The column of the source.
    #[must_use]
    pub fn from(&self) -> &Ident {
        match self {
            Self::Renamed(from) => from,
            Self::Transformed(transform) => &transform.from,
        }
    }

    /// What happens to it, where anything does.
    #[must_use]
    pub fn transform(&self) -> Option<&Transform> {
        match self {
            Self::Renamed(_) => None,
            Self::Transformed(transform) => Some(transform),
        }
    }
}

impl Transform {
    /// The column as it is.
    #[must_use]
    pub fn of(from: Ident) -> Self {
        Self {
            from,
            split: None,
            null_if: Vec::new(),
            default: None,
            derived: None,
            cast: false,
        }
    }

    /// Makes a row of each part of a list.
    #[must_use]
    pub fn split(mut self, separator: impl Into<String>) -> Self {
        self.split = Some(separator.into());
        self
    }

    /// Values that stand for NULL; none unless set.
    #[must_use]
    pub fn null_if(mut self, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.null_if = values.into_iter().map(Into::into).collect();
        self
    }

    /// What takes the place of NULL.
    #[must_use]
    pub fn default_value(mut self, value: impl Into<String>) -> Self {
        self.default = Some(value.into());
        self
    }

    /// A coordinate of the geometry's centroid.
    #[must_use]
    pub fn centroid(mut self, axis: CentroidAxis) -> Self {
        self.derived = Some(Derived::Centroid(axis));
        self
    }

    /// What another table has for the value.
    #[must_use]
    pub fn lookup(mut self, lookup: Lookup) -> Self {
        self.derived = Some(Derived::Lookup(lookup));
        self
    }

    /// Has the value's text read as the column's type.
    #[must_use]
    pub fn cast(mut self) -> Self {
        self.cast = true;
        self
    }

    /// Where its value is looked up.
    #[must_use]
    pub fn looked_up(&self) -> Option<&Lookup> {
        match &self.derived {
            Some(Derived::Lookup(lookup)) => Some(lookup),
            _ => None,
        }
    }

    pub(super) fn read(table: &mut TableReader<'_>) -> Option<Self> {
        let from = table.required("from");
        let split = table.optional("split");
        let null_if = table.list("null_if");
        let default = table.optional("default");
        let centroid = table.optional("centroid").map(Derived::Centroid);
        let lookup = table.table("lookup", Lookup::read).flatten().map(Derived::Lookup);
        let cast = table.or("cast", false);
        if centroid.is_some() {
            table.out_of_place(&["lookup"], "a `centroid` is a number of its own");
        }
        Some(Self {
            from: from?,
            split,
            null_if,
            default,
            derived: centroid.or(lookup),
            cast,
        })
    }
}

impl Lookup {
    /// Takes `take` of the row of `table` whose column `matching` holds the value; a value that is not there is rejected.
    #[must_use]
    pub fn new(table: RelationRef, matching: Ident, take: Ident) -> Self {
        Self {
            table,
            matching,
            take,
            unknown: UnknownValue::default(),
        }
    }

    /// What becomes of a value that is not there; rejected unless set.
    #[must_use]
    pub fn unknown(mut self, unknown: UnknownValue) -> Self {
        self.unknown = unknown;
        self
    }

    fn read(table: &mut TableReader<'_>) -> Option<Self> {
        let relation = table.required("table");
        let matching = table.required("match");
        let take = table.required("take");
        let unknown = table.or("unknown", UnknownValue::default());
        Some(Self {
            table: relation?,
            matching: matching?,
            take: take?,
            unknown,
        })
    }
}

impl FirstBy {
    /// The first by `order` of all rows with the same `key`.
    #[must_use]
    pub fn new(key: impl IntoIterator<Item = Ident>, order: impl IntoIterator<Item = Ident>) -> Self {
        Self {
            key: key.into_iter().collect(),
            order: order.into_iter().collect(),
        }
    }

    pub(super) fn read(table: &mut TableReader<'_>) -> Option<Self> {
        let key = table.required_list("key");
        let order = table.required_list("order");
        Some(Self {
            key: key?,
            order: order?,
        })
    }
}
