//! A whole value, checked.

use crate::dimensions::Dimensions;
use crate::error::{EwkbError, EwkbErrorKind};
use crate::geometry_type::GeometryType;
use crate::header::{Header, MIN_ELEMENT_BYTES};
use crate::reader::{ByteOrder, Reader};
use crate::view::{Geometry, LineString, Point, Polygon, checked};

/// A geometry in EWKB, as PostGIS sends it, or in ISO WKB: checked once, then read in place.
///
/// Both byte orders, Z and M by EWKB's flags and by ISO's type codes, an SRID, and every type of OGC Simple
/// Features are read. *Checked* means that the bytes are well-formed to their last one; whether the geometry is
/// valid in OGC's sense, or its rings are closed, is another question.
///
/// ```
/// use cutover_geometry::{Ewkb, GeometryType, decode_hex};
///
/// let bytes = decode_hex("0101000020E6100000000000000000244000000000000034C0")?;
/// let value = Ewkb::parse(&bytes)?;
/// assert_eq!(value.geometry_type(), GeometryType::Point);
/// assert_eq!(value.srid(), Some(4326));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Ewkb<'a> {
    bytes: &'a [u8],
    header: Header,
    geometry: Geometry<'a>,
}

impl<'a> Ewkb<'a> {
    /// Checks the whole of `bytes` in one walk that allocates nothing.
    ///
    /// The walk's stack is bounded by [`MAX_DEPTH`](crate::MAX_DEPTH), its time by the length of `bytes`:
    /// a count is believed only when the rest of the input can hold as much.
    ///
    /// # Errors
    /// [`EwkbError`] with the offset of the first field that is wrong.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, EwkbError> {
        let mut reader = Reader::new(bytes);
        let header = Header::read(&mut reader)?;
        let geometry = Geometry::read_body(&mut reader, header)?;
        match reader.rest().len() {
            0 => Ok(Self {
                bytes,
                header,
                geometry,
            }),
            count => Err(EwkbError {
                offset: reader.offset(),
                kind: EwkbErrorKind::TrailingBytes { count },
            }),
        }
    }

    /// The bytes of the value.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The order of the bytes of the value's own numbers; an element may have another.
    #[must_use]
    pub fn byte_order(&self) -> ByteOrder {
        self.header.order
    }

    /// The type of the whole.
    #[must_use]
    pub fn geometry_type(&self) -> GeometryType {
        self.header.geometry_type
    }

    /// The ordinates of every vertex; elements with others are refused.
    #[must_use]
    pub fn dimensions(&self) -> Dimensions {
        self.header.dimensions
    }

    /// The SRID, where the value says one. Zero and below mean "unknown" to PostGIS and are `None`.
    #[must_use]
    pub fn srid(&self) -> Option<i32> {
        self.header.srid
    }

    /// The value as a tree of borrowed parts.
    #[must_use]
    pub fn geometry(&self) -> Geometry<'a> {
        self.geometry
    }

    /// Every point, line and polygon, at whatever depth, in the order of the bytes.
    #[must_use]
    pub fn primitives(&self) -> Primitives<'a> {
        Primitives {
            reader: Reader::new(self.bytes),
        }
    }
}

/// A geometry that holds vertices and no other geometries.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names are the standard's own")]
pub enum Primitive<'a> {
    Point(Point),
    LineString(LineString<'a>),
    Polygon(Polygon<'a>),
}

/// Iterator over the [`Primitive`]s of a value, in one walk without a stack.
///
/// Headers come before what they head, so it suffices to read them one after the other.
#[derive(Debug, Clone)]
pub struct Primitives<'a> {
    reader: Reader<'a>,
}

impl<'a> Iterator for Primitives<'a> {
    type Item = Primitive<'a>;

    fn next(&mut self) -> Option<Primitive<'a>> {
        let reader = &mut self.reader;
        while !reader.rest().is_empty() {
            let header = checked(Header::read(reader))?;
            match header.geometry_type {
                GeometryType::Point => {
                    return checked(Point::read_body(reader, header)).map(Primitive::Point);
                }
                GeometryType::LineString => {
                    return checked(LineString::read_body(reader, header)).map(Primitive::LineString);
                }
                GeometryType::Polygon => {
                    return checked(Polygon::read_body(reader, header)).map(Primitive::Polygon);
                }
                GeometryType::MultiPoint
                | GeometryType::MultiLineString
                | GeometryType::MultiPolygon
                | GeometryType::GeometryCollection => {
                    // Its elements follow with headers of their own.
                    checked(reader.count(header.order, MIN_ELEMENT_BYTES))?;
                }
            }
        }
        None
    }
}
