//! The parts of a value, borrowed from its bytes: nothing is copied, coordinates are decoded when asked for.
//!
//! One set of functions serves checking and walking: `read` checks an element, returns its view and leaves the
//! reader behind it. [`Ewkb::parse`](crate::Ewkb::parse) reads everything once; iterators read the same bytes again.

use std::iter::FusedIterator;
use std::slice::ChunksExact;

use crate::dimensions::Dimensions;
use crate::error::{EwkbError, EwkbErrorKind};
use crate::geometry_type::GeometryType;
use crate::header::{Header, MIN_ELEMENT_BYTES};
use crate::reader::{ByteOrder, Reader};
use crate::validity::Xy;

/// How deep collections may be nested: the value itself is level 1, its elements level 2.
///
/// PostGIS refuses at this level too, so whatever it can store can be read. It bounds the stack that reading
/// takes.
pub const MAX_DEPTH: usize = 200;

/// The fewest bytes a ring can take: a count of zero.
const MIN_RING_BYTES: usize = 4;

/// One vertex.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coord {
    /// Longitude, easting.
    pub x: f64,
    /// Latitude, northing.
    pub y: f64,
    /// Height, where the value has one.
    pub z: Option<f64>,
    /// Measure, where the value has one.
    pub m: Option<f64>,
}

impl Coord {
    /// Decodes one vertex; `ordinates` is as long as `dimensions` say.
    fn decode(order: ByteOrder, dimensions: Dimensions, ordinates: &[[u8; 8]]) -> Self {
        let ordinate = |index: usize| order.f64(ordinates[index]);
        Self {
            x: ordinate(0),
            y: ordinate(1),
            z: dimensions.has_z().then(|| ordinate(2)),
            m: dimensions.has_m().then(|| ordinate(ordinates.len() - 1)),
        }
    }
}

/// A value or an element of one.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names are the standard's own")]
pub enum Geometry<'a> {
    Point(Point),
    LineString(LineString<'a>),
    Polygon(Polygon<'a>),
    MultiPoint(Collection<'a, Point>),
    MultiLineString(Collection<'a, LineString<'a>>),
    MultiPolygon(Collection<'a, Polygon<'a>>),
    GeometryCollection(Collection<'a, Geometry<'a>>),
}

impl<'a> Geometry<'a> {
    pub(crate) fn read_body(reader: &mut Reader<'a>, header: Header) -> Result<Self, EwkbError> {
        Ok(match header.geometry_type {
            GeometryType::Point => Self::Point(Point::read_body(reader, header)?),
            GeometryType::LineString => Self::LineString(LineString::read_body(reader, header)?),
            GeometryType::Polygon => Self::Polygon(Polygon::read_body(reader, header)?),
            GeometryType::MultiPoint => {
                Self::MultiPoint(Collection::read_body(reader, header, Point::read_body)?)
            }
            GeometryType::MultiLineString => {
                Self::MultiLineString(Collection::read_body(reader, header, LineString::read_body)?)
            }
            GeometryType::MultiPolygon => {
                Self::MultiPolygon(Collection::read_body(reader, header, Polygon::read_body)?)
            }
            GeometryType::GeometryCollection => {
                Self::GeometryCollection(Collection::read_body(reader, header, Geometry::read_body)?)
            }
        })
    }
}

/// A point, which may be empty.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    vertex: Coord,
    offset: usize,
}

impl Point {
    pub(crate) fn read_body(reader: &mut Reader<'_>, header: Header) -> Result<Self, EwkbError> {
        let Header {
            order, dimensions, ..
        } = header;
        let offset = reader.offset();
        let ordinates = reader.ordinates(dimensions.ordinates())?;
        Ok(Self {
            vertex: Coord::decode(order, dimensions, ordinates),
            offset,
        })
    }

    /// The vertex; `None` for `POINT EMPTY`, which EWKB writes as a vertex whose X and Y are NaN.
    #[must_use]
    pub fn coord(&self) -> Option<Coord> {
        Some(self.vertex).filter(|vertex| !(vertex.x.is_nan() && vertex.y.is_nan()))
    }

    /// The vertex as it stands in the bytes, X and Y being NaN for `POINT EMPTY`.
    #[must_use]
    pub fn vertex(&self) -> Coord {
        self.vertex
    }

    /// Where the vertex begins in the value.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }
}

/// The vertices of a line or of a polygon's ring, as they stand: a ring repeats its first vertex at the end.
#[derive(Debug, Clone, Copy)]
pub struct LineString<'a> {
    order: ByteOrder,
    dimensions: Dimensions,
    offset: usize,
    ordinates: &'a [[u8; 8]],
}

