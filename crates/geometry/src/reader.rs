//! A position in the bytes that never passes their end.

use crate::error::{EwkbError, EwkbErrorKind};

/// The order of the bytes of every number in one element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// `XDR`, mark 0.
    BigEndian,
    /// `NDR`, mark 1; what PostGIS writes on common hardware.
    LittleEndian,
}

impl ByteOrder {
    fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::BigEndian => u32::from_be_bytes(bytes),
            Self::LittleEndian => u32::from_le_bytes(bytes),
        }
    }

    pub(crate) fn f64(self, bytes: [u8; 8]) -> f64 {
        match self {
            Self::BigEndian => f64::from_be_bytes(bytes),
            Self::LittleEndian => f64::from_le_bytes(bytes),
        }
    }
}

/// Reads fields one after the other; every error carries the offset of its field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// Offset of the next field from the beginning of the value.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// The bytes not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.offset..).unwrap_or_default()
    }

    pub(crate) fn byte_order(&mut self) -> Result<ByteOrder, EwkbError> {
        let offset = self.offset;
        match self.array()? {
            [0] => Ok(ByteOrder::BigEndian),
            [1] => Ok(ByteOrder::LittleEndian),
            [found] => Err(EwkbError {
                offset,
                kind: EwkbErrorKind::ByteOrder { found },
            }),
        }
    }

    pub(crate) fn u32(&mut self, order: ByteOrder) -> Result<u32, EwkbError> {
        Ok(order.u32(self.array()?))
    }

    /// Reads a count of items that take at least `min_bytes` each, and refuses one that the rest cannot hold.
    ///
    /// So no loop and no allocation ever follows a count that the input does not pay for.
    pub(crate) fn count(&mut self, order: ByteOrder, min_bytes: usize) -> Result<usize, EwkbError> {
        let offset = self.offset;
        let count = self.u32(order)?;
        let left = self.rest().len();
        match usize::try_from(count) {
            Ok(count) if count <= left / min_bytes => Ok(count),
            _ => Err(EwkbError {
                offset,
                kind: EwkbErrorKind::Count { count, left },
            }),
        }
    }

    /// Takes `count` numbers of eight bytes, undecoded. `count` was checked before, or is that of one vertex.
    pub(crate) fn ordinates(&mut self, count: usize) -> Result<&'a [[u8; 8]], EwkbError> {
        let needed = count * 8;
        let Some(bytes) = self.rest().get(..needed) else {
            return Err(self.truncated(needed));
        };
        self.offset += needed;
        Ok(bytes.as_chunks().0)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], EwkbError> {
        let Some(bytes) = self.rest().first_chunk() else {
            return Err(self.truncated(N));
        };
        self.offset += N;
        Ok(*bytes)
    }

    fn truncated(&self, needed: usize) -> EwkbError {
        let kind = EwkbErrorKind::Truncated {
            needed,
            left: self.rest().len(),
        };
        EwkbError {
            offset: self.offset,
            kind,
        }
    }
}
