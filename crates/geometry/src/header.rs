//! What precedes the body of every element: byte order, type code with its flags, SRID.

use crate::dimensions::Dimensions;
use crate::error::{EwkbError, EwkbErrorKind};
use crate::geometry_type::{GeometryType, UnsupportedType};
use crate::reader::{ByteOrder, Reader};

/// The flags EWKB sets in the type code.
pub(crate) const Z_FLAG: u32 = 0x8000_0000;
pub(crate) const M_FLAG: u32 = 0x4000_0000;
pub(crate) const SRID_FLAG: u32 = 0x2000_0000;

/// The fewest bytes an element can take: byte order, type code, and a count of zero.
pub(crate) const MIN_ELEMENT_BYTES: usize = 1 + 4 + 4;

/// The beginning of an element, decoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) order: ByteOrder,
    pub(crate) geometry_type: GeometryType,
    pub(crate) dimensions: Dimensions,
    /// `None` where no SRID is said, and for the values by which PostGIS says "unknown" (0 and below).
    pub(crate) srid: Option<i32>,
    /// 1 for the value itself, 2 for its elements, and so on.
    pub(crate) depth: usize,
}

impl Header {
    /// Reads the header of a whole value.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, EwkbError> {
        let order = reader.byte_order()?;
        let offset = reader.offset();
        let code = reader.u32(order)?;
        let (geometry_type, dimensions) = decode_type(code).map_err(|kind| EwkbError { offset, kind })?;
        let srid = if code & SRID_FLAG == 0 {
            None
        } else {
            Some(reader.u32(order)?.cast_signed()).filter(|srid| *srid > 0)
        };
        Ok(Self {
            order,
            geometry_type,
            dimensions,
            srid,
            depth: 1,
        })
    }

    /// Reads the header of an element of `container`, which must fit it.
    pub(crate) fn read_element(reader: &mut Reader<'_>, container: &Self) -> Result<Self, EwkbError> {
        let offset = reader.offset();
        let element = Self::read(reader)?;
        match element.misfit(container) {
            Some(kind) => Err(EwkbError { offset, kind }),
            None => Ok(Self {
                depth: container.depth + 1,
                srid: container.srid,
                ..element
            }),
        }
    }

    fn misfit(&self, container: &Self) -> Option<EwkbErrorKind> {
        if !container.geometry_type.may_hold(self.geometry_type) {
            let (container, found) = (container.geometry_type, self.geometry_type);
            return Some(EwkbErrorKind::ElementType { container, found });
        }
        if self.dimensions != container.dimensions {
            let (container, found) = (container.dimensions, self.dimensions);
            return Some(EwkbErrorKind::ElementDimensions { container, found });
        }
        match self.srid {
            Some(found) if container.srid != Some(found) => Some(EwkbErrorKind::ElementSrid {
                container: container.srid,
                found,
            }),
            _ => None,
        }
    }
}

/// Takes EWKB's flags and ISO's thousands alike, as PostGIS does, also where a writer sets both.
fn decode_type(code: u32) -> Result<(GeometryType, Dimensions), EwkbErrorKind> {
    let plain = code & !(Z_FLAG | M_FLAG | SRID_FLAG);
    let (iso_z, iso_m) = match plain / 1000 {
        0 => (false, false),
        1 => (true, false),
        2 => (false, true),
        3 => (true, true),
        _ => return Err(EwkbErrorKind::UnknownType { code }),
    };
    let dimensions = Dimensions::new(iso_z || code & Z_FLAG != 0, iso_m || code & M_FLAG != 0);
    if let Some(geometry_type) = GeometryType::from_code(plain % 1000) {
        return Ok((geometry_type, dimensions));
    }
    Err(match UnsupportedType::from_code(plain % 1000) {
        Some(geometry_type) => EwkbErrorKind::UnsupportedType { geometry_type },
        None => EwkbErrorKind::UnknownType { code },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: u32, expected: (GeometryType, Dimensions)) {
        assert_eq!(decode_type(code), Ok(expected), "{code:#x}");
    }

    #[test]
    fn flags_and_thousands_say_the_same() {
        check(3, (GeometryType::Polygon, Dimensions::Xy));
        check(3 | Z_FLAG, (GeometryType::Polygon, Dimensions::Xyz));
        check(1003, (GeometryType::Polygon, Dimensions::Xyz));
        check(3 | M_FLAG, (GeometryType::Polygon, Dimensions::Xym));
        check(2003, (GeometryType::Polygon, Dimensions::Xym));
        check(
            3 | Z_FLAG | M_FLAG | SRID_FLAG,
            (GeometryType::Polygon, Dimensions::Xyzm),
        );
        check(3003, (GeometryType::Polygon, Dimensions::Xyzm));
        check(Z_FLAG + 1003, (GeometryType::Polygon, Dimensions::Xyz));
        check(M_FLAG + 1003, (GeometryType::Polygon, Dimensions::Xyzm));
    }

    #[test]
    fn codes_of_no_type_are_refused_whole() {
        for code in [0, 18, 999, 1000, 1018, 4001, 0x1000_0001, 0x0100_0000, u32::MAX] {
            assert_eq!(decode_type(code), Err(EwkbErrorKind::UnknownType { code }));
        }
    }

    #[test]
    fn curves_and_surfaces_are_named() {
        for (code, name) in [
            (8, "CIRCULARSTRING"),
            (1009, "COMPOUNDCURVE"),
            (Z_FLAG + 10, "CURVEPOLYGON"),
            (11, "MULTICURVE"),
            (12, "MULTISURFACE"),
            (13, "CURVE"),
            (14, "SURFACE"),
            (15, "POLYHEDRALSURFACE"),
            (3016, "TIN"),
            (17, "TRIANGLE"),
        ] {
            let error = decode_type(code).unwrap_err();
            assert_eq!(error.to_string(), format!("{name} is not supported"));
        }
    }

    #[test]
    fn an_srid_of_zero_or_less_is_unknown() {
        for (srid, expected) in [(4326, Some(4326)), (0, None), (-1, None), (i32::MIN, None)] {
            let bytes = [&[1][..], &(SRID_FLAG | 1).to_le_bytes(), &srid.to_le_bytes()].concat();
            assert_eq!(Header::read(&mut Reader::new(&bytes)).unwrap().srid, expected);
        }
    }
}