impl<'a> LineString<'a> {
    pub(crate) fn read_body(reader: &mut Reader<'a>, header: Header) -> Result<Self, EwkbError> {
        let Header {
            order, dimensions, ..
        } = header;
        let count = reader.count(order, dimensions.ordinates() * 8)?;
        let offset = reader.offset();
        let ordinates = reader.ordinates(count * dimensions.ordinates())?;
        Ok(Self {
            order,
            dimensions,
            offset,
            ordinates,
        })
    }

    /// The vertices, each decoded as it is asked for.
    #[must_use]
    pub fn coords(&self) -> Coords<'a> {
        Coords {
            order: self.order,
            dimensions: self.dimensions,
            vertices: self.ordinates.chunks_exact(self.dimensions.ordinates()),
        }
    }

    /// How many vertices there are.
    pub(crate) fn len(&self) -> usize {
        self.ordinates.len() / self.dimensions.ordinates()
    }

    /// X and Y of all vertices.
    pub(crate) fn xys(&self) -> impl DoubleEndedIterator<Item = Xy> {
        let order = self.order;
        self.ordinates
            .chunks_exact(self.dimensions.ordinates())
            .map(move |vertex| Xy {
                x: order.f64(vertex[0]),
                y: order.f64(vertex[1]),
            })
    }

    /// X and Y of one vertex.
    pub(crate) fn xy(&self, index: usize) -> Xy {
        let vertex = &self.ordinates[index * self.dimensions.ordinates()..];
        Xy {
            x: self.order.f64(vertex[0]),
            y: self.order.f64(vertex[1]),
        }
    }

    /// Decodes X and Y of all vertices at once, which is faster than one by one.
    pub(crate) fn append_xy(&self, vertices: &mut Vec<Xy>) {
        fn append<const N: usize>(
            ordinates: &[[u8; 8]],
            decode: impl Fn([u8; 8]) -> f64,
            vertices: &mut Vec<Xy>,
        ) {
            vertices.extend(ordinates.as_chunks::<N>().0.iter().map(|vertex| Xy {
                x: decode(vertex[0]),
                y: decode(vertex[1]),
            }));
        }
        let ordinates = self.ordinates;
        match (self.order, self.dimensions.ordinates()) {
            (ByteOrder::LittleEndian, 2) => append::<2>(ordinates, f64::from_le_bytes, vertices),
            (ByteOrder::LittleEndian, 3) => append::<3>(ordinates, f64::from_le_bytes, vertices),
            (ByteOrder::LittleEndian, _) => append::<4>(ordinates, f64::from_le_bytes, vertices),
            (ByteOrder::BigEndian, 2) => append::<2>(ordinates, f64::from_be_bytes, vertices),
            (ByteOrder::BigEndian, 3) => append::<3>(ordinates, f64::from_be_bytes, vertices),
            (ByteOrder::BigEndian, _) => append::<4>(ordinates, f64::from_be_bytes, vertices),
        }
    }

    /// Where the first vertex begins in the value; the others follow without gaps.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }
}

/// Iterator over the vertices of a [`LineString`].
#[derive(Debug, Clone)]
pub struct Coords<'a> {
    order: ByteOrder,
    dimensions: Dimensions,
    vertices: ChunksExact<'a, [u8; 8]>,
}

impl Iterator for Coords<'_> {
    type Item = Coord;

    fn next(&mut self) -> Option<Coord> {
        let vertex = self.vertices.next()?;
        Some(Coord::decode(self.order, self.dimensions, vertex))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.vertices.size_hint()
    }
}

impl DoubleEndedIterator for Coords<'_> {
    fn next_back(&mut self) -> Option<Coord> {
        let vertex = self.vertices.next_back()?;
        Some(Coord::decode(self.order, self.dimensions, vertex))
    }
}

impl ExactSizeIterator for Coords<'_> {}
impl FusedIterator for Coords<'_> {}

/// A polygon: its shell, then its holes.
#[derive(Debug, Clone, Copy)]
pub struct Polygon<'a> {
    header: Header,
    count: usize,
    reader: Reader<'a>,
}

impl<'a> Polygon<'a> {
    pub(crate) fn read_body(reader: &mut Reader<'a>, header: Header) -> Result<Self, EwkbError> {
        let count = reader.count(header.order, MIN_RING_BYTES)?;
        let polygon = Self {
            header,
            count,
            reader: *reader,
        };
        for _ in 0..count {
            LineString::read_body(reader, header)?;
        }
        Ok(polygon)
    }

    /// The rings, the shell first; none for `POLYGON EMPTY`.
    #[must_use]
    pub fn rings(&self) -> Rings<'a> {
        Rings {
            header: self.header,
            left: self.count,
            reader: self.reader,
        }
    }
}

