//! The geometry types of OGC Simple Features and of SQL/MM, by WKB code and by name.

use std::fmt;
use std::str::FromStr;

/// A type of OGC Simple Features, the ones whose vertices this crate reads.
///
/// Printed as the PostGIS function `GeometryType` prints it (`MULTIPOLYGON`), parsed without regard to case.
///
/// ```
/// use cutover_geometry::GeometryType;
///
/// let polygon: GeometryType = "MultiPolygon".parse().unwrap();
/// assert_eq!(polygon, GeometryType::MultiPolygon);
/// assert_eq!(polygon.to_string(), "MULTIPOLYGON");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the standard's own")]
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
    const ALL: [Self; 7] = [
        Self::Point,
        Self::LineString,
        Self::Polygon,
        Self::MultiPoint,
        Self::MultiLineString,
        Self::MultiPolygon,
        Self::GeometryCollection,
    ];

    /// The name in capitals.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Point => "POINT",
            Self::LineString => "LINESTRING",
            Self::Polygon => "POLYGON",
            Self::MultiPoint => "MULTIPOINT",
            Self::MultiLineString => "MULTILINESTRING",
            Self::MultiPolygon => "MULTIPOLYGON",
            Self::GeometryCollection => "GEOMETRYCOLLECTION",
        }
    }

    /// The WKB code without dimensions.
    pub(crate) fn code(self) -> u32 {
        match self {
            Self::Point => 1,
            Self::LineString => 2,
            Self::Polygon => 3,
            Self::MultiPoint => 4,
            Self::MultiLineString => 5,
            Self::MultiPolygon => 6,
            Self::GeometryCollection => 7,
        }
    }

    pub(crate) fn from_code(code: u32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|geometry_type| geometry_type.code() == code)
    }

    /// Whether a value of this type may hold an element of type `element`.
    pub(crate) fn may_hold(self, element: Self) -> bool {
        match self {
            Self::MultiPoint => element == Self::Point,
            Self::MultiLineString => element == Self::LineString,
            Self::MultiPolygon => element == Self::Polygon,
            Self::GeometryCollection => true,
            Self::Point | Self::LineString | Self::Polygon => false,
        }
    }
}

impl fmt::Display for GeometryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for GeometryType {
    type Err = UnknownGeometryType;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|geometry_type| geometry_type.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownGeometryType {
                name: name.to_owned(),
            })
    }
}

/// A name that is no [`GeometryType`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{name}` is no geometry type (one of Point, LineString, Polygon, their Multi forms, GeometryCollection)"
)]
#[non_exhaustive]
pub struct UnknownGeometryType {
    /// The name as given.
    pub name: String,
}

/// A type of SQL/MM or ISO 19125 that is known by its code, and refused: curves, surfaces, triangles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are the standard's own")]
pub enum UnsupportedType {
    CircularString,
    CompoundCurve,
    CurvePolygon,
    MultiCurve,
    MultiSurface,
    /// Abstract in ISO 19125; PostGIS 1.5 wrote curve polygons under this code.
    Curve,
    /// Abstract in ISO 19125; PostGIS 1.5 wrote multi-curves under this code.
    Surface,
    PolyhedralSurface,
    Tin,
    Triangle,
}

impl UnsupportedType {
    /// The name in capitals, as the PostGIS function `GeometryType` prints it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CircularString => "CIRCULARSTRING",
            Self::CompoundCurve => "COMPOUNDCURVE",
            Self::CurvePolygon => "CURVEPOLYGON",
            Self::MultiCurve => "MULTICURVE",
            Self::MultiSurface => "MULTISURFACE",
            Self::Curve => "CURVE",
            Self::Surface => "SURFACE",
            Self::PolyhedralSurface => "POLYHEDRALSURFACE",
            Self::Tin => "TIN",
            Self::Triangle => "TRIANGLE",
        }
    }

    pub(crate) fn from_code(code: u32) -> Option<Self> {
        Some(match code {
            8 => Self::CircularString,
            9 => Self::CompoundCurve,
            10 => Self::CurvePolygon,
            11 => Self::MultiCurve,
            12 => Self::MultiSurface,
            13 => Self::Curve,
            14 => Self::Surface,
            15 => Self::PolyhedralSurface,
            16 => Self::Tin,
            17 => Self::Triangle,
            _ => return None,
        })
    }
}

impl fmt::Display for UnsupportedType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_lead_back_to_the_type() {
        for geometry_type in GeometryType::ALL {
            assert_eq!(geometry_type.name().parse(), Ok(geometry_type));
            assert_eq!(geometry_type.name().to_lowercase().parse(), Ok(geometry_type));
            assert_eq!(GeometryType::from_code(geometry_type.code()), Some(geometry_type));
            assert_eq!(UnsupportedType::from_code(geometry_type.code()), None);
        }
    }

    #[test]
    fn a_name_of_no_type_is_repeated_in_the_error() {
        let error = "Polygone".parse::<GeometryType>().unwrap_err();
        assert!(
            error.to_string().starts_with("`Polygone` is no geometry type"),
            "{error}"
        );
    }
}
