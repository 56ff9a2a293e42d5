//! To and from the values of the `postgis` crate.

use postgis::ewkb::{AsEwkbGeometry, AsEwkbPoint, EwkbRead, EwkbWrite, GeometryT};
use postgis::ewkb::{
    GeometryCollectionT, LineStringT, MultiLineStringT, MultiPointT, MultiPolygonT, PolygonT,
};

use crate::dimensions::Dimensions;
use crate::ewkb::Ewkb;
use crate::view::{Coord, Geometry, LineString, Point, Polygon};

/// The point types of the `postgis` crate, one for each [`Dimensions`].
///
/// Sealed: the four are all there are.
pub trait PostgisPoint: postgis::Point + EwkbRead + for<'p> AsEwkbPoint<'p> + sealed::Sealed {
    /// The ordinates such a point has.
    const DIMENSIONS: Dimensions;

    /// The point, if `coord` has all the ordinates it needs; others are left behind.
    fn from_coord(coord: Coord, srid: Option<i32>) -> Option<Self>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for postgis::ewkb::Point {}
    impl Sealed for postgis::ewkb::PointZ {}
    impl Sealed for postgis::ewkb::PointM {}
    impl Sealed for postgis::ewkb::PointZM {}
}

impl PostgisPoint for postgis::ewkb::Point {
    const DIMENSIONS: Dimensions = Dimensions::Xy;

    fn from_coord(Coord { x, y, .. }: Coord, srid: Option<i32>) -> Option<Self> {
        Some(Self { x, y, srid })
    }
}

impl PostgisPoint for postgis::ewkb::PointZ {
    const DIMENSIONS: Dimensions = Dimensions::Xyz;

    fn from_coord(Coord { x, y, z, .. }: Coord, srid: Option<i32>) -> Option<Self> {
        Some(Self { x, y, z: z?, srid })
    }
}

impl PostgisPoint for postgis::ewkb::PointM {
    const DIMENSIONS: Dimensions = Dimensions::Xym;

    fn from_coord(Coord { x, y, m, .. }: Coord, srid: Option<i32>) -> Option<Self> {
        Some(Self { x, y, m: m?, srid })
    }
}

impl PostgisPoint for postgis::ewkb::PointZM {
    const DIMENSIONS: Dimensions = Dimensions::Xyzm;

    fn from_coord(Coord { x, y, z, m }: Coord, srid: Option<i32>) -> Option<Self> {
        Some(Self {
            x,
            y,
            z: z?,
            m: m?,
            srid,
        })
    }
}

/// A point type was asked for that has ordinates the value has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value is {found}, which cannot make points that are {wanted}")]
#[non_exhaustive]
pub struct ToPostgisError {
    /// The ordinates of the points asked for.
    pub wanted: Dimensions,
    /// The ordinates of the value.
    pub found: Dimensions,
}

impl Ewkb<'_> {
    /// The value as the `postgis` crate has it, e.g. a [`postgis::ewkb::Geometry`] for planar points.
    ///
    /// As that crate does when it reads, the SRID is set on the whole and on vertices that no element stands
    /// around; `POINT EMPTY` is a point of NaN; ordinates that `P` has not are left behind.
    ///
    /// # Errors
    /// [`ToPostgisError`] where `P` needs an ordinate the value has not.
    pub fn to_postgis<P: PostgisPoint>(&self) -> Result<GeometryT<P>, ToPostgisError> {
        let convert = Convert { srid: self.srid() };
        convert.geometry(self.geometry()).ok_or(ToPostgisError {
            wanted: P::DIMENSIONS,
            found: self.dimensions(),
        })
    }
}

/// Conversion of one level; `None` where a vertex lacks an ordinate.
#[derive(Clone, Copy)]
struct Convert {
    srid: Option<i32>,
}

impl Convert {
    const ELEMENT: Self = Self { srid: None };

    fn geometry<P: PostgisPoint>(self, geometry: Geometry<'_>) -> Option<GeometryT<P>> {
        let srid = self.srid;
        Some(match geometry {
            Geometry::Point(point) => GeometryT::Point(self.point(point)?),
            Geometry::LineString(line) => GeometryT::LineString(self.line(line)?),
            Geometry::Polygon(polygon) => GeometryT::Polygon(self.polygon(polygon)?),
            Geometry::MultiPoint(points) => {
                let points = points
                    .elements()
                    .map(|point| Self::ELEMENT.point(point))
                    .collect::<Option<_>>()?;
                GeometryT::MultiPoint(MultiPointT { points, srid })
            }
            Geometry::MultiLineString(lines) => {
                let lines = lines
                    .elements()
                    .map(|line| Self::ELEMENT.line(line))
                    .collect::<Option<_>>()?;
                GeometryT::MultiLineString(MultiLineStringT { lines, srid })
            }
            Geometry::MultiPolygon(polygons) => {
                let polygons = polygons
                    .elements()
                    .map(|polygon| Self::ELEMENT.polygon(polygon))
                    .collect::<Option<_>>()?;
                GeometryT::MultiPolygon(MultiPolygonT { polygons, srid })
            }
            Geometry::GeometryCollection(geometries) => {
                let geometries = geometries
                    .elements()
                    .map(|geometry| Self::ELEMENT.geometry(geometry))
                    .collect::<Option<_>>()?;
                GeometryT::GeometryCollection(GeometryCollectionT { geometries, srid })
            }
        })
    }

    fn point<P: PostgisPoint>(self, point: Point) -> Option<P> {
        P::from_coord(point.vertex(), self.srid)
    }

    fn line<P: PostgisPoint>(self, line: LineString<'_>) -> Option<LineStringT<P>> {
        let points = line
            .coords()
            .map(|coord| P::from_coord(coord, self.srid))
            .collect::<Option<_>>()?;
        Some(LineStringT {
            points,
            srid: self.srid,
        })
    }

    fn polygon<P: PostgisPoint>(self, polygon: Polygon<'_>) -> Option<PolygonT<P>> {
        let rings = polygon
            .rings()
            .map(|ring| self.line(ring))
            .collect::<Option<_>>()?;
        Some(PolygonT {
            rings,
            srid: self.srid,
        })
    }
}

/// Writes a value of the `postgis` crate as EWKB, little endian, with the SRID of the whole if it has one.
///
/// # Errors
/// Whatever that crate's writer reports.
pub fn encode_postgis<P: PostgisPoint>(geometry: &GeometryT<P>) -> Result<Vec<u8>, postgis::error::Error> {
    let mut bytes = Vec::new();
    geometry.as_ewkb().write_ewkb(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode_hex;

    #[test]
    fn an_ordinate_is_left_behind_but_never_made_up() {
        let bytes = decode_hex("0101000080000000000000F03F00000000000000400000000000000840").unwrap();
        let value = Ewkb::parse(&bytes).unwrap();

        let GeometryT::Point(point) = value.to_postgis::<postgis::ewkb::Point>().unwrap() else {
            panic!("a point becomes another type")
        };
        assert_eq!(
            point,
            postgis::ewkb::Point {
                x: 1.0,
                y: 2.0,
                srid: None
            }
        );

        let error = value.to_postgis::<postgis::ewkb::PointM>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the value is XYZ, which cannot make points that are XYM"
        );
    }
}