/// Iterator over the rings of a [`Polygon`].
#[derive(Debug, Clone)]
pub struct Rings<'a> {
    header: Header,
    left: usize,
    reader: Reader<'a>,
}

impl<'a> Iterator for Rings<'a> {
    type Item = LineString<'a>;

    fn next(&mut self) -> Option<LineString<'a>> {
        self.left = self.left.checked_sub(1)?;
        checked(LineString::read_body(&mut self.reader, self.header))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Rings<'_> {}
impl FusedIterator for Rings<'_> {}

/// The elements of a multi-geometry or of a geometry collection.
#[derive(Debug, Clone, Copy)]
pub struct Collection<'a, T> {
    header: Header,
    count: usize,
    reader: Reader<'a>,
    read_body: ReadBody<'a, T>,
}

/// How an element is read once its header is.
type ReadBody<'a, T> = fn(&mut Reader<'a>, Header) -> Result<T, EwkbError>;

impl<'a, T> Collection<'a, T> {
    fn read_body(
        reader: &mut Reader<'a>,
        header: Header,
        read_body: ReadBody<'a, T>,
    ) -> Result<Self, EwkbError> {
        let offset = reader.offset();
        let count = reader.count(header.order, MIN_ELEMENT_BYTES)?;
        if count > 0 && header.depth == MAX_DEPTH {
            return Err(EwkbError {
                offset,
                kind: EwkbErrorKind::TooDeep,
            });
        }
        let collection = Self {
            header,
            count,
            reader: *reader,
            read_body,
        };
        for _ in 0..count {
            let element = Header::read_element(reader, &header)?;
            read_body(reader, element)?;
        }
        Ok(collection)
    }

    /// The elements in order.
    ///
    /// To find where an element ends its own headers are read, so a walk over everything below a geometry
    /// collection reads a header once for each level above it; [`Ewkb::primitives`](crate::Ewkb::primitives)
    /// reads each once.
    #[must_use]
    pub fn elements(&self) -> Elements<'a, T> {
        Elements {
            header: self.header,
            left: self.count,
            reader: self.reader,
            read_body: self.read_body,
        }
    }
}

/// Iterator over the elements of a [`Collection`].
#[derive(Debug, Clone)]
pub struct Elements<'a, T> {
    header: Header,
    left: usize,
    reader: Reader<'a>,
    read_body: ReadBody<'a, T>,
}

impl<T> Iterator for Elements<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.left = self.left.checked_sub(1)?;
        let header = checked(Header::read_element(&mut self.reader, &self.header))?;
        checked((self.read_body)(&mut self.reader, header))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for Elements<'_, T> {}
impl<T> FusedIterator for Elements<'_, T> {}

/// The outcome of reading bytes again that were checked when the value was parsed: it cannot be an error.
pub(crate) fn checked<T>(reread: Result<T, EwkbError>) -> Option<T> {
    debug_assert!(reread.is_ok(), "bytes that were checked are refused");
    reread.ok()
}

#[cfg(test)]
mod tests {
    use crate::{Coord, Ewkb, Geometry, decode_hex};

    /// `MULTIPOLYGON Z (((0 0 5, 1 0 5, 1 1 5, 0 0 5)), EMPTY)`, big endian outside and little endian inside.
    const TWO_POLYGONS: &str = "00800000060000000201030000800100000004000000\
        000000000000000000000000000000000000000000001440\
        000000000000F03F00000000000000000000000000001440\
        000000000000F03F000000000000F03F0000000000001440\
        000000000000000000000000000000000000000000001440\
        00 000003EB 00000000";

    #[test]
    fn iterators_know_their_length_and_mix_byte_orders() {
        let bytes = decode_hex(&TWO_POLYGONS.replace(' ', "")).unwrap();
        let value = Ewkb::parse(&bytes).unwrap();
        let Geometry::MultiPolygon(polygons) = value.geometry() else {
            panic!("{value:?}")
        };

        let mut polygons = polygons.elements();
        assert_eq!(polygons.len(), 2);
        let shell = polygons.next().unwrap().rings().next().unwrap();
        // The heads of the whole (9 bytes) and of the polygon (9), and the count of the ring (4).
        assert_eq!(shell.offset(), 22);
        assert_eq!(shell.coords().len(), 4);
        let third = Coord {
            x: 1.0,
            y: 1.0,
            z: Some(5.0),
            m: None,
        };
        assert_eq!(shell.coords().rev().nth(1), Some(third));

        let empty = polygons.next().unwrap();
        assert_eq!(empty.rings().len(), 0);
        assert!(polygons.next().is_none());
    }
}
