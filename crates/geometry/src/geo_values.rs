//! To and from the planar values of the `geo` crate.

use crate::ewkb::Ewkb;
use crate::geometry_type::GeometryType;
use crate::header::SRID_FLAG;
use crate::view::{Coord, Geometry, LineString, Point, Polygon};

/// A geometry that `geo` has no value for, or would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ToGeoError {
    /// `geo` has no empty point.
    #[error("the empty point at byte {offset} has no counterpart in geo")]
    EmptyPoint {
        /// Where its vertex begins in the value.
        offset: usize,
    },
    /// `geo` closes rings when it makes a polygon, which would add a vertex that is not in the value.
    #[error("the ring with its first vertex at byte {offset} is not closed, and geo would close it")]
    UnclosedRing {
        /// Where its first vertex begins in the value.
        offset: usize,
    },
}

impl Ewkb<'_> {
    /// The value as a `geo` geometry, which is planar and has no SRID: Z, M and SRID are left behind.
    ///
    /// `geo` does not tell a polygon without rings from one whose only ring has no vertex.
    ///
    /// # Errors
    /// [`ToGeoError`] for what `geo` cannot express: empty points, rings that are not closed.
    pub fn to_geo(&self) -> Result<geo::Geometry, ToGeoError> {
        geometry_to_geo(self.geometry())
    }
}

fn geometry_to_geo(geometry: Geometry<'_>) -> Result<geo::Geometry, ToGeoError> {
    Ok(match geometry {
        Geometry::Point(point) => geo::Geometry::Point(point_to_geo(point)?),
        Geometry::LineString(line) => geo::Geometry::LineString(line_to_geo(line)),
        Geometry::Polygon(polygon) => geo::Geometry::Polygon(polygon_to_geo(polygon)?),
        Geometry::MultiPoint(points) => {
            let points = points.elements().map(point_to_geo).collect::<Result<_, _>>()?;
            geo::Geometry::MultiPoint(geo::MultiPoint(points))
        }
        Geometry::MultiLineString(lines) => {
            let lines = lines.elements().map(line_to_geo).collect();
            geo::Geometry::MultiLineString(geo::MultiLineString(lines))
        }
        Geometry::MultiPolygon(polygons) => {
            let polygons = polygons
                .elements()
                .map(polygon_to_geo)
                .collect::<Result<_, _>>()?;
            geo::Geometry::MultiPolygon(geo::MultiPolygon(polygons))
        }
        Geometry::GeometryCollection(geometries) => {
            let geometries = geometries
                .elements()
                .map(geometry_to_geo)
                .collect::<Result<_, _>>()?;
            geo::Geometry::GeometryCollection(geo::GeometryCollection(geometries))
        }
    })
}

fn point_to_geo(point: Point) -> Result<geo::Point, ToGeoError> {
    let coord = point.coord().ok_or(ToGeoError::EmptyPoint {
        offset: point.offset(),
    })?;
    Ok(geo::Point::new(coord.x, coord.y))
}

fn line_to_geo(line: LineString<'_>) -> geo::LineString {
    line.coords()
        .map(|Coord { x, y, .. }| geo::Coord { x, y })
        .collect()
}

fn polygon_to_geo(polygon: Polygon<'_>) -> Result<geo::Polygon, ToGeoError> {
    let mut rings = polygon.rings().map(|ring| {
        let line = line_to_geo(ring);
        // By value: a ring that begins with NaN is not closed for `geo` either.
        if line.0.first() == line.0.last() {
            Ok(line)
        } else {
            Err(ToGeoError::UnclosedRing {
                offset: ring.offset(),
            })
        }
    });
    let shell = rings.next().transpose()?.unwrap_or_else(geo::LineString::empty);
    Ok(geo::Polygon::new(shell, rings.collect::<Result<_, _>>()?))
}

/// A value with more parts than a count of EWKB, of 32 bits, can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{count} parts in one geometry are more than EWKB can count")]
#[non_exhaustive]
pub struct EncodeError {
    /// How many parts (vertices, rings or elements) one geometry has.
    pub count: usize,
}

/// Writes a `geo` geometry as planar EWKB, little endian, with the SRID if one is given.
///
/// `geo`'s own shapes become what they are in OGC's terms: a `Line` a `LINESTRING`, a `Rect` and a `Triangle` a
/// `POLYGON`. A point whose coordinates are both NaN is EWKB's way to write `POINT EMPTY`.
///
/// # Errors
/// [`EncodeError`] for more than 4 294 967 295 vertices, rings or elements in one geometry.
pub fn encode_geo(geometry: &geo::Geometry, srid: Option<i32>) -> Result<Vec<u8>, EncodeError> {
    let mut writer = Writer { bytes: Vec::new() };
    writer.geometry(geometry, srid)?;
    Ok(writer.bytes)
}

struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    fn geometry(&mut self, geometry: &geo::Geometry, srid: Option<i32>) -> Result<(), EncodeError> {
        match geometry {
            geo::Geometry::Point(point) => {
                self.header(GeometryType::Point, srid);
                self.coord(point.0);
                Ok(())
            }
            geo::Geometry::Line(line) => {
                self.header(GeometryType::LineString, srid);
                self.coords(&[line.start, line.end])
            }
            geo::Geometry::LineString(line) => {
                self.header(GeometryType::LineString, srid);
                self.coords(&line.0)
            }
            geo::Geometry::Polygon(polygon) => self.polygon(polygon, srid),
            geo::Geometry::Rect(rect) => self.polygon(&rect.to_polygon(), srid),
            geo::Geometry::Triangle(triangle) => self.polygon(&triangle.to_polygon(), srid),
            geo::Geometry::MultiPoint(points) => {
                self.elements(GeometryType::MultiPoint, srid, &points.0, |writer, point| {
                    writer.header(GeometryType::Point, None);
                    writer.coord(point.0);
                    Ok(())
                })
            }
            geo::Geometry::MultiLineString(lines) => {
                self.elements(GeometryType::MultiLineString, srid, &lines.0, |writer, line| {
                    writer.header(GeometryType::LineString, None);
                    writer.coords(&line.0)
                })
            }
            geo::Geometry::MultiPolygon(polygons) => self.elements(
                GeometryType::MultiPolygon,
                srid,
                &polygons.0,
                |writer, polygon| writer.polygon(polygon, None),
            ),
            geo::Geometry::GeometryCollection(geometries) => self.elements(
                GeometryType::GeometryCollection,
                srid,
                &geometries.0,
                |writer, geometry| writer.geometry(geometry, None),
            ),
        }
    }

    fn elements<T>(
        &mut self,
        geometry_type: GeometryType,
        srid: Option<i32>,
        elements: &[T],
        write: fn(&mut Self, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.header(geometry_type, srid);
        self.count(elements.len())?;
        elements.iter().try_for_each(|element| write(self, element))
    }

    fn polygon(&mut self, polygon: &geo::Polygon, srid: Option<i32>) -> Result<(), EncodeError> {
        self.header(GeometryType::Polygon, srid);
        if polygon.exterior().0.is_empty() && polygon.interiors().is_empty() {
            return self.count(0);
        }
        self.count(1 + polygon.interiors().len())?;
        self.coords(&polygon.exterior().0)?;
        polygon
            .interiors()
            .iter()
            .try_for_each(|hole| self.coords(&hole.0))
    }

    fn header(&mut self, geometry_type: GeometryType, srid: Option<i32>) {
        self.bytes.push(1);
        let flag = if srid.is_some() { SRID_FLAG } else { 0 };
        self.bytes.extend((geometry_type.code() | flag).to_le_bytes());
        self.bytes.extend(srid.into_iter().flat_map(i32::to_le_bytes));
    }

    fn count(&mut self, count: usize) -> Result<(), EncodeError> {
        let Ok(encoded) = u32::try_from(count) else {
            return Err(EncodeError { count });
        };
        self.bytes.extend(encoded.to_le_bytes());
        Ok(())
    }

    fn coords(&mut self, coords: &[geo::Coord]) -> Result<(), EncodeError> {
        self.count(coords.len())?;
        for coord in coords {
            self.coord(*coord);
        }
        Ok(())
    }

    fn coord(&mut self, coord: geo::Coord) {
        self.bytes.extend(coord.x.to_le_bytes());
        self.bytes.extend(coord.y.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode_hex;
    use geo::{coord, line_string};

    #[track_caller]
    fn check_written(geometry: impl Into<geo::Geometry>, expected: impl Into<geo::Geometry>) {
        let bytes = encode_geo(&geometry.into(), Some(4326)).unwrap();
        let value = Ewkb::parse(&bytes).unwrap();
        assert_eq!(value.srid(), Some(4326));
        assert_eq!(value.to_geo(), Ok(expected.into()));
    }

    #[test]
    fn shapes_that_only_geo_has_become_what_they_are_to_ogc() {
        let (a, b, c) = (
            coord! { x: 0.0, y: 0.0 },
            coord! { x: 4.0, y: 0.0 },
            coord! { x: 4.0, y: 3.0 },
        );
        check_written(geo::Line::new(a, b), geo::LineString::new(vec![a, b]));
        check_written(geo::Rect::new(a, c), geo::Rect::new(a, c).to_polygon());
        let triangle = geo::Triangle::new(a, b, c);
        check_written(triangle, triangle.to_polygon());
    }

    #[test]
    fn an_empty_point_is_refused_where_it_is() {
        let multi_point = "0104000000 01000000 0101000000 000000000000F87F 000000000000F87F".replace(' ', "");
        let bytes = decode_hex(&multi_point).unwrap();
        let error = Ewkb::parse(&bytes).unwrap().to_geo().unwrap_err();
        assert_eq!(error, ToGeoError::EmptyPoint { offset: 14 });
    }

    #[test]
    fn an_open_ring_is_refused_and_not_closed() {
        let open: geo::Geometry = line_string![(x: 0.0, y: 0.0), (x: 4.0, y: 0.0), (x: 4.0, y: 3.0)].into();
        // The vertices of a line, under the head of a polygon with one ring.
        let line = encode_geo(&open, None).unwrap();
        let polygon = [&decode_hex("010300000001000000").unwrap(), &line[5..]].concat();
        let error = Ewkb::parse(&polygon).unwrap().to_geo().unwrap_err();
        assert_eq!(error, ToGeoError::UnclosedRing { offset: 13 });
    }
}
