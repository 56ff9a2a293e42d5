//! Why bytes are no (E)WKB value this crate reads, and where.

use crate::dimensions::Dimensions;
use crate::geometry_type::{GeometryType, UnsupportedType};

/// Bytes that are no value this crate reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind}, at byte {offset}")]
#[non_exhaustive]
pub struct EwkbError {
    /// Where the offending field begins, counted from the first byte of the value.
    pub offset: usize,
    /// What is wrong there.
    pub kind: EwkbErrorKind,
}

/// What is wrong with the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EwkbErrorKind {
    /// The value ends inside a field.
    #[error("{needed} bytes are needed and {left} are left")]
    Truncated {
        /// Length of the field.
        needed: usize,
        /// Bytes from its beginning to the end of the input.
        left: usize,
    },
    /// A count that the rest of the input cannot hold.
    #[error("a count of {count} does not fit in the {left} bytes left")]
    Count {
        /// The count claimed.
        count: u32,
        /// Bytes after the count.
        left: usize,
    },
    /// The byte order mark is neither 0 (big endian) nor 1 (little endian).
    #[error("{found} is no byte order (0 or 1)")]
    ByteOrder {
        /// The byte found.
        found: u8,
    },
    /// A type code of neither OGC nor ISO.
    #[error("unknown geometry type code {code:#x}")]
    UnknownType {
        /// The code with all its flags.
        code: u32,
    },
    /// A curve, surface or triangle.
    #[error("{geometry_type} is not supported")]
    UnsupportedType {
        /// The type found.
        geometry_type: UnsupportedType,
    },
    /// A multi-geometry with an element of another type.
    #[error("{found} as an element of {container}")]
    ElementType {
        /// The type of the whole.
        container: GeometryType,
        /// The type of the element.
        found: GeometryType,
    },
    /// An element whose vertices have other ordinates than the whole.
    #[error("element is {found} inside a value that is {container}")]
    ElementDimensions {
        /// The dimensions of the whole.
        container: Dimensions,
        /// The dimensions of the element.
        found: Dimensions,
    },
    /// An element that names another SRID than the whole. PostGIS drops it; here it is not lost silently.
    #[error("element has SRID {found} inside a value with SRID {}", container.unwrap_or(0))]
    ElementSrid {
        /// The SRID of the whole.
        container: Option<i32>,
        /// The SRID of the element.
        found: i32,
    },
    /// Collections nested more than [`MAX_DEPTH`](crate::MAX_DEPTH) deep.
    #[error("nested deeper than {} levels", crate::MAX_DEPTH)]
    TooDeep,
    /// Bytes after the end of the value.
    #[error("{count} bytes after the end of the value")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
}
